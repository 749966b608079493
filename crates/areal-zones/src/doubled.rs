//! How much of a cell lies in more than one zone, from the edges of all zones in it.

/// A part of an edge within a cell, in coordinates of the cell (0 to 1, `y` downwards, `y0 <= y1`). To its right lie `sign`
/// more zones than to its left.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct EdgePiece {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
    pub sign: i32,
}

impl EdgePiece {
    pub(crate) fn min_x(&self) -> f64 {
        self.x0.min(self.x1)
    }

    /// What of it lies left of a column, and what right.
    pub(crate) fn split_at_x(&self, x: f64) -> [Option<Self>; 2] {
        if self.x0.max(self.x1) <= x {
            return [Some(*self), None];
        }
        if self.min_x() >= x {
            return [None, Some(*self)];
        }
        let y = (self.y0 + (x - self.x0) / (self.x1 - self.x0) * (self.y1 - self.y0)).clamp(self.y0, self.y1);
        let (above, below) = (Self { x1: x, y1: y, ..*self }, Self { x0: x, y0: y, ..*self });
        if self.x0 < x { [Some(above), Some(below)] } else { [Some(below), Some(above)] }
    }

    /// What of it lies above a row, and what below.
    fn split_at_y(&self, y: f64) -> [Option<Self>; 2] {
        if self.y1 <= y {
            return [Some(*self), None];
        }
        if self.y0 >= y {
            return [None, Some(*self)];
        }
        let x = self.x_at(y);
        [Some(Self { x1: x, y1: y, ..*self }), Some(Self { x0: x, y0: y, ..*self })]
    }

    fn x_at(&self, y: f64) -> f64 {
        if self.y1 > self.y0 { self.x0 + (y - self.y0) / (self.y1 - self.y0) * (self.x1 - self.x0) } else { self.x0 }
    }
}

/// How many zones lie at the left side of a square, by height: where the number changes, and by how much. Heights are whole
/// numbers of 2^-44 of a cell, so that changes at one height add up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    changes: Vec<(i64, i32)>,
    /// How many of them are sorted and at heights of their own: all or the first of them.
    settled: usize,
}

const HEIGHT: f64 = (1u64 << 44) as f64;

impl Profile {
    pub(crate) fn add(&mut self, piece: &EdgePiece) {
        let at = |y: f64| (y * HEIGHT).round() as i64;
        self.changes.push((at(piece.y0), piece.sign));
        self.changes.push((at(piece.y1), -piece.sign));
        if self.changes.len() > 2 * self.settled + 32 {
            self.settle();
        }
    }

    /// Sorts changes and adds those at one height up.
    pub(crate) fn settle(&mut self) {
        if self.changes.len() == self.settled {
            return;
        }
        self.changes.sort_unstable();
        self.changes.dedup_by(|next, last| {
            let same = next.0 == last.0;
            last.1 += if same { next.1 } else { 0 };
            same
        });
        self.changes.retain(|change| change.1 != 0);
        self.settled = self.changes.len();
    }

    /// The number of zones where it is the same at every height.
    fn constant(&self) -> Option<i32> {
        match self.changes[..] {
            [] => Some(0),
            [(0, zones), (end, _)] if end == HEIGHT as i64 => Some(zones),
            _ => None,
        }
    }

    fn heights(&self) -> impl Iterator<Item = f64> {
        self.changes.iter().map(|change| change.0 as f64 / HEIGHT)
    }

    /// Zones at a height.
    fn zones_at(&self, y: f64) -> i32 {
        let y = y * HEIGHT;
        self.changes.iter().take_while(|change| change.0 as f64 <= y).map(|change| change.1).sum()
    }
}

/// A part of a cell.
#[derive(Debug, Clone, Copy)]
struct Square {
    x: [f64; 2],
    y: [f64; 2],
    /// How often it was halved.
    halvings: u32,
}

/// With more edges than this a square is halved.
const FEW: usize = 24;
/// A square is halved at most so often.
const MAX_HALVINGS: u32 = 14;
/// A slab of less height, in cells, is nothing.
const THIN: f64 = 1e-15;

/// The part of a cell that lies in more than one zone, once for each zone beyond the first, in cells. `profile` is what lies
/// at its left side, settled; `pieces` are used up.
pub(crate) fn doubled(pieces: &mut Vec<EdgePiece>, profile: &Profile) -> f64 {
    cancel(pieces);
    match profile.constant() {
        Some(zones) if pieces.is_empty() => f64::from((zones - 1).max(0)),
        _ => {
            let cell = Square { x: [0.0, 1.0], y: [0.0, 1.0], halvings: 0 };
            doubled_in(cell, std::mem::take(pieces), profile)
        }
    }
}

/// Takes away edges that two zones share, one on each side.
fn cancel(pieces: &mut Vec<EdgePiece>) {
    let key = |p: &EdgePiece| [p.x0, p.y0, p.x1, p.y1].map(f64::to_bits);
    pieces.sort_unstable_by_key(key);
    pieces.dedup_by(|next, last| {
        let same = key(next) == key(last);
        last.sign += if same { next.sign } else { 0 };
        same
    });
    pieces.retain(|p| p.sign != 0 && p.y1 > p.y0);
}

fn doubled_in(square: Square, pieces: Vec<EdgePiece>, profile: &Profile) -> f64 {
    if pieces.len() <= FEW || square.halvings >= MAX_HALVINGS {
        return by_slabs(square, &pieces, profile);
    }
    let half = |[a, b]: [f64; 2]| 0.5 * (a + b);
    let halvings = square.halvings + 1;
    let (mut first, mut second, mut right) = (Vec::new(), Vec::new(), profile.clone());
    let squares = if square.halvings.is_multiple_of(2) {
        let x = half(square.x);
        for piece in pieces {
            let [left, rest] = piece.split_at_x(x);
            if let Some(part) = &left {
                right.add(part);
            }
            first.extend(left);
            second.extend(rest);
        }
        right.settle();
        [Square { x: [square.x[0], x], halvings, ..square }, Square { x: [x, square.x[1]], halvings, ..square }]
    } else {
        let y = half(square.y);
        for piece in pieces {
            let [above, below] = piece.split_at_y(y);
            first.extend(above);
            second.extend(below);
        }
        [Square { y: [square.y[0], y], halvings, ..square }, Square { y: [y, square.y[1]], halvings, ..square }]
    };
    doubled_in(squares[0], first, profile) + doubled_in(squares[1], second, &right)
}

/// Cuts a square at every height where edges begin, end or cross: between two such heights they are in order.
fn by_slabs(square: Square, pieces: &[EdgePiece], profile: &Profile) -> f64 {
    let mut heights: Vec<f64> = profile.heights().chain(pieces.iter().flat_map(|p| [p.y0, p.y1])).collect();
    for (k, a) in pieces.iter().enumerate() {
        heights.extend(pieces[k + 1..].iter().filter_map(|b| crossing(a, b)));
    }
    heights.retain(|y| *y > square.y[0] && *y < square.y[1]);
    heights.extend(square.y);
    heights.sort_unstable_by(f64::total_cmp);
    let mut sum = 0.0;
    let mut row: Vec<(f64, i32)> = Vec::with_capacity(pieces.len());
    for slab in heights.windows(2).filter(|slab| slab[1] - slab[0] > THIN) {
        let middle = 0.5 * (slab[0] + slab[1]);
        row.clear();
        let here = pieces.iter().filter(|p| p.y0 < middle && middle < p.y1);
        row.extend(here.map(|p| (p.x_at(middle).clamp(square.x[0], square.x[1]), p.sign)));
        row.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut zones, mut from) = (profile.zones_at(middle), square.x[0]);
        for (x, change) in row.iter().copied().chain([(square.x[1], 0)]) {
            sum += f64::from((zones - 1).max(0)) * (x - from) * (slab[1] - slab[0]);
            (zones, from) = (zones + change, x);
        }
    }
    sum
}

/// The height at which two edges cross, if they do.
fn crossing(a: &EdgePiece, b: &EdgePiece) -> Option<f64> {
    let (top, bottom) = (a.y0.max(b.y0), a.y1.min(b.y1));
    if top >= bottom {
        return None;
    }
    let (above, below) = (a.x_at(top) - b.x_at(top), a.x_at(bottom) - b.x_at(bottom));
    (above * below < 0.0).then(|| top + (bottom - top) * above / (above - below))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The edges of a polygon within the cell, by its corners; runs either way.
    fn edges(points: &[(f64, f64)]) -> Vec<EdgePiece> {
        let n = points.len();
        let area: f64 = (0..n).map(|k| points[k].0 * points[(k + 1) % n].1 - points[(k + 1) % n].0 * points[k].1).sum();
        let turn = if area > 0.0 { -1 } else { 1 };
        let edge = |k: usize| {
            let (a, b) = (points[k], points[(k + 1) % n]);
            let (sign, a, b) = if a.1 < b.1 { (turn, a, b) } else { (-turn, b, a) };
            EdgePiece { x0: a.0, y0: a.1, x1: b.0, y1: b.1, sign }
        };
        (0..n).map(edge).filter(|p| p.y0 < p.y1).collect()
    }

    fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<EdgePiece> {
        edges(&[(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])
    }

    fn alone(mut pieces: Vec<EdgePiece>) -> f64 {
        doubled(&mut pieces, &Profile::default())
    }

    #[test]
    fn what_lies_in_two_zones_counts_once_and_in_three_twice() {
        // 0..0.6, 0.2..0.8, 0.4..0.9 in x: 0.2..0.4 twice, 0.4..0.6 three times, 0.6..0.8 twice; half the height.
        let pieces = [[0.0, 0.6], [0.2, 0.8], [0.4, 0.9]].iter().flat_map(|x| rectangle(*x, [0.25, 0.75])).collect();
        assert!((alone(pieces) - 0.5 * (0.2 + 2.0 * 0.2 + 0.2)).abs() < 1e-12);
        // Crossing triangles: x + y < 1 and y < x, whose common part is the triangle (0, 0), (1, 0), (0.5, 0.5).
        let pieces =
            [edges(&[(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]), edges(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)])].concat();
        assert!((alone(pieces) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn zones_from_the_left_count_by_height() {
        // Both zones cover the upper half all across; then both the upper and one the lower.
        let mut profile = Profile::default();
        let band = |y0: f64, y1: f64| EdgePiece { x0: 0.0, y0, x1: 0.0, y1, sign: 1 };
        for piece in [band(0.0, 0.5), band(0.0, 0.5), band(0.5, 1.0)] {
            profile.add(&piece);
        }
        profile.settle();
        assert!((doubled(&mut Vec::new(), &profile) - 0.5).abs() < 1e-12);
        // A third zone in the right half.
        assert!((doubled(&mut rectangle([0.5, 1.0], [0.0, 1.0]), &profile) - (0.5 + 0.5)).abs() < 1e-12);
    }

    #[test]
    fn many_edges_in_one_cell_are_counted_as_few_are() {
        // Slanted strips, 60 one way and 60 the other: each pair crosses in a parallelogram.
        let mut pieces = Vec::new();
        let n = 60;
        for k in 0..n {
            let at = f64::from(k) / f64::from(n) * 0.4;
            let w = 0.5 * 0.4 / f64::from(n);
            pieces.extend(edges(&[(at, 0.0), (at + w, 0.0), (at + w + 0.5, 1.0), (at + 0.5, 1.0)]));
            pieces.extend(edges(&[(at + 0.5, 0.0), (at + w + 0.5, 0.0), (at + w, 1.0), (at, 1.0)]));
        }
        let found = alone(pieces.clone());
        let all = by_slabs(Square { x: [0.0, 1.0], y: [0.0, 1.0], halvings: 0 }, &pieces, &Profile::default());
        assert!((found - all).abs() < 1e-9 && found > 0.01, "{found} {all}");
    }
}
