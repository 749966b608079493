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
    /// Of the same groups, the errors without their sign.
    sizes: CellModel,
    /// Number of units.
    n: f64,
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
        let sizes = model_of(&sizes)?;
        let rho = model_of(&places.beyond(&errors, &detail.group, zoning))?.correlation();
        Ok(Self {
            correction: MapCorrection { base, trust },
            base: sums.iter().map(|row| fractions(row)).collect(),
            places,
            rho,
            sizes,
            n: sample.len() as f64,
            model,
        })
    }

    /// The fraction of each class in a zone.
    pub(crate) fn zone(&self, zone: usize) -> Vec<Modelled> {
        let trust = self.correction.trust;
        let shares = &self.places.shares[zone];
        let each = |(c, base): (usize, &f64)| {
            let errors = &self.places.errors[zone];
            let error: f64 = errors.iter().zip(shares).map(|(group, share)| share * group[c]).sum();
            // Half by presence and half by the group's area, which allows for errors where the map shows nothing of the class.
            let parts: Vec<f64> =
                self.places.ratios[zone].iter().zip(shares).map(|(r, s)| s * f64::midpoint(r[c], 1.0)).collect();
            Modelled {
                value: base + trust * error,
                mse: self.rho.map(|rho| self.model.corrected_mse(&parts, c, (error, trust, rho), &self.sizes(c))),
            }
        };
        self.base[zone].iter().enumerate().map(each).collect()
    }

    /// Mean size of the errors of each group in a class, with one unit more in the sample that errs.
    fn sizes(&self, class: usize) -> Vec<f64> {
        (0..self.places.groups()).map(|g| self.sizes.rate(g, class) + 1.0 / self.n).collect()
    }
}

/// Where the errors of the groups are expected to lie.
struct Places {
    /// `[zone][group]`: fractions of the zone.
    shares: Vec<Vec<f64>>,
    /// `[zone][group][class]`: the class's presence in the zone over its mean presence where the group is; 1 for the group's own class.
    ratios: Vec<Vec<Vec<f64>>>,
    /// `[zone][group][class]`: mean error expected there. The errors of a group add up to nothing.
    errors: Vec<Vec<Vec<f64>>>,
}

impl Places {
    fn groups(&self) -> usize {
        self.shares.first().map_or(0, Vec::len)
    }

    /// `sums[zone][class]` are the map's own.
    fn new(detail: &MapDetail, map: &[usize], sums: &[Vec<f64>], model: &CellModel) -> Self {
        let classes = sums.first().map_or(0, Vec::len);
        let groups = detail.groups.first().map_or(0, Vec::len);
        // A group without a unit has no error.
        let mut class_of = vec![None; groups];
        detail.group.iter().zip(map).for_each(|(&group, &class)| class_of[group] = Some(class));
        let present: Vec<Vec<f64>> = sums.iter().map(|row| fractions(row)).collect();
        let mean = |g: usize, c: usize| -> f64 {
            let area: f64 = detail.groups.iter().map(|zone| zone[g]).sum();
            detail.groups.iter().zip(&present).map(|(zone, present)| zone[g] * present[c]).sum::<f64>() / area
        };
        let means: Vec<Vec<f64>> = (0..groups).map(|g| (0..classes).map(|c| mean(g, c)).collect()).collect();
        let ratio = |z: usize, g: usize, c: usize| {
            if means[g][c] > 0.0 && class_of[g] != Some(c) { present[z][c] / means[g][c] } else { 1.0 }
        };
        let table = |z: usize| (0..groups).map(|g| (0..classes).map(|c| ratio(z, g, c)).collect()).collect();
        let ratios: Vec<Vec<Vec<f64>>> = (0..sums.len()).map(table).collect();
        let expected = |ratios: &Vec<f64>, g: usize| -> Vec<f64> {
            let Some(own) = class_of[g] else { return vec![0.0; classes] };
            let mut errors: Vec<f64> = ratios.iter().enumerate().map(|(c, r)| r * model.rate(g, c)).collect();
            errors[own] = 0.0;
            errors[own] = -errors.iter().sum::<f64>();
            errors
        };
        let of_zone = |zone: &Vec<Vec<f64>>| zone.iter().enumerate().map(|(g, r)| expected(r, g)).collect();
        Self {
            shares: detail.groups.iter().map(|row| fractions(row)).collect(),
            errors: ratios.iter().map(of_zone).collect(),
            ratios,
        }
    }

    /// What the errors of the units are beyond those expected where they lie.
    fn beyond(&self, errors: &[Vec<f64>], group: &[usize], zoning: &Zoning) -> Vec<Vec<f64>> {
        let expected = |u: usize, c: usize| -> f64 {
            zoning.membership[u].iter().map(|&(z, f)| f * self.errors[z][group[u]][c]).sum()
        };
        let of_class =
            |(c, errors): (usize, &Vec<f64>)| errors.iter().enumerate().map(|(u, e)| e - expected(u, c)).collect();
        errors.iter().enumerate().map(of_class).collect()
    }
}
