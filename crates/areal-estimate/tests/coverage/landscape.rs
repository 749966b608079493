//! A landscape of cells with known classes, known wealth, and a map of both that errs in a biased way.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const SIDE: usize = 240;
pub const CLASSES: usize = 4;
/// Rubber, oil palm, forest, the rest.
pub const NAMES: [&str; CLASSES] = ["rubber", "oil palm", "forest", "other"];
/// The map is right so often where the truth is the class.
const HIT: [f64; CLASSES] = [0.70, 0.85, 0.95, 0.93];
/// What it says where it is wrong: forest swallows rubber.
const MISTAKEN: [usize; CLASSES] = [2, 0, 3, 2];
pub const ZONES: usize = 16;
/// Makes rubber the rarest.
const OFFSET: [f64; CLASSES] = [0.1, 0.15, 0.6, 0.9];

pub struct Landscape {
    pub truth: Vec<usize>,
    pub map: Vec<usize>,
    /// Map probability of each class in each cell, shrunk and biased.
    pub probability: Vec<[f64; CLASSES]>,
    pub wealth: Vec<f64>,
    pub wealth_map: Vec<f64>,
}

/// Smooth random surface: a sum of waves.
fn surface(rng: &mut ChaCha8Rng) -> impl Fn(usize, usize) -> f64 + use<> {
    let waves: Vec<[f64; 4]> = (0..6)
        .map(|_| {
            [rng.random::<f64>() * 0.12, rng.random::<f64>() * 0.12, rng.random::<f64>() * 6.3, rng.random::<f64>()]
        })
        .collect();
    move |r, c| waves.iter().map(|[a, b, phase, size]| size * (a * r as f64 + b * c as f64 + phase).sin()).sum()
}

impl Landscape {
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let surfaces: Vec<_> = (0..CLASSES).map(|_| surface(&mut rng)).collect();
        let wealth_surface = surface(&mut rng);
        let mut l = Self {
            truth: Vec::new(),
            map: Vec::new(),
            probability: Vec::new(),
            wealth: Vec::new(),
            wealth_map: Vec::new(),
        };
        for k in 0..SIDE * SIDE {
            let (r, c) = (k / SIDE, k % SIDE);
            let score = |j: usize| surfaces[j](r, c) + OFFSET[j];
            let truth = (0..CLASSES).max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(0);
            let map = if rng.random::<f64>() < HIT[truth] { truth } else { MISTAKEN[truth] };
            let mut p = [0.04; CLASSES];
            p[map] += 0.6 + 0.2 * rng.random::<f64>();
            p[truth] += 0.1 * rng.random::<f64>();
            let sum: f64 = p.iter().sum();
            l.truth.push(truth);
            l.map.push(map);
            l.probability.push(p.map(|v| v / sum));
            let wealth = 50.0 + 10.0 * wealth_surface(r, c) + 6.0 * (rng.random::<f64>() - 0.5);
            l.wealth.push(wealth);
            // The map shrinks to the mean and is too rich by 2.
            l.wealth_map.push(52.0 + 0.7 * (wealth - 50.0) + 8.0 * (rng.random::<f64>() - 0.5));
        }
        l
    }

    /// The same landscape under a map that errs in some zones and classes up to three times as often as in others.
    pub fn uneven(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 1);
        let mut l = Self::new(seed);
        let factor: Vec<[f64; CLASSES]> =
            (0..ZONES).map(|_| std::array::from_fn(|_| 0.5 + 1.2 * rng.random::<f64>())).collect();
        for k in 0..SIDE * SIDE {
            let t = l.truth[k];
            let error = (1.0 - HIT[t]) * factor[Self::zone(k)][t];
            l.map[k] = if rng.random::<f64>() < error { MISTAKEN[t] } else { t };
        }
        l
    }

    pub fn zone(cell: usize) -> usize {
        let (r, c) = (cell / SIDE, cell % SIDE);
        (r * 4 / SIDE) * 4 + c * 4 / SIDE
    }

    pub fn fraction(&self, class: usize) -> f64 {
        self.truth.iter().filter(|&&t| t == class).count() as f64 / self.truth.len() as f64
    }

    pub fn mapped(&self, class: usize) -> f64 {
        self.map.iter().filter(|&&t| t == class).count() as f64 / self.map.len() as f64
    }
}
