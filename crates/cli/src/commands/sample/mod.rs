mod labelling;

use std::path::{Path, PathBuf};

use areal_estimate::{
    Allocation, Anticipated, Census, DESIGN_FORMAT, Design, DesignStratum, DesignUnit, Draw, DrawnCell,
    LEAST_IN_STRATUM, Size, StrataBy, anticipated_class_shares, number_units, plan, share_deviation, significant,
};
use areal_formats::Provenance;
use areal_grid::{ToLonLat, Window};
use areal_job::{StagedDir, hash_file, write_json};
use areal_raster::{
    Feature, Field, FieldKind, FieldValue, Projection, VectorLayer, input_file_with_companions, write_layer,
};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::survey::{DESIGN_FIELD, MapOptions, SurveyMap, print_aligned};

/// Draw a probability sample of map cells, ready to be labelled by an interpreter.
///
/// The units are cells of the prediction, drawn at random within strata with known probabilities. The folder holds
/// `sample.gpkg` and `sample.csv` (to be filled in, blind: they show no map class), `labelling.md` (how), `second_look.gpkg`
/// and `.csv` (units for a second interpreter), `design.json` and `units.csv` (what `areal estimate` needs; not for interpreters).
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  areal sample --prediction out/prediction --out out/sample
  areal sample --prediction out/prediction --target-cv 0.1 --class rubber --users rubber=0.7 --least 75 --out out/sample
  areal sample --prediction out/prediction --strata both --zones districts.gpkg --zone-id id --size 900 --out out/sample")]
pub struct Options {
    /// Folder of the prediction.
    #[arg(long, value_name = "DIR")]
    pub prediction: Option<PathBuf>,
    /// Folder to make.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Strata: classes, zones, both, raster or whole [default: classes; whole for a value].
    #[arg(long, value_name = "KIND")]
    pub strata: Option<StrataBy>,
    /// Raster of strata (whole numbers 0 to 255) on the map's grid, for --strata raster.
    #[arg(long, value_name = "FILE")]
    pub strata_raster: Option<PathBuf>,
    /// Layer of zones, for --strata zones or both; a cell belongs to the zone that covers most of it.
    #[arg(long, value_name = "FILE")]
    pub zones: Option<PathBuf>,
    /// Field that identifies a zone.
    #[arg(long, value_name = "FIELD")]
    pub zone_id: Option<String>,
    /// Number of units; else it follows from --target-se or --target-cv.
    #[arg(long, value_name = "N", conflicts_with_all = ["target_se", "target_cv"])]
    pub size: Option<u64>,
    /// Wanted standard error of overall accuracy, as a share [default: 0.01].
    #[arg(long, value_name = "SHARE", conflicts_with = "target_cv")]
    pub target_se: Option<f64>,
    /// Wanted coefficient of variation of the area of --class, as a share: 0.1 is 10 %.
    #[arg(long, value_name = "SHARE", requires = "class")]
    pub target_cv: Option<f64>,
    /// The class that --target-cv is about, by name or code.
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// User's accuracies to be expected, by class: rubber=0.7,forest=0.9 [default: 0.8 each].
    #[arg(long, value_delimiter = ',', value_name = "CLASS=SHARE")]
    pub users: Vec<String>,
    /// How the sample is split among strata: proportional, neyman or equal [default: proportional].
    #[arg(long, value_name = "HOW")]
    pub allocation: Option<Allocation>,
    /// Least number of units in a stratum [default: 50 with --strata classes, else 2].
    #[arg(long, value_name = "N")]
    pub least: Option<u64>,
    /// How units are drawn in a stratum: balanced (spread over the map) or simple [default: balanced].
    #[arg(long, value_name = "HOW")]
    pub draw: Option<Draw>,
    /// Share of the units to be labelled by a second interpreter [default: 0.1].
    #[arg(long, value_name = "SHARE")]
    pub second_look: Option<f64>,
    /// Show the map's class in the interpreter's files, which are blind without.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub show_map: Option<bool>,
    /// Seed of the draw [default: 0].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Replace what stands at --out.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub overwrite: Option<bool>,
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        [&self.prediction, &self.zones, &self.strata_raster].into_iter().flatten().cloned().collect()
    }

    fn output(&self) -> PathBuf {
        self.out.clone().unwrap_or_default()
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let prediction = required(self.prediction.as_deref(), "--prediction")?;
        let out = StagedDir::new(required(self.out.as_deref(), "--out")?, self.overwrite == Some(true))?;
        self.check()?;
        let strata_by = match self.strata {
            Some(by) => by,
            None if areal_raster::Prediction::open(prediction)?.classes_path().is_none() => StrataBy::Whole,
            None => StrataBy::Classes,
        };
        let mut map = SurveyMap::open(
            &MapOptions {
                prediction,
                strata_by,
                strata_raster: self.strata_raster.as_deref(),
                zones: self.zones.as_deref(),
                zone_settings: areal_zones::ZoneSettings { id_field: self.zone_id.clone(), ..Default::default() },
            },
            context,
        )?;
        let strata = map.strata_count();
        let census = Census::take(&mut map, strata)?;
        let numbers = self.numbers(&map, &census)?;
        let draw = self.draw.unwrap_or(Draw::Balanced);
        let seed = self.seed.unwrap_or(0);
        let drawn = census.draw(&mut map, &numbers, draw, seed)?;
        let second = (self.second_look_share()? * drawn.len() as f64).round() as usize;
        let units = describe(&mut map, &census, &numbers, number_units(drawn, second, seed))?;
        write_units(&out.file("units.csv"), &units)?;
        let mut design = self.design(&map, &census, &numbers, second as u64)?;
        hash_file(&out.file("units.csv"))?.short().clone_into(&mut design.design_id);
        write_json(&out.file("design.json"), &design)?;
        self.remarks(&design, units.len());
        let show = self.show_map == Some(true);
        write_blind(&out, "sample", &map, &units, &design, show)?;
        let twice: Vec<DesignUnit> = units.iter().filter(|u| u.second_look).cloned().collect();
        if !twice.is_empty() {
            write_blind(&out, "second_look", &map, &twice, &design, show)?;
        }
        labelling::write(&out, &map, &design, units.len(), twice.len())?;
        out.commit()?;
        tracing::info!(
            "drew {} units; fill in the field \"label\" of sample.gpkg or sample.csv (labelling.md)",
            units.len()
        );
        print_design(&design);
        Ok(())
    }
}

/// A flag that has no default.
pub(super) fn required<'a>(path: Option<&'a Path>, flag: &str) -> Result<&'a Path, CliError> {
    path.ok_or_else(|| CliError::new(Exit::Usage, format!("{flag} is missing")).help(format!("name it with {flag}")))
}

/// A share of which a percent was perhaps given.
pub(super) fn check_share(flag: &str, share: f64, most: f64) -> Result<f64, CliError> {
    if share > 0.0 && share <= most {
        return Ok(share);
    }
    let percent = if share > most && share <= 100.0 { share } else { 10.0 };
    Err(CliError::new(Exit::Usage, format!("{flag} {share} is no share above 0 and up to {most}"))
        .help(format!("give a share, not a percent: {} is {percent} %", significant(percent / 100.0, 6))))
}

/// An object without its empty entries: what was not set and has no default.
pub(super) fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => {
            let empty = |v: &serde_json::Value| v.is_null() || v.as_array().is_some_and(Vec::is_empty);
            map.into_iter().filter(|(_, v)| !empty(v)).collect()
        }
        other => other,
    }
}

/// Defaults that two places need.
const TARGET_SE: f64 = 0.01;
const SECOND_LOOK: f64 = 0.1;

impl Options {
    fn second_look_share(&self) -> Result<f64, CliError> {
        let share = self.second_look.unwrap_or(SECOND_LOOK);
        if share == 0.0 { Ok(share) } else { check_share("--second-look", share, 1.0) }
    }

    /// Percents given for shares are told.
    fn check(&self) -> Result<(), CliError> {
        for (flag, share, most) in [("--target-se", self.target_se, 0.5), ("--target-cv", self.target_cv, 1.0)] {
            if let Some(share) = share {
                check_share(flag, share, most)?;
            }
        }
        self.second_look_share().map(|_| ())
    }

    fn least(&self, strata_by: StrataBy) -> u64 {
        self.least.unwrap_or(if strata_by == StrataBy::Classes { 50 } else { 2 })
    }

    /// What a person may not expect of the draw.
    fn remarks(&self, design: &Design, drawn: usize) {
        let least = self.least(design.strata_by);
        if let Some(size) = self.size.filter(|n| *n != drawn as u64) {
            tracing::warn!(
                "{drawn} units are drawn, not the {size} of --size: {} strata have at least {least} units each (--least)",
                design.strata.len()
            );
        }
        let thin = |s: &&DesignStratum| s.sample < LEAST_IN_STRATUM as u64 && s.sample < s.population;
        let few = design.strata.iter().filter(thin).count();
        if few > 0 {
            tracing::warn!(
                "{few} of {} strata have fewer than {LEAST_IN_STRATUM} units: too few for a variance of their own; raise \
                 --size or --least, or use fewer strata",
                design.strata.len()
            );
        }
    }

    /// The settings as used: defaults filled in, what does not apply left out.
    fn used(&self, map: &SurveyMap) -> Result<serde_json::Value, CliError> {
        let by_error = self.size.is_none() && self.target_cv.is_none();
        let users = self.users_accuracies(map)?;
        let expected = map.meta.target.classes().iter().zip(users).map(|(c, u)| format!("{}={u}", c.name));
        let anticipates = self.size.is_none() || self.allocation == Some(Allocation::Neyman);
        let filled = Self {
            strata: Some(map.strata_by),
            target_se: by_error.then(|| self.target_se.unwrap_or(TARGET_SE)),
            users: if anticipates { expected.collect() } else { self.users.clone() },
            allocation: Some(self.allocation.unwrap_or(Allocation::Proportional)),
            least: Some(self.least(map.strata_by)),
            draw: Some(self.draw.unwrap_or(Draw::Balanced)),
            second_look: Some(self.second_look_share()?),
            show_map: Some(self.show_map == Some(true)),
            seed: Some(self.seed.unwrap_or(0)),
            ..self.clone()
        };
        Ok(without_nulls(serde_json::to_value(filled).unwrap_or_default()))
    }

    /// Units of each stratum.
    fn numbers(&self, map: &SurveyMap, census: &Census) -> Result<Vec<u64>, CliError> {
        let users = self.users_accuracies(map)?;
        let total: f64 = census.areas().iter().sum();
        let classes = map.classes();
        let class_of = |h: usize| match map.strata_by {
            StrataBy::Classes => Some(h),
            StrataBy::Both => Some(h % classes),
            _ => None,
        };
        let mean_users = users.iter().sum::<f64>() / users.len().max(1) as f64;
        let strata: Vec<Anticipated> = (0..census.areas().len())
            .map(|h| Anticipated {
                weight: if total > 0.0 { census.areas()[h] / total } else { 0.0 },
                population: census.populations()[h],
                deviation: share_deviation(class_of(h).map_or(mean_users, |k| users[k])),
            })
            .collect();
        let size = match (self.size, self.target_cv) {
            (Some(n), _) => Size::Units(n),
            (None, Some(wanted)) => Size::Cv { wanted, shares: self.class_shares(map, &strata, &users)? },
            (None, None) if classes == 0 => {
                return Err(CliError::new(Exit::Usage, "the size of a sample of a value is not given")
                    .help("give the number of units with --size"));
            }
            (None, None) => Size::StandardError(self.target_se.unwrap_or(TARGET_SE)),
        };
        let least = self.least(map.strata_by);
        Ok(plan(&strata, &size, self.allocation.unwrap_or(Allocation::Proportional), least)?)
    }

    fn class_shares(&self, map: &SurveyMap, strata: &[Anticipated], users: &[f64]) -> Result<Vec<f64>, CliError> {
        if !matches!(map.strata_by, StrataBy::Classes | StrataBy::Both) {
            return Err(CliError::new(
                Exit::Usage,
                format!("--target-cv needs strata of classes, not {}", map.strata_by),
            )
            .help("use --strata classes or both, or give the number of units with --size"));
        }
        let class = class_index(map, self.class.as_deref().unwrap_or_default())?;
        let classes = map.classes();
        let mut weights = vec![0.0; classes];
        for (h, stratum) in strata.iter().enumerate() {
            weights[h % classes] += stratum.weight;
        }
        let shares = anticipated_class_shares(&weights, users, class);
        Ok((0..strata.len()).map(|h| shares[h % classes]).collect())
    }

    /// User's accuracy to be expected of each class.
    fn users_accuracies(&self, map: &SurveyMap) -> Result<Vec<f64>, CliError> {
        let mut users = vec![0.8; map.classes()];
        for text in &self.users {
            let fault = || {
                CliError::new(Exit::Usage, format!("--users \"{text}\" is not CLASS=SHARE"))
                    .help("such as --users rubber=0.7,forest=0.9")
            };
            let (name, share) = text.split_once('=').ok_or_else(fault)?;
            let share: f64 = share.trim().parse().map_err(|_| fault())?;
            if !(0.0..=1.0).contains(&share) {
                return Err(fault());
            }
            users[class_index(map, name.trim())?] = share;
        }
        Ok(users)
    }

    fn design(&self, map: &SurveyMap, census: &Census, n: &[u64], second_look: u64) -> Result<Design, CliError> {
        let strata = (0..n.len())
            .filter(|&h| census.populations()[h] > 0)
            .map(|h| {
                let (name, class_code, zone_id) = map.stratum_label(h);
                let population = census.populations()[h];
                DesignStratum {
                    name,
                    class_code,
                    zone_id,
                    population,
                    area: census.areas()[h],
                    sample: n[h],
                    inclusion_probability: n[h] as f64 / population as f64,
                }
            })
            .collect();
        let inputs = self.inputs().iter().map(|p| input_file_with_companions(p)).collect::<Result<Vec<_>, _>>()?;
        let seed = self.seed.unwrap_or(0);
        let cells = map.grid().height as u64 * map.grid().width as u64;
        Ok(Design {
            format: DESIGN_FORMAT.to_owned(),
            design_id: String::new(),
            strata_by: map.strata_by,
            draw: self.draw.unwrap_or(Draw::Balanced),
            allocation: self.allocation.unwrap_or(Allocation::Proportional),
            seed,
            map: map.path.clone(),
            map_sha256: hash_file(&map.path)?,
            area_unit: "km2".to_owned(),
            strata,
            outside: cells - census.populations().iter().sum::<u64>(),
            second_look,
            provenance: Provenance {
                made_by: areal_formats::MADE_BY.to_owned(),
                command: "sample".to_owned(),
                inputs,
                settings: self.used(map)?,
                seed: Some(seed),
            },
        })
    }
}

/// Index of a class by name or code.
pub(super) fn class_index(map: &SurveyMap, text: &str) -> Result<usize, CliError> {
    let classes = map.meta.target.classes();
    classes.iter().position(|c| c.name == text || c.code.to_string() == text).ok_or_else(|| {
        let names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
        CliError::new(Exit::Usage, format!("\"{text}\" is no class of the map"))
            .help(format!("it has {}", names.join(", ")))
    })
}

/// Everything about the drawn cells.
fn describe(
    map: &mut SurveyMap,
    census: &Census,
    numbers: &[u64],
    drawn: Vec<(DrawnCell, bool)>,
) -> Result<Vec<DesignUnit>, CliError> {
    let mut places: Vec<[f64; 2]> = drawn.iter().map(|(d, _)| map.grid().centre(d.row, d.col)).collect();
    Projection::to_lonlat(&map.grid().crs)?.to_lonlat(&mut places)?;
    let mut units = Vec::with_capacity(drawn.len());
    for (k, ((cell, second_look), [lon, lat])) in drawn.into_iter().zip(places).enumerate() {
        let h = cell.stratum as usize;
        let here = map.cells(Window::new(cell.row, cell.col, 1, 1))?;
        let class = here.values.first().copied().flatten().and_then(|v| map.meta.target.classes().get(v as usize));
        units.push(DesignUnit {
            unit_id: k as u64 + 1,
            stratum: map.stratum_label(h).0,
            row: cell.row as u64,
            col: cell.col as u64,
            lon: significant(lon, 11),
            lat: significant(lat, 11),
            area_km2: significant(cell.area, 10),
            inclusion_probability: significant(numbers[h] as f64 / census.populations()[h] as f64, 10),
            map_class: class.map(|c| c.code),
            second_look,
        });
    }
    Ok(units)
}

fn write_units(path: &Path, units: &[DesignUnit]) -> Result<(), CliError> {
    let fault = |e: csv::Error| CliError::from(areal_job::FileError::io("write", path)(std::io::Error::other(e)));
    let mut writer = csv::Writer::from_path(path).map_err(fault)?;
    for unit in units {
        writer.serialize(unit).map_err(fault)?;
    }
    writer.flush().map_err(|e| CliError::from(areal_job::FileError::io("write", path)(e)))
}

/// The interpreter's files: cell outlines as a `GeoPackage`, centres and sides as CSV, an empty label each.
fn write_blind(
    out: &StagedDir,
    name: &str,
    map: &SurveyMap,
    units: &[DesignUnit],
    design: &Design,
    show: bool,
) -> Result<(), CliError> {
    let label = if map.classes() == 0 { FieldKind::Real } else { FieldKind::Text };
    let mut fields = vec![
        ("unit_id", FieldKind::Integer),
        ("lon", FieldKind::Real),
        ("lat", FieldKind::Real),
        ("label", label),
        ("confidence", FieldKind::Text),
        ("remark", FieldKind::Text),
        ("cell_side_m", FieldKind::Real),
        (DESIGN_FIELD, FieldKind::Text),
    ];
    if show {
        fields.push(("map_class", FieldKind::Integer));
    }
    let values = |u: &DesignUnit| {
        let mut values = vec![
            FieldValue::Integer(u.unit_id as i64),
            FieldValue::Real(u.lon),
            FieldValue::Real(u.lat),
            FieldValue::Null,
            FieldValue::Null,
            FieldValue::Null,
            // Side of a square as large as the cell.
            FieldValue::Real(significant((u.area_km2 * 1e6).sqrt(), 4)),
            FieldValue::Text(design.design_id.clone()),
        ];
        if show {
            values.push(u.map_class.map_or(FieldValue::Null, |c| FieldValue::Integer(i64::from(c))));
        }
        values
    };
    let outline = |u: &DesignUnit| {
        let ring = map.grid().corners(&Window::new(u.row as usize, u.col as usize, 1, 1));
        let ring: Vec<geo::Coord<f64>> = ring.iter().map(|&[x, y]| geo::Coord { x, y }).collect();
        geo::Geometry::Polygon(geo::Polygon::new(geo::LineString::new(ring), Vec::new()))
    };
    let layer = VectorLayer {
        name: name.to_owned(),
        crs: Some(map.grid().crs.clone()),
        fields: fields.iter().map(|(name, kind)| Field { name: (*name).to_owned(), kind: *kind }).collect(),
        features: units.iter().map(|u| Feature { fid: -1, geometry: Some(outline(u)), values: values(u) }).collect(),
    };
    write_layer(&out.file(&format!("{name}.gpkg")), &layer)?;
    let path = out.file(&format!("{name}.csv"));
    let fault = |e: csv::Error| CliError::from(areal_job::FileError::io("write", &path)(std::io::Error::other(e)));
    let mut writer = csv::Writer::from_path(&path).map_err(fault)?;
    writer.write_record(fields.iter().map(|f| f.0)).map_err(fault)?;
    for unit in units {
        writer.write_record(values(unit).iter().map(FieldValue::to_string)).map_err(fault)?;
    }
    writer.flush().map_err(|e| CliError::from(areal_job::FileError::io("write", &path)(e)))
}

fn print_design(design: &Design) {
    let head = ["stratum", "cells", "area_km2", "units", "inclusion_probability"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    for s in &design.strata {
        lines.push(vec![
            s.name.clone(),
            s.population.to_string(),
            format!("{:.4}", s.area),
            s.sample.to_string(),
            significant(s.inclusion_probability, 4).to_string(),
        ]);
    }
    print_aligned(&lines);
}
