use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_estimate::{
    Agreement, ClassUnit, DESIGN_FORMAT, Design, DesignUnit, EstimateError, Finding, FindingKind, Population, StrataBy,
    Stratum, ValueUnit, kappa, other_design, other_map, strata_sum, without_design,
};
use areal_grid::{PixelGrid, Window};
use areal_job::{hash_file, read_json};
use areal_raster::{Projection, crs_from_text, read_layer};
use geo::{Centroid, Contains};

use super::super::sample::required;
use super::Options;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::survey::{Labelled, MapOptions, SurveyMap, Tally, read_labels};

/// A labelled sample, its design and its map.
pub struct Sample<'a> {
    pub map: SurveyMap<'a>,
    design: Option<(Design, HashMap<u64, DesignUnit>)>,
    labels: Vec<Labelled>,
    same_map: bool,
    map_sha256: String,
}

/// One labelled unit on the map.
pub struct Unit {
    row: usize,
    col: usize,
    stratum: usize,
    area: f64,
    map: f64,
    reference: f64,
    probabilities: Vec<f64>,
    zones: Vec<(usize, f64)>,
    pub in_training: bool,
}

/// The units that can be used, and what became of the others.
pub struct Reading {
    pub units: Vec<Unit>,
    pub on_nodata: Vec<u64>,
    pub unlabelled: usize,
    pub drawn: usize,
}

impl Unit {
    pub fn class(&self) -> ClassUnit {
        ClassUnit {
            stratum: self.stratum,
            area: self.area,
            map: self.map as usize,
            reference: self.reference as usize,
            probabilities: self.probabilities.clone(),
            zones: self.zones.clone(),
            in_training: self.in_training,
        }
    }

    pub fn value(&self) -> ValueUnit {
        ValueUnit {
            stratum: self.stratum,
            area: self.area,
            value: self.reference,
            predicted: self.map,
            zones: self.zones.clone(),
        }
    }
}

impl<'a> Sample<'a> {
    pub fn read(options: &Options, sample: &Path, context: &'a Context) -> Result<Self, CliError> {
        let design = options.design.as_deref().map(read_design).transpose()?;
        let strata_by = design.as_ref().map_or(StrataBy::Whole, |(d, _)| d.strata_by);
        let map = SurveyMap::open(
            &MapOptions {
                prediction: required(options.prediction.as_deref(), "--prediction")?,
                strata_by,
                strata_raster: options.strata_raster.as_deref(),
                zones: options.zones.as_deref(),
                zone_settings: areal_zones::ZoneSettings {
                    id_field: options.zone_id.clone(),
                    name_field: options.zone_name.clone(),
                    ..Default::default()
                },
            },
            context,
        )?;
        let map_sha256 = hash_file(&map.path)?.to_string();
        let same_map = design.as_ref().is_some_and(|(d, _)| d.map_sha256.as_str() == map_sha256);
        let labels = read_labels(sample, options.label_field.as_deref().unwrap_or("label"))?;
        Ok(Self { map, design, labels, same_map, map_sha256 })
    }

    pub fn design(&self) -> Option<&Design> {
        self.design.as_ref().map(|(design, _)| design)
    }

    /// What the strata hold together.
    pub fn population(&self) -> Population {
        self.design().map_or(Population::Map, Design::population)
    }

    /// Which strata share their variance.
    pub fn pools(&self) -> Vec<usize> {
        self.design().map(Design::pools).unwrap_or_default()
    }

    /// The design's strata; without a design, the whole map as one.
    pub fn strata(&self, tally: &Tally) -> Vec<Stratum> {
        match &self.design {
            Some((design, _)) => design.strata.iter().map(areal_estimate::DesignStratum::stratum).collect(),
            None => vec![Stratum {
                name: "whole".to_owned(),
                population: tally.populations.iter().sum(),
                area: tally.area(),
            }],
        }
    }

    /// What is wrong with design and map.
    pub fn flaws(&self, tally: &Tally) -> Result<Vec<Finding>, CliError> {
        let Some((design, units)) = &self.design else { return Ok(vec![without_design()]) };
        let mut flaws: Vec<Finding> = other_draw(design, units, &self.labels, self.map.grid())?.into_iter().collect();
        flaws.extend(other_map(design.map_sha256.as_str(), &self.map_sha256));
        let whole: f64 = design.strata.iter().map(|s| s.area).sum();
        let mut sum = strata_sum(whole, tally.area());
        if self.same_map {
            // On the map of the design each stratum must be found as it was drawn from.
            let places = crate::survey::same_strata(design, &self.map)?;
            let each = design.strata.iter().zip(places).find_map(|(s, h)| strata_sum(s.area, tally.strata[h]));
            sum = sum.or(each);
        }
        flaws.extend(sum);
        Ok(flaws)
    }

    /// Puts every label on the map.
    pub fn units(&mut self) -> Result<Reading, CliError> {
        let drawn = self.design.as_ref().map_or(self.labels.len(), |(_, units)| units.len());
        let mut reading = Reading { units: Vec::new(), on_nodata: Vec::new(), unlabelled: 0, drawn };
        let labels = std::mem::take(&mut self.labels);
        let to_map = Projection::new(&crs_from_text("EPSG:4326")?, &self.map.grid().crs)?;
        check_labels(&self.map, &labels)?;
        for labelled in labels.iter().filter(|l| !l.label.is_empty()) {
            let (stratum, place) = self.place(labelled, &to_map)?;
            let Some(reference) = parse_label(&self.map, labelled) else { continue };
            let unit = match place {
                Some((row, col)) => self.unit(row, col, stratum, reference)?,
                None => None,
            };
            match unit {
                Some(unit) => reading.units.push(unit),
                None => reading.on_nodata.push(labelled.unit_id),
            }
        }
        reading.unlabelled = drawn.saturating_sub(reading.units.len() + reading.on_nodata.len());
        Ok(reading)
    }

    /// Stratum and cell of a labelled unit: by its number in the design; on another map by its position.
    fn place(&self, labelled: &Labelled, to_map: &Projection) -> Result<(usize, Option<(usize, usize)>), CliError> {
        let by_position = |mut points: [[f64; 2]; 1]| -> Result<Option<(usize, usize)>, CliError> {
            to_map.apply(&mut points)?;
            Ok(self.map.grid().pixel_at(points[0]))
        };
        let Some((design, units)) = &self.design else {
            let place = labelled.place.ok_or_else(|| {
                CliError::new(Exit::Input, format!("unit {} has no position", labelled.unit_id))
                    .help("without a design the sample needs fields lon and lat, or geometries")
            })?;
            return Ok((0, by_position([place])?));
        };
        let unknown = |what, value: &str| EstimateError::Unknown {
            unit: labelled.unit_id.to_string(),
            what,
            value: value.to_owned(),
        };
        let unit = units.get(&labelled.unit_id).ok_or_else(|| unknown("number", &labelled.unit_id.to_string()))?;
        let stratum = design.strata.iter().position(|s| s.name == unit.stratum);
        let stratum = stratum.ok_or_else(|| unknown("stratum", &unit.stratum))?;
        let place = if self.same_map {
            Some((unit.row as usize, unit.col as usize))
        } else {
            by_position([[unit.lon, unit.lat]])?
        };
        Ok((stratum, place))
    }

    fn unit(&mut self, row: usize, col: usize, stratum: usize, reference: f64) -> Result<Option<Unit>, CliError> {
        let window = Window::new(row, col, 1, 1);
        let cells = self.map.cells(window)?;
        let (Some(Some(map)), Some(Some(_))) = (cells.values.first(), cells.strata.first()) else { return Ok(None) };
        let probabilities: Vec<f64> =
            self.map.probabilities(&window)?.iter().filter_map(|p| p.first().copied()).collect();
        Ok(Some(Unit {
            row,
            col,
            stratum,
            area: cells.areas[0],
            map: *map,
            reference,
            // A cell whose probabilities are missing has none to offer.
            probabilities: if probabilities.iter().all(|p| p.is_finite()) { probabilities } else { Vec::new() },
            zones: SurveyMap::zones_of(&cells.coverage, row, col),
            in_training: false,
        }))
    }
}

fn read_design(folder: &Path) -> Result<(Design, HashMap<u64, DesignUnit>), CliError> {
    let design: Design = read_json(&folder.join("design.json"), DESIGN_FORMAT)?;
    let path = folder.join("units.csv");
    let fault = |e: csv::Error| {
        CliError::new(Exit::Input, format!("{} cannot be read: {e}", path.display()))
            .help("name the folder that `areal sample` made, unchanged")
    };
    let found = hash_file(&path)?;
    if found.short() != design.design_id {
        let message =
            format!("{} is of draw {}, but design.json of {}", path.display(), found.short(), design.design_id);
        return Err(CliError::new(Exit::Input, message).help("name the folder that `areal sample` made, unchanged"));
    }
    let mut units = HashMap::new();
    for unit in csv::Reader::from_path(&path).map_err(fault)?.deserialize() {
        let unit: DesignUnit = unit.map_err(fault)?;
        units.insert(unit.unit_id, unit);
    }
    Ok((design, units))
}

/// The labelled sample must be of this draw: it says so, or its positions are those of the design's units. Unit numbers
/// alone are the same in every draw.
fn other_draw(
    design: &Design,
    units: &HashMap<u64, DesignUnit>,
    labels: &[Labelled],
    grid: &PixelGrid,
) -> Result<Option<Finding>, CliError> {
    let expected = || format!("{} (seed {})", design.design_id, design.seed);
    if let Some(other) = labels.iter().find(|l| !l.design.is_empty() && l.design != design.design_id) {
        return Ok(Some(other_design(&format!("draw {}", other.design), &expected())));
    }
    let placed: Vec<(&Labelled, [f64; 2], &DesignUnit)> =
        labels.iter().filter_map(|l| Some((l, l.place?, units.get(&l.unit_id)?))).collect();
    if placed.is_empty() {
        let named = labels.iter().any(|l| !l.design.is_empty());
        let message =
            "the labelled sample names neither its draw nor positions: that it is the design's cannot be checked";
        return Ok((!named).then(|| Finding::warning(FindingKind::OtherDesign, message)));
    }
    let to_map = Projection::new(&crs_from_text("EPSG:4326")?, &grid.crs)?;
    for (labelled, place, unit) in placed {
        let mut points = [place, [unit.lon, unit.lat]];
        to_map.apply(&mut points)?;
        let Some((row, col)) = grid.pixel_at(points[1]) else { continue };
        // A cell of tolerance: spreadsheets cut decimals.
        let near = |(r, c): (usize, usize)| r.abs_diff(row) <= 1 && c.abs_diff(col) <= 1;
        if !grid.pixel_at(points[0]).is_some_and(near) {
            let found = format!(
                "another draw (unit {} lies at {:.5}, {:.5}; the design has it at {:.5}, {:.5})",
                labelled.unit_id, place[0], place[1], unit.lon, unit.lat
            );
            return Ok(Some(other_design(&found, &expected())));
        }
    }
    Ok(None)
}

/// Bad labels are told all at once, with what is allowed.
fn check_labels(map: &SurveyMap, labels: &[Labelled]) -> Result<(), CliError> {
    const SHOWN: usize = 10;
    let bad: Vec<String> = labels
        .iter()
        .filter(|l| !l.label.is_empty() && parse_label(map, l).is_none())
        .map(|l| format!("unit {} \"{}\"", l.unit_id, l.label))
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    let more = if bad.len() > SHOWN { format!(" and {} more", bad.len() - SHOWN) } else { String::new() };
    let what = if map.classes() == 0 { "numbers" } else { "classes of the map" };
    let message = format!("{} labels are no {what}: {}{more}", bad.len(), bad[..bad.len().min(SHOWN)].join(", "));
    let names: Vec<String> = map.meta.target.classes().iter().map(|c| format!("{} ({})", c.name, c.code)).collect();
    let help = match map.classes() {
        0 => "write a number with a decimal point".to_owned(),
        _ => format!("the labels are, as name or code: {}", names.join(", ")),
    };
    Err(CliError::new(Exit::Input, message).help(help))
}

/// Index of the class that an interpreter wrote, or the value.
fn parse_label(map: &SurveyMap, labelled: &Labelled) -> Option<f64> {
    let text = labelled.label.as_str();
    let classes = map.meta.target.classes();
    if classes.is_empty() {
        return text.parse().ok().filter(|v: &f64| v.is_finite());
    }
    classes.iter().position(|c| c.name == text || c.code.to_string() == text).map(|k| k as f64)
}

/// Agreement of the two interpreters, where there is a second look at classes.
pub fn agreement(
    options: &Options,
    sample: &Path,
    map: &SurveyMap,
    design: Option<&Design>,
) -> Result<Option<Agreement>, CliError> {
    let Some(second) = options.second_look.as_deref().filter(|_| map.classes() > 0) else { return Ok(None) };
    let field = options.label_field.as_deref().unwrap_or("label");
    let labelled = |path: &Path| -> Result<HashMap<u64, usize>, CliError> {
        let rows = read_labels(path, field)?;
        check_labels(map, &rows)?;
        if let Some(other) =
            rows.iter().find(|r| !r.design.is_empty() && design.is_some_and(|d| d.design_id != r.design))
        {
            let expected = design.map(|d| d.design_id.as_str()).unwrap_or_default();
            let found = other_design(&format!("draw {} ({})", other.design, path.display()), expected);
            return Err(EstimateError::Refused(FindingKind::OtherDesign, found.message).into());
        }
        Ok(rows.iter().filter_map(|r| Some((r.unit_id, parse_label(map, r)? as usize))).collect())
    };
    let first = labelled(sample)?;
    let mut counts = vec![vec![0u64; map.classes()]; map.classes()];
    for (unit, b) in labelled(second)? {
        if let Some(&a) = first.get(&unit) {
            counts[a][b] += 1;
        }
    }
    Ok(Some(kappa(&counts)?))
}

/// Marks units that share ground with a training patch: the centre of either lies in the other. Returns their number.
pub fn mark_training(store: &Path, map: &SurveyMap, reading: &mut Reading) -> Result<usize, CliError> {
    let path: PathBuf = store.join("patches.gpkg");
    let layer = read_layer(&path, None)?;
    let fault = |what: &str| {
        CliError::new(Exit::Input, format!("{} has no {what}", path.display()))
            .help("name the patch store with --store")
    };
    let split = layer.field_index("split").ok_or_else(|| fault("field \"split\""))?;
    let crs = layer.crs.as_ref().ok_or_else(|| fault("CRS"))?;
    let to_map = Projection::new(crs, &map.grid().crs)?;
    let mut patches = Vec::new();
    for feature in layer.features.iter().filter(|f| f.values[split].to_string() == "train") {
        if let Some(geometry) = &feature.geometry {
            patches.push(to_map.apply_geometry(geometry)?);
        }
    }
    let shares_ground = |unit: &Unit| {
        let [x, y] = map.grid().centre(unit.row, unit.col);
        patches.iter().any(|p| {
            let within = |c: geo::Point<f64>| map.grid().pixel_at([c.x(), c.y()]) == Some((unit.row, unit.col));
            p.contains(&geo::Point::new(x, y)) || p.centroid().is_some_and(within)
        })
    };
    for unit in &mut reading.units {
        unit.in_training = shares_ground(unit);
    }
    Ok(reading.units.iter().filter(|u| u.in_training).count())
}
