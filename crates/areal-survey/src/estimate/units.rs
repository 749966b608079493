//! Labelled units on the map: their strata, cells, zones, and whether the model was trained there.

use areal_estimate::{CellValue, EstimateError, LabelledUnit};
use areal_grid::Window;
use areal_raster::{Projection, crs_from_text};

use super::labelled_sample::LabelledSample;
use super::training::TrainingPatches;
use crate::SurveyError;
use crate::labels::LabelRow;

/// The units that can be used, and the number of the others.
pub(super) struct UnitsOnMap {
    pub units: Vec<LabelledUnit>,
    /// Numbers of the units that lie on cells without a prediction.
    pub on_nodata: Vec<u64>,
    pub unlabelled: usize,
    pub drawn: usize,
}

impl LabelledSample<'_> {
    /// Puts every label on the map.
    pub(super) fn units(&mut self, training: &TrainingPatches) -> Result<UnitsOnMap, SurveyError> {
        let drawn = self.drawn.as_ref().map_or(self.labels.len(), |d| d.units.len());
        let mut found = UnitsOnMap { units: Vec::new(), on_nodata: Vec::new(), unlabelled: 0, drawn };
        let labels = std::mem::take(&mut self.labels);
        let to_map = Projection::new(&crs_from_text("EPSG:4326")?, &self.frame.grid().crs)?;
        let reader = self.reader(&labels)?;
        for label in labels.iter().filter(|l| !l.label.is_empty()) {
            let (stratum, place) = self.place(label, &to_map)?;
            let Some(reference) = reader.value(label) else { continue };
            let unit = match place {
                Some((row, col)) => self.unit(row, col, stratum, reference, training)?,
                None => None,
            };
            match unit {
                Some(unit) => found.units.push(unit),
                None => found.on_nodata.push(label.unit_id),
            }
        }
        found.unlabelled = drawn.saturating_sub(found.units.len() + found.on_nodata.len());
        Ok(found)
    }

    /// Stratum and cell of a labelled unit: by its number in the design; on another map by its position.
    fn place(&self, label: &LabelRow, to_map: &Projection) -> Result<(usize, Option<(usize, usize)>), SurveyError> {
        let by_position = |mut points: [[f64; 2]; 1]| -> Result<Option<(usize, usize)>, SurveyError> {
            to_map.apply(&mut points)?;
            Ok(self.frame.grid().pixel_at(points[0]))
        };
        let Some(drawn) = &self.drawn else {
            let place = label.place.ok_or(SurveyError::NoPosition { unit: label.unit_id })?;
            return Ok((0, by_position([place])?));
        };
        let unknown = |what, value: &str| EstimateError::Unknown {
            unit: label.unit_id.to_string(),
            what,
            value: value.to_owned(),
        };
        let unit = drawn.units.get(&label.unit_id).ok_or_else(|| unknown("number", &label.unit_id.to_string()))?;
        let stratum = drawn.design.strata.iter().position(|s| s.name == unit.stratum);
        let stratum = stratum.ok_or_else(|| unknown("stratum", &unit.stratum))?;
        let place = if self.same_map {
            Some((unit.row as usize, unit.col as usize))
        } else {
            by_position([[unit.lon, unit.lat]])?
        };
        Ok((stratum, place))
    }

    /// The unit of one cell; `None` where the cell is not of the population.
    fn unit(
        &mut self,
        row: usize,
        col: usize,
        stratum: usize,
        reference: CellValue,
        training: &TrainingPatches,
    ) -> Result<Option<LabelledUnit>, SurveyError> {
        let window = Window::new(row, col, 1, 1);
        let cells = self.frame.cells(window)?;
        let (Some(Some(mapped)), Some(Some(_))) = (cells.values.first(), cells.strata.first()) else {
            return Ok(None);
        };
        let probabilities: Vec<f64> =
            self.frame.probabilities(&window)?.iter().filter_map(|p| p.first().copied()).collect();
        Ok(Some(LabelledUnit {
            stratum,
            area: cells.areas[0],
            mapped: *mapped,
            reference,
            // A cell whose probabilities are missing has none to offer.
            probabilities: if probabilities.iter().all(|p| p.is_finite()) { probabilities } else { Vec::new() },
            group: cells.group(0),
            zones: cells.zones_of(row, col),
            in_zones: cells.fraction_in_zones(row, col),
            in_training: training.overlap(self.frame.grid(), row, col),
        }))
    }
}
