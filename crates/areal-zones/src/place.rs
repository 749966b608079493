//! Zones on a pixel grid.

use areal_grid::{CrsKind, PixelGrid};
use areal_raster::{Projection, same_crs, turn_of};
use geo::{BoundingRect, MapCoords, MultiPolygon, Rect};
use rayon::prelude::*;

use crate::area_basis::AreaBasis;
use crate::error::{Extent, NoOverlap};
use crate::longitude::turns_into;
use crate::outline_area::outline_areas;
use crate::project::{ProjectFault, project};
use crate::reach::{Near, Reach, map_extent};
use crate::way::Way;
use crate::{Zone, ZoneSet, ZoneShape, ZonesError, ellipsoidal_area};

/// Most zones projected together: enough to spare calls into the projection, few enough to bound memory.
const MOST: usize = 4096;
/// An outline beyond the map by so many cells is rounding: edges lie so far from where they belong.
const BEYOND: f64 = 1e-3;

/// One zone on a grid.
#[derive(Debug, Clone)]
pub struct PlacedZone {
    /// Its outline in pixel coordinates; empty when it lies outside the map. A zone over the antimeridian has as many
    /// copies as the grid has places for it.
    pub shape: ZoneShape,
    /// Area in cells of one copy; `None` when the outline was clipped to the surroundings of the map, or reaches beyond a map
    /// that has no copies of it.
    pub cells: Option<f64>,
    /// True area of the whole zone on the ellipsoid, square metres.
    pub area: f64,
}

/// Brings zones onto `grid`: projects their outlines with vertices added, so that edges stay within a thousandth of a
/// cell of where they belong, and works out their true areas. In the order of `set.zones`.
///
/// # Errors
/// [`ZonesError::NoOverlap`] when no zone touches the grid, [`ZonesError::NotProjectable`] for a zone near the map that
/// cannot be projected.
pub fn place(set: &ZoneSet, grid: &PixelGrid) -> Result<Vec<PlacedZone>, ZonesError> {
    place_watched(set, grid, &|_| ())
}

/// As [`place`]; `placed` is told the number of zones as they are done.
pub(crate) fn place_watched(
    set: &ZoneSet,
    grid: &PixelGrid,
    placed: &(dyn Fn(u64) + Sync),
) -> Result<Vec<PlacedZone>, ZonesError> {
    let areas = true_areas(set, &AreaBasis::new(&set.crs)?)?;
    let same = same_crs(&set.crs, &grid.crs);
    let turn = turn_columns(grid)?;
    let place = TargetGrid { grid, same, reach: Reach::new(&set.crs, grid)?, turn, from: set.crs.kind };
    let batch = |(zones, areas): (&[Zone], &[f64])| {
        // A projection serves one thread.
        let projection = if same { None } else { Some(Projection::new(&set.crs, &grid.crs)?) };
        let batch = place.batch(projection.as_ref(), zones, areas)?;
        placed(zones.len() as u64);
        Ok(batch)
    };
    let size = batch_size(set);
    let batches: Result<Vec<Vec<PlacedZone>>, ZonesError> =
        set.zones.par_chunks(size).zip(areas.par_chunks(size)).map(batch).collect();
    let found: Vec<PlacedZone> = batches?.into_iter().flatten().collect();
    let (width, height) = (grid.width as f64, grid.height as f64);
    let touches =
        |z: &PlacedZone| z.shape.extent().is_some_and(|b| b[0] < width && b[1] < height && b[2] > 0.0 && b[3] > 0.0);
    if found.iter().any(touches) { Ok(found) } else { Err(no_overlap(set, grid)) }
}

/// Zones projected together: some batches for each thread, so that none waits long for the others.
fn batch_size(set: &ZoneSet) -> usize {
    (set.zones.len() / (4 * rayon::current_num_threads())).clamp(16, MOST)
}

/// 360 degrees in columns, where columns are longitudes: in degrees, and in cylindrical projections.
pub(crate) fn turn_columns(grid: &PixelGrid) -> Result<Option<f64>, ZonesError> {
    if !grid.transform.is_north_up() {
        return Ok(None);
    }
    let turn = match grid.crs.kind {
        CrsKind::Geographic { degrees_per_unit } => Some(360.0 / degrees_per_unit),
        CrsKind::Projected { .. } => turn_of(&grid.crs)?,
    };
    Ok(turn.map(|turn| turn / grid.transform.col_step[0]))
}

struct TargetGrid<'a> {
    grid: &'a PixelGrid,
    /// True when zones and grid have the same CRS.
    same: bool,
    reach: Option<Reach>,
    turn: Option<f64>,
    /// What the zones' coordinates are.
    from: CrsKind,
}

impl TargetGrid<'_> {
    fn projected(&self) -> bool {
        matches!(self.grid.crs.kind, CrsKind::Projected { .. })
    }

    fn project(
        &self,
        projection: Option<&Projection>,
        outlines: &[&MultiPolygon<f64>],
    ) -> Result<Vec<MultiPolygon<f64>>, ProjectFault> {
        let apply = projection.map(|p| |points: &mut [[f64; 2]]| p.apply(points));
        let transform = apply.as_ref().map(|apply| apply as crate::project::Transform<'_>);
        project(outlines, &Way { transform, grid: self.grid, turn: self.turn, from: self.from })
    }

    fn batch(
        &self,
        projection: Option<&Projection>,
        zones: &[Zone],
        areas: &[f64],
    ) -> Result<Vec<PlacedZone>, ZonesError> {
        let away = |area: &f64| PlacedZone { shape: ZoneShape::default(), cells: None, area: *area };
        let mut placed: Vec<PlacedZone> = areas.iter().map(away).collect();
        let near: Vec<(usize, Near<'_>)> = zones.iter().map(|z| self.near(z)).enumerate().collect();
        let near: Vec<_> = near.iter().filter(|(_, n)| !matches!(n, Near::Away)).collect();
        let outlines: Vec<&MultiPolygon<f64>> = near.iter().filter_map(|(_, n)| n.outline()).collect();
        let projected = match self.project(projection, &outlines) {
            Ok(projected) => projected,
            // One by one, to name the zone that cannot be projected.
            Err(_) => {
                near.iter().map(|(k, n)| self.one(projection, &zones[*k], n.outline())).collect::<Result<_, _>>()?
            }
        };
        for ((k, n), outline) in near.iter().zip(projected) {
            self.settle(&outline, matches!(n, Near::Part(_)), &mut placed[*k]);
        }
        Ok(placed)
    }

    /// What of a zone may lie on the map.
    fn near<'z>(&self, zone: &'z Zone) -> Near<'z> {
        match &self.reach {
            Some(reach) if reach.is_away(&zone.outline) => Near::Away,
            // A map projection has no place for what is far away, or has it in a wrong one; degrees go on for ever.
            Some(reach) if !self.same && self.projected() => reach.clip(&zone.outline),
            _ => Near::Whole(&zone.outline),
        }
    }

    fn one(
        &self,
        projection: Option<&Projection>,
        zone: &Zone,
        outline: Option<&MultiPolygon<f64>>,
    ) -> Result<MultiPolygon<f64>, ZonesError> {
        let outlines: Vec<_> = outline.into_iter().collect();
        let mut projected = self.project(projection, &outlines).map_err(|fault| ZonesError::NotProjectable {
            id: zone.id.clone(),
            crs: self.grid.crs.name.clone(),
            reason: fault.to_string(),
        })?;
        Ok(projected.pop().unwrap_or_else(|| MultiPolygon::new(Vec::new())))
    }

    fn settle(&self, outline: &MultiPolygon<f64>, clipped: bool, placed: &mut PlacedZone) {
        let shape = ZoneShape::new(outline);
        let (width, height) = (self.grid.width as f64, self.grid.height as f64);
        let [x0, y0, x1, y1] = shape.extent().unwrap_or_default();
        let beyond = x0.min(y0) < -BEYOND || x1 > width + BEYOND || y1 > height + BEYOND;
        // Cells on the rim of the Earth count as whole ones, so that covered cells alone do not tell.
        placed.cells = (!clipped && (self.turn.is_some() || !beyond)).then(|| shape.area());
        placed.shape = match (self.turn, shape.extent()) {
            (Some(turn), Some(b)) => match turns_into(b[0], b[2], 0.0, self.grid.width as f64, turn)[..] {
                [] => ZoneShape::default(),
                [0.0] => shape,
                ref shifts => shape.with_copies(shifts),
            },
            _ => shape,
        };
    }
}

/// True areas of whole zones, in square metres.
fn true_areas(set: &ZoneSet, basis: &AreaBasis) -> Result<Vec<f64>, ZonesError> {
    let area = |outline: &MultiPolygon<f64>| ellipsoidal_area(outline, &basis.ellipsoid());
    match set.crs.kind {
        CrsKind::Geographic { degrees_per_unit: 1.0 } => Ok(set.zones.par_iter().map(|z| area(&z.outline)).collect()),
        CrsKind::Geographic { degrees_per_unit: f } => {
            Ok(set.zones.par_iter().map(|z| area(&z.outline.map_coords(|c| c * f))).collect())
        }
        CrsKind::Projected { .. } => {
            let batch = |zones: &[Zone]| -> Result<Vec<f64>, ZonesError> {
                // Positions serve one thread.
                let positions = basis.positions(&set.crs)?;
                let outlines: Vec<_> = zones.iter().map(|z| &z.outline).collect();
                let areas = outline_areas(&outlines, &set.crs, basis.ellipsoid(), &positions);
                let ids = zones.iter().map(|z| z.id.as_str());
                ids.zip(areas).map(|(id, area)| not_negative(id, area)).collect()
            };
            let batches: Result<Vec<Vec<f64>>, ZonesError> = set.zones.par_chunks(batch_size(set)).map(batch).collect();
            Ok(batches?.into_iter().flatten().collect())
        }
    }
}

/// Refuses an area below nothing by more than rounding, 1 m2.
fn not_negative(id: &str, area: f64) -> Result<f64, ZonesError> {
    if area >= -1.0 {
        return Ok(area.max(0.0));
    }
    Err(ZonesError::NotProjectable {
        id: id.to_owned(),
        crs: "longitude and latitude".to_owned(),
        reason: format!("its area would be {area} m2"),
    })
}

fn no_overlap(set: &ZoneSet, grid: &PixelGrid) -> ZonesError {
    let extent = |r: Rect<f64>| Extent([r.min().x, r.min().y, r.max().x, r.max().y]);
    let corners = set.zones.iter().filter_map(|z| z.outline.bounding_rect());
    let zones = corners.reduce(|a, b| {
        let (p, q) = (
            (a.min().x.min(b.min().x), a.min().y.min(b.min().y)),
            (a.max().x.max(b.max().x), a.max().y.max(b.max().y)),
        );
        Rect::new(p, q)
    });
    let same = same_crs(&set.crs, &grid.crs);
    ZonesError::NoOverlap(Box::new(NoOverlap {
        zones: zones.map_or(Extent([f64::NAN; 4]), extent),
        zones_crs: set.crs.name.clone(),
        map: Extent(grid.bounds()),
        map_crs: grid.crs.name.clone(),
        map_in_zones_crs: if same { None } else { map_extent(&set.crs, grid).map(extent) },
    }))
}
