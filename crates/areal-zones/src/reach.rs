//! The surroundings of a map in the zones' CRS, and what of a zone lies there.

use areal_grid::{Crs, CrsKind, PixelGrid};
use areal_raster::{Projection, central_meridian, lobes, same_crs, turn_of};
use geo::{Area, BoundingRect, Coord, LineString, MultiPolygon, Rect};

use crate::ZonesError;
use crate::clip::clip;
use crate::longitude::{moved, turns_into};

/// Points per side of the map's outline, when it is brought into the zones' CRS.
const OUTLINE_POINTS: usize = 64;
/// By how much of its size the map's extent is widened before zones are said to lie outside it.
const MARGIN: f64 = 0.1;

/// What of a zone may lie on the map.
pub(crate) enum Near<'a> {
    Away,
    Whole(&'a MultiPolygon<f64>),
    /// All of it, moved by whole turns part by part.
    Moved(MultiPolygon<f64>),
    /// A part; the rest does not.
    Part(MultiPolygon<f64>),
}

impl Near<'_> {
    pub(crate) fn outline(&self) -> Option<&MultiPolygon<f64>> {
        match self {
            Near::Away => None,
            Near::Whole(outline) => Some(outline),
            Near::Moved(outline) | Near::Part(outline) => Some(outline),
        }
    }
}

/// The surroundings of the map in the zones' CRS.
pub(crate) struct Reach {
    /// In one piece, or cut where the map projection is.
    parts: Vec<Rect<f64>>,
    turn: Option<f64>,
}

impl Reach {
    /// `None` where the map's outline has no extent in the zones' CRS.
    ///
    /// # Errors
    /// When a CRS is not understood.
    pub(crate) fn new(zones: &Crs, grid: &PixelGrid) -> Result<Option<Self>, ZonesError> {
        let extent = map_extent(zones, grid);
        let Some(turn) = turn_units(zones) else {
            let parts = extent.map(|e| vec![widened(&e, [e.width() * MARGIN, e.height() * MARGIN])]);
            return Ok(parts.map(|parts| Self { parts, turn: None }));
        };
        let projected = matches!(grid.crs.kind, CrsKind::Projected { .. });
        if projected && turn_of(&grid.crs)?.is_some() {
            // Longitudes go on for ever; latitudes may not.
            let (south, north) = extent.map_or((-0.25 * turn, 0.25 * turn), |e| (e.min().y, e.max().y));
            let margin = MARGIN * (north - south);
            let all = Rect::new((-10.0 * turn, south - margin), (10.0 * turn, north + margin));
            return Ok(Some(Self { parts: vec![all], turn: None }));
        }
        let centre = if projected { central_meridian(&grid.crs)? * turn / 360.0 } else { 0.0 };
        let parts = match extent.filter(|e| e.width() <= turn * (1.0 + 1e-9)) {
            // Not round the Earth and over itself: each place has one longitude here.
            Some(e) => {
                let dx = (e.width() * MARGIN).min(0.5 * (turn - e.width()).max(0.0));
                let all = widened(&e, [dx, e.height() * MARGIN]);
                if projected { cut(&all, centre + 0.5 * turn, turn) } else { vec![all] }
            }
            None => vec![round_the_earth(zones, grid, centre, turn)?],
        };
        let parts = in_lobes(parts, lobes(&grid.crs)?, centre, turn);
        Ok(Some(Self { parts, turn: Some(turn) }))
    }

    /// Moves east that bring an outline near a part of the surroundings.
    fn turns_into(&self, part: &Rect<f64>, outline: &Rect<f64>) -> Vec<f64> {
        let (b, e) = (outline, part);
        if b.min().y > e.max().y || b.max().y < e.min().y {
            return Vec::new();
        }
        turns_into(b.min().x, b.max().x, e.min().x, e.max().x, self.turn.unwrap_or(f64::INFINITY))
            .into_iter()
            .filter(|s| b.min().x + s <= e.max().x && b.max().x + s >= e.min().x)
            .collect()
    }

    /// True when an outline lies nowhere near the map.
    pub(crate) fn is_away(&self, outline: &MultiPolygon<f64>) -> bool {
        outline.bounding_rect().is_none_or(|b| self.parts.iter().all(|part| self.turns_into(part, &b).is_empty()))
    }

    /// The part of an outline that lies near the map.
    pub(crate) fn clip<'a>(&self, outline: &'a MultiPolygon<f64>) -> Near<'a> {
        let Some(b) = outline.bounding_rect() else { return Near::Away };
        let places: Vec<(&Rect<f64>, f64)> = self
            .parts
            .iter()
            .flat_map(|part| self.turns_into(part, &b).into_iter().map(move |shift| (part, shift)))
            .collect();
        if let [(part, shift)] = places[..] {
            let (min, max) = (part.min(), part.max());
            if b.min().x + shift >= min.x && b.max().x + shift <= max.x && b.min().y >= min.y && b.max().y <= max.y {
                return Near::Whole(outline);
            }
        }
        let parts = places.into_iter().flat_map(|(part, shift)| clip(&moved(outline, shift), part));
        let parts = MultiPolygon::new(parts.collect());
        let (all, found) = (outline.unsigned_area(), parts.unsigned_area());
        if found >= all * (1.0 - 1e-9) { Near::Moved(parts) } else { Near::Part(parts) }
    }
}

fn widened(extent: &Rect<f64>, [dx, dy]: [f64; 2]) -> Rect<f64> {
    let (min, max) = (extent.min(), extent.max());
    Rect::new((min.x - dx, min.y - dy), (max.x + dx, max.y + dy))
}

/// Cuts a rectangle at a meridian and those whole turns from it.
fn cut(all: &Rect<f64>, meridian: f64, turn: f64) -> Vec<Rect<f64>> {
    let (min, max) = (all.min(), all.max());
    let first = ((min.x - meridian) / turn).floor() as i64 + 1;
    let inner = (first..).map(|k| meridian + k as f64 * turn).take_while(|x| *x < max.x);
    let edges: Vec<f64> = std::iter::once(min.x).chain(inner).chain([max.x]).collect();
    edges.windows(2).map(|x| Rect::new((x[0], min.y), (x[1], max.y))).collect()
}

/// How far within a lobe, in degrees, its parts end: on the meridian itself a projection takes the neighbouring lobe.
const WITHIN: f64 = 1e-11;

/// Cuts rectangles at the borders of the lobes of an interrupted projection, if it is one.
fn in_lobes(parts: Vec<Rect<f64>>, lobes: &[[f64; 4]], centre: f64, turn: f64) -> Vec<Rect<f64>> {
    if lobes.is_empty() {
        return parts;
    }
    let degree = turn / 360.0;
    let moves = [-turn, 0.0, turn];
    let lobe = |[west, south, east, north]: &[f64; 4], shift: f64| {
        let [west, east] = [west + WITHIN, east - WITHIN].map(|lon| centre + shift + lon * degree);
        Rect::new((west, south * degree), (east, north * degree))
    };
    let lobes: Vec<Rect<f64>> = moves.iter().flat_map(|shift| lobes.iter().map(|l| lobe(l, *shift))).collect();
    let common = |a: &Rect<f64>, b: &Rect<f64>| {
        let (low, high) = (
            (a.min().x.max(b.min().x), a.min().y.max(b.min().y)),
            (a.max().x.min(b.max().x), a.max().y.min(b.max().y)),
        );
        (low.0 < high.0 && low.1 < high.1).then(|| Rect::new(low, high))
    };
    parts.iter().flat_map(|part| lobes.iter().filter_map(move |lobe| common(part, lobe))).collect()
}

/// Units of the zones' CRS in 360 degrees, where it has longitudes.
fn turn_units(zones: &Crs) -> Option<f64> {
    match zones.kind {
        CrsKind::Geographic { degrees_per_unit } => Some(360.0 / degrees_per_unit),
        CrsKind::Projected { .. } => None,
    }
}

/// All longitudes, cut where the map is, and the latitudes that a map has whose outline goes round a pole or leaves the
/// Earth.
fn round_the_earth(zones: &Crs, grid: &PixelGrid, centre: f64, turn: f64) -> Result<Rect<f64>, ZonesError> {
    let pole = 0.25 * turn;
    let (mut south, mut north) = latitudes(zones, grid).unwrap_or((-pole, pole));
    let margin = MARGIN * (north - south);
    (south, north) = ((south - margin).max(-pole), (north + margin).min(pole));
    for at in [-pole, pole] {
        // A pole within the map lies between the points that were looked at.
        let mut place = [[centre, at]];
        let on_map = Projection::new(zones, &grid.crs)?.apply(&mut place).is_ok() && grid.pixel_at(place[0]).is_some();
        (south, north) = if on_map { (south.min(at), north.max(at)) } else { (south, north) };
    }
    Ok(Rect::new((centre - 0.5 * turn, south), (centre + 0.5 * turn, north)))
}

/// Least and greatest latitude of points all over the map; `None` where it has points that are nowhere.
fn latitudes(zones: &Crs, grid: &PixelGrid) -> Option<(f64, f64)> {
    let at = |k: usize, size: usize| k as f64 / OUTLINE_POINTS as f64 * size as f64;
    let mut points: Vec<[f64; 2]> = (0..=OUTLINE_POINTS)
        .flat_map(|i| (0..=OUTLINE_POINTS).map(move |j| (i, j)))
        .map(|(i, j)| grid.transform.apply(at(i, grid.height), at(j, grid.width)))
        .collect();
    Projection::new(&grid.crs, zones).ok()?.apply(&mut points).ok()?;
    let fold = |pick: fn(f64, f64) -> f64| points.iter().map(|p| p[1]).reduce(pick);
    fold(f64::min).zip(fold(f64::max))
}

/// Extent of the map in the zones' CRS; `None` where its outline goes round a pole or is nowhere.
pub(crate) fn map_extent(zones: &Crs, grid: &PixelGrid) -> Option<Rect<f64>> {
    let turn = turn_units(zones);
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
    if !same_crs(zones, &grid.crs) {
        Projection::new(&grid.crs, zones).ok()?.apply(&mut outline).ok()?;
        if let Some(turn) = turn {
            for k in 1..outline.len() {
                outline[k][0] += ((outline[k - 1][0] - outline[k][0]) / turn).round() * turn;
            }
            if (outline[0][0] - outline[outline.len() - 1][0]).abs() > 0.5 * turn {
                return None;
            }
        }
    }
    let ring: LineString<f64> = outline.into_iter().map(Coord::from).collect();
    ring.bounding_rect()
}
