//! Cropping of maps.

use rayon::prelude::*;

use areal_kernels::{KernelError, MapShape};

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

/// Crops a map into `output`.
///
/// # Errors
/// When a slice does not have the length of its shape or nothing would be left.
pub fn crop<T: Copy + Send + Sync>(
    shape: MapShape,
    margin: usize,
    input: &[T],
    output: &mut [T],
) -> Result<(), KernelError> {
    let target = cropped(shape, margin)?;
    KernelError::check_len("input", input.len(), shape.len())?;
    KernelError::check_len("output", output.len(), target.len())?;
    if target.is_empty() {
        return Ok(());
    }
    let input: Vec<&[T]> = input.chunks(shape.width * shape.row_len()).skip(margin).collect();
    crop_rows(margin * shape.row_len(), &input, output.chunks_mut(target.width * shape.row_len()).collect());
    Ok(())
}

/// Copies the middles of rows, from value `start` of each on.
pub fn crop_rows<T: Copy + Send + Sync>(start: usize, input: &[&[T]], output: Vec<&mut [T]>) {
    output.into_par_iter().zip(input).for_each(|(out, row)| out.copy_from_slice(&row[start..][..out.len()]));
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
        crop(shape, 1, &input, &mut output).unwrap();
        assert_eq!(output, [10.0, 1.0, 10.0, 2.0]);
        assert!(cropped(shape, 2).is_err());
        assert!(crop(shape, 1, &input, &mut [0.0; 12]).is_err());
    }
}
