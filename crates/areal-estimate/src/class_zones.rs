//! Areas of the map's classes in zones, and raking them to the estimates of all zones together.

use crate::class_survey::{AREA_UNIT, ClassData};
use crate::corrected_map::MapCorrection;
use crate::counted::{counted, counted_do};
use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::finding::{Finding, FindingKind};
use crate::interval::Interval;
use crate::publication::significant;
use crate::rake::rake;
use crate::rows::{EstimateRow, Population};
use crate::zone_estimate::ZoneEstimate;
use crate::zone_estimates::zone_fractions;
use crate::zone_method::{DirectBasis, ZoneMethod};
use crate::zone_part::{Spreads, ZoneGround, ZonePart};
use crate::zoning::{MapDetail, Zoning};

/// Estimates of the zones of a survey.
pub(crate) struct ZoneTables {
    /// All zones together, then each zone.
    pub rows: Vec<EstimateRow>,
    pub findings: Vec<Finding>,
    /// Where a zone has the map's corrected sums: how far they are corrected.
    pub correction: Option<MapCorrection>,
}

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
        let zoning = Zoning::new(&data.survey.sample.units, mapped);
        let strata = if zones.iter().all(|z| z.strata.is_empty()) {
            Vec::new()
        } else {
            zones.iter().map(|z| z.strata.clone()).collect()
        };
        Self {
            zoning: Zoning { strata, detail: Some(detail(data)), ..zoning },
            areas: zones.iter().map(|z| z.mapped.iter().sum()).collect(),
            data,
        }
    }

    /// Rows of all zones together, then of each zone; `whole` holds the fractions over the whole map with their intervals, by class.
    pub(crate) fn tables(&self, whole: &[(Estimate, Interval)]) -> Result<ZoneTables, EstimateError> {
        let (mut rows, together) = self.together(whole)?;
        let data = self.data;
        let found = zone_fractions(
            &data.sample,
            &data.map,
            &data.reference,
            &data.survey.sample.expected,
            &self.zoning,
            &data.settings.zones,
        )?;
        let factors = self.factors(&found.zones, &together)?;
        let own = self.zones(&found.zones, factors.as_ref());
        let corrected = own.iter().filter(|r| r.zone_method == Some(ZoneMethod::CorrectedMap)).count();
        let mut findings = Vec::new();
        if corrected > 0 && data.survey.sample.designed {
            findings.push(corrected_map(&found.correction, corrected));
        }
        if factors.is_none() && data.survey.sample.designed {
            findings.extend(self.not_additive(&own, &rows));
        }
        findings.extend(factors.and_then(|factors| self.moved(&found.zones, &factors)));
        rows.extend(own);
        Ok(ZoneTables { rows, findings, correction: (corrected > 0).then_some(found.correction) })
    }

    /// All zones together, as rows and as fractions: the whole where they are all of it, else a domain of it.
    fn together(&self, whole: &[(Estimate, Interval)]) -> Result<(Vec<EstimateRow>, Vec<f64>), EstimateError> {
        let all = &self.data.survey.together;
        let area: f64 = all.mapped.iter().sum();
        let inside = &self.zoning.inside;
        let same = (area / self.data.sample.area() - 1.0).abs() < 1e-6;
        let ground = ZoneGround { inside, strata: &all.strata, mapped: &all.mapped };
        let part = if same { None } else { ZonePart::new(&self.data.intervals(), &ground)? };
        let basis = part.as_ref().map_or(DirectBasis::Weights, ZonePart::basis);
        let method = if same { self.data.settings.estimator.to_string() } else { basis.method_name() };
        let of_class = |c: usize| -> Result<_, EstimateError> {
            if same {
                return Ok(Some(whole[c]));
            }
            let is_class = self.data.is_class(c);
            let spreads = Spreads::of(&self.data.sample, &self.data.map, whole.len(), &is_class)?;
            let known = part.as_ref().map(|part| part.mean((c, &is_class), &spreads)).transpose()?.flatten();
            let fraction =
                known.map_or_else(|| self.data.sample.domain(&is_class, inside), |mean| Ok(Some(mean.estimate)))?;
            let Some(fraction) = fraction else { return Ok(None) };
            let of_part = part.as_ref().map(|part| part.interval(c, &fraction)).transpose()?;
            Ok(of_part.map(|interval| (fraction, interval)))
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

    /// Rows of every zone, times the factors of raking.
    fn zones(&self, found: &[Vec<ZoneEstimate>], factors: Option<&Vec<Vec<f64>>>) -> Vec<EstimateRow> {
        let (areas, data) = (&self.areas, self.data);
        let grading = data.settings.grading();
        let mut rows = Vec::new();
        for (z, zone) in data.survey.zones.iter().enumerate().filter(|(z, _)| areas[*z] > 0.0) {
            for (c, found) in found[z].iter().enumerate() {
                let factor = factors.map_or(1.0, |f| f[z][c]);
                let subject = data.subject(Population::Zone, Some(zone), c, zone.mapped[c]);
                let method = match factors {
                    Some(_) => format!("{}, raked", found.method_name()),
                    None => found.method_name(),
                };
                let mut row = EstimateRow::zone(&subject, &found.raked(factor), areas[z], &method, &grading);
                row.high = row.high.map(|v| v.min(areas[z]));
                row.low = row.low.zip(row.high).map(|(low, high)| low.min(high));
                rows.push(row);
            }
        }
        rows
    }

    /// Where the zones do not add up to all zones together, whose estimates come from the sample alone.
    fn not_additive(&self, zones: &[EstimateRow], together: &[EstimateRow]) -> Option<Finding> {
        let union: f64 = self.data.survey.together.mapped.iter().sum();
        let areas = self.areas.iter().sum::<f64>();
        if (areas / union - 1.0).abs() > 1e-3 {
            return Some(Finding::warning(
                FindingKind::NotAdditive,
                format!(
                    "the zones overlap: their areas add up to {} {AREA_UNIT}, and together they cover {} {AREA_UNIT}. The numbers of all zones \
                     together count this ground once",
                    significant(areas, 4),
                    significant(union, 4)
                ),
            ));
        }
        let sums = together.iter().filter_map(|all| {
            let mine = zones.iter().filter(|r| r.class_code == all.class_code);
            let (sum, estimate) = (mine.filter_map(|r| r.estimate).sum::<f64>(), all.estimate?);
            Some((sum - estimate, sum, estimate, &all.class_name))
        });
        let (by, sum, estimate, class) = sums.max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()))?;
        (by.abs() > 1e-6 * union).then(|| {
            Finding::warning(
                FindingKind::NotAdditive,
                format!(
                    "the zones do not add up to all zones together, most of all {class}: {} {AREA_UNIT} in the zones, {} {AREA_UNIT} together; \
                     benchmarking makes them add up, and their errors larger",
                    significant(sum, 4),
                    significant(estimate, 4)
                ),
            )
        })
    }

    /// The numbers that raking moved by more than the error that they had.
    fn moved(&self, found: &[Vec<ZoneEstimate>], factors: &[Vec<f64>]) -> Option<Finding> {
        let (mut all, mut count, mut squares, mut errors) = (0usize, 0usize, 0.0, 0.0);
        let mut most: Option<(f64, usize, usize)> = None;
        for (z, row) in found.iter().enumerate().filter(|(z, _)| self.areas[*z] > 0.0) {
            for (c, e) in row.iter().enumerate().filter(|(_, e)| e.error_known) {
                let area = self.areas[z];
                let (by, error) = (area * e.estimate.value * (factors[z][c] - 1.0), area * e.estimate.standard_error);
                all += 1;
                squares += by * by;
                errors += error * error;
                if by.abs() > error {
                    count += 1;
                    most = most.filter(|m| m.0.abs() >= by.abs()).or(Some((by, z, c)));
                }
            }
        }
        let (by, z, c) = most?;
        let root = |sum: f64| significant((sum / all as f64).sqrt(), 3);
        let (zone, class) = (&self.data.survey.zones[z].id, &self.data.survey.classes[c].name);
        Some(Finding::warning(
            FindingKind::RakedFar,
            format!(
                "raking moved {count} of {all} zone numbers by more than the error that they had, most of all {class} in {zone} by {} \
                 {AREA_UNIT} (root mean square of all {} {AREA_UNIT}, of the errors {} {AREA_UNIT}): the errors of all raked \
                 numbers include what they were moved by",
                significant(by, 3),
                root(squares),
                root(errors),
            ),
        ))
    }

    /// What raking multiplies each zone's classes by; `None` unless asked for.
    fn factors(&self, found: &[Vec<ZoneEstimate>], together: &[f64]) -> Result<Option<Vec<Vec<f64>>>, EstimateError> {
        if !self.data.settings.benchmark {
            return Ok(None);
        }
        let areas = &self.areas;
        let sum: f64 = areas.iter().sum();
        let union: f64 = self.data.survey.together.mapped.iter().sum();
        if (sum / union - 1.0).abs() > 1e-3 {
            return Err(EstimateError::OverlappingZones { sum, union });
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

/// What the map tells of the units and zones beside its classes.
fn detail(data: &ClassData) -> MapDetail {
    let (zones, units) = (&data.survey.zones, &data.survey.sample.units);
    let with = data.has_probabilities() && zones.iter().all(|z| z.probable.len() == data.survey.classes.len());
    MapDetail {
        group: units.iter().map(|u| u.group).collect(),
        groups: zones.iter().map(|z| z.groups.clone()).collect(),
        probabilities: if with { units.iter().map(|u| u.probabilities.clone()).collect() } else { Vec::new() },
        probable: if with { zones.iter().map(|z| z.probable.clone()).collect() } else { Vec::new() },
    }
}

/// Where the numbers of zones come from that the sample alone cannot give.
fn corrected_map(correction: &MapCorrection, numbers: usize) -> Finding {
    let proof = if correction.trust > 0.0 {
        let percent = significant(100.0 * correction.trust, 3);
        format!("less {percent} % of the error that the sample shows in each group of cells")
    } else {
        "with no correction, because the errors of the map in the sample are within what chance would give".to_owned()
    };
    let method = ZoneMethod::CorrectedMap;
    Finding::warning(
        FindingKind::ModelBased,
        format!(
            "{} {method}: the map's own sums of {}, {proof}. Their standard errors are averages over zones and rest on {} that the map has wrong, and they have no interval",
            counted_do(numbers, "zone estimate", ["uses", "use"]),
            correction.base,
            counted(correction.wrong_units, "unit")
        ),
    )
}
