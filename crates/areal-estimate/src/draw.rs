//! Drawing cells of a map at random within strata, with known and equal probability.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, same_length};
use crate::spatial_order::SpatialOrder;

/// How units are drawn within a stratum, each with the same probability.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Draw {
    /// Systematic along a random spatial order, so that the sample is spread over the map (GRTS; Stevens and Olsen 2004).
    /// The variance of simple random sampling, which the estimators use, is then on the safe side.
    Balanced,
    /// Simple random sampling without replacement.
    Simple,
}

/// The strata of a grid's cells, read block by block; a second time for the blocks that hold drawn units.
pub trait Frame {
    /// What reading may fail with.
    type Error: From<EstimateError>;
    /// Rows and columns of the grid.
    fn size(&self) -> (usize, usize);
    /// Fills `strata` and `areas` (row-major) with the stratum of each cell of a block that lies within the grid, `None`
    /// for a cell outside the population, and its area.
    ///
    /// # Errors
    /// When the map cannot be read.
    fn read(
        &mut self,
        block: FrameBlock,
        strata: &mut Vec<Option<u32>>,
        areas: &mut Vec<f64>,
    ) -> Result<(), Self::Error>;
}

/// A rectangle of cells within the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameBlock {
    /// First row.
    pub row: usize,
    /// First column.
    pub col: usize,
    /// Number of rows.
    pub height: usize,
    /// Number of columns.
    pub width: usize,
}

/// Blocks are aligned squares of `2^BLOCK_LOG2` cells, so that each is one node of the spatial order.
const BLOCK_LOG2: u32 = 8;

/// Sizes of all strata and how they lie over the blocks of the grid.
#[derive(Debug, Clone)]
pub struct Census {
    size: (usize, usize),
    populations: Vec<u64>,
    areas: Vec<f64>,
    /// By block, in reading order: stratum and its cells there.
    blocks: Vec<Vec<(u32, u32)>>,
}

/// A block with its place in the spatial order and its cells by stratum.
type Placed<'a> = (u64, FrameBlock, &'a Vec<(u32, u32)>);

/// One drawn cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DrawnCell {
    pub stratum: u32,
    /// Its row in the grid.
    pub row: usize,
    /// Its column in the grid.
    pub col: usize,
    pub area: f64,
}

fn frame_blocks(size: (usize, usize)) -> impl Iterator<Item = FrameBlock> {
    let side = 1usize << BLOCK_LOG2;
    let (height, width) = size;
    (0..height).step_by(side).flat_map(move |row| {
        (0..width).step_by(side).map(move |col| FrameBlock {
            row,
            col,
            height: side.min(height - row),
            width: side.min(width - col),
        })
    })
}

impl Census {
    /// Counts the cells of every stratum: one pass over the map. Memory grows with blocks times the strata in each,
    /// not with cells.
    ///
    /// # Errors
    /// When the map cannot be read, or the frame names a stratum it does not have.
    pub fn take<F: Frame>(frame: &mut F, strata: usize) -> Result<Self, F::Error> {
        let size = frame.size();
        let (mut populations, mut sums) = (vec![0u64; strata], vec![0.0; strata]);
        let mut blocks = Vec::new();
        let (mut of, mut areas) = (Vec::new(), Vec::new());
        for block in frame_blocks(size) {
            frame.read(block, &mut of, &mut areas)?;
            let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
            for (stratum, area) in of.iter().zip(&areas).filter_map(|(s, a)| s.map(|s| (s, a))) {
                let Some(population) = populations.get_mut(stratum as usize) else {
                    let (unit, value) = ("a cell".to_owned(), stratum.to_string());
                    return Err(EstimateError::Unknown { unit, what: "stratum", value }.into());
                };
                *population += 1;
                sums[stratum as usize] += area;
                *counts.entry(stratum).or_default() += 1;
            }
            blocks.push(counts.into_iter().collect());
        }
        Ok(Self { size, populations, areas: sums, blocks })
    }

    /// Cells of each stratum.
    pub fn populations(&self) -> &[u64] {
        &self.populations
    }

    /// Area of each stratum.
    pub fn areas(&self) -> &[f64] {
        &self.areas
    }

    /// Draws `n[h]` cells of each stratum `h`; every cell of it has probability `n[h] / population[h]`. The same frame,
    /// numbers, way and seed give the same cells. Sorted by stratum, then along the spatial order.
    ///
    /// # Errors
    /// More units than a stratum holds; a map that cannot be read.
    pub fn draw<F: Frame>(&self, frame: &mut F, n: &[u64], way: Draw, seed: u64) -> Result<Vec<DrawnCell>, F::Error> {
        same_length("the numbers of units", n.len(), self.populations.len())?;
        let order = SpatialOrder::new(seed, self.size.0, self.size.1);
        let mut blocks: Vec<Placed> = frame_blocks(self.size)
            .zip(&self.blocks)
            .map(|(b, counts)| (order.block_key(b.row >> BLOCK_LOG2, b.col >> BLOCK_LOG2, BLOCK_LOG2), b, counts))
            .collect();
        blocks.sort_by_key(|b| b.0);
        let mut wanted = Vec::with_capacity(n.len());
        for (h, (&n, &population)) in n.iter().zip(&self.populations).enumerate() {
            if n > population {
                return Err(EstimateError::MoreThanAll { stratum: h.to_string(), population, n }.into());
            }
            // A stream of random numbers for each stratum: one stratum's size does not change another's draw.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(h as u64 + 1);
            wanted.push(positions(&mut rng, way, n, population));
        }
        let mut drawn = collect(frame, &order, &blocks, &wanted)?;
        drawn.sort_by_key(|cell| (cell.stratum, order.key(cell.row, cell.col)));
        Ok(drawn)
    }
}

/// Positions of `n` units in a row of `population`, ascending.
fn positions(rng: &mut ChaCha8Rng, way: Draw, n: u64, population: u64) -> Vec<u64> {
    match way {
        Draw::Balanced if n > 0 => {
            // Systematic with a random start and a fractional step of at least 1: distinct, and equal probability.
            let step = population as f64 / n as f64;
            let start = rng.random::<f64>() * step;
            (0..n).map(|k| ((start + k as f64 * step) as u64).min(population - 1)).collect()
        }
        Draw::Balanced => Vec::new(),
        Draw::Simple => {
            // Floyd's method: n draws, no table of the population (Bentley and Floyd 1987, CACM 30:754).
            let mut chosen = std::collections::BTreeSet::new();
            for j in population - n..population {
                let t = rng.random_range(0..=j);
                if !chosen.insert(t) {
                    chosen.insert(j);
                }
            }
            chosen.into_iter().collect()
        }
    }
}

/// Reads the blocks that hold a wanted position and picks the cells.
fn collect<F: Frame>(
    frame: &mut F,
    order: &SpatialOrder,
    blocks: &[Placed],
    wanted: &[Vec<u64>],
) -> Result<Vec<DrawnCell>, F::Error> {
    let mut seen = vec![0u64; wanted.len()];
    let mut next = vec![0usize; wanted.len()];
    let (mut of, mut areas) = (Vec::new(), Vec::new());
    let mut drawn = Vec::new();
    for (_, block, counts) in blocks {
        // Offsets among the stratum's cells of this block.
        let mut offsets: Vec<(u32, Vec<u64>)> = Vec::new();
        for &(stratum, cells) in *counts {
            let h = stratum as usize;
            let end = seen[h] + u64::from(cells);
            let here: Vec<u64> = wanted[h][next[h]..].iter().take_while(|&&p| p < end).map(|p| p - seen[h]).collect();
            next[h] += here.len();
            seen[h] = end;
            if !here.is_empty() {
                offsets.push((stratum, here));
            }
        }
        if offsets.is_empty() {
            continue;
        }
        frame.read(*block, &mut of, &mut areas)?;
        for (stratum, here) in offsets {
            let mut cells: Vec<(u64, usize)> = (0..of.len())
                .filter(|&k| of[k] == Some(stratum))
                .map(|k| (order.key(block.row + k / block.width, block.col + k % block.width), k))
                .collect();
            cells.sort_unstable();
            for offset in here {
                // A map that changed between the passes gives fewer cells, never a panic.
                if let Some(&(_, k)) = cells.get(offset as usize) {
                    let (row, col) = (block.row + k / block.width, block.col + k % block.width);
                    drawn.push(DrawnCell { stratum, row, col, area: areas[k] });
                }
            }
        }
    }
    Ok(drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three strata: a blob, a stripe of rare cells, the rest; a margin outside the population.
    struct Toy;

    impl Toy {
        fn stratum(r: usize, c: usize) -> Option<u32> {
            match (r, c) {
                (r, _) if r < 10 => None,
                (r, c) if (r as i64 - 150).pow(2) + (c as i64 - 150).pow(2) < 3600 => Some(0),
                (r, c) if (r + c) % 97 == 0 => Some(1),
                _ => Some(2),
            }
        }
    }

    impl Frame for Toy {
        type Error = EstimateError;

        fn size(&self) -> (usize, usize) {
            (300, 520)
        }

        fn read(
            &mut self,
            b: FrameBlock,
            strata: &mut Vec<Option<u32>>,
            areas: &mut Vec<f64>,
        ) -> Result<(), EstimateError> {
            let cells = || (b.row..b.row + b.height).flat_map(move |r| (b.col..b.col + b.width).map(move |c| (r, c)));
            *strata = cells().map(|(r, c)| Self::stratum(r, c)).collect();
            *areas = cells().map(|(r, _)| 1.0 + r as f64 * 1e-3).collect();
            Ok(())
        }
    }

    #[test]
    fn a_draw_is_what_was_asked_for_and_repeats() {
        let census = Census::take(&mut Toy, 3).unwrap();
        assert_eq!(census.populations().iter().sum::<u64>(), 290 * 520);
        for way in [Draw::Balanced, Draw::Simple] {
            let n = [40, 15, 300];
            let drawn = census.draw(&mut Toy, &n, way, 5).unwrap();
            for (h, &n) in n.iter().enumerate() {
                assert_eq!(drawn.iter().filter(|d| d.stratum as usize == h).count() as u64, n);
            }
            assert!(drawn.iter().all(|d| Toy::stratum(d.row, d.col) == Some(d.stratum)));
            let mut places: Vec<_> = drawn.iter().map(|d| (d.row, d.col)).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), drawn.len());
            assert_eq!(census.draw(&mut Toy, &n, way, 5).unwrap(), drawn);
            assert_ne!(census.draw(&mut Toy, &n, way, 6).unwrap(), drawn);
        }
        assert!(census.draw(&mut Toy, &[0, 1_000_000, 0], Draw::Simple, 1).is_err());
        let all = census.draw(&mut Toy, &[0, census.populations()[1], 0], Draw::Balanced, 1).unwrap();
        assert_eq!(all.len() as u64, census.populations()[1]);
    }

    /// Every cell must come up as often as its inclusion probability says, under both ways.
    #[test]
    fn inclusion_is_equal_within_a_stratum() {
        let census = Census::take(&mut Toy, 3).unwrap();
        for way in [Draw::Balanced, Draw::Simple] {
            let (mut west, mut all) = (0u64, 0u64);
            for seed in 0..200 {
                let drawn = census.draw(&mut Toy, &[0, 30, 0], way, seed).unwrap();
                west += drawn.iter().filter(|d| d.col < 260).count() as u64;
                all += 30;
            }
            let truth = (10..300).flat_map(|r| (0..520).map(move |c| (r, c)));
            let rare: Vec<_> = truth.filter(|&(r, c)| Toy::stratum(r, c) == Some(1)).collect();
            let fraction = rare.iter().filter(|p| p.1 < 260).count() as f64 / rare.len() as f64;
            assert!((west as f64 / all as f64 - fraction).abs() < 0.025, "{way}");
        }
    }

    /// Halves of the map get their fraction of a balanced sample almost exactly, of a simple one only on average.
    #[test]
    fn a_balanced_draw_is_spread_evenly() {
        let census = Census::take(&mut Toy, 3).unwrap();
        let spread = |way| -> f64 {
            let counts = (0..40).map(|seed| {
                let drawn = census.draw(&mut Toy, &[0, 0, 100], way, seed).unwrap();
                drawn.iter().filter(|d| d.col < 256 && d.row < 256).count() as f64
            });
            let counts: Vec<f64> = counts.collect();
            let mean = counts.iter().sum::<f64>() / 40.0;
            counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 39.0
        };
        assert!(spread(Draw::Balanced) < 0.2 * spread(Draw::Simple));
    }
}
