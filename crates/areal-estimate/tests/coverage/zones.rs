//! Coverage in zones: a map whose errors differ from zone to zone, samples of several designs, every zone method.

use areal_estimate::{IntervalMethod, ZoneMethod, ZoneSettings, Zoning, zone_shares};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::landscape::{CLASSES, Landscape, SIDE, ZONES};
use crate::run::{Drawn, LEVEL, stratified};

/// One zone method under one design, over all zones, classes and samples.
#[derive(Default)]
pub struct ZoneLine {
    pub design: &'static str,
    pub method: String,
    /// Share of the intervals claimed that hold the truth.
    pub coverage: f64,
    /// Share of numbers that claim an interval.
    pub claimed: f64,
    /// Share of numbers that lie within 1.96 of their error of the truth, claimed or not.
    pub within: f64,
    /// Root mean squared error of the shares.
    pub error: f64,
    /// What the standard errors say it is.
    pub said: f64,
    /// Coverage in the zone where it is least.
    pub worst_zone: f64,
}

const METHODS: [ZoneMethod; 5] =
    [ZoneMethod::Auto, ZoneMethod::Direct, ZoneMethod::Synthetic, ZoneMethod::Composite, ZoneMethod::FayHerriot];

/// Strata, units in each and pools of a design.
struct Design {
    name: &'static str,
    strata: Vec<Vec<usize>>,
    n: Vec<usize>,
    pools: Vec<usize>,
}

/// Proportional allocation with a least number, like `areal sample`.
fn allocate(strata: &[Vec<usize>], n: usize, least: usize) -> Vec<usize> {
    let total: usize = strata.iter().map(Vec::len).sum();
    strata.iter().map(|s| (n * s.len() / total).max(least).min(s.len())).collect()
}

fn split(count: usize, of: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
    let mut strata = vec![Vec::new(); count];
    for k in 0..SIDE * SIDE {
        strata[of(k)].push(k);
    }
    strata
}

fn designs(land: &Landscape) -> Vec<Design> {
    let by_class = split(CLASSES, |k| land.map[k]);
    let both: Vec<Vec<usize>> = split(ZONES * CLASSES, |k| Landscape::zone(k) * CLASSES + land.map[k]);
    let whole = split(1, |_| 0);
    let alone = |n: usize| (0..n).collect();
    // Empty strata are no strata.
    let pools: Vec<usize> = (0..both.len()).filter(|h| !both[*h].is_empty()).map(|h| h % CLASSES).collect();
    let both: Vec<Vec<usize>> = both.into_iter().filter(|s| !s.is_empty()).collect();
    vec![
        Design { name: "classes, 600", n: allocate(&by_class, 600, 50), pools: alone(CLASSES), strata: by_class },
        Design { name: "both, 900", n: allocate(&both, 900, 2), pools: pools.clone(), strata: both.clone() },
        Design { name: "both, 300", n: allocate(&both, 300, 2), pools, strata: both },
        Design { name: "whole, 800", n: vec![800], pools: alone(1), strata: whole },
    ]
}

#[derive(Default)]
struct Sums {
    covered: usize,
    claimed: usize,
    within: usize,
    all: usize,
    squares: f64,
    said: f64,
}

pub fn simulate(samples: usize) -> Vec<ZoneLine> {
    let land = Landscape::uneven(11);
    let mut rng = ChaCha8Rng::seed_from_u64(2025);
    let (mapped, truth) = tables(&land);
    let mut lines = Vec::new();
    for design in designs(&land) {
        let mut sums: Vec<Vec<Sums>> = METHODS.iter().map(|_| (0..ZONES).map(|_| Sums::default()).collect()).collect();
        for _ in 0..samples {
            let drawn = stratified(&mut rng, &design.strata, &design.n);
            let drawn = Drawn { sample: drawn.sample.pooled(design.pools.clone()).unwrap(), ..drawn };
            for (method, sums) in METHODS.iter().zip(&mut sums) {
                one(&land, &drawn, *method, &mapped, &truth, sums);
            }
        }
        lines.extend(METHODS.iter().zip(&sums).map(|(method, zones)| line(design.name, *method, zones)));
    }
    lines
}

/// Mapped cells and true share by zone and class.
fn tables(land: &Landscape) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let (mut mapped, mut truth) = (vec![vec![0.0; CLASSES]; ZONES], vec![vec![0.0; CLASSES]; ZONES]);
    for k in 0..SIDE * SIDE {
        mapped[Landscape::zone(k)][land.map[k]] += 1.0;
        truth[Landscape::zone(k)][land.truth[k]] += ZONES as f64 / (SIDE * SIDE) as f64;
    }
    (mapped, truth)
}

fn one(
    land: &Landscape,
    drawn: &Drawn,
    method: ZoneMethod,
    mapped: &[Vec<f64>],
    truth: &[Vec<f64>],
    sums: &mut [Sums],
) {
    let zoning = Zoning {
        membership: drawn.cells.iter().map(|&k| vec![(Landscape::zone(k), 1.0)]).collect(),
        mapped: mapped.to_vec(),
    };
    let at = |table: &[usize]| drawn.cells.iter().map(|&k| table[k]).collect::<Vec<_>>();
    let settings = ZoneSettings { method, least_units: 30, greatest_cv: 0.333, level: LEVEL };
    let found = zone_shares(&drawn.sample, &at(&land.map), &at(&land.truth), &zoning, &settings).unwrap();
    for (z, row) in found.iter().enumerate() {
        for (c, e) in row.iter().enumerate() {
            let claims = e.interval.method != IntervalMethod::None;
            sums[z].all += 1;
            sums[z].claimed += usize::from(claims);
            sums[z].covered += usize::from(claims && e.interval.covers(truth[z][c]));
            let error = (e.estimate.value - truth[z][c]).abs();
            sums[z].within += usize::from(error <= 1.959_964 * e.estimate.standard_error);
            sums[z].squares += error * error;
            sums[z].said += e.estimate.standard_error.powi(2);
        }
    }
}

fn line(design: &'static str, method: ZoneMethod, zones: &[Sums]) -> ZoneLine {
    let sum = |f: &dyn Fn(&Sums) -> f64| zones.iter().map(f).sum::<f64>();
    let (all, claimed) = (sum(&|s| s.all as f64), sum(&|s| s.claimed as f64));
    let of_zone = |s: &Sums| if s.claimed > 0 { s.covered as f64 / s.claimed as f64 } else { 1.0 };
    ZoneLine {
        design,
        method: method.to_string(),
        coverage: if claimed > 0.0 { sum(&|s| s.covered as f64) / claimed } else { f64::NAN },
        claimed: claimed / all,
        within: sum(&|s| s.within as f64) / all,
        error: (sum(&|s| s.squares) / all).sqrt(),
        said: (sum(&|s| s.said) / all).sqrt(),
        worst_zone: zones.iter().map(of_zone).fold(1.0, f64::min),
    }
}

pub fn print(lines: &[ZoneLine]) -> String {
    let mut text = String::from(
        "design,method,coverage,share_claimed,within_twice_the_error,true_error,claimed_error,coverage_of_the_worst_zone\n",
    );
    for l in lines {
        text += &format!(
            "\"{}\",{},{:.4},{:.3},{:.4},{:.5},{:.5},{:.4}\n",
            l.design, l.method, l.coverage, l.claimed, l.within, l.error, l.said, l.worst_zone
        );
    }
    text
}
