//! The strata of a map: which there are, their names, and which each cell is in.

use std::collections::HashMap;

use std::path::Path;

use areal_estimate::CellValue;
use areal_formats::{Design, PredictionMeta, StrataBy};
use areal_grid::{PixelGrid, PixelState, Window};
use areal_raster::{RasterFile, same_crs};
use areal_zones::WindowCoverage;

use super::risk::PARTS;
use super::{FrameSource, MapFrame};
use crate::SurveyError;

/// Name, class code and zone id of a stratum.
pub(crate) struct StratumLabel {
    pub name: String,
    pub class_code: Option<u8>,
    pub min_probability: Option<f64>,
    pub below_probability: Option<f64>,
    pub zone_id: Option<String>,
}

impl MapFrame<'_> {
    /// Number of strata that there may be.
    pub(crate) fn strata_count(&self) -> usize {
        let classes = self.meta.target.classes().len();
        match self.strata_by {
            StrataBy::Classes => classes,
            StrataBy::Zones => self.zone_count(),
            StrataBy::Both => self.zone_count() * classes,
            StrataBy::Raster => 256,
            StrataBy::Whole => 1,
            StrataBy::Risk => PARTS * classes,
        }
    }

    /// Number of groups that the errors of a map of classes are estimated by ([`Cells::group`](super::Cells::group)).
    pub(crate) fn group_count(&self) -> usize {
        if self.strata_by == StrataBy::Risk { self.strata_count() } else { self.meta.target.classes().len() }
    }

    /// The label of a stratum below [`strata_count`](Self::strata_count).
    pub(crate) fn stratum_label(&self, stratum: usize) -> StratumLabel {
        let class = |k: usize| self.meta.target.classes().get(k).expect("a stratum below the count has a class");
        let zone = |k: usize| self.zones.get(k).expect("a stratum below the count has a zone").id.clone();
        let of = |name: String, class_code, zone_id| StratumLabel {
            name,
            class_code,
            min_probability: None,
            below_probability: None,
            zone_id,
        };
        match self.strata_by {
            StrataBy::Classes => of(class(stratum).name.clone(), Some(class(stratum).code), None),
            StrataBy::Zones => of(zone(stratum), None, Some(zone(stratum))),
            StrataBy::Both => {
                let classes = self.meta.target.classes().len();
                let (z, k) = (stratum / classes, stratum % classes);
                let name = format!("{} / {}", zone(z), class(k).name);
                of(name, Some(class(k).code), Some(zone(z)))
            }
            StrataBy::Raster => of(stratum.to_string(), None, None),
            StrataBy::Whole => of("whole".to_owned(), None, None),
            StrataBy::Risk => {
                let (k, unsure) = (stratum / PARTS, stratum % PARTS == 1);
                let cut = self.cuts.as_ref().and_then(|c| c.of(k));
                let name = match cut {
                    None => class(k).name.clone(),
                    Some(_) if unsure => format!("{}, uncertain", class(k).name),
                    Some(_) => format!("{}, confident", class(k).name),
                };
                StratumLabel {
                    min_probability: cut.filter(|_| !unsure),
                    below_probability: cut.filter(|_| unsure),
                    ..of(name, Some(class(k).code), None)
                }
            }
        }
    }

    /// For each stratum of a design its index on this map. Their sizes are the caller's to check.
    pub(crate) fn design_strata(&self, design: &Design) -> Result<Vec<usize>, SurveyError> {
        let mut names = HashMap::new();
        for h in 0..self.strata_count() {
            names.entry(self.stratum_label(h).name).or_insert(h);
        }
        let missing = |name: &str| SurveyError::MissingStratum { name: name.to_owned() };
        let index = |name: &String| names.get(name).copied();
        design.strata.iter().map(|s| index(&s.name).ok_or_else(|| missing(&s.name))).collect()
    }

    /// The stratum of every cell of a window.
    pub(super) fn strata_of(
        &mut self,
        window: &Window,
        values: &[Option<CellValue>],
        coverage: &WindowCoverage,
    ) -> Result<Vec<Option<u32>>, SurveyError> {
        let classes = self.meta.target.classes().len() as u32;
        let by = self.strata_by;
        let zones = match by {
            StrataBy::Zones | StrataBy::Both => main_zones(window, coverage),
            _ => vec![None; values.len()],
        };
        if by == StrataBy::Risk {
            return self.risk_strata(window, values);
        }
        if let (Some(file), StrataBy::Raster) = (&mut self.strata, by) {
            return raster_strata(file, window, values);
        }
        let class = |value: CellValue| value.class_index().map(|class| class as u32);
        let stratum = |k: usize| {
            let value = values[k]?;
            match by {
                StrataBy::Classes => class(value),
                StrataBy::Zones => zones[k],
                StrataBy::Both => Some(zones[k]? * classes + class(value)?),
                StrataBy::Whole => Some(0),
                StrataBy::Raster | StrataBy::Risk => None,
            }
        };
        Ok((0..values.len()).map(stratum).collect())
    }
}

/// Strata from the values of a raster on the map's grid.
fn raster_strata(
    file: &mut RasterFile,
    window: &Window,
    values: &[Option<CellValue>],
) -> Result<Vec<Option<u32>>, SurveyError> {
    let (pixels, states) = file.read_band(1, window)?;
    let path = file.facts().path.clone();
    let stratum = |k: usize| {
        let known = values[k].is_some() && states[k] == PixelState::Observed;
        known.then(|| stratum_value(pixels.get(k), &path)).transpose()
    };
    (0..values.len()).map(stratum).collect()
}

fn stratum_value(value: f64, path: &Path) -> Result<u32, SurveyError> {
    if (0.0..=255.0).contains(&value) && value.fract() == 0.0 {
        return Ok(value as u32);
    }
    Err(SurveyError::StratumValue { path: path.to_path_buf(), value })
}

/// For each cell the zone that covers most of it; the first of equals.
fn main_zones(window: &Window, coverage: &WindowCoverage) -> Vec<Option<u32>> {
    let mut best = vec![(0.0, None); window.len()];
    for r in 0..window.height {
        for span in coverage.row(window.row + r) {
            for c in span.col..span.col + span.len {
                let cell = &mut best[r * window.width + (c as usize - window.col)];
                if span.coverage > cell.0 {
                    *cell = (span.coverage, Some(span.zone));
                }
            }
        }
    }
    best.into_iter().map(|b| b.1).collect()
}

/// Strata that the map or the source does not have are refused.
pub(super) fn check(
    source: &FrameSource,
    meta: &PredictionMeta,
    strata: Option<&RasterFile>,
    grid: &PixelGrid,
) -> Result<(), SurveyError> {
    let by = source.strata_by;
    if matches!(by, StrataBy::Classes | StrataBy::Both | StrataBy::Risk) && meta.target.classes().is_empty() {
        return Err(SurveyError::NoClassStrata);
    }
    if matches!(by, StrataBy::Zones | StrataBy::Both) && source.zones.is_none() {
        return Err(SurveyError::NoZoneStrata);
    }
    match (by, strata) {
        (StrataBy::Raster, None) => Err(SurveyError::NoStrataRaster),
        (StrataBy::Raster, Some(file)) => check_grid(file.grid(), grid),
        _ => Ok(()),
    }
}

fn check_grid(strata: &PixelGrid, map: &PixelGrid) -> Result<(), SurveyError> {
    if !same_crs(&strata.crs, &map.crs) {
        return Err(SurveyError::StrataCrs { found: strata.crs.name.clone(), expected: map.crs.name.clone() });
    }
    if strata.height == map.height && strata.width == map.width && strata.transform == map.transform {
        return Ok(());
    }
    let text = |g: &PixelGrid, cells: &str| format!("{} x {}{cells} from {:?}", g.height, g.width, g.transform.origin);
    Err(SurveyError::StrataGrid { found: text(strata, " cells"), expected: text(map, "") })
}
