//! The true class of every pixel, and the areas that follow from it.

use areal_grid::{Affine, CellAreas, Crs, PixelGrid, ProjectionError};
use areal_raster::{Projection, RasterError};
use geo::MultiPolygon;
use rayon::prelude::*;

use crate::dimensions::PIXEL;
use crate::districts::District;
use crate::land_use::LandUse;
use crate::noise::Point;
use crate::plane::{self, PlanePositions};
use crate::world::World;

/// The class of every 10 m pixel, the district it lies in, and what follows from both.
pub struct Truth {
    pub grid: PixelGrid,
    /// Class codes, `[row, col]`.
    pub classes: Vec<u8>,
    /// True area in square metres of each district (rows) under each use (columns, in order of [`LandUse::ALL`]).
    pub areas: Vec<[f64; LandUse::ALL.len()]>,
}

/// Marks pixels in no district.
const NOWHERE: u8 = u8::MAX;

/// The pixel grid that holds all districts, aligned to whole patches of the recommended size.
pub fn truth_grid(world: &World, utm: Crs, projection: &Projection) -> Result<PixelGrid, ProjectionError> {
    let reach = world.dimensions.half.map(|h| 1.06 * h);
    let mut corners: Vec<Point> = [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
        .map(|s| plane::to_lonlat([0, 1].map(|k| s[k] * reach[k])))
        .into();
    projection.apply(&mut corners)?;
    let cell = PIXEL * world.dimensions.patch_size as f64;
    let edge = |k: usize, pick: fn(f64, f64) -> f64| corners.iter().map(|c| c[k]).fold(corners[0][k], pick);
    let low = [0, 1].map(|k| (edge(k, f64::min) / cell).floor() * cell);
    let high = [0, 1].map(|k| (edge(k, f64::max) / cell).ceil() * cell);
    Ok(PixelGrid {
        crs: utm,
        transform: Affine::north_up([low[0], high[1]], [PIXEL, PIXEL]),
        height: ((high[1] - low[1]) / PIXEL) as usize,
        width: ((high[0] - low[0]) / PIXEL) as usize,
    })
}

impl Truth {
    /// Looks at every pixel's centre.
    pub fn new(world: &World, utm: &Crs, lonlat: &Crs, districts: &[District]) -> Result<Self, RasterError> {
        let at = |source| RasterError::Projection { path: "truth.tif".into(), source };
        let forward = Projection::new(lonlat, utm)?;
        let back = Projection::to_lonlat(utm)?;
        let grid = truth_grid(world, utm.clone(), &forward).map_err(at)?;
        let positions = PlanePositions::new(&grid, &back).map_err(at)?;
        let cell_areas = CellAreas::new(&grid, grid.crs.ellipsoid).of(&grid.window(), &back);
        let mut classes = vec![0u8; grid.height * grid.width];
        classes.par_chunks_mut(grid.width).enumerate().for_each(|(row, line)| {
            for (col, code) in line.iter_mut().enumerate() {
                *code = world.land(positions.centre(row, col)).land_use.code();
            }
        });
        let outlines =
            districts.iter().map(|d| outline(&grid, &d.ground, &forward)).collect::<Result<Vec<_>, _>>().map_err(at)?;
        let mut areas = vec![[0.0; LandUse::ALL.len()]; districts.len()];
        for (row, line) in classes.chunks_exact(grid.width).enumerate() {
            let owners = owners(&outlines, row, grid.width);
            for (col, (owner, code)) in owners.iter().zip(line).enumerate().filter(|(_, (o, _))| **o != NOWHERE) {
                areas[usize::from(*owner)][usize::from(*code - 1)] += cell_areas.at(row, col);
            }
        }
        Ok(Self { grid, classes, areas })
    }
}

/// Edges of a district in pixel positions `(col, row)`.
fn outline(
    grid: &PixelGrid,
    ground: &MultiPolygon<f64>,
    projection: &Projection,
) -> Result<Vec<[Point; 2]>, ProjectionError> {
    let mut edges = Vec::new();
    for ring in ground.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors())) {
        let mut points: Vec<Point> = ring.coords().map(|c| [c.x, c.y]).collect();
        projection.apply(&mut points)?;
        let pixels: Vec<Point> =
            points.iter().filter_map(|p| grid.transform.invert(*p)).map(|(row, col)| [col, row]).collect();
        edges.extend(pixels.windows(2).map(|w| [w[0], w[1]]));
    }
    Ok(edges)
}

/// The district that holds the centre of each pixel of a row: even-odd rule along the row's middle line.
fn owners(outlines: &[Vec<[Point; 2]>], row: usize, width: usize) -> Vec<u8> {
    let y = row as f64 + 0.5;
    let mut owners = vec![NOWHERE; width];
    for (k, edges) in outlines.iter().enumerate() {
        let mut crossings: Vec<f64> = edges
            .iter()
            .filter(|[a, b]| (a[1] <= y) != (b[1] <= y))
            .map(|[a, b]| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
            .collect();
        crossings.sort_by(f64::total_cmp);
        for span in crossings.chunks_exact(2) {
            let first = (span[0] - 0.5).ceil().max(0.0) as usize;
            let end = ((span[1] - 0.5).ceil().max(0.0) as usize).min(width);
            if first < end {
                owners[first..end].fill(k as u8);
            }
        }
    }
    owners
}
