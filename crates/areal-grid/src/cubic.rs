//! Interpolation by cubics over a rectangle of cells.

use crate::Window;

/// Nodes in each direction: a cubic goes through four.
const NODES: usize = 4;

/// Cells at which a function is known along one axis: all of up to four, else four from the first to the last.
pub(crate) fn nodes(len: usize) -> Vec<usize> {
    if len <= NODES { (0..len).collect() } else { (0..NODES).map(|k| k * (len - 1) / (NODES - 1)).collect() }
}

/// Cells half-way between nodes, where a cubic is off most.
pub(crate) fn between_nodes(len: usize) -> Vec<usize> {
    let nodes = nodes(len);
    if len <= NODES { vec![len / 2] } else { nodes.windows(2).map(|n| usize::midpoint(n[0], n[1])).collect() }
}

/// A function of the cells of a rectangle: a polynomial of up to the third degree in the row and in the column.
#[derive(Debug, Clone)]
pub(crate) struct Cubic {
    row: usize,
    col: usize,
    /// What rows and columns from the first are multiplied by to lie in 0..=1.
    scales: [f64; 2],
    /// By powers of the row, then of the column.
    coefficients: [[f64; NODES]; NODES],
}

impl Cubic {
    /// Through the values at the nodes of a rectangle, row by row.
    pub(crate) fn through(part: &Window, values: &[f64]) -> Self {
        let scales = [part.height, part.width].map(|len| if len > 1 { 1.0 / (len - 1) as f64 } else { 0.0 });
        let places = |len: usize, scale: f64| nodes(len).iter().map(|k| *k as f64 * scale).collect::<Vec<f64>>();
        let (rows, cols) = (places(part.height, scales[0]), places(part.width, scales[1]));
        let along_rows: Vec<[f64; NODES]> = values.chunks(cols.len()).map(|v| polynomial(&cols, v)).collect();
        let mut coefficients = [[0.0; NODES]; NODES];
        for power in 0..NODES {
            let of_rows: Vec<f64> = along_rows.iter().map(|c| c[power]).collect();
            for (all, one) in coefficients.iter_mut().zip(polynomial(&rows, &of_rows)) {
                all[power] = one;
            }
        }
        Self { row: part.row, col: part.col, scales, coefficients }
    }

    /// Values of columns `col..col + out.len()` of a row of the grid.
    pub(crate) fn fill_row(&self, row: usize, col: usize, out: &mut [f64]) {
        let u = (row - self.row) as f64 * self.scales[0];
        let [a, b, c, d] = &self.coefficients;
        let of: [f64; NODES] = std::array::from_fn(|k| a[k] + u * (b[k] + u * (c[k] + u * d[k])));
        let first = (col - self.col) as f64;
        for (k, value) in out.iter_mut().enumerate() {
            let v = (first + k as f64) * self.scales[1];
            *value = of[0] + v * (of[1] + v * (of[2] + v * of[3]));
        }
    }

    pub(crate) fn at(&self, row: usize, col: usize) -> f64 {
        let mut value = [0.0];
        self.fill_row(row, col, &mut value);
        value[0]
    }
}

/// Coefficients, by power, of the polynomial through values at up to four places (Newton's divided differences).
fn polynomial(places: &[f64], values: &[f64]) -> [f64; NODES] {
    let mut differences = values.to_vec();
    for order in 1..places.len() {
        for k in (order..places.len()).rev() {
            differences[k] = (differences[k] - differences[k - 1]) / (places[k] - places[k - order]);
        }
    }
    let mut coefficients = [0.0; NODES];
    for (place, difference) in places.iter().zip(&differences).rev() {
        // Times (t - place), plus the difference.
        for k in (1..NODES).rev() {
            coefficients[k] = coefficients[k - 1] - place * coefficients[k];
        }
        coefficients[0] = difference - place * coefficients[0];
    }
    coefficients
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_surface_is_itself_again() {
        let f = |row: usize, col: usize| {
            let (r, c) = (row as f64 / 50.0, col as f64 / 40.0);
            3.0 + r - 2.0 * c + r * r * c - r.powi(3) * c.powi(2) + 0.5 * c.powi(3)
        };
        for part in [Window::new(8, 16, 37, 64), Window::new(0, 0, 3, 5), Window::new(5, 7, 1, 1)] {
            let at_nodes = |row: usize| nodes(part.width).into_iter().map(move |c| f(part.row + row, part.col + c));
            let values: Vec<f64> = nodes(part.height).into_iter().flat_map(at_nodes).collect();
            let cubic = Cubic::through(&part, &values);
            for row in part.row..part.row_end() {
                for col in part.col..part.col_end() {
                    assert!((cubic.at(row, col) - f(row, col)).abs() < 1e-11, "{row} {col}");
                }
            }
        }
    }

    #[test]
    fn checks_lie_between_nodes() {
        assert_eq!((nodes(16), between_nodes(16)), (vec![0, 5, 10, 15], vec![2, 7, 12]));
        assert_eq!((nodes(3), between_nodes(3)), (vec![0, 1, 2], vec![1]));
        assert_eq!((nodes(1), between_nodes(1)), (vec![0], vec![0]));
    }
}
