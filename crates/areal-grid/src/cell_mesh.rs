//! Areas of single cells from their outlines on the authalic sphere.

use crate::authalic::{Authalic, solid_angle};
use crate::rim_cell::RimCell;
use crate::{Affine, ToLonLat, Window};

/// A piece whose middle lies off its chord by more than this share of its length is bent.
const BENT: f64 = 0.05;
/// The sides of a cell with bent pieces are followed in so many times as many.
const FINER: usize = 16;

/// Areas of single cells, by row and column, each side followed as a parabola; 0 where one has no place on the Earth, `NaN`
/// where its outline is too bent.
pub(crate) fn areas_of(
    transform: &Affine,
    sphere: &Authalic,
    cells: &[[usize; 2]],
    positions: &dyn ToLonLat,
) -> Vec<f64> {
    let outline = |cell: &[usize; 2]| {
        let [row, col] = cell.map(|k| k as f64);
        OUTLINE.map(|d| transform.apply(row + d[0], col + d[1]))
    };
    let places = sphere.places(cells.iter().flat_map(outline).collect(), positions);
    let area = |p: &[[f64; 3]; 8]| {
        let pieces = [[p[0], p[1], p[2]], [p[2], p[3], p[4]], [p[4], p[5], p[6]], [p[6], p[7], p[0]]];
        let area = solid_angle(pieces.into_iter()).abs() * sphere.radius_squared();
        match area.is_finite() {
            true if pieces.iter().any(is_bent) => f64::NAN,
            true => area,
            false => 0.0,
        }
    };
    places.as_chunks().0.iter().map(area).collect()
}

/// Corners of a cell and the middles of its sides, round the cell: rows and columns from its first corner.
const OUTLINE: [[f64; 2]; 8] =
    [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.5, 1.0], [1.0, 1.0], [1.0, 0.5], [1.0, 0.0], [0.5, 0.0]];

/// True where a piece of an outline is no parabola.
fn is_bent([a, m, b]: &[[f64; 3]; 3]) -> bool {
    let distance = |p: &[f64; 3], q: &[f64; 3]| (p[0] - q[0]).hypot((p[1] - q[1]).hypot(p[2] - q[2]));
    let chord = [0, 1, 2].map(|k| 0.5 * (a[k] + b[k]));
    distance(m, &chord) > BENT * distance(a, b)
}

/// Areas of the cells of a block.
#[derive(Debug, Clone)]
pub(crate) struct BlockAreas {
    /// `[row, col]`.
    pub areas: Vec<f64>,
    /// Number in the block of each cell that is only partly on the Earth, and which share of it is.
    pub rim: Vec<(usize, f64)>,
}

/// Areas of the cells of a block, each side followed in `pieces` pieces. A cell that is partly on the Earth has the area of
/// that part.
pub(crate) fn block_areas(
    transform: &Affine,
    sphere: &Authalic,
    block: &Window,
    pieces: usize,
    positions: &dyn ToLonLat,
) -> BlockAreas {
    let mesh = Mesh::new(transform, sphere, block, pieces, positions);
    let mut found = BlockAreas { areas: Vec::with_capacity(block.height * block.width), rim: Vec::new() };
    for row in 0..block.height {
        for col in 0..block.width {
            let area = mesh.area(row, col);
            if area.is_finite() && mesh.is_bent(row, col) {
                let cell = Window::new(block.row + row, block.col + col, 1, 1);
                let finer = Mesh::new(transform, sphere, &cell, FINER * pieces, positions).area(0, 0);
                found.areas.push(if finer.is_finite() { finer } else { area });
                continue;
            }
            if area.is_finite() || mesh.known(row, col) == 0 {
                found.areas.push(if area.is_finite() { area } else { 0.0 });
                continue;
            }
            let cell = [block.row + row, block.col + col].map(|k| k as f64);
            let (area, share) = RimCell { transform, sphere, positions, cell }.measure(mesh.opposites(row, col));
            if area > 0.0 {
                found.rim.push((found.areas.len(), share));
            }
            found.areas.push(area);
        }
    }
    found
}

/// Points on the lines between the cells of a block, on the authalic sphere; `NaN` for points that are not on the Earth.
struct Mesh {
    /// Points of a side: two a piece, without the last.
    points: usize,
    radius_squared: f64,
    /// Along each line of rows, then along each line of columns.
    places: Vec<[f64; 3]>,
    height: usize,
    /// Points of a line of rows, and of a line of columns.
    cols: usize,
    rows: usize,
}

impl Mesh {
    fn new(transform: &Affine, sphere: &Authalic, block: &Window, pieces: usize, positions: &dyn ToLonLat) -> Self {
        let points = 2 * pieces;
        let between = |k: usize| k as f64 / points as f64;
        let (r0, c0) = (block.row as f64, block.col as f64);
        let (cols, rows) = (block.width * points + 1, block.height * points + 1);
        let mut all = Vec::with_capacity((block.height + 1) * cols + (block.width + 1) * rows);
        for r in 0..=block.height {
            all.extend((0..cols).map(|k| transform.apply(r0 + r as f64, c0 + between(k))));
        }
        // Corners of cells lie on the lines of rows already.
        for c in 0..=block.width {
            let between_corners = (0..rows).filter(|k| k % points != 0);
            all.extend(between_corners.map(|k| transform.apply(r0 + between(k), c0 + c as f64)));
        }
        let mut places = sphere.places(all, positions);
        let mut own = places.split_off((block.height + 1) * cols).into_iter();
        for c in 0..=block.width {
            for k in 0..rows {
                let shared = (k % points == 0).then(|| places[k / points * cols + c * points]);
                places.push(shared.unwrap_or_else(|| own.next().expect("each point between corners has a place")));
            }
        }
        Self { points, radius_squared: sphere.radius_squared(), places, height: block.height, cols, rows }
    }

    /// A line of rows, and a line of columns.
    fn row_line(&self, row: usize) -> &[[f64; 3]] {
        &self.places[row * self.cols..][..self.cols]
    }

    fn col_line(&self, col: usize) -> &[[f64; 3]] {
        &self.places[(self.height + 1) * self.cols + col * self.rows..][..self.rows]
    }

    /// The sides of a cell, each from its first point to its last: above, right, below, left; and which way round they go.
    fn sides(&self, row: usize, col: usize) -> [(&[[f64; 3]], bool); 4] {
        let n = self.points;
        let (top, bottom) = (self.row_line(row), self.row_line(row + 1));
        let (left, right) = (self.col_line(col), self.col_line(col + 1));
        let (cols, rows) = (col * n..=(col + 1) * n, row * n..=(row + 1) * n);
        [(&top[cols.clone()], true), (&right[rows.clone()], true), (&bottom[cols], false), (&left[rows], false)]
    }

    /// Pieces of a cell's outline, round the cell.
    fn outline(&self, row: usize, col: usize) -> impl Iterator<Item = [[f64; 3]; 3]> + Clone {
        self.sides(row, col).into_iter().flat_map(|(side, forth)| {
            let n = side.len() - 1;
            (0..n / 2).map(move |k| {
                let at = |m: usize| if forth { side[2 * k + m] } else { side[n - 2 * k - m] };
                [at(0), at(1), at(2)]
            })
        })
    }

    /// Area of a cell; `NaN` where a point of its outline has no place.
    fn area(&self, row: usize, col: usize) -> f64 {
        solid_angle(self.outline(row, col)).abs() * self.radius_squared
    }

    /// True where the outline of a cell is too bent for its pieces to be parabolas.
    fn is_bent(&self, row: usize, col: usize) -> bool {
        self.outline(row, col).any(|piece| is_bent(&piece))
    }

    /// Points of a cell's outline that have a place.
    fn known(&self, row: usize, col: usize) -> usize {
        self.sides(row, col).into_iter().flat_map(|(side, _)| side).filter(|p| p[0].is_finite()).count()
    }

    /// How many points of the left side differ from those opposite in whether they have a place, and how many of the upper
    /// side.
    fn opposites(&self, row: usize, col: usize) -> [usize; 2] {
        let [(top, _), (right, _), (bottom, _), (left, _)] = self.sides(row, col);
        let differ = |a: &[[f64; 3]], b: &[[f64; 3]]| {
            a.iter().zip(b).filter(|(p, q)| p[0].is_finite() != q[0].is_finite()).count()
        };
        [differ(left, right), differ(top, bottom)]
    }
}
