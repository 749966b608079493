//! The cells of a window of the map: values, strata, areas, zones.

use std::path::Path;

use areal_estimate::CellValue;
use areal_formats::StrataBy;
use areal_grid::{PixelState, Target, Window, WindowAreas};
use areal_raster::Prediction;
use areal_zones::{Span, WindowCoverage};

use super::MapFrame;
use crate::SurveyError;

/// Square metres in a square kilometre.
const M2_PER_KM2: f64 = 1e6;

/// The cells of one window.
pub(crate) struct FrameCells {
    pub window: Window,
    /// `None` where nothing was predicted.
    pub values: Vec<Option<CellValue>>,
    /// Stratum; `None` outside the population.
    pub strata: Vec<Option<u32>>,
    /// True area of what is observed of the cell, km2.
    pub areas: Vec<f64>,
    /// True area of the rest of the cell, km2.
    pub unobserved: Vec<f64>,
    /// True where strata are of risk.
    by_risk: bool,
    /// Coverage by each zone.
    pub coverage: WindowCoverage,
}

/// The error for a code that is no class: of the damaged file, where the prediction's manifest tells.
fn unknown_code(path: &Path, code: f64) -> SurveyError {
    let damage = path.parent().and_then(Prediction::damage);
    damage.map_or_else(|| SurveyError::UnknownCode { path: path.to_path_buf(), code }, SurveyError::Raster)
}

impl MapFrame<'_> {
    /// Reads a window of the map with strata, areas and coverage.
    pub(crate) fn cells(&mut self, window: Window) -> Result<FrameCells, SurveyError> {
        self.job().check()?;
        let values = self.values(&window)?;
        let of_window = self.areas.of(&window, &self.positions);
        let coverage = self.ground.coverage(window, &of_window.rim())?;
        let (areas, unobserved) = self.observed_areas(&window, &of_window, &values)?;
        let strata = self.strata_of(&window, &values, &coverage)?;
        let by_risk = self.strata_by == StrataBy::Risk;
        Ok(FrameCells { window, values, strata, areas, unobserved, by_risk, coverage })
    }

    /// The map in each cell; `None` where nothing was predicted.
    pub(crate) fn values(&mut self, window: &Window) -> Result<Vec<Option<CellValue>>, SurveyError> {
        let (pixels, states) = self.file.read_band(1, window)?;
        let codes: Vec<u8> = self.meta.target.classes().iter().map(|c| c.code).collect();
        let value = |k: usize| -> Result<Option<CellValue>, SurveyError> {
            let raw = pixels.get(k);
            if states[k] != PixelState::Observed {
                return Ok(None);
            }
            if matches!(self.meta.target, Target::Value { .. }) {
                return Ok(Some(CellValue::Number(raw)));
            }
            match codes.iter().position(|&c| f64::from(c) == raw) {
                Some(class) => Ok(Some(CellValue::Class(class))),
                None => Err(unknown_code(&self.path, raw)),
            }
        };
        (0..window.len()).map(value).collect()
    }

    /// Areas of what is observed of each cell, and of the rest, km2.
    fn observed_areas(
        &mut self,
        window: &Window,
        of_window: &WindowAreas,
        values: &[Option<CellValue>],
    ) -> Result<(Vec<f64>, Vec<f64>), SurveyError> {
        let mut areas = vec![0.0; window.len()];
        for (r, row) in areas.chunks_mut(window.width).enumerate() {
            of_window.fill_row(window.row + r, window.col, row);
            for area in row {
                *area /= M2_PER_KM2;
            }
        }
        // A prediction holds for the observed part of its cell, as in the area table.
        let mut unobserved: Vec<f64> =
            (0..areas.len()).map(|k| if values[k].is_some() { 0.0 } else { areas[k] }).collect();
        if let Some(reader) = &mut self.shares {
            let observed = reader.read(window)?.observed;
            for ((area, rest), observed) in areas.iter_mut().zip(&mut unobserved).zip(observed) {
                *rest = *area * (1.0 - observed);
                *area -= *rest;
            }
        }
        Ok((areas, unobserved))
    }
}

impl FrameCells {
    /// Group of a cell of the population that the map's errors are estimated by: its map class, or its stratum of risk; 0 for a value.
    pub(crate) fn group(&self, cell: usize) -> usize {
        match (self.values[cell], self.strata[cell]) {
            (Some(CellValue::Class(_)), Some(stratum)) if self.by_risk => stratum as usize,
            (Some(CellValue::Class(class)), _) => class,
            _ => 0,
        }
    }

    /// Zones that a cell lies in, with the fraction of it in each.
    pub(crate) fn zones_of(&self, row: usize, col: usize) -> Vec<(usize, f64)> {
        at(&self.coverage, row, col).map(|s| (s.zone as usize, s.coverage)).collect()
    }

    /// The fraction of a cell that lies in all zones together; ground that several zones share counts once.
    pub(crate) fn fraction_in_zones(&self, row: usize, col: usize) -> f64 {
        let holds = |span: &&Span| (span.col..span.col + span.len).contains(&(col as u32));
        1.0 - self.coverage.uncovered(row).filter(holds).map(|span| span.coverage).sum::<f64>()
    }

    /// The same for each column of a row of the window.
    pub(crate) fn row_in_zones(&self, row: usize) -> Vec<f64> {
        let mut fractions = vec![1.0f64; self.window.width];
        for span in self.coverage.uncovered(row) {
            let start = span.col as usize - self.window.col;
            for fraction in &mut fractions[start..start + span.len as usize] {
                *fraction -= span.coverage;
            }
        }
        fractions
    }
}

/// The spans that hold a cell.
fn at(coverage: &WindowCoverage, row: usize, col: usize) -> impl Iterator<Item = &Span> {
    let col = col as u32;
    coverage.row(row).iter().filter(move |s| (s.col..s.col + s.len).contains(&col))
}
