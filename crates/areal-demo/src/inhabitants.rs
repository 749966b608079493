//! Population and wealth of the landscape.

use areal_grid::{Affine, Crs, PixelGrid};
use rayon::prelude::*;

use crate::dimensions::PIXEL;
use crate::noise::{Point, fractal, hash, normal, roll};
use crate::plane;
use crate::world::{Structure, World};

/// Who lives where and how well: cells of 3 arc seconds in longitude and latitude.
pub struct Inhabitants {
    pub grid: PixelGrid,
    /// People in each cell, `[row, col]`.
    pub population: Vec<f32>,
    /// The wealth index of each cell, 0 to 100, `[row, col]`: what roofs and roads within about 150 m show, and a small
    /// part that nothing shows.
    pub wealth: Vec<f32>,
}

/// A survey cluster: some households asked in one place.
pub struct Cluster {
    /// Longitude and latitude.
    pub position: Point,
    /// Mean wealth of the households, with the error of a survey.
    pub wealth: f64,
    /// Households asked.
    pub households: i64,
}

const CELLS_PER_DEGREE: f64 = 1200.0;
/// Points looked at in each cell, each way.
const SAMPLES: usize = 6;
/// Standard deviation of a cluster's mean for one household; it shrinks with the root of their number.
const SURVEY_SD: f64 = 18.0;

impl Inhabitants {
    /// Counts roofs and roads in every cell of the districts' rectangle.
    pub fn new(world: &World, lonlat: Crs) -> Self {
        let grid = cells(world, lonlat);
        let seen: Vec<[f64; 3]> = (0..grid.height * grid.width)
            .into_par_iter()
            .map(|k| structures(world, &grid, k / grid.width, k % grid.width))
            .collect();
        let population = seen.iter().map(|[roofs, _, towns]| (roofs * (70.0 + 190.0 * towns)) as f32).collect();
        let wealth = (0..seen.len()).map(|k| wealth(world, &grid, &seen, k / grid.width, k % grid.width)).collect();
        Self { grid, population, wealth }
    }

    /// Places `count` clusters with a probability proportional to population, and asks there.
    pub fn survey(&self, world: &World, count: usize) -> Vec<Cluster> {
        let key = world.key(310);
        let mut sum = 0.0;
        let upto: Vec<f64> = self
            .population
            .iter()
            .map(|p| {
                // The square root gives villages a voice; surveys stratify for the same reason.
                sum += f64::from(*p).sqrt();
                sum
            })
            .collect();
        (0..count)
            .map(|n| {
                let own = hash(n as i64, 0, key);
                let k = upto.partition_point(|u| *u < sum * roll(own, 0)).min(upto.len() - 1);
                let (row, col) = ((k / self.grid.width) as f64, (k % self.grid.width) as f64);
                let position = self.grid.transform.apply(row + roll(own, 1), col + roll(own, 2));
                let households = 12 + (20.0 * roll(own, 3)) as i64;
                let error = SURVEY_SD / (households as f64).sqrt() * normal(own, 4);
                Cluster { position, wealth: f64::from(self.wealth[k]) + error, households }
            })
            .collect()
    }
}

fn cells(world: &World, lonlat: Crs) -> PixelGrid {
    let dimensions = &world.dimensions;
    let corner = |sx: f64, sy: f64| plane::to_lonlat([1.06 * sx * dimensions.half[0], 1.06 * sy * dimensions.half[1]]);
    let (low, high) = (corner(-1.0, -1.0), corner(1.0, 1.0));
    let first = low.map(|v| (v * CELLS_PER_DEGREE).floor());
    let last = high.map(|v| (v * CELLS_PER_DEGREE).ceil());
    let cell = 1.0 / CELLS_PER_DEGREE;
    PixelGrid {
        crs: lonlat,
        transform: Affine::north_up([first[0] * cell, last[1] * cell], [cell, cell]),
        height: (last[1] - first[1]) as usize,
        width: (last[0] - first[0]) as usize,
    }
}

/// Shares of roofs and of roads in a cell, and its mean town-likeness.
fn structures(world: &World, grid: &PixelGrid, row: usize, col: usize) -> [f64; 3] {
    let mut sums = [0.0; 3];
    for i in 0..SAMPLES {
        for j in 0..SAMPLES {
            let at = |k: usize| (k as f64 + 0.5) / SAMPLES as f64;
            let p = plane::from_lonlat(grid.transform.apply(row as f64 + at(i), col as f64 + at(j)));
            let land = world.land(p);
            match world.structure(p, &land) {
                Structure::Roof(_) => sums[0] += 1.0,
                Structure::Road | Structure::Street => sums[1] += 1.0,
                Structure::Open => {}
            }
            sums[2] += land.parcel.urbanity;
        }
    }
    sums.map(|s| s / (SAMPLES * SAMPLES) as f64)
}

/// The wealth index of a cell, from the mean shares of roofs and roads in the 3 x 3 cells round it.
fn wealth(world: &World, grid: &PixelGrid, seen: &[[f64; 3]], row: usize, col: usize) -> f32 {
    let (rows, cols) =
        (row.saturating_sub(1)..(row + 2).min(grid.height), col.saturating_sub(1)..(col + 2).min(grid.width));
    let near: Vec<&[f64; 3]> =
        rows.flat_map(|r| cols.clone().map(move |c| r * grid.width + c)).map(|k| &seen[k]).collect();
    let mean = |which: usize| near.iter().map(|s| s[which]).sum::<f64>() / near.len() as f64;
    let p = plane::from_lonlat(grid.centre(row, col));
    let unseen = 4.0 * fractal(p, 600.0 * PIXEL * world.dimensions.scale, 2, world.key(300));
    let index = 16.0 + 56.0 * (1.0 - (-mean(0) / 0.28).exp()) + 26.0 * (1.0 - (-mean(1) / 0.16).exp()) + unseen;
    index.clamp(0.0, 100.0) as f32
}
