//! Zones on a pixel grid.

use std::ops::Range;

use areal_grid::{Affine, CrsKind, PixelGrid};
use areal_raster::{Projection, lobes, same_crs, turn_of};
use geo::{BoundingRect, Coord, MapCoords, MultiPolygon, Rect};
use rayon::prelude::*;

use crate::area_basis::AreaBasis;
use crate::error::{Extent, NoOverlap};
use crate::grid_projection::GridProjection;
use crate::longitude::turns_into;
use crate::outline_area::outline_areas;
use crate::project::{ProjectFault, project};
use crate::reach::{Near, Reach, map_extent};
use crate::{ZoneSet, ZoneShape, ZonesError, ellipsoidal_area};

/// Most zones projected together: enough to spare calls into the projection, few enough to bound memory.
const MOST: usize = 4096;
/// Bytes of outlines projected together, unless one alone has more. On the way each vertex takes some hundred bytes.
const MOST_BYTES: usize = 1 << 20;
/// Metres in a degree, roughly.
const METRES_PER_DEGREE: f64 = 111_320.0;
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
    let (reach, is_interrupted) = (Reach::new(&set.crs, grid)?, !lobes(&grid.crs)?.is_empty());
    let place = TargetGrid { set, basis, grid, same, reach, turn, from: set.crs.kind, is_interrupted };
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
    /// Whether the map projection has lobes.
    is_interrupted: bool,
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
        project(outlines, &GridProjection { transform, grid: self.grid, turn: self.turn, from: self.from })
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
        let together = (!self.goes_through_degrees()).then(|| self.project(projection, &outlines));
        let projected: Vec<(MultiPolygon<f64>, bool)> = match together {
            Some(Ok(projected)) => projected.into_iter().map(|outline| (outline, false)).collect(),
            // One by one, as one at least has to go another way.
            _ => near.iter().map(|(k, n)| self.one(projection, first + k, n.outline())).collect::<Result<_, _>>()?,
        };
        for ((k, n), (outline, is_clipped)) in near.iter().zip(projected) {
            self.settle(&outline, is_clipped || matches!(n, Near::Part(_)), &mut placed[*k]);
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

    /// One outline, and whether it was clipped on the way.
    fn one(
        &self,
        projection: Option<&Projection>,
        zone: usize,
        outline: Option<&MultiPolygon<f64>>,
    ) -> Result<(MultiPolygon<f64>, bool), ZonesError> {
        let Some(outline) = outline else { return Ok((MultiPolygon::new(Vec::new()), false)) };
        if self.goes_through_degrees()
            && let Some(found) = self.through_degrees(outline)?
        {
            return Ok(found);
        }
        let fault = match self.project(projection, &[outline]) {
            Ok(mut projected) => return Ok((projected.pop().expect("one outline comes back"), false)),
            Err(fault) => fault,
        };
        match self.through_degrees(outline)? {
            Some(found) => Ok(found),
            None => Err(ZonesError::NotProjectable {
                id: self.set.zones.name(zone)?.id,
                crs: self.grid.crs.name.clone(),
                reason: fault.to_string(),
            }),
        }
    }

    /// True where a projection has gaps that an edge may cross unseen, along a line of which both sides are.
    fn goes_through_degrees(&self) -> bool {
        self.is_interrupted && !self.same && matches!(self.from, CrsKind::Projected { .. })
    }

    /// A projected outline that the map projection tears: by way of longitude and latitude, where it can be cut where the map is.
    /// `None` where that does not help.
    fn through_degrees(&self, outline: &MultiPolygon<f64>) -> Result<Option<(MultiPolygon<f64>, bool)>, ZonesError> {
        let (CrsKind::Projected { .. }, CrsKind::Projected { metres_per_unit }) = (self.from, self.grid.crs.kind)
        else {
            return Ok(None);
        };
        let lonlat = Projection::lonlat_of(&self.grid.crs)?;
        let CrsKind::Geographic { degrees_per_unit } = lonlat.kind else { return Ok(None) };
        // A grid of longitudes and latitudes about as fine as the map.
        let cell = self.grid.transform.determinant().abs().sqrt() * metres_per_unit / METRES_PER_DEGREE;
        let side = cell / degrees_per_unit;
        let degrees = PixelGrid {
            crs: lonlat.clone(),
            transform: Affine::north_up([0.0, 0.0], [side, side]),
            height: 1,
            width: 1,
        };
        let there = Projection::new(&self.set.crs, &lonlat)?;
        let turn = Some(360.0 / degrees_per_unit / side);
        let Some(outline) = through(&there, &degrees, turn, self.from, outline) else { return Ok(None) };
        let outline = outline.map_coords(|c| Coord::from(degrees.transform.apply(c.y, c.x)));
        let near = match Reach::new(&lonlat, self.grid)? {
            Some(reach) => reach.clip(&outline),
            None => Near::Whole(&outline),
        };
        let is_clipped = matches!(near, Near::Part(_));
        let onto = Projection::new(&lonlat, &self.grid.crs)?;
        let Some(near) = near.outline() else { return Ok(Some((MultiPolygon::new(Vec::new()), true))) };
        Ok(through(&onto, self.grid, self.turn, lonlat.kind, near).map(|placed| (placed, is_clipped)))
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

/// One outline through a projection; `None` where it is torn.
fn through(
    projection: &Projection,
    grid: &PixelGrid,
    turn: Option<f64>,
    from: CrsKind,
    outline: &MultiPolygon<f64>,
) -> Option<MultiPolygon<f64>> {
    let apply = |points: &mut [[f64; 2]]| projection.apply(points);
    project(&[outline], &GridProjection { transform: Some(&apply), grid, turn, from }).ok()?.pop()
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
