//! One estimate for each zone: direct from the zone's own units, or model-based.

use rayon::prelude::*;

use crate::area_model::{area_model, smoothed_variances};
use crate::cell_model::{CellModel, Modelled};
use crate::class_intervals::ClassIntervals;
use crate::corrected_map::{CorrectedMap, MapCorrection};
use crate::direct::{Direct, DirectFractions, direct};
use crate::error::{EstimateError, Missing, same_length};
use crate::estimate::Estimate;
use crate::expected::ExpectedMatrix;
use crate::interval::{Interval, IntervalMethod, mean_interval};
use crate::stratified::StratifiedSample;
use crate::unit_level::{AreaTotals, UnitInput, unit_level};
use crate::zone_estimate::ZoneEstimate;
use crate::zone_method::{DirectBasis, ZoneEstimateSettings, ZoneMethod};
use crate::zoning::{Zoning, fractions};

/// Range of the estimated variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableKind {
    /// A fraction of the area, within 0..1.
    Fraction,
    /// Any number.
    Value,
}

/// Zones of a map of classes.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneFractions {
    /// `[zone][class]`; the fractions of a zone add up to 1.
    pub zones: Vec<Vec<ZoneEstimate>>,
    /// What [`ZoneMethod::CorrectedMap`] starts from and how far it corrects it, whether a zone uses it or not.
    pub correction: MapCorrection,
}

/// Gives every zone the area fractions of its classes: direct where the sample allows, else from the models. `map` and `reference`
/// are each unit's class on the map and in truth, `expected` is what the map expects of each stratum.
///
/// Only direct numbers have intervals, which count what was not drawn, as over the whole map ([`ClassIntervals`](crate::ClassIntervals)); their
/// coverage is simulated in `tests/coverage`. Direct numbers rest on the known areas of the strata in the zone, or of the map classes where there is one stratum.
///
/// # Errors
/// Tables that do not fit, or a model that cannot be fitted where it was asked for by name.
pub fn zone_fractions(
    sample: &StratifiedSample,
    map: &[usize],
    reference: &[usize],
    expected: &[ExpectedMatrix],
    zoning: &Zoning,
    settings: &ZoneEstimateSettings,
) -> Result<ZoneFractions, EstimateError> {
    if settings.method == ZoneMethod::UnitLevel {
        return Err(EstimateError::Empty(Missing::UnitLevelValue));
    }
    let classes = zoning.mapped.first().map_or(0, Vec::len);
    let y: Vec<Vec<f64>> = (0..classes).map(|c| reference.iter().map(|&r| f64::from(r == c)).collect()).collect();
    let corrected = CorrectedMap::fit(sample, map, &y, zoning)?;
    let shares: Vec<Vec<f64>> = zoning.mapped.iter().map(|mapped| fractions(mapped)).collect();
    // A table of what the method does not use would be large where there are many zones and classes.
    let is_any = |methods: &[ZoneMethod]| methods.contains(&settings.method);
    let model = is_any(&[ZoneMethod::Synthetic, ZoneMethod::Composite, ZoneMethod::FayHerriot])
        .then(|| CellModel::fit(sample, map, &y, zoning, VariableKind::Fraction))
        .transpose()?;
    let of_classes = |methods: &[ZoneMethod], modelled: &dyn Fn(&CellModel, usize, usize) -> Modelled| {
        let zone = |model: &CellModel, z| (0..classes).map(|c| modelled(model, z, c)).collect();
        let model = model.as_ref().filter(|_| is_any(methods));
        model.map_or_else(Vec::new, |model| (0..shares.len()).map(|z| zone(model, z)).collect())
    };
    let surveyed = ClassIntervals { sample, map, reference, expected, draws: settings.draws, level: settings.level };
    let direct = DirectFractions::new(surveyed, &y, zoning)?;
    let counts = zoning.counts();
    let own = |z: usize| match settings.method {
        ZoneMethod::Direct | ZoneMethod::FayHerriot => direct.zone(z),
        ZoneMethod::Auto if counts[z] >= settings.min_units => direct.zone(z),
        _ => Ok(None),
    };
    let tables = Tables {
        synthetic: of_classes(&[ZoneMethod::Synthetic, ZoneMethod::FayHerriot], &|m, z, c| m.synthetic(&shares[z], c)),
        composite: of_classes(&[ZoneMethod::Composite], &|m, z, c| m.composite(z, &shares[z], c)),
        fallback: (ZoneMethod::CorrectedMap, (0..shares.len()).map(|z| corrected.zone(z)).collect()),
        direct: (0..shares.len()).into_par_iter().map(own).collect::<Result<_, _>>()?,
        counts: counts.clone(),
        kind: VariableKind::Fraction,
    };
    let mut found = tables.choose(settings)?;
    found.par_iter_mut().enumerate().try_for_each(|(z, row)| {
        if row.iter().any(|e| e.method == ZoneMethod::Direct) {
            let part = direct.part(z)?;
            for (c, e) in row.iter_mut().enumerate() {
                e.interval = part.as_ref().map_or(Ok(e.interval), |part| part.interval(c, &e.estimate))?;
            }
        }
        add_up(row);
        Ok::<(), EstimateError>(())
    })?;
    Ok(ZoneFractions { zones: found, correction: corrected.correction })
}

/// Gives every zone its mean of a value `y`. `predicted` is the map at each unit, `map_means` the map's mean in each zone.
///
/// # Errors
/// Tables that do not fit, or a model that cannot be fitted where it was asked for by name.
pub fn zone_means(
    sample: &StratifiedSample,
    y: &[f64],
    predicted: &[f64],
    map_means: &[f64],
    zoning: &Zoning,
    settings: &ZoneEstimateSettings,
) -> Result<Vec<ZoneEstimate>, EstimateError> {
    same_length("the zones' means", map_means.len(), zoning.mapped.len())?;
    same_length("the predictions", predicted.len(), y.len())?;
    match settings.method {
        ZoneMethod::UnitLevel => return unit_level_means(sample, y, predicted, map_means, zoning),
        ZoneMethod::CorrectedMap => return Err(EstimateError::Empty(Missing::ClassToCorrect)),
        _ => {}
    }
    let errors: Vec<f64> = y.iter().zip(predicted).map(|(y, f)| y - f).collect();
    let one = Zoning { mapped: zoning.mapped.iter().map(|m| vec![m.iter().sum()]).collect(), ..zoning.clone() };
    let model = CellModel::fit(sample, &vec![0; sample.len()], &[errors], &one, VariableKind::Value)?;
    let shifted = |z: usize, m: Modelled| vec![Modelled { value: map_means[z] + m.value, ..m }];
    let composite: Vec<_> = (0..map_means.len()).map(|z| shifted(z, model.composite(z, &[1.0], 0))).collect();
    let tables = Tables {
        synthetic: (0..map_means.len()).map(|z| shifted(z, model.synthetic(&[1.0], 0))).collect(),
        fallback: (ZoneMethod::Composite, composite.clone()),
        composite,
        direct: direct(sample, y, zoning)?
            .into_iter()
            .map(|e| e.map(|e| Direct { estimates: vec![e], error: e.standard_error, basis: DirectBasis::Weights }))
            .collect(),
        counts: zoning.counts(),
        kind: VariableKind::Value,
    };
    Ok(tables.choose(settings)?.into_iter().flatten().collect())
}

/// The unit-level model. A unit belongs to the zone that holds most of its cell; units outside all zones are left out.
fn unit_level_means(
    sample: &StratifiedSample,
    y: &[f64],
    predicted: &[f64],
    map_means: &[f64],
    zoning: &Zoning,
) -> Result<Vec<ZoneEstimate>, EstimateError> {
    let main = |of: &Vec<(usize, f64)>| of.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map(|(zone, _)| *zone);
    let unit =
        |(u, of): (usize, &Vec<(usize, f64)>)| Some(UnitInput { area: main(of)?, y: y[u], x: vec![1.0, predicted[u]] });
    let units: Vec<UnitInput> = zoning.membership.iter().enumerate().filter_map(unit).collect();
    let cells: u64 = sample.strata().iter().map(|s| s.population).sum();
    let cells_per_area = cells as f64 / sample.area();
    let area = |(mean, mapped): (&f64, &Vec<f64>)| {
        let area: f64 = mapped.iter().sum();
        let population = if sample.is_finite() { (area * cells_per_area).round().max(1.0) as u64 } else { u64::MAX };
        // A zone without area has no mean and no published estimate.
        AreaTotals { x_mean: vec![1.0, if area > 0.0 { *mean } else { 0.0 }], population }
    };
    let areas: Vec<AreaTotals> = map_means.iter().zip(&zoning.mapped).map(area).collect();
    let found = unit_level(&units, &areas)?;
    let estimates = found.means.iter().zip(&found.mses).zip(zoning.counts());
    let finish = |((value, mse), n): ((&f64, &f64), usize)| {
        finish_model(*value, Some(*mse), n, ZoneMethod::UnitLevel, VariableKind::Value)
    };
    Ok(estimates.map(finish).collect())
}

/// The candidates of the method, `[zone][class]`.
struct Tables {
    synthetic: Vec<Vec<Modelled>>,
    composite: Vec<Vec<Modelled>>,
    /// What a zone gets whose own units are too few.
    fallback: (ZoneMethod, Vec<Vec<Modelled>>),
    direct: Vec<Option<Direct>>,
    counts: Vec<usize>,
    kind: VariableKind,
}

impl Tables {
    fn choose(&self, settings: &ZoneEstimateSettings) -> Result<Vec<Vec<ZoneEstimate>>, EstimateError> {
        let zones = 0..self.counts.len();
        if settings.method == ZoneMethod::FayHerriot {
            return self.fay_herriot();
        }
        Ok(zones.map(|z| self.zone(z, settings)).collect())
    }

    fn zone(&self, z: usize, settings: &ZoneEstimateSettings) -> Vec<ZoneEstimate> {
        let modelled = |method: ZoneMethod| -> Vec<ZoneEstimate> {
            let of = match method {
                ZoneMethod::Synthetic => &self.synthetic[z],
                ZoneMethod::Composite => &self.composite[z],
                _ => &self.fallback.1[z],
            };
            of.iter().map(|m| finish_model(m.value, m.mse, self.counts[z], method, self.kind)).collect()
        };
        let own = self.direct[z].as_ref();
        let direct =
            |own: &Direct| own.estimates.iter().map(|e| finish_direct(*e, own.basis, settings.level)).collect();
        match (settings.method, own) {
            (ZoneMethod::Synthetic | ZoneMethod::Composite, _) => modelled(settings.method),
            (ZoneMethod::Direct, Some(own)) => direct(own),
            (ZoneMethod::Auto, Some(own)) if self.direct_will_do(z, own, settings) => direct(own),
            _ => modelled(self.fallback.0),
        }
    }

    /// The zone's own units are enough, and for classes the corrected map would do no better; of a value the composite's error may stand in for
    /// the CV. From fewer units the error is itself uncertain. Of classes neither the error by the variances over the whole sample nor the
    /// published one may exceed the CV.
    fn direct_will_do(&self, z: usize, own: &Direct, settings: &ZoneEstimateSettings) -> bool {
        let error = own.error;
        if self.counts[z] < settings.min_units || error <= 0.0 {
            return false;
        }
        let published: f64 = own.estimates.iter().map(|e| e.standard_error).sum();
        let model: Option<f64> = self.fallback.1[z].iter().map(|m| m.mse.map(f64::sqrt)).sum();
        let no_better = model.is_none_or(|m| m >= error);
        match self.kind {
            VariableKind::Fraction => error.max(published) <= settings.max_cv && no_better,
            VariableKind::Value => {
                let size: f64 = own.estimates.iter().map(|e| e.value.abs()).sum();
                error <= settings.max_cv * size || no_better
            }
        }
    }

    /// Each class by itself; sampling variances are smoothed over zones.
    fn fay_herriot(&self) -> Result<Vec<Vec<ZoneEstimate>>, EstimateError> {
        let classes = self.synthetic.first().map_or(0, Vec::len);
        let mut found = vec![Vec::with_capacity(classes); self.counts.len()];
        for c in 0..classes {
            let own: Vec<Option<Estimate>> = self.direct.iter().map(|d| d.as_ref().map(|d| d.estimates[c])).collect();
            let other: Vec<f64> = self.synthetic.iter().map(|s| s[c].value).collect();
            let smooth = smoothed_variances(&own, &other, self.kind);
            for (z, (value, mse)) in area_model(&own, &other, &smooth)?.into_iter().enumerate() {
                let n = self.counts[z];
                found[z].push(finish_model(value, Some(mse), n, ZoneMethod::FayHerriot, self.kind));
            }
        }
        Ok(found)
    }
}

/// With the interval of the zone's moments, which its [`ZonePart`] or the [tails](crate::Tails) of its map replace.
fn finish_direct(own: Estimate, basis: DirectBasis, level: f64) -> ZoneEstimate {
    let interval = mean_interval(&Estimate { degrees: own.degrees.min(own.n as f64 - 1.0), ..own }, level);
    ZoneEstimate { estimate: own, interval, error_known: true, method: ZoneMethod::Direct, basis: Some(basis) }
}

/// A model's mean squared error holds on average over zones: no interval is claimed for one of them. (Simulated,
/// `tests/coverage`, twice the error to either side holds the truth in 84 to 96 % of cases, and in far fewer where a
/// zone is unlike the others.)
fn finish_model(value: f64, mse: Option<f64>, n: usize, method: ZoneMethod, kind: VariableKind) -> ZoneEstimate {
    let variance = mse.unwrap_or(0.0);
    let estimate = match kind {
        VariableKind::Value => Estimate::plain(value, variance, n),
        VariableKind::Fraction => Estimate::fraction(value.clamp(0.0, 1.0), variance, n),
    };
    let interval = Interval { low: estimate.value, high: estimate.value, method: IntervalMethod::None };
    // A model fitted to a sample without errors cannot estimate their size.
    ZoneEstimate { estimate, interval, error_known: variance > 0.0, method, basis: None }
}

/// Scales the fractions of a zone so that they add up to 1: direct and composite ones do, Fay-Herriot's, made class by
/// class, do not.
fn add_up(row: &mut [ZoneEstimate]) {
    let sum: f64 = row.iter().map(|e| e.estimate.value).sum();
    if sum <= 0.0 || (sum - 1.0).abs() < 1e-12 {
        return;
    }
    for e in row {
        e.estimate = e.estimate.scaled(1.0 / sum);
        e.interval = e.interval.scaled(1.0 / sum);
        e.interval.high = e.interval.high.min(1.0);
    }
}
