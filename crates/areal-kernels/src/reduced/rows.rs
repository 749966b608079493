//! Maps of few channels as rows of bf16 with a border of zeros.

use rayon::prelude::*;

use super::encoding::round_bf16;
use super::{MapEncoding, SLACK};
use crate::{KernelError, MapShape};

/// Bytes of the rows of a map, slack included: see [`from_map`].
pub fn rows_len(shape: MapShape, border: usize) -> usize {
    row_len(shape, border) * shape.height + SLACK
}

fn row_len(shape: MapShape, border: usize) -> usize {
    (shape.width + 2 * border) * shape.row_len() * MapEncoding::Bf16.size()
}

/// Converts a map `[H, W, N, C]` of single precision into rows `[H, N, border + W + border, C]` of bf16, zeros in the border: one
/// row of the kernel then reads consecutive values, however few channels there are.
///
/// # Errors
/// When a slice does not have the length of the shape.
pub fn from_map(shape: MapShape, border: usize, map: &[f32], rows: &mut [u8]) -> Result<(), KernelError> {
    KernelError::check_len("map", map.len(), shape.len())?;
    KernelError::check_len("rows", rows.len(), rows_len(shape, border))?;
    let (whole, slack) = rows.split_at_mut(row_len(shape, border) * shape.height);
    slack.fill(0);
    if shape.is_empty() {
        return Ok(());
    }
    let image = (shape.width + 2 * border) * shape.channels;
    let map_row = shape.width * shape.row_len();
    whole.par_chunks_exact_mut(row_len(shape, border)).zip(map.par_chunks_exact(map_row)).for_each(|(row, map)| {
        row.fill(0);
        let values = row.as_chunks_mut::<2>().0;
        for (column, pixels) in map.chunks_exact(shape.row_len()).enumerate() {
            let start = (border + column) * shape.channels;
            for (n, pixel) in pixels.chunks_exact(shape.channels).enumerate() {
                for (to, value) in values[n * image + start..][..shape.channels].iter_mut().zip(pixel) {
                    *to = round_bf16(*value).to_ne_bytes();
                }
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_columns_beside_each_other() {
        // 1 row, 2 columns, 2 images, 2 channels: value = 100 column + 10 image + channel.
        let shape = MapShape::new(1, 2, 2, 2);
        let map = [0.0, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0];
        let mut rows = vec![7; rows_len(shape, 1)];
        from_map(shape, 1, &map, &mut rows).unwrap();
        let expected = [0., 0., 0., 1., 100., 101., 0., 0., 0., 0., 10., 11., 110., 111., 0., 0.];
        assert_eq!(MapEncoding::Bf16.decode(&rows[..32]), expected);
        assert_eq!(rows[32..], [0; SLACK]);
    }
}
