//! Class areas and accuracies where classes are missed: several maps and designs, and how often the intervals hold the truth.

use areal_estimate::{
    Allocation, Anticipated, ClassIntervals, ClassRisk, ExpectedMatrix, Interval, SampleSize, StratifiedSample,
    Stratum, fraction_deviation, normal_interval, plan_units, whole_interval,
};
use rand::seq::index::sample as draw;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::blobs::{Blobs, Ground};
use crate::maps::{CELLS, CLASSES, Confidence, Map, NAMES};
use crate::run::{LEVEL, PARTS, in_parts};

/// Kinds of strata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strata {
    Classes,
    Risk,
    /// So many parts of the map, as an agency has them.
    Agency(usize),
}

impl Strata {
    pub fn name(self) -> String {
        match self {
            Self::Classes => "classes".into(),
            Self::Risk => "risk".into(),
            Self::Agency(9) => "agency".into(),
            Self::Agency(parts) => format!("agency of {parts}"),
        }
    }
}

pub const METHODS: [&str; 3] = ["normal", "score", "posterior"];
/// Units, and the least in each stratum of classes and of risk.
pub const SIZES: [(u64, u64, u64); 3] = [(150, 15, 6), (300, 30, 10), (800, 50, 20)];

/// One design on one map.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub map: &'static str,
    pub hard: f64,
    pub confidence: (Confidence, &'static str),
    pub ground: Ground,
    pub strata: Strata,
    pub size: (u64, u64, u64),
}

/// One number of one design.
pub struct ClassLine {
    pub case: Case,
    /// A class's name, or `overall`, `users`, `producers` for accuracies (all classes together).
    pub of: String,
    pub truth: f64,
    /// By method; only the last for accuracies.
    pub coverage: [f64; 3],
    /// Median width over the truth, by method.
    pub width: [f64; 3],
}

/// A map with strata: for each stratum its cells, the units to draw and what the map expects.
pub struct Design {
    pub strata: Vec<Vec<usize>>,
    pub n: Vec<u64>,
    pub expected: Vec<ExpectedMatrix>,
    /// Where the cells lie, if they lie anywhere.
    blobs: Option<Blobs>,
}

/// So many strata that do not share their variance.
const MAX_ALONE: usize = 12;

impl Design {
    pub fn new(map: &Map, case: &Case) -> Self {
        let of = strata_of(map, case.strata);
        let count = of.iter().max().map_or(0, |h| h + 1);
        let mut strata = vec![Vec::new(); count];
        of.iter().enumerate().for_each(|(k, &h)| strata[h].push(k));
        strata.retain(|s| !s.is_empty());
        let expected: Vec<ExpectedMatrix> = strata.iter().map(|cells| expected(map, cells)).collect();
        let area: f64 = map.areas.iter().sum();
        let (units, of_classes, of_risk) = case.size;
        let (allocation, least) = match case.strata {
            Strata::Classes => (Allocation::Proportional, of_classes),
            Strata::Risk => (Allocation::Neyman, of_risk),
            Strata::Agency(_) => (Allocation::Proportional, 2),
        };
        let planned: Vec<Anticipated> = strata
            .iter()
            .zip(&expected)
            .map(|(cells, e)| Anticipated {
                weight: cells.iter().map(|&k| map.areas[k]).sum::<f64>() / area,
                population: cells.len() as u64,
                deviation: fraction_deviation(e.right().clamp(0.02, 0.98)),
            })
            .collect();
        let n = plan_units(&planned, &SampleSize::Units(units), allocation, least).unwrap();
        let blobs = (case.ground == Ground::Blobs).then(|| Blobs::new(map, &strata));
        Self { strata, n, expected, blobs }
    }

    /// Simple random sampling in each stratum; of blobs, the balanced draw of the program.
    pub fn draw(&self, map: &Map, rng: &mut ChaCha8Rng) -> (StratifiedSample, Vec<usize>) {
        let mut drawn: Vec<(usize, usize)> = Vec::new();
        match &self.blobs {
            Some(blobs) => drawn = blobs.draw(&self.n, rng.random()),
            None => {
                for (h, (members, &n)) in self.strata.iter().zip(&self.n).enumerate() {
                    drawn.extend(draw(rng, members.len(), n as usize).iter().map(|k| (h, members[k])));
                }
            }
        }
        let cells: Vec<usize> = drawn.iter().map(|d| d.1).collect();
        let units: Vec<(usize, f64)> = drawn.iter().map(|&(h, k)| (h, map.areas[k])).collect();
        let stratum = |(h, members): (usize, &Vec<usize>)| Stratum {
            name: h.to_string(),
            population: members.len() as u64,
            area: members.iter().map(|&k| map.areas[k]).sum(),
        };
        let strata = self.strata.iter().enumerate().map(stratum).collect();
        let sample = StratifiedSample::new(strata, &units, true).unwrap();
        // As the program pools many strata of an agency.
        let many = self.strata.len() > MAX_ALONE;
        (if many { sample.pooled(vec![0; self.strata.len()]).unwrap() } else { sample }, cells)
    }
}

fn strata_of(map: &Map, strata: Strata) -> Vec<usize> {
    let cells = 0..CELLS;
    match strata {
        Strata::Classes => map.mapped.clone(),
        Strata::Agency(parts) => cells.map(|k| k * parts / CELLS).collect(),
        Strata::Risk => {
            let mut risks: Vec<ClassRisk> = (0..CLASSES).map(|c| ClassRisk::new(c, CLASSES)).collect();
            cells.clone().for_each(|k| risks[map.mapped[k]].add(map.areas[k], &map.probabilities[k]));
            let cuts: Vec<Option<f64>> = risks.iter().map(|r| r.cut().min_probability).collect();
            let unsure = |k: usize| cuts[map.mapped[k]].is_some_and(|cut| map.probabilities[k][map.mapped[k]] < cut);
            cells.map(|k| 2 * map.mapped[k] + usize::from(unsure(k))).collect()
        }
    }
}

fn expected(map: &Map, cells: &[usize]) -> ExpectedMatrix {
    let mut areas = vec![vec![0.0; CLASSES]; CLASSES];
    for &k in cells {
        areas[map.mapped[k]].iter_mut().zip(map.probabilities[k]).for_each(|(sum, p)| *sum += map.areas[k] * p);
    }
    ExpectedMatrix::new(areas).unwrap()
}

/// Samples of a design; `draws` from the posterior for each end. Accuracies too where they are asked for.
pub fn simulate(case: Case, samples: usize, draws: usize, accuracies: bool) -> Vec<ClassLine> {
    let map = case.ground.map(case.hard, case.confidence.0, 5);
    let design = Design::new(&map, &case);
    let truths = truths(&map);
    let parts = in_parts(|part| {
        let mut rng = ChaCha8Rng::seed_from_u64(7 + part);
        (0..samples / PARTS).map(|_| of_sample(&map, &design, &mut rng, draws, accuracies)).collect::<Vec<_>>()
    });
    let found: Vec<Vec<[Interval; 3]>> = parts.into_iter().flatten().collect();
    let count = if accuracies { truths.len() } else { CLASSES };
    (0..count)
        .map(|j| {
            let (of, truth) = truths[j].clone();
            let of_method = |m: usize| found.iter().map(move |f| f[j][m]);
            let coverage = |m| of_method(m).filter(|i| i.covers(truth)).count() as f64 / found.len() as f64;
            let width = |m| {
                let mut widths: Vec<f64> = of_method(m).map(|i| (i.high - i.low) / truth).collect();
                widths.sort_by(f64::total_cmp);
                widths[widths.len() / 2]
            };
            ClassLine { case, of, truth, coverage: std::array::from_fn(coverage), width: std::array::from_fn(width) }
        })
        .collect()
}

/// True areas by class, overall accuracy, user's and producer's accuracies by class.
pub fn truths(map: &Map) -> Vec<(String, f64)> {
    let area = |c: usize| map.fraction(|k| map.truth[k] == c);
    let both = |c: usize| map.fraction(|k| map.truth[k] == c && map.mapped[k] == c);
    let mut all: Vec<(String, f64)> = (0..CLASSES).map(|c| (NAMES[c].to_owned(), area(c))).collect();
    all.push(("overall".into(), map.accuracy()));
    for (c, name) in NAMES.iter().enumerate() {
        all.push((format!("users {name}"), both(c) / map.fraction(|k| map.mapped[k] == c)));
        all.push((format!("producers {name}"), both(c) / area(c)));
    }
    all
}

fn of_sample(map: &Map, design: &Design, rng: &mut ChaCha8Rng, draws: usize, accuracies: bool) -> Vec<[Interval; 3]> {
    let (sample, cells) = design.draw(map, rng);
    let at = |of: &[usize]| cells.iter().map(|&k| of[k]).collect::<Vec<_>>();
    let (mapped, truth) = (at(&map.mapped), at(&map.truth));
    let posterior = ClassIntervals {
        sample: &sample,
        map: &mapped,
        reference: &truth,
        expected: &design.expected,
        draws,
        level: LEVEL,
    };
    let area = |c: usize| {
        let y: Vec<f64> = truth.iter().map(|&t| f64::from(t == c)).collect();
        let e = sample.mean(&y).unwrap();
        let count = truth.iter().filter(|&&t| t == c).count();
        let normal = normal_interval(e.value, e.standard_error, LEVEL);
        [normal, whole_interval(&e, count, LEVEL), posterior.area(c).unwrap()]
    };
    let mut all: Vec<[Interval; 3]> = (0..CLASSES).map(area).collect();
    if accuracies {
        all.push([posterior.overall().unwrap(); 3]);
        for c in 0..CLASSES {
            all.push([posterior.users(c).unwrap(); 3]);
            all.push([posterior.producers(c).unwrap(); 3]);
        }
    }
    all
}

/// The lines as CSV.
pub fn print(lines: &[ClassLine]) -> String {
    let columns = |what: &str| METHODS.map(|m| format!("{m}_{what}")).join(",");
    let mut text =
        format!("map,confidence,strata,units,of,truth,{},{}\n", columns("coverage"), columns("relative_width"));
    for l in lines {
        let list = |values: [f64; 3]| values.map(|v| format!("{v:.4}")).join(",");
        let (coverage, width) = (list(l.coverage), list(l.width));
        let Case { map, confidence, strata, size, .. } = l.case;
        let strata = strata.name();
        text += &format!("{map},{},{strata},{},{},{:.5},{coverage},{width}\n", confidence.1, size.0, l.of, l.truth);
    }
    text
}

/// A design a row, its classes in the order of the table's head: for the README.
pub fn markdown(lines: &[ClassLine]) -> String {
    let mut text = String::from(
        "| map, confidence, strata, units | normal | score | posterior | all | median width over the truth |\n|---|---|---|---|---|---|\n",
    );
    for design in lines.chunks(CLASSES) {
        let list = |value: &dyn Fn(&ClassLine) -> String| design.iter().map(value).collect::<Vec<_>>().join(" ");
        let coverage = |m: usize| list(&|l: &ClassLine| format!("{:.0}", 100.0 * l.coverage[m]));
        let all = design.iter().map(|l| l.coverage[2]).sum::<f64>() / CLASSES as f64;
        let width = list(&|l| format!("{:.2}", l.width[2]));
        let Case { map, confidence, strata, size, .. } = design[0].case;
        text += &format!(
            "| {map}, {}, {}, {} | {} | {} | {} | {:.1} | {width} |\n",
            confidence.1,
            strata.name(),
            size.0,
            coverage(0),
            coverage(1),
            coverage(2),
            100.0 * all
        );
    }
    text
}

/// Every number of every design, and all of them together. Where the normal interval of a common class holds, this one is not twice as long.
#[track_caller]
pub fn check(lines: &[ClassLine]) {
    for l in lines {
        assert!(l.coverage[2] >= 0.92, "{} on {:?}: {}", l.of, l.case, l.coverage[2]);
        let is_common = NAMES.contains(&l.of.as_str()) && l.truth > 0.1 && l.case.size.0 >= 300;
        if is_common && l.coverage[0] >= 0.92 {
            assert!(l.width[2] < 2.0 * l.width[0], "{} on {:?}: {:?}", l.of, l.case, l.width);
        }
    }
    let mean = lines.iter().map(|l| l.coverage[2]).sum::<f64>() / lines.len() as f64;
    assert!(mean >= 0.95, "{mean}");
}
