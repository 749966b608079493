use rayon::prelude::*;

use crate::error::check_len;
use crate::{KernelError, MapShape};

/// A map less `margin` positions on every side.
///
/// # Errors
/// When nothing would be left.
pub fn cropped(shape: MapShape, margin: usize) -> Result<MapShape, KernelError> {
    let less = |size: usize| size.checked_sub(2 * margin).filter(|left| *left > 0);
    match (less(shape.height), less(shape.width)) {
        (Some(height), Some(width)) => Ok(MapShape { height, width, ..shape }),
        _ => Err(KernelError::Shape(format!("{margin} positions off every side of {shape:?}"))),
    }
}

/// Copies the rows of a map from row `margin` on, less `margin` positions at either end of each, into `output`: as many as
/// fit there.
///
/// # Errors
/// When a slice does not have the length of its shape or there are not so many rows.
pub fn crop_rows(shape: MapShape, margin: usize, input: &[f32], output: &mut [f32]) -> Result<(), KernelError> {
    check_len("input", input.len(), shape.len())?;
    let (width, position) = (cropped(MapShape { height: 2 * margin + 1, ..shape }, margin)?.width, shape.row_len());
    let (row, out_row) = (shape.width * position, width * position);
    let rows = output.len() / out_row.max(1);
    check_len("output", output.len(), rows.min(shape.height.saturating_sub(margin)) * out_row)?;
    output.par_chunks_mut(out_row).enumerate().for_each(|(y, out)| {
        out.copy_from_slice(&input[(y + margin) * row + margin * position..][..out_row]);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_left() {
        // 3 x 4 positions of two values: the row times ten and the column.
        let shape = MapShape::new(3, 4, 1, 2);
        let input: Vec<f32> = (0..3).flat_map(|y| (0..4).flat_map(move |x| [10 * y, x].map(|v| v as f32))).collect();
        let mut output = [0.0; 4];
        assert_eq!(cropped(shape, 1).unwrap(), MapShape::new(1, 2, 1, 2));
        crop_rows(shape, 1, &input, &mut output).unwrap();
        assert_eq!(output, [10.0, 1.0, 10.0, 2.0]);
        assert!(cropped(shape, 2).is_err());
        assert!(crop_rows(shape, 1, &input, &mut [0.0; 12]).is_err());
    }
}
