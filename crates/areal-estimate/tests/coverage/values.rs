//! Means of skewed values: several populations, maps and designs, and how often the intervals hold the truth.

use areal_estimate::{
    CellValue, CvLimits, EstimateRow, Estimator, LabelledUnit, Population, Stratum, SurveySample, SurveySettings,
    Tails, ValueSurvey, ValueZone, ZoneEstimateSettings, ZoneMethod, estimate_value, normal_interval,
};
use rand::seq::index::sample as draw;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, StandardNormal};

use crate::run::{LEVEL, PARTS, in_parts};

const CELLS: usize = 27_000;
pub const ZONES: usize = 16;

/// Values of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Wealth, lognormal.
    Wealth,
    /// The same, more unequal.
    Unequal,
    /// Biomass, nothing in 40 % of the cells.
    Biomass,
    /// Biomass, nothing in 90 %.
    Sparse,
    /// Nothing in 98 %.
    Rare,
}

pub const VALUES: [Values; 5] = [Values::Wealth, Values::Unequal, Values::Biomass, Values::Sparse, Values::Rare];

/// Units from which on zones are among the lines: 19 each, and in thin zones five, the fewest that tell how far the map is off there.
pub const ZONES_FROM: usize = 300;
pub const THIN_ZONES_FROM: usize = 80;

/// Number of strata: the whole map, parts of an agency, zones.
pub const STRATA: [usize; 3] = [1, 9, ZONES];

/// One design on one map.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub values: Values,
    /// How much of a value's distance from the mean the map shows: .5, or .1 with noise of three times as much.
    pub signal: f64,
    /// The map's mean over the truth.
    pub level: f64,
    pub strata: usize,
    pub units: usize,
    pub estimator: Estimator,
}

pub struct ValueLine {
    pub case: Case,
    /// `map` or `zone`.
    pub of: &'static str,
    /// 1.96 standard errors to either side, and areal's interval.
    pub coverage: [f64; 2],
    /// How often the truth lies below areal's interval, and above it.
    pub missed: [f64; 2],
    /// Median width over the truth.
    pub width: [f64; 2],
}

struct Land {
    truth: Vec<f64>,
    map: Vec<f64>,
}

impl Land {
    fn new(case: &Case) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(case.values as u64 + 31);
        let gamma = Gamma::new(1.2, 80.0).unwrap();
        let value = |k: usize, rng: &mut ChaCha8Rng| {
            let place = (k as f64 / CELLS as f64 * 9.0).sin();
            let e: f64 = StandardNormal.sample(rng);
            let some = |part: f64, rng: &mut ChaCha8Rng| rng.random::<f64>() < part;
            match case.values {
                Values::Wealth => (0.4 * place + 0.6 * e).exp(),
                Values::Unequal => (0.6 * place + e).exp(),
                Values::Biomass if some(0.6 - 0.25 * place, rng) => gamma.sample(rng),
                Values::Sparse if some(0.1 - 0.08 * place, rng) => gamma.sample(rng),
                Values::Rare if some(0.02, rng) => (4.0 + 0.7 * e).exp(),
                _ => 0.0,
            }
        };
        let truth: Vec<f64> = (0..CELLS).map(|k| value(k, &mut rng)).collect();
        let mean = truth.iter().sum::<f64>() / CELLS as f64;
        let deviation = (truth.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / CELLS as f64).sqrt();
        let noise = if case.signal < 0.3 { 0.3 } else { 0.2 };
        let predicted = |v: &f64| {
            let e: f64 = StandardNormal.sample(&mut rng);
            (case.level * mean + case.signal * (v - mean) + noise * deviation * e).max(0.0)
        };
        let map = truth.iter().map(predicted).collect();
        Self { truth, map }
    }

    /// Mean of the truth, mean of the map and its tails in a part of the cells.
    fn part(&self, part: usize, parts: usize) -> (f64, f64, Tails) {
        let cells: Vec<usize> = (0..CELLS).filter(|k| k * parts / CELLS == part).collect();
        let mean = |of: &[f64]| cells.iter().map(|&k| of[k]).sum::<f64>() / cells.len() as f64;
        let of_map = mean(&self.map);
        let values = || cells.iter().map(|&k| self.map[k]);
        let variance = values().map(|v| (v - of_map).powi(2)).sum::<f64>() / cells.len() as f64;
        let tails = Tails::of(
            of_map,
            variance,
            values().fold(f64::INFINITY, f64::min),
            values().fold(f64::NEG_INFINITY, f64::max),
        );
        (mean(&self.truth), of_map, tails)
    }
}

/// The mean over the map, and those of zones where the sample has so many units.
pub fn simulate(case: Case, zones_from: usize, samples: usize, draws: usize) -> Vec<ValueLine> {
    let land = Land::new(&case);
    let zones: Vec<_> = (0..ZONES).map(|z| land.part(z, ZONES)).collect();
    let parts = in_parts(|part| {
        let mut rng = ChaCha8Rng::seed_from_u64(99 + part);
        (0..samples / PARTS).map(|_| of_sample(&land, &case, &zones, &mut rng, draws)).collect::<Vec<_>>()
    });
    let truth = land.part(0, 1).0;
    let rows: Vec<EstimateRow> = parts.into_iter().flatten().flatten().collect();
    let of_zone = |row: &EstimateRow| zones[row.zone_id.parse::<usize>().unwrap()].0;
    let line = |of, population, truth: &dyn Fn(&EstimateRow) -> f64| {
        let ends = |row: &EstimateRow, method: usize| match method {
            0 => {
                // Units that are all alike tell no error: an interval from it has no width.
                let i = normal_interval(row.estimate.unwrap(), row.standard_error.unwrap_or(0.0), LEVEL);
                [i.low, i.high]
            }
            _ => [row.low.unwrap(), row.high.unwrap()],
        };
        let mine: Vec<&EstimateRow> = rows.iter().filter(|r| r.population == population).collect();
        let holds = |r: &&&EstimateRow, m| {
            let [low, high] = ends(r, m);
            (low..=high).contains(&truth(r))
        };
        let coverage = |m| mine.iter().filter(|r| holds(r, m)).count() as f64 / mine.len() as f64;
        let width = |m| {
            let mut all: Vec<f64> = mine.iter().map(|r| (ends(r, m)[1] - ends(r, m)[0]) / truth(r)).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let share = |n: usize| n as f64 / mine.len() as f64;
        let missed = [
            share(mine.iter().filter(|r| truth(r) < r.low.unwrap()).count()),
            share(mine.iter().filter(|r| truth(r) > r.high.unwrap()).count()),
        ];
        ValueLine { case, of, missed, coverage: std::array::from_fn(coverage), width: std::array::from_fn(width) }
    };
    let mut lines = vec![line("map", Population::Map, &|_| truth)];
    // Zones of the map, where each of them has enough units.
    if case.strata == 1 && case.units >= zones_from && case.estimator == Estimator::Stratified {
        lines.push(line("zone", Population::Zone, &of_zone));
    }
    lines
}

fn of_sample(
    land: &Land,
    case: &Case,
    zones: &[(f64, f64, Tails)],
    rng: &mut ChaCha8Rng,
    draws: usize,
) -> Vec<EstimateRow> {
    let parts = case.strata;
    let mut units = Vec::new();
    for h in 0..parts {
        let first = (h * CELLS).div_ceil(parts);
        let size = ((h + 1) * CELLS).div_ceil(parts) - first;
        for k in draw(rng, size, (case.units / parts).max(2)) {
            let cell = first + k;
            units.push(LabelledUnit {
                stratum: h,
                area: 1.0,
                mapped: CellValue::Number(land.map[cell]),
                reference: CellValue::Number(land.truth[cell]),
                probabilities: Vec::new(),
                group: 0,
                zones: vec![(cell * ZONES / CELLS, 1.0)],
                in_zones: 1.0,
                in_training: false,
            });
        }
    }
    let size = |h: usize| (((h + 1) * CELLS).div_ceil(parts) - (h * CELLS).div_ceil(parts)) as u64;
    let stratum = |h: usize| Stratum { name: h.to_string(), population: size(h), area: size(h) as f64 };
    let zone = |id: String, area: f64, (_, map_mean, tails): (f64, f64, Tails)| ValueZone {
        id,
        name: String::new(),
        area,
        map_mean,
        tails,
    };
    let (_, map_mean, tails) = land.part(0, 1);
    let area = CELLS as f64 / ZONES as f64;
    let survey = ValueSurvey {
        name: "value".into(),
        unit: String::new(),
        sample: SurveySample {
            strata: (0..parts).map(stratum).collect(),
            population: Population::Map,
            pools: Vec::new(),
            expected: Vec::new(),
            units,
            designed: true,
        },
        map_mean,
        map_least: land.map.iter().copied().fold(f64::INFINITY, f64::min),
        tails: (0..parts).map(|h| land.part(h, parts).2).collect(),
        zones: zones.iter().enumerate().map(|(z, of)| zone(z.to_string(), area, *of)).collect(),
        together: zone(String::new(), CELLS as f64, (0.0, map_mean, tails)),
    };
    let settings = SurveySettings {
        estimator: case.estimator,
        level: LEVEL,
        finite: true,
        zones: ZoneEstimateSettings { method: ZoneMethod::Direct, min_units: 5, max_cv: 9.0, level: LEVEL, draws },
        limits: CvLimits::new(0.165, 0.333).unwrap(),
        draws,
        benchmark: false,
    };
    let rows = estimate_value(&survey, &settings).unwrap().rows;
    rows.into_iter().filter(|r| r.population == Population::Map || r.method == "direct").collect()
}

pub fn print(lines: &[ValueLine]) -> String {
    let mut text = String::from("values,map,strata,units,estimator,of,normal_coverage,coverage,normal_width,width\n");
    for l in lines {
        let Case { values, signal, level, strata, units, estimator } = l.case;
        let map = match (signal < 0.3, level > 1.0) {
            (_, true) => "raised",
            (true, _) => "noise",
            _ => "shrunk",
        };
        let ([a, b], [c, d]) = (l.coverage, l.width);
        text += &format!("{values:?},{map},{strata},{units},{estimator},{},{a:.4},{b:.4},{c:.3},{d:.3}\n", l.of);
    }
    text
}

/// Zones with the sides on which their intervals miss.
pub fn print_zones(lines: &[ValueLine]) -> String {
    let mut text =
        String::from("values,map,units_a_zone,normal_coverage,coverage,truth_below,truth_above,normal_width,width\n");
    for l in lines.iter().filter(|l| l.of == "zone") {
        let map = if l.case.signal < 0.3 { "noise" } else { "shrunk" };
        let ([a, b], [below, above], [c, d]) = (l.coverage, l.missed, l.width);
        let head = format!("{:?},{map},{}", l.case.values, l.case.units / ZONES);
        text += &format!("{head},{a:.4},{b:.4},{below:.4},{above:.4},{c:.3},{d:.3}\n");
    }
    text
}

/// Intervals of thin zones hold where the map shows half of the values, whichever side is long, and their long side is not too long.
#[track_caller]
pub fn check_zones(lines: &[ValueLine], slack: f64) {
    for l in lines.iter().filter(|l| l.of == "zone" && l.case.signal > 0.3) {
        assert!(l.coverage[1] >= 0.91 - slack, "{:?}: {:?}", l.case, l.coverage);
    }
}

/// The intervals hold, but where the sample is too small to hold the values that make up the mean and the map does not show them. Few samples of
/// a run leave the coverage itself uncertain by `slack`.
#[track_caller]
pub fn check(lines: &[ValueLine], slack: f64) {
    for l in lines.iter().filter(|l| !l.case.cannot_be_known(l.of)) {
        assert!(l.coverage[1] >= 0.91 - slack, "{} of {:?}: {:?}", l.of, l.case, l.coverage);
    }
}

impl Case {
    /// With fewer than six units expected that are not zero, and a map that shows nothing of them, no interval knows how large they are.
    pub fn cannot_be_known(&self, of: &str) -> bool {
        let units = if of == "zone" { self.units / ZONES } else { self.units } as f64;
        let some = match self.values {
            Values::Sparse => 0.1,
            Values::Rare => 0.02,
            _ => 1.0,
        };
        units * some < 6.0
    }
}
