//! Areas of the map's classes in zones, and raking them to the estimates of all zones together.

use crate::class_survey::ClassData;
use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::interval::Interval;
use crate::rake::rake;
use crate::rows::{EstimateRow, Population};
use crate::zone_estimates::{ZoneEstimate, ZoneMethod, zone_fractions};
use crate::zoning::Zoning;

/// The zones of a survey of classes.
pub(crate) struct ClassZones<'a> {
    data: &'a ClassData<'a>,
    zoning: Zoning,
    /// Predicted area of each zone.
    areas: Vec<f64>,
}

impl<'a> ClassZones<'a> {
    pub(crate) fn new(data: &'a ClassData<'a>) -> Self {
        let zones = &data.survey.zones;
        let mapped = zones.iter().map(|z| z.mapped.clone()).collect();
        Self {
            zoning: Zoning::new(&data.survey.sample.units, mapped),
            areas: zones.iter().map(|z| z.mapped.iter().sum()).collect(),
            data,
        }
    }

    /// Rows of all zones together, then of each zone; `whole` holds the fractions over the whole map with their intervals, by class.
    pub(crate) fn rows(&self, whole: &[(Estimate, Interval)]) -> Result<Vec<EstimateRow>, EstimateError> {
        let (mut rows, fractions) = self.together(whole)?;
        rows.extend(self.zones(&fractions)?);
        Ok(rows)
    }

    /// All zones together, as rows and as fractions: the whole where they are all of it, else a domain of it.
    fn together(&self, whole: &[(Estimate, Interval)]) -> Result<(Vec<EstimateRow>, Vec<f64>), EstimateError> {
        let all = &self.data.survey.together;
        let area: f64 = all.mapped.iter().sum();
        let inside = &self.zoning.inside;
        let same = (area / self.data.sample.area() - 1.0).abs() < 1e-6;
        let method = if same { self.data.settings.estimator.to_string() } else { ZoneMethod::Direct.to_string() };
        let of_class = |c: usize| -> Result<_, EstimateError> {
            if same {
                return Ok(Some(whole[c]));
            }
            let fraction = self.data.sample.domain(&self.data.is_class(c), inside)?;
            Ok(fraction.map(|e| (e, self.data.moments_interval(c, &e))))
        };
        let found: Vec<Option<(Estimate, Interval)>> = (0..whole.len()).map(of_class).collect::<Result<_, _>>()?;
        // Estimators that use the map class by class give fractions that add up to 1 only nearly; raking needs the exact sum.
        let sum: f64 = found.iter().flatten().map(|(e, _)| e.value).sum();
        let scale = if self.data.settings.benchmark && sum > 0.0 { 1.0 / sum } else { 1.0 };
        let (mut rows, mut fractions) = (Vec::new(), Vec::new());
        for (c, fraction) in found.into_iter().enumerate() {
            let fraction = fraction.map(|(e, interval)| (e.scaled(scale), interval.scaled(scale)));
            let subject = self.data.subject(Population::Zones, None, c, all.mapped[c]);
            rows.extend(fraction.iter().map(|(e, i)| self.data.row(&subject, e, *i, area, &method)));
            fractions.push(fraction.map_or(0.0, |(e, _)| e.value));
        }
        Ok((rows, fractions))
    }

    /// Rows of every zone; `together` holds the fractions of all zones together, for raking.
    fn zones(&self, together: &[f64]) -> Result<Vec<EstimateRow>, EstimateError> {
        let zones = &self.data.survey.zones;
        let areas = &self.areas;
        let data = self.data;
        let found = zone_fractions(&data.sample, &data.map, &data.reference, &self.zoning, &data.settings.zones)?;
        let factors = self.factors(&found, together)?;
        let grading = data.settings.grading();
        let mut rows = Vec::new();
        for (z, zone) in zones.iter().enumerate().filter(|(z, _)| areas[*z] > 0.0) {
            for (c, found) in found[z].iter().enumerate() {
                let factor = factors.as_ref().map_or(1.0, |f| f[z][c]);
                let subject = data.subject(Population::Zone, Some(zone), c, zone.mapped[c]);
                let method = match factors {
                    Some(_) => format!("{}, raked", found.method),
                    None => found.method.to_string(),
                };
                let mut row = EstimateRow::zone(&subject, found, areas[z] * factor, &method, &grading);
                row.high = row.high.map(|v| v.min(areas[z]));
                row.low = row.low.zip(row.high).map(|(low, high)| low.min(high));
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// What raking multiplies each zone's classes by; `None` unless asked for. Errors are multiplied likewise: raking to
    /// a total that is itself estimated changes them little (Rao and Molina 2015, section 6.4.6).
    fn factors(&self, found: &[Vec<ZoneEstimate>], together: &[f64]) -> Result<Option<Vec<Vec<f64>>>, EstimateError> {
        if !self.data.settings.benchmark {
            return Ok(None);
        }
        let areas = &self.areas;
        let sum: f64 = areas.iter().sum();
        let union: f64 = self.data.survey.together.mapped.iter().sum();
        if (sum / union - 1.0).abs() > 1e-3 {
            return Err(EstimateError::Value {
                what: "sum of the zones' areas (km2)",
                name: "the benchmark".into(),
                value: sum,
                expected: "must be the area that they cover together: zones that overlap cannot be raked to one total",
            });
        }
        let table: Vec<Vec<f64>> = found
            .iter()
            .zip(areas)
            .map(|(row, area)| row.iter().map(|e| e.estimate.value.max(0.0) * area).collect())
            .collect();
        let fractions: f64 = together.iter().sum();
        let columns: Vec<f64> = together.iter().map(|fraction| fraction / fractions * sum).collect();
        let raked = rake(&table, areas, &columns)?;
        let ratio = |(a, b): (&f64, &f64)| if *b > 0.0 { a / b } else { 1.0 };
        Ok(Some(raked.iter().zip(&table).map(|(a, b)| a.iter().zip(b).map(ratio).collect()).collect()))
    }
}
