//! Maps of six classes with known truth and class probabilities: right to 80 to 99.5 %, sure of themselves with or without reason.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

pub const CLASSES: usize = 6;
pub const NAMES: [&str; CLASSES] = ["forest", "oil palm", "paddy", "rubber", "built-up", "water"];
/// Fractions of the area.
pub const FRACTIONS: [f64; CLASSES] = [0.45, 0.25, 0.15, 0.117, 0.03, 0.003];
/// As many as the map of the demo.
pub const CELLS: usize = 27_125;
/// Fraction of the cells that are hard to tell, for maps that are right to about 80, 90, 97 and 99.5 %.
pub const HARD: [(&str, f64); 4] = [("80 %", 0.47), ("90 %", 0.235), ("97 %", 0.065), ("99.5 %", 0.009)];

/// How the map's probabilities agree with its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    Calibrated,
    /// Probabilities to the third power.
    Over,
    /// To the power .4.
    Under,
    /// Probabilities exchanged among the cells of a map class.
    Useless,
}

pub const CONFIDENCES: [(Confidence, &str); 4] = [
    (Confidence::Calibrated, "calibrated"),
    (Confidence::Over, "overconfident"),
    (Confidence::Under, "underconfident"),
    (Confidence::Useless, "useless"),
];

pub struct Map {
    pub truth: Vec<usize>,
    pub mapped: Vec<usize>,
    pub probabilities: Vec<[f64; CLASSES]>,
    /// Area of each cell: from 1 down to .6 through the map, as in a grid in degrees.
    pub areas: Vec<f64>,
}

impl Map {
    /// Evidence for the true class is strong in most cells and weak in the hard ones, where rubber looks like forest. The
    /// map takes the class with the largest posterior, which is its probability.
    pub fn new(hard: f64, confidence: Confidence, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self::of(|_, rng| (class_at(rng.random()), rng.random::<f64>() < hard), confidence, &mut rng)
    }

    /// The same of given classes and hard cells.
    pub fn of(
        cell: impl Fn(usize, &mut ChaCha8Rng) -> (usize, bool),
        confidence: Confidence,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let mut map = Self { truth: vec![], mapped: vec![], probabilities: vec![], areas: vec![] };
        for k in 0..CELLS {
            let (truth, is_hard) = cell(k, rng);
            let (evidence, noise) = if is_hard { (2.0, 1.3) } else { (8.0, 1.0) };
            let mut logits: [f64; CLASSES] = std::array::from_fn(|c| {
                let e: f64 = StandardNormal.sample(rng);
                noise * e + 0.6 * FRACTIONS[c].ln() + if c == truth { evidence } else { 0.0 }
            });
            if is_hard && truth == 3 {
                logits[0] += 1.2;
            }
            let p = softmax(&logits, 1.0 / noise);
            map.mapped.push(largest(&p));
            map.truth.push(truth);
            map.probabilities.push(p);
            map.areas.push(1.0 - 0.4 * k as f64 / CELLS as f64);
        }
        map.sure(confidence, rng);
        map
    }

    fn sure(&mut self, confidence: Confidence, rng: &mut ChaCha8Rng) {
        let power = match confidence {
            Confidence::Calibrated => return,
            Confidence::Over => 3.0,
            Confidence::Under => 0.4,
            Confidence::Useless => {
                for class in 0..CLASSES {
                    let cells: Vec<usize> = (0..CELLS).filter(|&k| self.mapped[k] == class).collect();
                    for i in (1..cells.len()).rev() {
                        self.probabilities.swap(cells[i], cells[rng.random_range(0..=i)]);
                    }
                }
                return;
            }
        };
        for p in &mut self.probabilities {
            let raised = p.map(|p| p.powf(power));
            let sum: f64 = raised.iter().sum();
            *p = raised.map(|r| r / sum);
        }
    }

    /// Fraction of the area that is right.
    pub fn accuracy(&self) -> f64 {
        self.fraction(|k| self.mapped[k] == self.truth[k])
    }

    /// Fraction of the area whose cells pass a test.
    pub fn fraction(&self, test: impl Fn(usize) -> bool) -> f64 {
        let inside: f64 = (0..CELLS).filter(|&k| test(k)).map(|k| self.areas[k]).sum();
        inside / self.areas.iter().sum::<f64>()
    }
}

fn class_at(place: f64) -> usize {
    let mut below = 0.0;
    FRACTIONS
        .iter()
        .position(|f| {
            below += f;
            place < below
        })
        .unwrap_or(0)
}

fn softmax(logits: &[f64; CLASSES], scale: f64) -> [f64; CLASSES] {
    let raised = logits.map(|l| (scale * l).exp());
    let sum: f64 = raised.iter().sum();
    raised.map(|r| r / sum)
}

fn largest(p: &[f64; CLASSES]) -> usize {
    (0..CLASSES).max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap_or(0)
}
