//! Zones from the map's own sums, corrected as far as the sample proves an error.

use serde::Serialize;

use crate::cell_model::{CellModel, Modelled};
use crate::error::{EstimateError, same_length};
use crate::stratified::StratifiedSample;
use crate::zone_estimates::VariableKind;
use crate::zoning::{MapDetail, Zoning, fractions};

/// What the map's sums are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum MapBase {
    /// The probabilities of the classes.
    Probabilities,
    /// The mapped classes.
    Classes,
}

/// How the map's sums are corrected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MapCorrection {
    pub base: MapBase,
    /// Part of the error that the sample shows which is taken off: 0 where chance may have made it, near 1 where it is proven.
    pub trust: f64,
    /// Labelled units whose map class is wrong: the standard errors of zones rest on these.
    pub wrong_units: usize,
}

/// An error is proven as far as its square exceeds so many times its sampling variance. The positive-part estimator of James and Stein
/// (1961, 4th Berkeley Symposium 1:361) has 1 for many classes of equal variance; a few unequal ones need more. Simulated on maps of
/// accuracy 80 to 99.5 %, 1.5 has the least mean error, and the least loss where the map is nearly right.
const PROOF: f64 = 1.5;

/// The probabilities are preferred to the mapped classes unless their squared errors are larger by so many times the sampling variance:
/// they count the errors that the map expects of itself.
const DOUBT: f64 = 1.0;

/// The map's sums in zones, and a model of their errors.
///
/// The sums are of the probabilities, unless the sample lies nearer to the mapped classes: by the squared mean errors of the groups, less
/// their sampling variance. The mean error of each group of cells (a map class, or a stratum of risk) is then taken off in each zone
/// by the group's area there, times the [trust](MapCorrection::trust): `max(0, 1 - 1.5 V / D2)` with `D2` the squared error of the class
/// fractions over the whole map, summed over classes, and `V` its sampling variance. What a group should give to another class it gives
/// in proportion to the map's area of that class in the zone: no rubber is missed where there is none.
pub(crate) struct CorrectedMap {
    pub correction: MapCorrection,
    model: CellModel,
    /// `[zone][class]`: fractions of the zone by the map alone.
    base: Vec<Vec<f64>>,
    places: Places,
    /// Intraclass correlation within zones of the errors beyond those expected there.
    rho: Option<f64>,
    /// `[class][group]`: mean size of the errors, with one unit more in the sample that errs.
    sizes: Vec<Vec<f64>>,
}

impl CorrectedMap {
    /// From the map class of each unit and `y[class][unit]`, an indicator of each class.
    pub(crate) fn fit(
        sample: &StratifiedSample,
        map: &[usize],
        y: &[Vec<f64>],
        zoning: &Zoning,
    ) -> Result<Self, EstimateError> {
        let by_class = || MapDetail {
            group: map.to_vec(),
            groups: zoning.mapped.clone(),
            probabilities: Vec::new(),
            probable: Vec::new(),
        };
        let detail = zoning.detail.clone().unwrap_or_else(by_class);
        let zones = Zoning { mapped: detail.groups.clone(), ..zoning.clone() };
        let model_of = |errors: &[Vec<f64>]| CellModel::fit(sample, &detail.group, errors, &zones, VariableKind::Value);
        let candidate = |base: MapBase, predicted: &dyn Fn(usize, usize) -> f64| {
            let of_class = |(c, y): (usize, &Vec<f64>)| (0..y.len()).map(|u| y[u] - predicted(u, c)).collect();
            let errors: Vec<Vec<f64>> = y.iter().enumerate().map(of_class).collect();
            Ok::<_, EstimateError>((base, model_of(&errors)?, errors))
        };
        let excess = |model: &CellModel, doubt: f64| {
            let evidence = model.evidence();
            evidence.by_group - (1.0 + doubt) * evidence.variance
        };
        let mut chosen = candidate(MapBase::Classes, &|u, c| f64::from(map[u] == c))?;
        if !detail.probable.is_empty() {
            same_length("the probabilities of the units", detail.probabilities.len(), sample.len())?;
            let other = candidate(MapBase::Probabilities, &|u, c| detail.probabilities[u][c])?;
            if excess(&other.1, DOUBT) <= excess(&chosen.1, 0.0) {
                chosen = other;
            }
        }
        let (base, model, errors) = chosen;
        let sums = if base == MapBase::Classes { &zoning.mapped } else { &detail.probable };
        let evidence = model.evidence();
        let left = PROOF * evidence.variance / evidence.together;
        let trust = if evidence.together > 0.0 { (1.0 - left).max(0.0) } else { 0.0 };
        let places = Places::new(&detail, map, sums, &model);
        let sizes: Vec<Vec<f64>> = errors.iter().map(|e| e.iter().map(|e| e.abs()).collect()).collect();
        let (sizes, n) = (model_of(&sizes)?, sample.len() as f64);
        let of_class = |c: usize| (0..places.class_of.len()).map(|g| sizes.rate(g, c) + 1.0 / n).collect();
        let sizes = (0..errors.len()).map(of_class).collect();
        let wrong_units = (0..sample.len()).filter(|&u| y[map[u]][u] == 0.0).count();
        let rho = model_of(&places.beyond(&errors, &detail.group, zoning))?.correlation();
        Ok(Self {
            correction: MapCorrection { base, trust, wrong_units },
            base: sums.iter().map(|row| fractions(row)).collect(),
            places,
            rho,
            sizes,
            model,
        })
    }

    /// The fraction of each class in a zone.
    pub(crate) fn zone(&self, zone: usize) -> Vec<Modelled> {
        let (trust, groups) = (self.correction.trust, self.places.class_of.len());
        let here: Vec<(usize, f64)> =
            self.places.shares[zone].iter().copied().enumerate().filter(|(_, share)| *share > 0.0).collect();
        let ratios: Vec<Vec<f64>> = here.iter().map(|&(g, _)| self.places.ratios(zone, g)).collect();
        let errors: Vec<Vec<f64>> = here.iter().zip(&ratios).map(|(&(g, _), r)| self.places.errors(g, r)).collect();
        let each = |(c, base): (usize, &f64)| {
            let error: f64 = errors.iter().zip(&here).map(|(of, (_, share))| share * of[c]).sum();
            // Half by presence and half by the group's area, which allows for errors where the map shows nothing of the class.
            let mut parts = vec![0.0; groups];
            here.iter().zip(&ratios).for_each(|(&(g, share), r)| parts[g] = share * f64::midpoint(r[c], 1.0));
            Modelled {
                value: base + trust * error,
                mse: self.rho.map(|rho| self.model.corrected_mse(&parts, c, (error, trust, rho), &self.sizes[c])),
            }
        };
        self.base[zone].iter().enumerate().map(each).collect()
    }
}

/// Where the errors of the groups are expected to lie. A table of zones, groups and classes would be large where there are many of each.
struct Places {
    /// `[zone][group]`: fractions of the zone.
    shares: Vec<Vec<f64>>,
    /// `[zone][class]`: fractions of the zone by the map's own sums.
    present: Vec<Vec<f64>>,
    /// `[group][class]`: mean presence of the class where the group is.
    means: Vec<Vec<f64>>,
    /// Map class of each group; a group without a unit has no error.
    class_of: Vec<Option<usize>>,
    /// `[group][class]`: mean error over the whole sample.
    rates: Vec<Vec<f64>>,
}

impl Places {
    /// `sums[zone][class]` are the map's own.
    fn new(detail: &MapDetail, map: &[usize], sums: &[Vec<f64>], model: &CellModel) -> Self {
        let classes = sums.first().map_or(0, Vec::len);
        let groups = detail.groups.first().map_or(0, Vec::len);
        let mut class_of = vec![None; groups];
        detail.group.iter().zip(map).for_each(|(&group, &class)| class_of[group] = Some(class));
        let present: Vec<Vec<f64>> = sums.iter().map(|row| fractions(row)).collect();
        let mean = |g: usize| -> Vec<f64> {
            let (mut area, mut sums) = (0.0, vec![0.0; classes]);
            for (zone, present) in detail.groups.iter().zip(&present).filter(|(zone, _)| zone[g] > 0.0) {
                area += zone[g];
                sums.iter_mut().zip(present).for_each(|(sum, p)| *sum += zone[g] * p);
            }
            sums.into_iter().map(|sum| sum / area).collect()
        };
        Self {
            shares: detail.groups.iter().map(|row| fractions(row)).collect(),
            means: (0..groups).map(mean).collect(),
            rates: (0..groups).map(|g| (0..classes).map(|c| model.rate(g, c)).collect()).collect(),
            present,
            class_of,
        }
    }

    /// Each class's presence in the zone over its mean presence where the group is; 1 for the group's own class.
    fn ratios(&self, zone: usize, group: usize) -> Vec<f64> {
        let own = self.class_of[group];
        let each = |(c, (present, mean)): (usize, (&f64, &f64))| {
            if *mean > 0.0 && own != Some(c) { present / mean } else { 1.0 }
        };
        self.present[zone].iter().zip(&self.means[group]).enumerate().map(each).collect()
    }

    /// Mean error in each class that is expected of a group in a zone with these ratios. They add up to nothing.
    fn errors(&self, group: usize, ratios: &[f64]) -> Vec<f64> {
        let Some(own) = self.class_of[group] else { return vec![0.0; ratios.len()] };
        let mut errors: Vec<f64> = ratios.iter().zip(&self.rates[group]).map(|(r, rate)| r * rate).collect();
        errors[own] = 0.0;
        errors[own] = -errors.iter().sum::<f64>();
        errors
    }

    /// What the errors of the units are beyond those expected where they lie.
    fn beyond(&self, errors: &[Vec<f64>], group: &[usize], zoning: &Zoning) -> Vec<Vec<f64>> {
        let mut beyond = errors.to_vec();
        for (u, (&group, of)) in group.iter().zip(&zoning.membership).enumerate() {
            for &(zone, fraction) in of {
                let expected = self.errors(group, &self.ratios(zone, group));
                beyond.iter_mut().zip(expected).for_each(|(beyond, e)| beyond[u] -= fraction * e);
            }
        }
        beyond
    }
}
