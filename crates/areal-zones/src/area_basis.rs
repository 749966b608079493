//! The one ellipsoid on which all areas of a table are, and how the cells of a map are measured on it.

use areal_formats::AreaEllipsoid;
use areal_grid::{Affine, CellAreas, Crs, CrsKind, Ellipsoid, PixelGrid, ToLonLat};
use areal_raster::{EarthPositions, Projection, ellipsoid_name};

use crate::ZonesError;

/// The ellipsoid of all areas of a table: that of the zones' datum, and WGS 84 where the zones are on a sphere.
#[derive(Debug, Clone)]
pub struct AreaBasis {
    ellipsoid: Ellipsoid,
    /// Longitude and latitude on the zones' datum.
    lonlat: Crs,
}

/// Ellipsoids whose axes differ by less than this share give the same areas.
const SAME: f64 = 1e-9;

impl AreaBasis {
    /// The basis for zones in a CRS.
    ///
    /// # Errors
    /// When the CRS has no geographic base.
    pub fn new(zones: &Crs) -> Result<Self, ZonesError> {
        Ok(Self { ellipsoid: zones.ellipsoid.for_areas(), lonlat: Projection::lonlat_of(zones)? })
    }

    pub fn ellipsoid(&self) -> Ellipsoid {
        self.ellipsoid
    }

    /// The same with its name.
    ///
    /// # Errors
    /// When the CRS of the zones is not understood.
    pub fn describe(&self, zones: &Crs) -> Result<AreaEllipsoid, ZonesError> {
        let Ellipsoid { semi_major, flattening } = self.ellipsoid;
        let name = if is_sphere(&zones.ellipsoid) { "WGS 84".to_owned() } else { ellipsoid_name(zones)? };
        Ok(AreaEllipsoid { name, semi_major, inverse_flattening: (flattening > 0.0).then(|| 1.0 / flattening) })
    }

    /// Areas of the cells of a map on this ellipsoid. A map on another datum is measured on its own ellipsoid, times the
    /// areal scale between the two in its middle. Elsewhere the scale is another one: over a map of the world on WGS 84 areas
    /// are off by up to 8e-5 with zones on NAD27 and 3.5e-5 on ED50.
    ///
    /// # Errors
    /// When the middle of a map on another datum cannot be brought onto that of the zones.
    pub fn cells(&self, grid: &PixelGrid) -> Result<CellAreas, ZonesError> {
        let own = grid.crs.ellipsoid;
        if is_sphere(&own) || is_same(&own, &self.ellipsoid) {
            return Ok(CellAreas::new(grid, self.ellipsoid));
        }
        Ok(CellAreas::new(grid, own).scaled(self.scale_from(grid)?))
    }

    /// From map positions to the longitude and latitude by which cells are measured. One thread may use it at a time.
    ///
    /// # Errors
    /// When there is no transformation.
    pub fn positions(&self, map: &Crs) -> Result<EarthPositions, ZonesError> {
        // Zones are brought onto a sphere by the same transformation.
        let through_zones = is_sphere(&map.ellipsoid) && !is_sphere(&self.lonlat.ellipsoid);
        Ok(if through_zones { EarthPositions::between(map, &self.lonlat)? } else { EarthPositions::new(map)? })
    }

    /// Area of a degree square on this ellipsoid over the same on the map's own, in the middle of the map.
    fn scale_from(&self, grid: &PixelGrid) -> Result<f64, ZonesError> {
        let [lon, lat] = place_near_the_middle(grid)?;
        let base = Projection::lonlat_of(&grid.crs)?;
        let CrsKind::Geographic { degrees_per_unit } = base.kind else { return Ok(1.0) };
        let corner = [lon - 0.5, lat.clamp(-89.0, 89.0) + 0.5].map(|v| v / degrees_per_unit);
        let side = 1.0 / degrees_per_unit;
        // A cell of any CRS is measured by its outline; one of a geographic CRS would be by its parallels.
        let crs = Crs { kind: CrsKind::Projected { metres_per_unit: 111_320.0 * degrees_per_unit }, ..base.clone() };
        let square = PixelGrid { crs, transform: Affine::north_up(corner, [side, side]), height: 1, width: 1 };
        let on = |ellipsoid: Ellipsoid, positions: &dyn ToLonLat| {
            CellAreas::new(&square, ellipsoid).of(&square.window(), positions).total()
        };
        let scale = on(self.ellipsoid, &Projection::in_degrees(&base, &self.lonlat)?)
            / on(grid.crs.ellipsoid, &EarthPositions::new(&base)?);
        Ok(scale)
    }
}

/// Places along each side of a map that are looked at for one on the Earth.
const LOOKS: usize = 33;

/// Longitude and latitude of the place on the Earth nearest to the middle of a map.
fn place_near_the_middle(grid: &PixelGrid) -> Result<[f64; 2], ZonesError> {
    let positions = EarthPositions::new(&grid.crs)?;
    let middle = [grid.transform.apply(0.5 * grid.height as f64, 0.5 * grid.width as f64)];
    let share = |k: usize| (k as f64 + 0.5) / LOOKS as f64;
    let mut looks: Vec<(f64, f64)> =
        (0..LOOKS * LOOKS).map(|k| (share(k / LOOKS) - 0.5, share(k % LOOKS) - 0.5)).collect();
    looks.sort_by(|a, b| a.0.hypot(a.1).total_cmp(&b.0.hypot(b.1)));
    let (height, width) = (grid.height as f64, grid.width as f64);
    let mut places: Vec<[f64; 2]> = middle.to_vec();
    places.extend(looks.iter().map(|(down, right)| grid.transform.apply((0.5 + down) * height, (0.5 + right) * width)));
    positions.to_lonlat_or_nan(&mut places);
    if let Some(place) = places.into_iter().find(|place| place[0].is_finite()) {
        return Ok(place);
    }
    // With the error of the middle.
    let mut middle = middle;
    positions.to_lonlat(&mut middle)?;
    Ok(middle[0])
}

fn is_sphere(ellipsoid: &Ellipsoid) -> bool {
    *ellipsoid != ellipsoid.for_areas()
}

fn is_same(a: &Ellipsoid, b: &Ellipsoid) -> bool {
    let axes = |e: &Ellipsoid| [e.semi_major, e.semi_major * (1.0 - e.flattening)];
    axes(a).iter().zip(axes(b)).all(|(a, b)| (a / b - 1.0).abs() < SAME)
}
