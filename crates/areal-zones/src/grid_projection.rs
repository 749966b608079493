//! Projection of zones onto a grid, with edges that go round the Earth and longitudes that wrap.

use areal_grid::{CrsKind, PixelGrid};
use geo::LineString;

use crate::outline_area::turned_area;
use crate::project::{ProjectFault, Transform, Vertex, along, forwards, to_pixel};

/// How outlines come onto a grid.
pub(crate) struct GridProjection<'a> {
    /// From the zones' CRS to the grid's; none where both are one, and straight edges stay straight.
    pub transform: Option<Transform<'a>>,
    pub grid: &'a PixelGrid,
    /// 360 degrees in columns, where the grid's columns are longitudes.
    pub turn: Option<f64>,
    /// What the zones' coordinates are.
    pub from: CrsKind,
}

/// An edge longer than this many degrees may go round the Earth between its ends.
const LONG_DEGREES: f64 = 60.0;
/// The same in metres on a map.
const LONG_METRES: f64 = 2e6;
/// Such an edge is looked at in so many parts.
const PARTS: usize = 16;

impl GridProjection<'_> {
    /// True for an edge that may go round the Earth between its ends.
    fn is_long(&self, line: &LineString<f64>, edge: usize) -> bool {
        let (a, b) = (line.0[edge], line.0[edge + 1]);
        let longest = match self.from {
            CrsKind::Geographic { degrees_per_unit } => LONG_DEGREES / degrees_per_unit,
            CrsKind::Projected { metres_per_unit } => LONG_METRES / metres_per_unit,
        };
        (a.x - b.x).abs().max((a.y - b.y).abs()) > longest
    }

    /// Columns of 360 degrees nearest to `expected` that bring a column next to it.
    pub(crate) fn turns(&self, column: f64, expected: f64) -> f64 {
        self.turn.map_or(0.0, |turn| ((expected - column) / turn).round() * turn)
    }

    /// The column that a vertex has by its own longitude, where both sides have longitudes.
    fn own_column(&self, x: f64) -> Option<f64> {
        match (self.from, self.grid.crs.kind, self.turn) {
            (CrsKind::Geographic { degrees_per_unit: of }, CrsKind::Geographic { degrees_per_unit: to }, Some(_)) => {
                let t = &self.grid.transform;
                Some((x * of / to - t.origin[0]) / t.col_step[0])
            }
            _ => None,
        }
    }

    /// Rows of the two poles, where rows are latitudes.
    pub(crate) fn pole_rows(&self) -> Option<[f64; 2]> {
        let CrsKind::Geographic { degrees_per_unit } = self.grid.crs.kind else { return None };
        let t = &self.grid.transform;
        self.turn.map(|_| [90.0, -90.0].map(|lat| (lat / degrees_per_unit - t.origin[1]) / t.row_step[1]))
    }

    /// The row of the pole that a ring goes round, where it does: its longitudes end a whole turn from where they began.
    pub(crate) fn cap(&self, ring: &LineString<f64>, placed: &[[f64; 2]]) -> Option<f64> {
        let (turn, [north, south]) = (self.turn?, self.pole_rows()?);
        let (first, last) = (placed.first()?, placed.last()?);
        let east = last[0] - first[0];
        if east.abs() < 0.5 * turn || self.own_column(0.0).is_some() {
            return None;
        }
        // The inside of a ring that runs counterclockwise lies to its left: north of one that runs east.
        let counterclockwise = turned_area(ring) >= 0.0;
        Some(if (east > 0.0) == counterclockwise { north } else { south })
    }
}

/// Vertices within long edges; and where columns are longitudes, moves each vertex by whole turns to where its edge leads.
pub(crate) fn join(
    rings: &[&LineString<f64>],
    placed: &mut [Vec<[f64; 2]>],
    transform: Transform<'_>,
    way: &GridProjection<'_>,
) -> Result<Vec<Vertex>, ProjectFault> {
    let mut knots = Vec::new();
    for (ring, line) in rings.iter().enumerate() {
        let at = &mut placed[ring];
        if way.own_column(0.0).is_some() {
            for (p, c) in at.iter_mut().zip(&line.0) {
                p[0] += way.turns(p[0], way.own_column(c.x).unwrap_or(p[0]));
            }
            continue;
        }
        for edge in 0..line.0.len().saturating_sub(1) {
            let swings = way.turn.is_some_and(|turn| {
                let step = at[edge + 1][0] - at[edge][0];
                (step + way.turns(step, 0.0)).abs() > 0.125 * turn
            });
            let mut column = at[edge][0];
            if swings || way.is_long(line, edge) {
                let forth = forwards(line, edge);
                let share = |k: usize| k as f64 / PARTS as f64;
                let fractions: Vec<f64> = (1..PARTS).map(|k| if forth { share(k) } else { 1.0 - share(k) }).collect();
                let mut points: Vec<[f64; 2]> = fractions.iter().map(|t| along(line, edge, *t)).collect();
                transform(&mut points)?;
                for (t, point) in fractions.into_iter().zip(points) {
                    let mut at = to_pixel(way.grid, point);
                    at[0] += way.turns(at[0], column);
                    column = at[0];
                    knots.push(Vertex { ring, edge, t, at });
                }
            }
            at[edge + 1][0] += way.turns(at[edge + 1][0], column);
        }
        // A map without poles has no place for what lies round one.
        if let (Some(turn), None, [first, .., last]) = (way.turn, way.pole_rows(), &at[..])
            && (last[0] - first[0]).abs() > 0.5 * turn
        {
            return Err(ProjectFault::Torn { x: line.0[0].x, y: line.0[0].y });
        }
    }
    Ok(knots)
}
