//! Ground that several zones share, in cells that more than one zone covers in part and none as a whole: there coverages do
//! not tell it.

use areal_grid::Window;

use crate::doubled::{EdgePiece, Profile, doubled};
use crate::placed_shapes::PlacedShapes;
use crate::rest::Crowded;
use crate::shape::Edge;
use crate::{Span, ZonesError};

/// What zones count more than once in some cells of a window: for each cell its part in `n` zones counts `n - 1` times.
/// `crowded` are those cells, in order; `near` the numbers of all shapes that touch the window. Spans are in the same order and
/// have no zone.
pub(crate) fn shared_ground(
    shapes: &PlacedShapes,
    near: &[u32],
    window: Window,
    crowded: &[Crowded],
) -> Result<Vec<(u32, Span)>, ZonesError> {
    let mut wanted = vec![false; window.height];
    for run in crowded {
        wanted[run.row as usize] = true;
    }
    let mut pieces: Vec<(u32, EdgePiece)> = Vec::new();
    for border in borders(shapes, near, window)? {
        cut(&border, window, &wanted, &mut pieces);
    }
    pieces.sort_unstable_by(|(r, p), (s, q)| r.cmp(s).then(p.min_x().total_cmp(&q.min_x())));
    let mut found = Vec::new();
    let mut rest = pieces.as_slice();
    for of_row in crowded.chunk_by(|a, b| a.row == b.row) {
        let row = of_row[0].row;
        rest = &rest[rest.partition_point(|(r, _)| *r < row)..];
        let (here, after) = rest.split_at(rest.partition_point(|(r, _)| *r == row));
        rest = after;
        let mut line = RowEdges { pieces: here, active: Vec::new(), profile: Profile::default(), own: Vec::new() };
        for col in of_row.iter().flat_map(|run| run.cols[0]..run.cols[1]) {
            let coverage = line.doubled(f64::from(col));
            if coverage > 0.0 {
                found.push((row, Span { zone: 0, col, len: 1, coverage }));
            }
        }
    }
    Ok(found)
}

/// An edge, to the right of which lie `sign` more zones than to its left.
struct Border {
    edge: Edge,
    sign: i32,
    /// The same for the same edge.
    hash: u64,
}

/// The edges of all shapes in the rows of a window and left of its end, without those that two zones share, one on each
/// side: nothing changes there.
fn borders(shapes: &PlacedShapes, near: &[u32], window: Window) -> Result<Vec<Border>, ZonesError> {
    let (top, bottom, right) = (window.row as f64, window.row_end() as f64, window.col_end() as f64);
    let (mut borders, mut edges) = (Vec::new(), Vec::new());
    for zone in near {
        shapes.edges(*zone, &window, &mut edges)?;
        let here = edges.iter().filter(|e| e.y0 < bottom && e.y1 > top && e.x0.min(e.x1) < right);
        borders.extend(here.map(|e| Border { edge: *e, sign: if e.sign > 0.0 { 1 } else { -1 }, hash: hash(e) }));
    }
    borders.sort_unstable_by_key(|border| border.hash);
    let place = |e: &Edge| [e.x0, e.y0, e.x1, e.y1];
    borders.dedup_by(|next, last| {
        let same = next.hash == last.hash && place(&next.edge) == place(&last.edge);
        last.sign += if same { next.sign } else { 0 };
        same
    });
    borders.retain(|border| border.sign != 0);
    Ok(borders)
}

/// Mixes the coordinates of an edge.
fn hash(e: &Edge) -> u64 {
    [e.x0, e.y0, e.x1, e.y1]
        .iter()
        .fold(0, |h: u64, v| (h.rotate_left(5) ^ v.to_bits()).wrapping_mul(0x517c_c1b7_2722_0a95))
}

/// Cuts an edge into the rows that are wanted.
fn cut(Border { edge: e, sign, .. }: &Border, window: Window, wanted: &[bool], pieces: &mut Vec<(u32, EdgePiece)>) {
    let (mut y, end) = (e.y0.max(window.row as f64), e.y1.min(window.row_end() as f64));
    while y < end {
        let row = y.floor();
        let next = (row + 1.0).min(end);
        let k = row as usize - window.row;
        if wanted[k] {
            let (x0, x1) = (e.x_at(y), e.x_at(next));
            pieces.push((k as u32, EdgePiece { x0, y0: y - row, x1, y1: next - row, sign: *sign }));
        }
        y = next;
    }
}

/// One row, from left to right.
struct RowEdges<'a> {
    /// Pieces that are yet to come, by their left ends.
    pieces: &'a [(u32, EdgePiece)],
    /// What of the others lies right of the last cell's left side.
    active: Vec<EdgePiece>,
    /// What lies left of it.
    profile: Profile,
    /// What lies in it.
    own: Vec<EdgePiece>,
}

impl RowEdges<'_> {
    /// What is counted more than once in the cell of a column, which is right of all columns before.
    fn doubled(&mut self, col: f64) -> f64 {
        while let Some(((_, piece), later)) = self.pieces.split_first().filter(|(p, _)| p.1.min_x() < col + 1.0) {
            self.active.push(*piece);
            self.pieces = later;
        }
        self.own.clear();
        let (own, profile) = (&mut self.own, &mut self.profile);
        self.active.retain_mut(|piece| {
            let [left, right] = piece.split_at_x(col);
            if let Some(part) = &left {
                profile.add(part);
            }
            let Some(right) = right else { return false };
            if let [Some(inside), _] = right.split_at_x(col + 1.0) {
                own.push(EdgePiece { x0: inside.x0 - col, x1: inside.x1 - col, ..inside });
            }
            *piece = right;
            true
        });
        self.profile.settle();
        doubled(&mut self.own, &self.profile)
    }
}
