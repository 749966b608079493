//! Where patches of several scenes lie on the ground, in one plane measured in metres.

use areal_grid::{Crs, CrsKind, PixelGrid, ToLonLat, Window};
use areal_raster::{Projection, Scene, crs_from_text, same_crs};

use crate::PatchError;
use areal_store::Footprint;

/// How far a map's scale may be from true before distances are measured on another plane.
const TRUE_SCALE: f64 = 0.01;

/// The plane in which blocks are laid out and distances measured: the scenes' own CRS where they share one whose scale
/// is true within 1 %; else Lambert's azimuthal equal-area projection (Snyder 1987, p. 182) centred on them, rounded to
/// whole degrees.
pub(crate) struct DistancePlane {
    metres_per_unit: f64,
    /// From the CRS of each scene; `None` where it is the plane's own.
    projections: Vec<Option<Projection>>,
}

/// The CRS that all scenes share, if they do.
pub(crate) fn shared_crs(scenes: &[Scene]) -> Option<&Crs> {
    let first = &scenes.first()?.grid().crs;
    scenes.iter().all(|s| same_crs(&s.grid().crs, first)).then_some(first)
}

impl DistancePlane {
    pub fn new(scenes: &[Scene]) -> Result<Self, PatchError> {
        if let Some(CrsKind::Projected { metres_per_unit }) = shared_crs(scenes).map(|crs| crs.kind)
            && scenes.iter().all(|s| has_true_scale(s, metres_per_unit))
        {
            return Ok(Self { metres_per_unit, projections: scenes.iter().map(|_| None).collect() });
        }
        let [lon, lat] = middle(scenes)?.map(f64::round);
        let plane = crs_from_text(&format!("+proj=laea +lat_0={lat} +lon_0={lon} +datum=WGS84 +units=m"))?;
        let to_plane = |s: &Scene| Ok(Some(Projection::new(&s.grid().crs, &plane)?));
        Ok(Self { metres_per_unit: 1.0, projections: scenes.iter().map(to_plane).collect::<Result<_, PatchError>>()? })
    }

    /// The ground under a window of a scene, in metres.
    pub fn footprint(&self, scene: usize, grid: &PixelGrid, window: &Window) -> Result<Footprint, PatchError> {
        let mut footprint = footprint(grid, window);
        if let Some(Some(projection)) = self.projections.get(scene) {
            projection.apply(&mut footprint.corners)?;
        }
        footprint.corners.iter_mut().flatten().for_each(|v| *v *= self.metres_per_unit);
        Ok(footprint)
    }
}

/// The ground under a window, in the grid's own CRS.
pub(crate) fn footprint(grid: &PixelGrid, window: &Window) -> Footprint {
    let [a, b, c, d, _] = grid.corners(window);
    Footprint { corners: [a, b, c, d] }
}

fn has_true_scale(scene: &Scene, metres_per_unit: f64) -> bool {
    let [width, height] = scene.grid().transform.pixel_size();
    let ground = scene.ground_resolution();
    let near = |metres: f64, units: f64| (units * metres_per_unit / metres - 1.0).abs() < TRUE_SCALE;
    near(ground.x, width) && near(ground.y, height)
}

/// Middle of the scenes' middles in longitude and latitude, on the sphere, so that the antimeridian does no harm.
fn middle(scenes: &[Scene]) -> Result<[f64; 2], PatchError> {
    let mut sum = [0.0; 3];
    for scene in scenes {
        let grid = scene.grid();
        let mut centre = [grid.transform.apply(grid.height as f64 / 2.0, grid.width as f64 / 2.0)];
        Projection::to_lonlat(&grid.crs)?.to_lonlat(&mut centre)?;
        let [lon, lat] = centre[0].map(f64::to_radians);
        for (s, v) in sum.iter_mut().zip([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]) {
            *s += v;
        }
    }
    let [x, y, z] = sum;
    Ok([y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees()])
}
