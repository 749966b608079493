//! Transforms, windows, patch layout, ellipsoidal cell areas, and what pixels hold; pure, no input or output.
//!
//! Conventions that hold in every crate of areal:
//! - Pixel positions are `(row, col)`, windows are half-open, row 0 is the first line of the file.
//! - Map positions are `[x, y]` = `[east, north]` or `[longitude, latitude]`, whatever the authority's axis order.
//! - Areas are square metres on the ellipsoid, angles are degrees unless a name says otherwise.

mod affine;
mod authalic;
mod cell_area;
mod cell_mesh;
mod crs;
mod cubic;
mod extremes;
mod layout;
mod legend;
mod pixel_grid;
mod pixels;
mod resolution;
mod rim_cell;
mod scaling;
mod steps;
mod tiling;
mod window;
mod window_areas;

pub use affine::Affine;
pub use authalic::{AngleSum, Authalic, solid_angle};
pub use cell_area::CellAreas;
pub use crs::{Crs, CrsKind, Ellipsoid};
pub use extremes::{Extremes, Stray};
pub use layout::{LayoutError, PatchLayout};
pub use legend::{Class, Target, default_colour};
pub use pixel_grid::PixelGrid;
pub use pixels::{PixelBlock, PixelState, PixelType, Pixels};
pub use resolution::{GroundResolution, ground_resolution};
pub use scaling::Scaling;
pub use steps::{STEP_COLOURS, step_colour, step_limits};
pub use window::{Window, blocks};
pub use window_areas::WindowAreas;

/// Turns map positions into longitude and latitude: the one thing about projections that this crate needs and leaves
/// to its callers.
pub trait ToLonLat {
    /// Replaces each `[x, y]` by `[longitude, latitude]` in degrees on the grid's own ellipsoid.
    ///
    /// # Errors
    /// A [`ProjectionError`] when a point has no longitude and latitude.
    fn to_lonlat(&self, points: &mut [[f64; 2]]) -> Result<(), ProjectionError>;

    /// The same, with `NaN` for points that have none: a map may hold positions that are nowhere on the Earth.
    fn to_lonlat_or_nan(&self, points: &mut [[f64; 2]]);
}

/// A map position that cannot be projected: to longitude and latitude, or to another CRS.
#[derive(Debug, Clone, thiserror::Error)]
#[error("position ({x}, {y}) cannot be projected: {reason}")]
pub struct ProjectionError {
    /// East of the position, in the units of its CRS.
    pub x: f64,
    /// North of the position, in the units of its CRS.
    pub y: f64,
    /// What the projection library said.
    pub reason: String,
}
