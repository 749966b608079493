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

/// A map of the landscape.
pub struct MapKind {
    pub name: &'static str,
    /// Scales the rates of error.
    pub errors: f64,
    /// How it errs in some zones more than in others.
    pub uneven: Uneven,
    /// Power of its probabilities: above 1 it is surer than it should be.
    pub power: f64,
}

/// How the errors of a map differ between zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uneven {
    No,
    /// Up to three times as often in one zone and class as in another.
    Threefold,
    /// Three times the mean rate in four of the sixteen zones, a third in the others.
    FewZones,
}

/// Tiles along a side: the surroundings of a cell.
const TILES: usize = 8;

fn tile(cell: usize) -> usize {
    cell / SIDE * TILES / SIDE * TILES + cell % SIDE * TILES / SIDE
}

/// Fraction of the cells where it is unsure.
const UNSURE: f64 = 0.3;

pub struct Landscape {
    pub truth: Vec<usize>,
    pub map: Vec<usize>,
    /// Map probability of each class in each cell, shrunk and biased.
    pub probability: Vec<[f64; CLASSES]>,
    /// Where the map errs more often, and knows it; empty unless [`Landscape::mapped_as`].
    pub unsure: Vec<bool>,
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
            unsure: Vec::new(),
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

    /// The same landscape under a map that errs mostly where it is unsure. Its probabilities are the true fractions of the classes where it
    /// says the same and is as sure, half over the whole landscape and half over the surroundings, raised to a power.
    pub fn mapped_as(seed: u64, kind: &MapKind) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed + 2);
        let mut l = Self::new(seed);
        let factor: Vec<[f64; CLASSES]> =
            (0..ZONES).map(|_| std::array::from_fn(|_| 0.5 + 1.2 * rng.random::<f64>())).collect();
        let mut fractions = [[[1e-9; CLASSES]; 2]; CLASSES];
        let mut around = vec![fractions; TILES * TILES];
        for k in 0..SIDE * SIDE {
            let t = l.truth[k];
            let unsure = rng.random::<f64>() < UNSURE;
            // Nine of ten errors are where it is unsure.
            let often = if unsure { 0.9 / UNSURE } else { 0.1 / (1.0 - UNSURE) };
            let zone = match kind.uneven {
                Uneven::No => 1.0,
                Uneven::Threefold => factor[Self::zone(k)][t],
                Uneven::FewZones if Self::zone(k) % 4 == 1 => 3.0,
                Uneven::FewZones => 1.0 / 3.0,
            };
            let error = ((1.0 - HIT[t]) * kind.errors * often * zone).min(0.9);
            l.map[k] = if rng.random::<f64>() < error { MISTAKEN[t] } else { t };
            l.unsure.push(unsure);
            fractions[l.map[k]][usize::from(unsure)][t] += 1.0;
            around[tile(k)][l.map[k]][usize::from(unsure)][t] += 1.0;
        }
        for k in 0..SIDE * SIDE {
            let normal = |of: [f64; CLASSES]| of.map(|f| f / of.iter().sum::<f64>());
            let of = |table: &[[[f64; CLASSES]; 2]; CLASSES]| normal(table[l.map[k]][usize::from(l.unsure[k])]);
            let (all, here) = (of(&fractions), of(&around[tile(k)]));
            let raised: [f64; CLASSES] = std::array::from_fn(|c| f64::midpoint(all[c], here[c]).powf(kind.power));
            l.probability[k] = raised.map(|p| p / raised.iter().sum::<f64>());
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
