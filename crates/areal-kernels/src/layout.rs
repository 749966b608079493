//! Transposition of planar images `[N, C, H, W]` to maps `[H, W, N, C]`.

use rayon::prelude::*;

use crate::{KernelError, MapShape};

/// Side of the squares that are transposed at once: one cache line.
const SIDE: usize = 16;

/// Transposes planar images `[N, C, H, W]` to a map `[H, W, N, C]`.
///
/// # Errors
/// When a slice does not have the length of the shape.
pub fn from_nchw(shape: MapShape, planar: &[f32], map: &mut [f32]) -> Result<(), KernelError> {
    KernelError::check_len("planar images", planar.len(), shape.len())?;
    KernelError::check_len("map", map.len(), shape.len())?;
    transpose(planar, shape.row_len(), shape.height * shape.width, map);
    Ok(())
}

/// `from` is `[rows, columns]`, `to` `[columns, rows]`. Works on squares of whole cache lines.
fn transpose(from: &[f32], rows: usize, columns: usize, to: &mut [f32]) {
    if from.is_empty() {
        return;
    }
    to.par_chunks_mut(SIDE * rows).enumerate().for_each(|(strip, to)| {
        let (left, width) = (strip * SIDE, to.len() / rows);
        for top in (0..rows).step_by(SIDE) {
            let height = SIDE.min(rows - top);
            let mut square = [[0.0; SIDE]; SIDE];
            for (y, line) in from[top * columns..].chunks(columns).take(height).enumerate() {
                for (x, value) in line[left..left + width].iter().enumerate() {
                    square[x][y] = *value;
                }
            }
            for (x, line) in square.iter().take(width).enumerate() {
                to[x * rows + top..][..height].copy_from_slice(&line[..height]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_are_row_column_image_channel() {
        // N = 2, C = 3, H = 1, W = 2: value = 100 n + 10 c + w.
        let planar: Vec<f32> =
            (0..2).flat_map(|n| (0..3).flat_map(move |c| (0..2).map(move |w| (100 * n + 10 * c + w) as f32))).collect();
        let shape = MapShape::new(1, 2, 2, 3);
        let mut map = vec![0.0; 12];
        from_nchw(shape, &planar, &mut map).unwrap();
        assert_eq!(map, [0., 10., 20., 100., 110., 120., 1., 11., 21., 101., 111., 121.]);
    }
}
