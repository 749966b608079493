use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_estimate::{
    Agreement, ClassUnit, DESIGN_FORMAT, Design, DesignUnit, EstimateError, Finding, StrataBy, Stratum, ValueUnit,
    kappa, other_map, strata_sum, without_design,
};
use areal_grid::Window;
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
    pub id: u64,
    pub row: usize,
    pub col: usize,
    stratum: usize,
    area: f64,
    map: f64,
    reference: f64,
    probabilities: Vec<f64>,
    zones: Vec<(usize, f64)>,
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

    pub fn designed(&self) -> bool {
        self.design.is_some()
    }

    pub fn design(&self) -> Option<&Design> {
        self.design.as_ref().map(|(design, _)| design)
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
        let Some((design, _)) = &self.design else { return Ok(vec![without_design()]) };
        let mut flaws: Vec<Finding> = other_map(design.map_sha256.as_str(), &self.map_sha256).into_iter().collect();
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
        for labelled in labels.iter().filter(|l| !l.label.is_empty()) {
            let (stratum, place) = self.place(labelled, &to_map)?;
            let reference = parse_label(&self.map, labelled)?;
            let unit = match place {
                Some((row, col)) => self.unit(labelled.unit_id, row, col, stratum, reference)?,
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

    fn unit(
        &mut self,
        unit_id: u64,
        row: usize,
        col: usize,
        stratum: usize,
        reference: f64,
    ) -> Result<Option<Unit>, CliError> {
        let window = Window::new(row, col, 1, 1);
        let cells = self.map.cells(window)?;
        let (Some(Some(map)), Some(Some(_))) = (cells.values.first(), cells.strata.first()) else { return Ok(None) };
        let probabilities: Vec<f64> =
            self.map.probabilities(&window)?.iter().filter_map(|p| p.first().copied()).collect();
        Ok(Some(Unit {
            id: unit_id,
            row,
            col,
            stratum,
            area: cells.areas[0],
            map: *map,
            reference,
            // A cell whose probabilities are missing has none to offer.
            probabilities: if probabilities.iter().all(|p| p.is_finite()) { probabilities } else { Vec::new() },
            zones: SurveyMap::zones_of(&cells.coverage, row, col),
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
    let mut units = HashMap::new();
    for unit in csv::Reader::from_path(&path).map_err(fault)?.deserialize() {
        let unit: DesignUnit = unit.map_err(fault)?;
        units.insert(unit.unit_id, unit);
    }
    Ok((design, units))
}

/// Index of the class that an interpreter wrote, or the value.
fn parse_label(map: &SurveyMap, labelled: &Labelled) -> Result<f64, CliError> {
    let text = labelled.label.as_str();
    let unit = labelled.unit_id.to_string();
    let classes = map.meta.target.classes();
    if classes.is_empty() {
        let value = text.parse().ok().filter(|v: &f64| v.is_finite());
        return Ok(value.ok_or(EstimateError::Unknown { unit, what: "value", value: text.to_owned() })?);
    }
    let class = classes.iter().position(|c| c.name == text || c.code.to_string() == text);
    Ok(class.ok_or(EstimateError::Unknown { unit, what: "class", value: text.to_owned() })? as f64)
}

/// Agreement of the two interpreters, where there is a second look at classes.
pub fn agreement(options: &Options, sample: &Path, map: &SurveyMap) -> Result<Option<Agreement>, CliError> {
    let Some(second) = options.second_look.as_deref().filter(|_| map.classes() > 0) else { return Ok(None) };
    let field = options.label_field.as_deref().unwrap_or("label");
    let labelled = |path: &Path| -> Result<HashMap<u64, usize>, CliError> {
        let rows = read_labels(path, field)?;
        let filled = rows.iter().filter(|r| !r.label.is_empty());
        filled.map(|r| Ok((r.unit_id, parse_label(map, r)? as usize))).collect()
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

/// Units that share ground with a training patch: the centre of either lies in the other.
pub fn in_training(store: &Path, map: &SurveyMap, reading: &Reading) -> Result<Vec<u64>, CliError> {
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
    let shares_ground = |unit: &&Unit| {
        let [x, y] = map.grid().centre(unit.row, unit.col);
        patches.iter().any(|p| {
            let within = |c: geo::Point<f64>| map.grid().pixel_at([c.x(), c.y()]) == Some((unit.row, unit.col));
            p.contains(&geo::Point::new(x, y)) || p.centroid().is_some_and(within)
        })
    };
    Ok(reading.units.iter().filter(shares_ground).map(|u| u.id).collect())
}
