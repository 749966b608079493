//! Coverage in zones: a map whose errors differ from zone to zone, samples of several designs, every zone method.

use areal_estimate::{
    ExpectedMatrix, IntervalMethod, ZoneEstimate, ZoneEstimateSettings, ZoneMethod, Zoning, zone_fractions,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::landscape::{CLASSES, Landscape, SIDE, ZONES};
use crate::run::{Drawn, LEVEL, PARTS, in_parts, stratified};

/// One zone method under one design, over all landscapes, zones, classes and samples.
pub struct ZoneLine {
    pub design: &'static str,
    pub method: String,
    /// Fraction of the intervals claimed that hold the truth, over the numbers that vary from sample to sample.
    pub coverage: Option<f64>,
    /// Fraction of numbers that claim an interval.
    pub claimed: f64,
    /// Fraction of numbers that lie within 1.96 of their error of the truth, claimed or not.
    pub within: f64,
    /// Root mean squared error of the fractions.
    pub error: f64,
    /// What the standard errors say it is.
    pub said: f64,
    /// Fraction of these numbers (a class in a zone) that are covered in less than 92 % of the samples.
    pub low: Option<f64>,
    /// Mean width of the intervals, as fractions of the zone.
    pub width: Option<f64>,
}

const METHODS: [ZoneMethod; 6] = [
    ZoneMethod::Auto,
    ZoneMethod::Direct,
    ZoneMethod::CorrectedMap,
    ZoneMethod::Synthetic,
    ZoneMethod::Composite,
    ZoneMethod::FayHerriot,
];

/// Strata, units in each and pools of a design.
struct Design {
    name: &'static str,
    strata: Vec<Vec<usize>>,
    n: Vec<usize>,
    pools: Vec<usize>,
}

/// The design whose strata have hardly more than two units each.
pub const THIN: &str = "both, 300";

/// Proportional allocation with a least number, like `areal sample`.
pub fn allocate(strata: &[Vec<usize>], n: usize, least: usize) -> Vec<usize> {
    let total: usize = strata.iter().map(Vec::len).sum();
    strata.iter().map(|s| (n * s.len() / total).max(least).min(s.len())).collect()
}

pub fn split(count: usize, of: impl Fn(usize) -> usize) -> Vec<Vec<usize>> {
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
        Design { name: THIN, n: allocate(&both, 300, 2), pools, strata: both },
        Design { name: "whole, 800", n: vec![800], pools: alone(1), strata: whole },
    ]
}

/// One number (a class in a zone of a landscape) over all samples.
#[derive(Clone)]
pub struct Sums {
    covered: usize,
    claimed: usize,
    width: f64,
    pub within: usize,
    pub all: usize,
    /// Numbers whose error is not known.
    pub unknown: usize,
    pub squares: f64,
    pub said: f64,
    least: f64,
    greatest: f64,
}

impl Sums {
    pub const NONE: Self = Self {
        covered: 0,
        claimed: 0,
        width: 0.0,
        within: 0,
        all: 0,
        unknown: 0,
        squares: 0.0,
        said: 0.0,
        least: f64::INFINITY,
        greatest: f64::NEG_INFINITY,
    };

    pub fn add(&mut self, e: &ZoneEstimate, truth: f64) {
        let (value, standard_error) = (e.estimate.value, e.estimate.standard_error);
        let claims = e.interval.method != IntervalMethod::None;
        self.all += 1;
        self.claimed += usize::from(claims);
        self.width += if claims { e.interval.high - e.interval.low } else { 0.0 };
        self.covered += usize::from(claims && e.interval.covers(truth));
        self.unknown += usize::from(!e.error_known);
        self.within += usize::from(e.error_known && (value - truth).abs() <= 1.959_964 * standard_error);
        self.squares += (value - truth).powi(2);
        self.said += standard_error.powi(2);
        (self.least, self.greatest) = (self.least.min(value), self.greatest.max(value));
    }

    pub fn join(&mut self, other: &Self) {
        self.covered += other.covered;
        self.claimed += other.claimed;
        self.width += other.width;
        self.within += other.within;
        self.all += other.all;
        self.unknown += other.unknown;
        self.squares += other.squares;
        self.said += other.said;
        (self.least, self.greatest) = (self.least.min(other.least), self.greatest.max(other.greatest));
    }

    /// A class that a zone has not and the map never shows there, say, is known without a sample: its interval always holds.
    fn varies(&self) -> bool {
        self.greatest - self.least > 1e-9
    }
}

/// Landscapes that the samples are shared among.
const SEEDS: [u64; 3] = [11, 12, 13];

pub fn simulate(samples: usize) -> Vec<ZoneLine> {
    let mut tables: Vec<Vec<Vec<Sums>>> = Vec::new();
    let mut names = Vec::new();
    for seed in SEEDS {
        let land = Landscape::uneven(seed);
        for (d, design) in designs(&land).iter().enumerate() {
            let parts = in_parts(|part| sample(&land, design, samples / SEEDS.len() / PARTS, 2025 + part));
            let sums = parts.into_iter().reduce(|mut all, part| {
                all.iter_mut().flatten().zip(part.iter().flatten()).for_each(|(a, b)| a.join(b));
                all
            });
            if d == names.len() {
                names.push(design.name);
                tables.push(vec![Vec::new(); METHODS.len()]);
            }
            tables[d].iter_mut().zip(sums.unwrap()).for_each(|(all, more)| all.extend(more));
        }
    }
    let each = |(name, table): (&&'static str, Vec<Vec<Sums>>)| -> Vec<ZoneLine> {
        METHODS.iter().zip(table).map(|(method, numbers)| line(name, *method, &numbers)).collect()
    };
    names.iter().zip(tables).flat_map(each).collect()
}

/// So many samples of one design: `[method][zone and class]`.
fn sample(land: &Landscape, design: &Design, samples: usize, seed: u64) -> Vec<Vec<Sums>> {
    let (mapped, truth) = tables(land);
    let known = Known::of(land, &design.strata);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = vec![vec![Sums::NONE; ZONES * CLASSES]; METHODS.len()];
    for _ in 0..samples {
        let drawn = stratified(&mut rng, &design.strata, &design.n);
        let drawn = Drawn { sample: drawn.sample.pooled(design.pools.clone()).unwrap(), ..drawn };
        for (method, sums) in METHODS.iter().zip(&mut sums) {
            let found = estimates(land, &drawn, *method, &mapped, &known);
            let numbers = found.iter().flatten().zip(truth.iter().flatten());
            sums.iter_mut().zip(numbers).for_each(|(s, (e, truth))| s.add(e, *truth));
        }
    }
    sums
}

/// Mapped cells and true fraction by zone and class.
pub fn tables(land: &Landscape) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let (mut mapped, mut truth) = (vec![vec![0.0; CLASSES]; ZONES], vec![vec![0.0; CLASSES]; ZONES]);
    for k in 0..SIDE * SIDE {
        mapped[Landscape::zone(k)][land.map[k]] += 1.0;
        truth[Landscape::zone(k)][land.truth[k]] += ZONES as f64 / (SIDE * SIDE) as f64;
    }
    (mapped, truth)
}

/// What is known of the strata of a design without a sample.
pub struct Known {
    /// For each zone the strata that lie in it, with their areas there.
    pub strata: Vec<Vec<(usize, f64)>>,
    /// What the map expects of each stratum.
    pub expected: Vec<ExpectedMatrix>,
}

impl Known {
    pub fn of(land: &Landscape, strata: &[Vec<usize>]) -> Self {
        let mut areas = vec![vec![0.0; strata.len()]; ZONES];
        for (h, cells) in strata.iter().enumerate() {
            for &k in cells {
                areas[Landscape::zone(k)][h] += 1.0;
            }
        }
        let present = |row: Vec<f64>| row.into_iter().enumerate().filter(|(_, area)| *area > 0.0).collect();
        let expected = |cells: &Vec<usize>| {
            let mut sums = vec![vec![0.0; CLASSES]; CLASSES];
            for &k in cells {
                sums[land.map[k]].iter_mut().zip(land.probability[k]).for_each(|(sum, p)| *sum += p);
            }
            ExpectedMatrix::new(sums).unwrap()
        };
        Self { strata: areas.into_iter().map(present).collect(), expected: strata.iter().map(expected).collect() }
    }
}

fn estimates(
    land: &Landscape,
    drawn: &Drawn,
    method: ZoneMethod,
    mapped: &[Vec<f64>],
    known: &Known,
) -> Vec<Vec<ZoneEstimate>> {
    let zoning = Zoning {
        membership: drawn.cells.iter().map(|&k| vec![(Landscape::zone(k), 1.0)]).collect(),
        inside: vec![1.0; drawn.cells.len()],
        mapped: mapped.to_vec(),
        strata: known.strata.clone(),
        detail: None,
    };
    let at = |table: &[usize]| drawn.cells.iter().map(|&k| table[k]).collect::<Vec<_>>();
    let settings = ZoneEstimateSettings { method, min_units: 30, max_cv: 0.333, level: LEVEL, draws: 400 };
    zone_fractions(&drawn.sample, &at(&land.map), &at(&land.truth), &known.expected, &zoning, &settings).unwrap().zones
}

fn line(design: &'static str, method: ZoneMethod, numbers: &[Sums]) -> ZoneLine {
    let numbers: Vec<&Sums> = numbers.iter().filter(|s| s.varies()).collect();
    let sum = |f: &dyn Fn(&Sums) -> f64| numbers.iter().map(|s| f(s)).sum::<f64>();
    let (all, claimed) = (sum(&|s| s.all as f64), sum(&|s| s.claimed as f64));
    let of_one = |s: &&Sums| s.covered as f64 / s.claimed as f64;
    ZoneLine {
        design,
        method: method.to_string(),
        coverage: (claimed > 0.0).then(|| sum(&|s| s.covered as f64) / claimed),
        claimed: claimed / all,
        within: sum(&|s| s.within as f64) / sum(&|s| (s.all - s.unknown) as f64),
        error: (sum(&|s| s.squares) / all).sqrt(),
        said: (sum(&|s| s.said) / all).sqrt(),
        width: (claimed > 0.0).then(|| sum(&|s| s.width) / claimed),
        low: (claimed > 0.0).then(|| {
            numbers.iter().filter(|s| s.claimed > 0 && of_one(s) < 0.92).count() as f64 / numbers.len() as f64
        }),
    }
}

pub fn print(lines: &[ZoneLine]) -> String {
    let mut text = String::from(
        "design,method,coverage,share_claimed,within_twice_the_error,true_error,claimed_error,share_covered_below_92,mean_width\n",
    );
    let fraction = |s: Option<f64>| s.map(|s| format!("{s:.4}")).unwrap_or_default();
    for l in lines {
        text += &format!(
            "\"{}\",{},{},{:.3},{:.4},{:.5},{:.5},{},{}\n",
            l.design,
            l.method,
            fraction(l.coverage),
            l.claimed,
            l.within,
            l.error,
            l.said,
            fraction(l.low),
            fraction(l.width)
        );
    }
    text
}
