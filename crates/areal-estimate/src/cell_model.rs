//! A model of how the map's errors differ between zones.

use std::collections::BTreeMap;

use crate::cell_sums::{CellSums, Column, overall};
use crate::error::{EstimateError, same_length};
use crate::stratified::StratifiedSample;
use crate::zone_estimates::VariableKind;
use crate::zoning::Zoning;

/// How the map's errors differ between zones: a model of the cells of the table zone by map class.
///
/// Within map class `k` of zone `z`, the fraction of the area that is really class `c` is `p_zkc`. Over zones it varies about
/// the rate `r_kc` of the whole sample with variance `rho r (1 - r)`: the beta-binomial (Dirichlet-multinomial) model of
/// overdispersed fractions (Rao and Molina 2015, Small Area Estimation, 2nd ed., section 9.5.1; Mosimann 1962, Biometrika
/// 49:65), with one intraclass correlation `rho` for all cells, by analysis of variance (Weir and Hill 2002, Annual Review
/// of Genetics 36:721). For a value the cells are the zones, and it is the nested-error model without covariates
/// (Battese, Harter and Fuller 1988). Cells count with their effective number of units (Kish 1965, section 11.7).
#[derive(Debug, Clone)]
pub struct CellModel {
    kind: VariableKind,
    /// For each group the zones that have units of it. A table of zones, groups and variables would be large where there are many of each.
    cells: Vec<BTreeMap<usize, Cell>>,
    groups: Vec<Group>,
    rho: Option<f64>,
}

/// Units of a map class in a zone.
#[derive(Debug, Clone)]
struct Cell {
    /// Effective number of units.
    n: f64,
    /// The part that is not labelled.
    open: f64,
    /// Mean of each variable.
    means: Vec<f64>,
}

/// One map class over the whole sample.
#[derive(Debug, Clone)]
struct Group {
    /// Rate of each variable.
    rates: Vec<f64>,
    /// The same, drawn towards the whole sample by one unit: never a claim to be without error.
    smooth: Vec<f64>,
    /// Variance of one unit, by variable; of a value drawn towards that of all groups by one unit.
    spread: Vec<f64>,
    /// Fraction of the sample's weight.
    share: f64,
    /// Effective units.
    n: f64,
    /// `sum over cells (n_z / n)^2`: how concentrated the units are in few zones.
    concentration: f64,
}

/// A model-based estimate of a zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Modelled {
    /// The estimate.
    pub value: f64,
    /// Its mean squared error; `None` where the correlation is unknown.
    pub mse: Option<f64>,
}

/// Degrees of freedom between zones (zones with units less one, over the map classes) that the correlation must rest on.
pub const MIN_BETWEEN: usize = 8;

impl CellModel {
    /// Fits the model. `group` is the map class of each unit (all 0 for a value) and `y[variable][unit]` an indicator of
    /// each class, or the map's errors.
    ///
    /// # Errors
    /// Tables that do not fit.
    pub fn fit(
        sample: &StratifiedSample,
        group: &[usize],
        y: &[Vec<f64>],
        zoning: &Zoning,
        kind: VariableKind,
    ) -> Result<Self, EstimateError> {
        same_length("the map classes", group.len(), sample.len())?;
        same_length("the zones of the units", zoning.membership.len(), sample.len())?;
        same_length("the fractions of the units in zones", zoning.inside.len(), sample.len())?;
        for y in y {
            same_length("the variable", y.len(), sample.len())?;
        }
        let zones = zoning.mapped.len();
        let count = zoning.mapped.first().map_or(0, Vec::len);
        // One more zone for the ground outside all zones: its units count for the rates, too.
        let mut cells: Vec<Column> = vec![Column::new(); count];
        for (u, weight) in sample.weights().into_iter().enumerate() {
            let Some(column) = cells.get_mut(group[u]) else {
                let (unit, value) = (u.to_string(), group[u].to_string());
                return Err(EstimateError::Unknown { unit, what: "map class", value });
            };
            let mut add = |zone: usize, weight: f64, area: f64| {
                let sums = column.entry(zone).or_insert_with(|| CellSums::new(y.len()));
                sums.add(weight, area, |c| y[c][u]);
            };
            for &(z, f) in &zoning.membership[u] {
                add(z, weight * f, sample.unit_area(u) * f);
            }
            add(zones, weight * (1.0 - zoning.inside[u]), 0.0);
        }
        let overall = overall(&cells, y.len());
        let mut groups: Vec<Group> = (0..count).map(|k| Group::new(&cells, k, &overall, kind)).collect();
        if kind == VariableKind::Value {
            smooth_spreads(&mut groups);
        }
        let rho = correlation(&cells, &groups);
        let cell = |(k, (&z, s)): (usize, (&usize, &CellSums))| {
            let mapped = zoning.mapped[z][k];
            let open = if sample.is_finite() && mapped > 0.0 { (1.0 - s.area / mapped).clamp(0.0, 1.0) } else { 1.0 };
            (z, Cell { n: s.n(), open, means: s.means() })
        };
        let column = |(k, sums): (usize, &Column)| sums.range(..zones).map(|s| cell((k, s))).collect();
        Ok(Self { kind, cells: cells.iter().enumerate().map(column).collect(), groups, rho })
    }

    /// The intraclass correlation of the map's errors within zones; `None` with too few zones.
    pub fn correlation(&self) -> Option<f64> {
        self.rho
    }

    /// Synthetic estimate of a variable in a zone whose area splits among the map classes as `fractions`: the rates of the
    /// whole sample (Rao and Molina 2015, section 3.2.2). The mean squared error holds the variance of the rates and the
    /// bias, `rho r (1 - r)` a class, as it is on average over zones (as Gonzalez and Waksberg 1973 estimate it; Marker
    /// 1995, doctoral thesis, University of Michigan; Rao and Molina 2015, eq. 3.2.16).
    pub fn synthetic(&self, fractions: &[f64], variable: usize) -> Modelled {
        let value = self.sum(fractions, |g, _| g.rates[variable]);
        let mse = self.rho.map(|rho| {
            let each = |g: &Group| g.spread[variable] * rho + g.variance(rho, variable);
            fractions.iter().zip(&self.groups).map(|(m, g)| m * m * each(g)).sum()
        });
        Modelled { value, mse }
    }

    /// Composite estimate: in each map class the zone's own rate and the whole sample's, weighted `n : (1 - rho) / rho` (Rao
    /// and Molina 2015, section 9.5.1). Over classes it adds up to the zone. The mean squared error is the posterior
    /// variance, less what is labelled, plus that of the rates.
    pub fn composite(&self, zone: usize, fractions: &[f64], variable: usize) -> Modelled {
        // Without a correlation the zone's own units have no weight.
        let rho = self.rho.unwrap_or(0.0);
        let own = |k: usize| {
            let cell = self.cells[k].get(&zone);
            let (n, mean) = cell.map_or((0.0, 0.0), |cell| (cell.n, cell.means[variable]));
            (weight(n, rho), mean)
        };
        let value = self.sum(fractions, |g, k| {
            let (w, mean) = own(k);
            w * mean + (1.0 - w) * g.rates[variable]
        });
        let mse = self.rho.map(|rho| {
            let each = |(k, g): (usize, &Group)| {
                let (n, open) = self.cells[k].get(&zone).map_or((0.0, 1.0), |cell| (cell.n, cell.open));
                let prior = (1.0 - rho) / rho.max(MIN_RHO);
                let (w, mean) = own(k);
                let spread = match self.kind {
                    VariableKind::Fraction => {
                        let p = w * mean + (1.0 - w) * g.smooth[variable];
                        p * (1.0 - p) / (n + prior + 1.0)
                    }
                    VariableKind::Value => g.spread[variable] * (1.0 - rho) / (n + prior),
                };
                open * spread + (1.0 - w).powi(2) * g.variance(rho, variable)
            };
            fractions.iter().zip(self.groups.iter().enumerate()).map(|(m, g)| m * m * each(g)).sum()
        });
        Modelled { value, mse }
    }

    /// How far the sample shows means that are not zero, over all variables: of the map's errors.
    pub(crate) fn evidence(&self) -> Evidence {
        let mut found = Evidence { together: 0.0, by_group: 0.0, variance: 0.0 };
        for c in 0..self.groups.first().map_or(0, |g| g.rates.len()) {
            let parts = || self.groups.iter().map(move |g| g.share * g.rates[c]);
            found.together += parts().sum::<f64>().powi(2);
            found.by_group += parts().map(|part| part * part).sum::<f64>();
            found.variance += self.groups.iter().map(|g| g.share * g.share * g.variance(0.0, c)).sum::<f64>();
        }
        found
    }

    /// Mean of a variable in a group over the whole sample.
    pub(crate) fn rate(&self, group: usize, variable: usize) -> f64 {
        self.groups[group].rates[variable]
    }

    /// Mean squared error of `trust` times the mean `value` of a variable that is presumed to be zero (of the map's errors), in a zone
    /// whose area splits among the groups as `fractions`: the variance of what is corrected, the square of what is left (no less than the
    /// sample could prove), and the spread over zones by this correlation. A net error is no larger than the `sizes` of the errors that it is the net
    /// of. Few zones with few errors tell little of their correlation: the deviation over zones in a group is presumed to be at most
    /// [`UNEVENNESS`] times the size of the errors there.
    pub(crate) fn corrected_mse(
        &self,
        fractions: &[f64],
        variable: usize,
        (value, trust, rho): (f64, f64, f64),
        sizes: &[f64],
    ) -> f64 {
        let over = |each: &dyn Fn(&Group) -> f64| -> f64 {
            fractions.iter().zip(&self.groups).map(|(m, g)| m * m * each(g)).sum()
        };
        let most: f64 = fractions.iter().zip(sizes).map(|(m, size)| m * size).sum();
        let left = (value * value).max(over(&|g| g.variance(0.0, variable))).min(most * most);
        let corrected = trust * trust * over(&|g| g.variance(rho, variable));
        let between = fractions.iter().zip(&self.groups).zip(sizes);
        let each = |((m, g), size): ((&f64, &Group), &f64)| {
            m * m * (g.spread[variable] * rho).min((UNEVENNESS * size).powi(2))
        };
        let between: f64 = between.map(each).sum();
        corrected + (1.0 - trust).powi(2) * left + between
    }

    fn sum(&self, fractions: &[f64], rate: impl Fn(&Group, usize) -> f64) -> f64 {
        fractions.iter().zip(self.groups.iter().enumerate()).map(|(m, (k, g))| m * rate(g, k)).sum()
    }
}

/// Squares of the means that a sample shows, and what chance alone gives.
pub(crate) struct Evidence {
    /// Of all groups together.
    pub together: f64,
    /// Each group by itself, summed.
    pub by_group: f64,
    /// Sampling variance of either.
    pub variance: f64,
}

/// Deviation of a map's net errors over zones that is presumed at most, over the size of its errors. That of maps that err up to three times as often in
/// one zone as in another is .3; with less than .65 the error of a map that errs nine times as often in four of sixteen zones was claimed too small.
const UNEVENNESS: f64 = 0.7;

/// With a correlation of 0, the weight of the zone's own units would be 0/0.
const MIN_RHO: f64 = 1e-4;

/// Weight of a cell's own `n` units.
fn weight(n: f64, rho: f64) -> f64 {
    if n > 0.0 { n / (n + (1.0 - rho) / rho.max(MIN_RHO)) } else { 0.0 }
}

impl Group {
    fn new(cells: &[Column], k: usize, overall: &[f64], kind: VariableKind) -> Self {
        let column = || cells[k].values();
        let weight: f64 = column().map(|s| s.weight).sum();
        let n: f64 = column().map(CellSums::n).sum();
        let concentration = column().map(|s| s.n() * s.n()).sum::<f64>() / (n * n).max(f64::MIN_POSITIVE);
        let all: f64 = cells.iter().flat_map(BTreeMap::values).map(|s| s.weight).sum();
        let mean = |c: usize| column().map(|s| s.first[c]).sum::<f64>() / weight;
        // A map class without a unit is assumed to be right; the caller warns of it.
        let assumed = |c: usize| f64::from(kind == VariableKind::Fraction && c == k);
        let rates: Vec<f64> = (0..overall.len()).map(|c| if weight > 0.0 { mean(c) } else { assumed(c) }).collect();
        let smooth: Vec<f64> =
            rates.iter().zip(overall).map(|(r, o)| (r * n.max(1.0) + o) / (n.max(1.0) + 1.0)).collect();
        let spread = |c: usize| match kind {
            VariableKind::Fraction => smooth[c] * (1.0 - smooth[c]),
            VariableKind::Value if weight <= 0.0 => 0.0,
            VariableKind::Value => {
                let second = column().map(|s| s.second[c]).sum::<f64>() / weight;
                (second - rates[c] * rates[c]).max(0.0) * n / (n - 1.0).max(1.0)
            }
        };
        let spread = (0..overall.len()).map(spread).collect();
        Self { spread, share: weight / all, rates, smooth, n, concentration }
    }

    /// Variance of the rate of a variable: of its units, and of the zones that they happen to lie in.
    fn variance(&self, rho: f64, variable: usize) -> f64 {
        self.spread[variable] * ((1.0 - rho) / self.n.max(1.0) + rho * self.concentration)
    }
}

/// Shrinks the group variances towards their mean with the weight of one unit, so that a small homogeneous group has a positive variance.
fn smooth_spreads(groups: &mut [Group]) {
    for c in 0..groups.first().map_or(0, |g| g.spread.len()) {
        let mean: f64 = groups.iter().map(|g| g.share * g.spread[c]).sum();
        for g in groups.iter_mut() {
            g.spread[c] = (g.n * g.spread[c] + mean) / (g.n + 1.0);
        }
    }
}

/// The correlation by analysis of variance, pooled over map classes and variables; never below 0.
fn correlation(cells: &[Column], groups: &[Group]) -> Option<f64> {
    let (mut between, mut within, mut degrees, mut inner, mut sizes) = (0.0, 0.0, 0usize, 0.0, 0.0);
    for (k, group) in groups.iter().enumerate() {
        let column: Vec<&CellSums> = cells[k].values().filter(|s| s.weight > 0.0).collect();
        if column.len() < 2 {
            continue;
        }
        let n: f64 = column.iter().map(|s| s.n()).sum();
        let centre = |c: usize| column.iter().map(|s| s.n() * s.first[c] / s.weight).sum::<f64>() / n;
        let centres: Vec<f64> = (0..group.rates.len()).map(centre).collect();
        for s in &column {
            let apart: f64 = s.means().iter().zip(&centres).map(|(a, b)| (a - b).powi(2)).sum();
            between += s.n() * apart;
            within += s.within();
            inner += s.n() - 1.0;
        }
        degrees += column.len() - 1;
        sizes += n - column.iter().map(|s| s.n() * s.n()).sum::<f64>() / n;
    }
    if degrees < MIN_BETWEEN || inner < 1.0 {
        return None;
    }
    if between + within <= 0.0 {
        // The sample contains no error, so there is nothing to correlate.
        return Some(0.0);
    }
    let (msb, msw, size) = (between / degrees as f64, within / inner, sizes / degrees as f64);
    Some(((msb - msw) / (msb + (size - 1.0) * msw)).clamp(0.0, 1.0))
}
