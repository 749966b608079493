//! A cell that is partly on the Earth: where a map projection ends.

use crate::authalic::{Authalic, quadrilateral_angle};
use crate::{Affine, ToLonLat};

/// Lines across the cell along which the rim of the Earth is looked for.
const LINES: usize = 8;
/// Halvings on the way to it.
const HALVINGS: usize = 16;
/// Nodes of Gauss and Legendre's two-point rule on 0..1.
const NODES: [f64; 2] = [0.211_324_865_405_187_1, 0.788_675_134_594_812_9];
/// Half the side of a square by which the areal scale is measured, in cells, and at most in lengths of its line.
const SQUARE: f64 = 0.01;

/// A cell that is partly on the Earth.
pub(crate) struct RimCell<'a> {
    pub transform: &'a Affine,
    pub sphere: &'a Authalic,
    pub positions: &'a dyn ToLonLat,
    /// Row and column.
    pub cell: [f64; 2],
}

impl RimCell<'_> {
    /// Area of what is on the Earth, and the share of the cell that is. `opposites` says how many points of the left and of
    /// the upper side differ from those opposite: lines run from side to side where more do.
    pub(crate) fn measure(&self, opposites: [usize; 2]) -> (f64, f64) {
        let along_row = opposites[0] >= opposites[1];
        let lines = self.lines_on_earth(along_row);
        let squares: Vec<([f64; 2], f64, f64)> = lines
            .iter()
            .enumerate()
            .flat_map(|(k, [from, to])| {
                let length = to - from;
                NODES.map(|node| ([across(k), from + node * length], SQUARE * length.min(1.0), length))
            })
            .filter(|(_, _, length)| *length > 0.0)
            .collect();
        let corners = squares.iter().flat_map(|([a, b], half, _)| {
            [[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]]
                .map(|[s, t]| self.position([a + s * half, b + t * half], along_row))
        });
        let places = self.sphere.places(corners.collect(), self.positions);
        let mut area = 0.0;
        for ((_, half, length), c) in squares.iter().zip(places.as_chunks::<4>().0) {
            // The areal scale, times the cell that this node stands for.
            let scale = quadrilateral_angle(c).abs() * self.sphere.radius_squared() / (4.0 * half * half);
            area += if scale.is_finite() { scale * length / (2 * LINES) as f64 } else { 0.0 };
        }
        (area, lines.iter().map(|[from, to]| to - from).sum::<f64>() / LINES as f64)
    }

    /// The part of each line that is on the Earth, 0 to 1 from side to side; the same number twice where none is.
    fn lines_on_earth(&self, along_row: bool) -> Vec<[f64; 2]> {
        let known = |at: Vec<[f64; 2]>| -> Vec<bool> {
            let mut points: Vec<[f64; 2]> = at.into_iter().map(|p| self.position(p, along_row)).collect();
            self.positions.to_lonlat_or_nan(&mut points);
            points.iter().map(|p| p[0].is_finite()).collect()
        };
        let side = |t: f64| known((0..LINES).map(|k| [across(k), t]).collect());
        let (start, end) = (side(0.0), side(1.0));
        let mut brackets = [[0.0, 1.0]; LINES];
        for _ in 0..HALVINGS {
            let middles = brackets.map(|[a, b]| 0.5 * (a + b));
            let found = known(middles.iter().enumerate().map(|(k, t)| [across(k), *t]).collect());
            for k in 0..LINES {
                brackets[k][usize::from(found[k] != start[k])] = middles[k];
            }
        }
        let part = |k: usize| match (start[k], end[k]) {
            (true, true) => [0.0, 1.0],
            (false, false) => [0.0, 0.0],
            (true, false) => [0.0, 0.5 * (brackets[k][0] + brackets[k][1])],
            (false, true) => [0.5 * (brackets[k][0] + brackets[k][1]), 1.0],
        };
        (0..LINES).map(part).collect()
    }

    /// Map position of a place in the cell: how far across the lines, and along them.
    fn position(&self, [across, along]: [f64; 2], along_row: bool) -> [f64; 2] {
        let [row, col] = self.cell;
        let (down, right) = if along_row { (across, along) } else { (along, across) };
        self.transform.apply(row + down, col + right)
    }
}

/// Where a line lies, from side to side.
fn across(line: usize) -> f64 {
    (line as f64 + 0.5) / LINES as f64
}
