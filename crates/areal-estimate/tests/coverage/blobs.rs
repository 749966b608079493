//! A map with positions: blobs of classes whose borders are where the map errs, and the balanced draw of the program on it.

use areal_estimate::{Census, Draw, EstimateError, Frame, FrameBlock};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::maps::{CELLS, CLASSES, Confidence, FRACTIONS, Map};

/// Where the cells of a map lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Anywhere: the errors are scattered.
    Scattered,
    /// In blobs of their class: the errors lie along the borders of these.
    Blobs,
}

/// Rows and columns of the grid; rows shrink to the north.
const SIZE: (usize, usize) = (155, 175);
/// Cells along a side of the larger and of the smaller waves.
const WAVES: [f64; 2] = [9.0, 21.0];

impl Ground {
    pub fn map(self, hard: f64, confidence: Confidence, seed: u64) -> Map {
        match self {
            Self::Scattered => Map::new(hard, confidence, seed),
            Self::Blobs => map(hard, confidence, seed),
        }
    }
}

/// The classes are slices of a smooth surface, in the order of a hash of their rank so that rare ones have borders with several others; as many cells
/// are hard to tell as asked for, those nearest to a border first.
fn map(hard: f64, confidence: Confidence, seed: u64) -> Map {
    assert_eq!(SIZE.0 * SIZE.1, CELLS);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let waves: Vec<[f64; 4]> = (0..24)
        .map(|k| {
            let (angle, size) = (rng.random::<f64>() * std::f64::consts::TAU, WAVES[k % 2]);
            [angle.cos() / size, angle.sin() / size, rng.random::<f64>() * std::f64::consts::TAU, size]
        })
        .collect();
    let height = |k: usize| -> f64 {
        let (r, c) = ((k / SIZE.1) as f64, (k % SIZE.1) as f64);
        waves.iter().map(|[a, b, phase, size]| size * (a * r + b * c + phase).sin()).sum()
    };
    let heights: Vec<f64> = (0..CELLS).map(height).collect();
    let mut by_height: Vec<usize> = (0..CELLS).collect();
    by_height.sort_by(|&a, &b| heights[a].total_cmp(&heights[b]));
    // Slices from low to high: half of forest lies at either side of the others.
    let order: [(usize, f64); CLASSES + 1] =
        [(0, 0.225), (3, 0.117), (1, 0.25), (5, 0.003), (2, 0.15), (4, 0.03), (0, 0.225)];
    assert!((order.iter().map(|o| o.1).sum::<f64>() - FRACTIONS.iter().sum::<f64>()).abs() < 1e-9);
    let mut truth = vec![0; CELLS];
    let mut from_border = vec![0.0; CELLS];
    let mut below = 0.0;
    for (class, part) in order {
        let (first, last) = ((below * CELLS as f64) as usize, (((below + part) * CELLS as f64) as usize).min(CELLS));
        for (k, &cell) in by_height[first..last].iter().enumerate() {
            truth[cell] = class;
            from_border[cell] = k.min(last - first - 1 - k) as f64;
        }
        below += part;
    }
    let mut near: Vec<usize> = (0..CELLS).collect();
    near.sort_by(|&a, &b| from_border[a].total_cmp(&from_border[b]));
    let mut is_hard = vec![false; CELLS];
    near[..(hard * CELLS as f64) as usize].iter().for_each(|&k| is_hard[k] = true);
    Map::of(|k, _| (truth[k], is_hard[k]), confidence, &mut rng)
}

/// The strata of a map on its grid.
pub struct Blobs {
    census: Census,
    strata: Vec<u32>,
    areas: Vec<f64>,
}

impl Blobs {
    pub fn new(map: &Map, strata: &[Vec<usize>]) -> Self {
        let mut of = vec![0; CELLS];
        strata.iter().enumerate().for_each(|(h, cells)| cells.iter().for_each(|&k| of[k] = h as u32));
        let mut grid = Grid { strata: &of, areas: &map.areas };
        let census = Census::take(&mut grid, strata.len()).unwrap();
        Self { census, strata: of, areas: map.areas.clone() }
    }

    /// Stratum and cell of each unit.
    pub fn draw(&self, n: &[u64], seed: u64) -> Vec<(usize, usize)> {
        let mut grid = Grid { strata: &self.strata, areas: &self.areas };
        let drawn = self.census.draw(&mut grid, n, Draw::Balanced, seed).unwrap();
        drawn.iter().map(|d| (d.stratum as usize, d.row * SIZE.1 + d.col)).collect()
    }
}

struct Grid<'a> {
    strata: &'a [u32],
    areas: &'a [f64],
}

impl Frame for Grid<'_> {
    type Error = EstimateError;

    fn size(&self) -> (usize, usize) {
        SIZE
    }

    fn read(
        &mut self,
        b: FrameBlock,
        strata: &mut Vec<Option<u32>>,
        areas: &mut Vec<f64>,
    ) -> Result<(), EstimateError> {
        let cells = (b.row..b.row + b.height).flat_map(|r| (b.col..b.col + b.width).map(move |c| r * SIZE.1 + c));
        (*strata, *areas) = cells.map(|k| (Some(self.strata[k]), self.areas[k])).unzip();
        Ok(())
    }
}
