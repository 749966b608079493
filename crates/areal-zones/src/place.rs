//! Zones on a pixel grid.

use areal_grid::{Affine, CrsKind, PixelGrid};
use areal_raster::{Projection, same_crs};
use geo::{Area, BoundingRect, Coord, MapCoords, MultiPolygon, Rect};
use rayon::prelude::*;

use crate::clip::clip;
use crate::error::{Extent, NoOverlap};
use crate::longitude::{moved, turns_into};
use crate::project::{ProjectFault, project};
use crate::{Zone, ZoneSet, ZoneShape, ZonesError, ellipsoidal_area};

/// Most zones projected together: enough to spare calls into the projection, few enough to bound memory.
const MOST: usize = 4096;
/// Points per side of the map's outline, when it is brought into the zones' CRS.
const OUTLINE_POINTS: usize = 64;
/// By how much of its size the map's extent is widened before zones are said to lie outside it.
const MARGIN: f64 = 0.1;
/// Columns in a degree of the finely divided plane in which outlines are densified for their areas (1e-4 degrees are
/// 11 m).
const FINE: f64 = 1e4;

/// One zone on a grid.
#[derive(Debug, Clone)]
pub struct PlacedZone {
    /// Its outline in pixel coordinates; empty when it lies outside the map. A zone over the antimeridian has as many
    /// copies as the grid has places for it.
    pub shape: ZoneShape,
    /// The same as polygons.
    pub outline: MultiPolygon<f64>,
    /// Area in cells of one copy; `None` when the outline was clipped to the surroundings of the map.
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
    let areas = true_areas(set)?;
    let same = same_crs(&set.crs, &grid.crs);
    let place = TargetGrid { grid, same, reach: Reach::new(set, grid), turn: turn_columns(grid) };
    let batch = |(zones, areas): (&[Zone], &[f64])| {
        // A projection serves one thread.
        let projection = if same { None } else { Some(Projection::new(&set.crs, &grid.crs)?) };
        place.batch(projection.as_ref(), zones, areas)
    };
    let size = batch_size(set);
    let batches: Result<Vec<Vec<PlacedZone>>, ZonesError> =
        set.zones.par_chunks(size).zip(areas.par_chunks(size)).map(batch).collect();
    let placed: Vec<PlacedZone> = batches?.into_iter().flatten().collect();
    let (width, height) = (grid.width as f64, grid.height as f64);
    let touches =
        |z: &PlacedZone| z.shape.extent().is_some_and(|b| b[0] < width && b[1] < height && b[2] > 0.0 && b[3] > 0.0);
    if placed.iter().any(touches) { Ok(placed) } else { Err(no_overlap(set, grid)) }
}

/// Zones projected together: some batches for each thread, so that none waits long for the others.
fn batch_size(set: &ZoneSet) -> usize {
    (set.zones.len() / (4 * rayon::current_num_threads())).clamp(16, MOST)
}

/// 360 degrees in columns, where columns are longitudes.
fn turn_columns(grid: &PixelGrid) -> Option<f64> {
    match grid.crs.kind {
        CrsKind::Geographic { degrees_per_unit } if grid.transform.is_north_up() => {
            Some(360.0 / (degrees_per_unit * grid.transform.col_step[0]))
        }
        _ => None,
    }
}

/// Units of the zones' CRS in 360 degrees, where it has longitudes.
fn turn_units(set: &ZoneSet) -> Option<f64> {
    match set.crs.kind {
        CrsKind::Geographic { degrees_per_unit } => Some(360.0 / degrees_per_unit),
        CrsKind::Projected { .. } => None,
    }
}

struct TargetGrid<'a> {
    grid: &'a PixelGrid,
    /// True when zones and grid have the same CRS.
    same: bool,
    reach: Option<Reach>,
    turn: Option<f64>,
}

impl TargetGrid<'_> {
    fn project(
        &self,
        projection: Option<&Projection>,
        outlines: &[&MultiPolygon<f64>],
    ) -> Result<Vec<MultiPolygon<f64>>, ProjectFault> {
        match projection {
            Some(p) => project(outlines, Some(&|points: &mut [[f64; 2]]| p.apply(points)), self.grid, self.turn),
            None => project(outlines, None, self.grid, self.turn),
        }
    }

    fn batch(
        &self,
        projection: Option<&Projection>,
        zones: &[Zone],
        areas: &[f64],
    ) -> Result<Vec<PlacedZone>, ZonesError> {
        let away = |area: &f64| PlacedZone {
            shape: ZoneShape::default(),
            outline: MultiPolygon::new(Vec::new()),
            cells: None,
            area: *area,
        };
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
            self.settle(outline, matches!(n, Near::Part(_)), &mut placed[*k]);
        }
        Ok(placed)
    }

    /// What of a zone may lie on the map.
    fn near<'z>(&self, zone: &'z Zone) -> Near<'z> {
        match &self.reach {
            Some(reach) if reach.turns(&zone.outline).is_empty() => Near::Away,
            // A map projection has no place for what is far away, or has it in a wrong one; degrees go on for ever.
            Some(reach) if !self.same && self.turn.is_none() => reach.clip(&zone.outline),
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

    fn settle(&self, outline: MultiPolygon<f64>, clipped: bool, placed: &mut PlacedZone) {
        let shape = ZoneShape::new(&outline);
        placed.cells = (!clipped).then(|| shape.area());
        (placed.shape, placed.outline) = match (self.turn, shape.extent()) {
            (Some(turn), Some(b)) => match turns_into(b[0], b[2], 0.0, self.grid.width as f64, turn)[..] {
                [] => (ZoneShape::default(), MultiPolygon::new(Vec::new())),
                [0.0] => (shape, outline),
                ref shifts => {
                    let copy = |dx: &f64| outline.map_coords(|c| Coord { x: c.x + dx, ..c }).0;
                    (shape.with_copies(shifts), MultiPolygon::new(shifts.iter().flat_map(copy).collect()))
                }
            },
            _ => (shape, outline),
        };
    }
}

/// What of a zone may lie on the map.
enum Near<'a> {
    Away,
    Whole(&'a MultiPolygon<f64>),
    /// All of it, moved by whole turns part by part.
    Moved(MultiPolygon<f64>),
    /// A part; the rest does not.
    Part(MultiPolygon<f64>),
}

impl Near<'_> {
    fn outline(&self) -> Option<&MultiPolygon<f64>> {
        match self {
            Near::Away => None,
            Near::Whole(outline) => Some(outline),
            Near::Moved(outline) | Near::Part(outline) => Some(outline),
        }
    }
}

/// The surroundings of the map in the zones' CRS.
struct Reach {
    extent: Rect<f64>,
    turn: Option<f64>,
}

impl Reach {
    /// `None` where the map's outline has no extent in the zones' CRS: it goes round a pole or leaves the projection.
    fn new(set: &ZoneSet, grid: &PixelGrid) -> Option<Self> {
        let turn = turn_units(set);
        let extent = map_extent(set, grid, turn)?;
        let (dx, dy) = (extent.width() * MARGIN, extent.height() * MARGIN);
        // Not round the Earth and over itself: each place has one longitude here.
        let dx = turn.map_or(dx, |turn| dx.min(0.5 * (turn - extent.width())));
        let (min, max) = (extent.min(), extent.max());
        Some(Self { extent: Rect::new((min.x - dx, min.y - dy), (max.x + dx, max.y + dy)), turn })
    }

    /// Moves east that bring an outline near the map.
    fn turns(&self, outline: &MultiPolygon<f64>) -> Vec<f64> {
        let (Some(b), e) = (outline.bounding_rect(), &self.extent) else { return Vec::new() };
        if b.min().y > e.max().y || b.max().y < e.min().y {
            return Vec::new();
        }
        turns_into(b.min().x, b.max().x, e.min().x, e.max().x, self.turn.unwrap_or(f64::INFINITY))
            .into_iter()
            .filter(|s| b.min().x + s <= e.max().x && b.max().x + s >= e.min().x)
            .collect()
    }

    /// The part of an outline that lies near the map.
    fn clip<'a>(&self, outline: &'a MultiPolygon<f64>) -> Near<'a> {
        let turns = self.turns(outline);
        if let ([only], Some(b)) = (&turns[..], outline.bounding_rect()) {
            let (min, max) = (self.extent.min(), self.extent.max());
            if b.min().x + only >= min.x && b.max().x + only <= max.x && b.min().y >= min.y && b.max().y <= max.y {
                return Near::Whole(outline);
            }
        }
        let parts = turns.into_iter().flat_map(|shift| clip(&moved(outline, shift), &self.extent));
        let parts = MultiPolygon::new(parts.collect());
        let (all, found) = (outline.unsigned_area(), parts.unsigned_area());
        if found >= all * (1.0 - 1e-9) { Near::Moved(parts) } else { Near::Part(parts) }
    }
}

/// Extent of the map in the zones' CRS.
fn map_extent(set: &ZoneSet, grid: &PixelGrid, turn: Option<f64>) -> Option<Rect<f64>> {
    let mut outline = Vec::with_capacity(4 * OUTLINE_POINTS + 1);
    let corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
    for pair in corners.windows(2) {
        for k in 0..OUTLINE_POINTS {
            let t = k as f64 / OUTLINE_POINTS as f64;
            let at = |a: f64, b: f64, size: usize| (a + t * (b - a)) * size as f64;
            outline.push(
                grid.transform.apply(at(pair[0].0, pair[1].0, grid.height), at(pair[0].1, pair[1].1, grid.width)),
            );
        }
    }
    outline.push(outline[0]);
    if !same_crs(&set.crs, &grid.crs) {
        Projection::new(&grid.crs, &set.crs).ok()?.apply(&mut outline).ok()?;
        if let Some(turn) = turn {
            for k in 1..outline.len() {
                outline[k][0] += ((outline[k - 1][0] - outline[k][0]) / turn).round() * turn;
            }
            if (outline[0][0] - outline[outline.len() - 1][0]).abs() > 0.5 * turn {
                return None;
            }
        }
    }
    let ring: geo::LineString<f64> = outline.into_iter().map(Coord::from).collect();
    ring.bounding_rect()
}

/// True areas of whole zones, in square metres.
fn true_areas(set: &ZoneSet) -> Result<Vec<f64>, ZonesError> {
    let area = |outline: &MultiPolygon<f64>| ellipsoidal_area(outline, &set.crs.ellipsoid);
    match set.crs.kind {
        CrsKind::Geographic { degrees_per_unit: 1.0 } => Ok(set.zones.par_iter().map(|z| area(&z.outline)).collect()),
        CrsKind::Geographic { degrees_per_unit: f } => {
            Ok(set.zones.par_iter().map(|z| area(&z.outline.map_coords(|c| c * f))).collect())
        }
        CrsKind::Projected { .. } => {
            let step = 1.0 / FINE;
            let plane = PixelGrid {
                crs: set.crs.clone(),
                transform: Affine { origin: [0.0, 0.0], col_step: [step, 0.0], row_step: [0.0, step] },
                height: 1,
                width: 1,
            };
            let batch = |zones: &[Zone]| -> Result<Vec<f64>, ZonesError> {
                // A projection serves one thread.
                let projection = Projection::to_lonlat(&set.crs)?;
                let apply = |points: &mut [[f64; 2]]| projection.apply(points);
                let outlines: Vec<_> = zones.iter().map(|z| &z.outline).collect();
                let lonlat = project(&outlines, Some(&apply), &plane, Some(360.0 * FINE)).map_err(|fault| {
                    ZonesError::NotProjectable {
                        id: zones.iter().map(|z| z.id.as_str()).next().unwrap_or_default().to_owned(),
                        crs: "longitude and latitude".to_owned(),
                        reason: fault.to_string(),
                    }
                })?;
                Ok(lonlat.iter().map(|m| area(&m.map_coords(|c| c * step))).collect())
            };
            let batches: Result<Vec<Vec<f64>>, ZonesError> = set.zones.par_chunks(batch_size(set)).map(batch).collect();
            Ok(batches?.into_iter().flatten().collect())
        }
    }
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
        map_in_zones_crs: if same { None } else { map_extent(set, grid, turn_units(set)).map(extent) },
    }))
}
