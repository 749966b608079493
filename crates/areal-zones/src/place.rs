//! Zones on a pixel grid.

use std::ops::Range;

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
use crate::{ZoneSet, ZoneShape, ZonesError, ellipsoidal_area};

/// Most zones projected together: enough to spare calls into the projection, few enough to bound memory.
const MOST: usize = 4096;
/// Bytes of outlines projected together, unless one alone has more. On the way each vertex takes some hundred bytes.
const MOST_BYTES: usize = 1 << 20;
/// An outline beyond the map by so many cells is rounding: edges lie so far from where they belong.
const BEYOND: f64 = 1e-3;

/// One zone on a grid.
#[derive(Debug, Clone)]
pub(crate) struct PlacedZone {
    /// Its outline in pixel coordinates; empty when it lies outside the map. A zone over the antimeridian has as many
    /// copies as the grid has places for it.
    pub shape: ZoneShape,
    /// Area in cells of one copy; `None` when the outline was clipped to the surroundings of the map, or reaches beyond a map
    /// that has no copies of it.
    pub cells: Option<f64>,
    /// True area of the whole zone on the ellipsoid, square metres.
    pub area: f64,
}

/// Brings zones onto `grid`, and hands them over in the order of `set.zones`: see [`crate::Ground::place`].
pub(crate) fn place(
    set: &ZoneSet,
    grid: &PixelGrid,
    take: &mut dyn FnMut(PlacedZone) -> Result<(), ZonesError>,
) -> Result<(), ZonesError> {
    let same = same_crs(&set.crs, &grid.crs);
    let (turn, basis) = (turn_columns(grid)?, AreaBasis::new(&set.crs)?);
    let place = TargetGrid { set, basis, grid, same, reach: Reach::new(&set.crs, grid)?, turn, from: set.crs.kind };
    let (width, height) = (grid.width as f64, grid.height as f64);
    let touches =
        |z: &PlacedZone| z.shape.extent().is_some_and(|b| b[0] < width && b[1] < height && b[2] > 0.0 && b[3] > 0.0);
    let mut is_touched = false;
    // Some batches for each thread, so that none waits long for the others.
    let batches_at_once = 4 * rayon::current_num_threads();
    let most = (set.zones.len() / batches_at_once).clamp(16, MOST);
    for batches in set.zones.batches(most, MOST_BYTES).chunks(batches_at_once) {
        let placed: Vec<Result<Vec<PlacedZone>, ZonesError>> =
            batches.par_iter().map(|zones| place.batch(zones.clone())).collect();
        for batch in placed {
            for zone in batch? {
                is_touched |= touches(&zone);
                take(zone)?;
            }
        }
    }
    if is_touched { Ok(()) } else { Err(no_overlap(set, grid)?) }
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
    set: &'a ZoneSet,
    basis: AreaBasis,
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

    fn batch(&self, zones: Range<usize>) -> Result<Vec<PlacedZone>, ZonesError> {
        let first = zones.start;
        let outlines = zones.map(|zone| self.set.zones.outline(zone)).collect::<Result<Vec<_>, _>>()?;
        let areas = true_areas(self.set, &self.basis, first, &outlines)?;
        // A projection serves one thread.
        let projection = if self.same { None } else { Some(Projection::new(&self.set.crs, &self.grid.crs)?) };
        let projection = projection.as_ref();
        let away = |area: f64| PlacedZone { shape: ZoneShape::default(), cells: None, area };
        let mut placed: Vec<PlacedZone> = areas.into_iter().map(away).collect();
        let near: Vec<(usize, Near<'_>)> = outlines.iter().map(|outline| self.near(outline)).enumerate().collect();
        let near: Vec<_> = near.iter().filter(|(_, n)| !matches!(n, Near::Away)).collect();
        let outlines: Vec<&MultiPolygon<f64>> = near.iter().filter_map(|(_, n)| n.outline()).collect();
        let projected = match self.project(projection, &outlines) {
            Ok(projected) => projected,
            // One by one, to name the zone that cannot be projected.
            Err(_) => near.iter().map(|(k, n)| self.one(projection, first + k, n.outline())).collect::<Result<_, _>>()?,
        };
        for ((k, n), outline) in near.iter().zip(projected) {
            self.settle(&outline, matches!(n, Near::Part(_)), &mut placed[*k]);
        }
        Ok(placed)
    }

    /// What of a zone may lie on the map.
    fn near<'z>(&self, outline: &'z MultiPolygon<f64>) -> Near<'z> {
        match &self.reach {
            Some(reach) if reach.is_away(outline) => Near::Away,
            // A map projection has no place for what is far away, or has it in a wrong one; degrees go on for ever.
            Some(reach) if !self.same && self.projected() => reach.clip(outline),
            _ => Near::Whole(outline),
        }
    }

    fn one(
        &self,
        projection: Option<&Projection>,
        zone: usize,
        outline: Option<&MultiPolygon<f64>>,
    ) -> Result<MultiPolygon<f64>, ZonesError> {
        let outlines: Vec<_> = outline.into_iter().collect();
        match self.project(projection, &outlines) {
            Ok(mut projected) => Ok(projected.pop().unwrap_or_else(|| MultiPolygon::new(Vec::new()))),
            Err(fault) => Err(ZonesError::NotProjectable {
                id: self.set.zones.name(zone)?.id,
                crs: self.grid.crs.name.clone(),
                reason: fault.to_string(),
            }),
        }
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

/// True areas of whole zones, from number `first` on, in square metres.
fn true_areas(
    set: &ZoneSet,
    basis: &AreaBasis,
    first: usize,
    outlines: &[MultiPolygon<f64>],
) -> Result<Vec<f64>, ZonesError> {
    let area = |outline: &MultiPolygon<f64>| ellipsoidal_area(outline, &basis.ellipsoid());
    match set.crs.kind {
        CrsKind::Geographic { degrees_per_unit: 1.0 } => Ok(outlines.iter().map(area).collect()),
        CrsKind::Geographic { degrees_per_unit: f } => {
            Ok(outlines.iter().map(|outline| area(&outline.map_coords(|c| c * f))).collect())
        }
        CrsKind::Projected { .. } => {
            // Positions serve one thread.
            let positions = basis.positions(&set.crs)?;
            let outlines: Vec<_> = outlines.iter().collect();
            let areas = outline_areas(&outlines, &set.crs, basis.ellipsoid(), &positions)?;
            areas.into_iter().enumerate().map(|(k, area)| not_negative(set, first + k, area)).collect()
        }
    }
}

/// Refuses an area below nothing by more than rounding, 1 m2.
fn not_negative(set: &ZoneSet, zone: usize, area: f64) -> Result<f64, ZonesError> {
    if area >= -1.0 {
        return Ok(area.max(0.0));
    }
    Err(ZonesError::NotProjectable {
        id: set.zones.name(zone)?.id,
        crs: "longitude and latitude".to_owned(),
        reason: format!("its area would be {area} m2"),
    })
}

fn no_overlap(set: &ZoneSet, grid: &PixelGrid) -> Result<ZonesError, ZonesError> {
    let extent = |r: Rect<f64>| Extent([r.min().x, r.min().y, r.max().x, r.max().y]);
    let mut zones: Option<Rect<f64>> = None;
    for zone in 0..set.zones.len() {
        let Some(own) = set.zones.outline(zone)?.bounding_rect() else { continue };
        let (a, b) = (zones.unwrap_or(own), own);
        let (low, high) = (
            (a.min().x.min(b.min().x), a.min().y.min(b.min().y)),
            (a.max().x.max(b.max().x), a.max().y.max(b.max().y)),
        );
        zones = Some(Rect::new(low, high));
    }
    let same = same_crs(&set.crs, &grid.crs);
    Ok(ZonesError::NoOverlap(Box::new(NoOverlap {
        zones: zones.map_or(Extent([f64::NAN; 4]), extent),
        zones_crs: set.crs.name.clone(),
        map: Extent(grid.bounds()),
        map_crs: grid.crs.name.clone(),
        map_in_zones_crs: if same { None } else { map_extent(&set.crs, grid).map(extent) },
    })))
}
