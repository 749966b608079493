//! The scenes of the landscape, with noise, cloud and nodata.

use areal_grid::PixelGrid;
use rayon::prelude::*;

use crate::noise::{Point, fractal, hash, mix, normal, smoothstep};
use crate::plane::PlanePositions;
use crate::surface::{BANDS, Spectrum, surface};
use crate::world::World;

/// Value of every band where a scene has no data.
pub const NODATA: u16 = 0;

/// Codes of the cloud band.
pub const CLEAR: u16 = 1;
/// Code of cloud shadow.
pub const SHADOW: u16 = 2;
/// Code of cloud.
pub const CLOUD: u16 = 3;

/// What sets one acquisition apart: its side of the swath, its clouds, its air.
pub struct Acquisition {
    /// 0 for the western scene, 1 for the eastern one.
    index: usize,
    key: u64,
    cloud_from: f64,
    gain: Spectrum,
    haze: Spectrum,
}

/// Share of the ground that clouds hide, before shadows.
const CLOUD_SHARE: f64 = 0.045;
/// Where the shadow of a cloud falls, in metres: the sun stands in the east-south-east.
const SHADOW_OFFSET: Point = [-420.0, 190.0];

impl Acquisition {
    /// The western (0) or eastern (1) acquisition.
    pub fn new(world: &World, index: usize) -> Self {
        let key = hash(index as i64, 9, world.seed);
        let gain = [[1.0, 1.0, 1.0, 1.0, 1.0], [1.04, 1.03, 1.02, 0.96, 0.97]];
        let haze = [[35.0, 22.0, 12.0, 4.0, 0.0], [85.0, 55.0, 34.0, 12.0, 2.0]];
        let mut acquisition = Self { index, key, cloud_from: 0.0, gain: gain[index % 2], haze: haze[index % 2] };
        acquisition.cloud_from = acquisition.cloud_threshold(world);
        acquisition
    }

    /// The height of the cloud field that its share of the scene exceeds.
    fn cloud_threshold(&self, world: &World) -> f64 {
        let dimensions = &world.dimensions;
        let side = dimensions.scene_pixels as f64 * 10.0;
        let mut field: Vec<f64> = (0..64 * 64)
            .map(|k| {
                let (i, j) = (f64::from(k / 64), f64::from(k % 64));
                let west = dimensions.scene_west[self.index % 2];
                self.cloud_field(world, [west + j / 64.0 * side, dimensions.scene_north - i / 64.0 * side])
            })
            .collect();
        field.sort_by(f64::total_cmp);
        field[((1.0 - CLOUD_SHARE) * field.len() as f64) as usize]
    }

    fn cloud_field(&self, world: &World, p: Point) -> f64 {
        fractal(p, 2600.0 * world.dimensions.scale.max(0.4), 5, self.key)
    }

    /// How opaque the clouds are above a position, 0 to 1.
    fn cloud(&self, world: &World, p: Point) -> f64 {
        smoothstep(self.cloud_from, self.cloud_from + 0.12, self.cloud_field(world, p))
    }

    /// True where the slanted edge of the orbit cuts the scene off.
    fn beyond_swath(&self, world: &World, p: Point) -> bool {
        let dimensions = &world.dimensions;
        let side = dimensions.scene_pixels as f64 * 10.0;
        let slant = 0.17;
        let ragged = 30.0 * fractal([p[1], 0.0], 900.0, 2, self.key + 1);
        let down = dimensions.scene_north - p[1];
        if self.index == 0 {
            // The descending orbit runs from north-north-east to south-south-west: its western edge leaves a wedge of
            // nodata in the north-west, its eastern edge one in the south-east.
            p[0] - dimensions.scene_west[0] < slant * (0.62 * side - down) + ragged
        } else {
            dimensions.scene_west[1] + side - p[0] < slant * (down - 0.45 * side) + ragged
        }
    }

    /// Digital numbers of one pixel: spectral bands, then the cloud band.
    fn pixel(&self, world: &World, p: Point, noise_key: u64) -> [u16; BANDS + 1] {
        if self.beyond_swath(world, p) {
            return [NODATA; BANDS + 1];
        }
        let cloud = self.cloud(world, p);
        let shade = self.cloud(world, [p[0] - SHADOW_OFFSET[0], p[1] - SHADOW_OFFSET[1]]);
        let ground = surface(world, p);
        let veil = 1.0 + 0.5 * fractal(p, 9000.0 * world.dimensions.scale, 2, self.key + 2);
        let top = 5200.0 + 2600.0 * self.cloud_field(world, p);
        let mut out = [NODATA; BANDS + 1];
        for (k, value) in out.iter_mut().take(BANDS).enumerate() {
            let lit = ground[k] * mix(1.0, 0.45, shade);
            let seen = mix(self.gain[k] * lit + self.haze[k] * veil, top, cloud);
            let noise = normal(noise_key, k as i64) * (9.0 + 0.012 * seen);
            *value = (seen + noise).round().clamp(1.0, 16_000.0) as u16;
        }
        out[BANDS] = match (cloud > 0.06, shade > 0.12) {
            (true, _) => CLOUD,
            (false, true) => SHADOW,
            (false, false) => CLEAR,
        };
        out
    }

    /// Rows `rows` of the scene, `[band, row, col]`.
    pub fn rows(
        &self,
        world: &World,
        grid: &PixelGrid,
        positions: &PlanePositions,
        rows: std::ops::Range<usize>,
    ) -> Vec<u16> {
        let (first, height, width) = (rows.start, rows.len(), grid.width);
        let mut pixels = vec![[NODATA; BANDS + 1]; height * width];
        pixels.par_chunks_mut(width).enumerate().for_each(|(i, line)| {
            for (col, pixel) in line.iter_mut().enumerate() {
                let row = first + i;
                let key = hash(row as i64, col as i64, self.key ^ 0x5bd1);
                *pixel = self.pixel(world, positions.centre(row, col), key);
            }
        });
        (0..=BANDS).flat_map(|band| pixels.iter().map(move |p| p[band])).collect()
    }
}

/// Rows handled between two looks at the interrupt.
pub const STRIP: usize = 128;
