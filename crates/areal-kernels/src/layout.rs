use rayon::prelude::*;

use crate::error::check_len;
use crate::{KernelError, MapShape};

/// Positions that one task transposes: enough to use whole cache lines of the planar side.
const POSITIONS: usize = 16;

/// Turns planar images `[N, C, H, W]` into a map `[H, W, N, C]`.
///
/// # Errors
/// When a slice does not have the length of the shape.
pub fn from_nchw(shape: MapShape, planar: &[f32], map: &mut [f32]) -> Result<(), KernelError> {
    check_len("planar images", planar.len(), shape.len())?;
    check_len("map", map.len(), shape.len())?;
    let (positions, row) = (shape.height * shape.width, shape.row_len());
    if shape.is_empty() {
        return Ok(());
    }
    map.par_chunks_mut(POSITIONS * row).enumerate().for_each(|(chunk, rows)| {
        let start = chunk * POSITIONS;
        let count = rows.len() / row;
        for image_channel in 0..row {
            let plane = &planar[image_channel * positions + start..][..count];
            for (position, value) in plane.iter().enumerate() {
                rows[position * row + image_channel] = *value;
            }
        }
    });
    Ok(())
}

/// Turns a map `[H, W, N, C]` into planar images `[N, C, H, W]`.
///
/// # Errors
/// When a slice does not have the length of the shape.
pub fn to_nchw(shape: MapShape, map: &[f32], planar: &mut [f32]) -> Result<(), KernelError> {
    check_len("map", map.len(), shape.len())?;
    check_len("planar images", planar.len(), shape.len())?;
    let (positions, row) = (shape.height * shape.width, shape.row_len());
    if shape.is_empty() {
        return Ok(());
    }
    planar.par_chunks_mut(POSITIONS * positions).enumerate().for_each(|(chunk, planes)| {
        let start = chunk * POSITIONS;
        let count = planes.len() / positions;
        for position in 0..positions {
            let values = &map[position * row + start..][..count];
            for (plane, value) in values.iter().enumerate() {
                planes[plane * positions + position] = *value;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_are_row_column_image_channel() {
        // N = 2, C = 3, H = 1, W = 2: value = 100 n + 10 c + w.
        let planar: Vec<f32> = (0..2).flat_map(|n| (0..3).flat_map(move |c| (0..2).map(move |w| (100 * n + 10 * c + w) as f32))).collect();
        let shape = MapShape::new(1, 2, 2, 3);
        let mut map = vec![0.0; 12];
        from_nchw(shape, &planar, &mut map).unwrap();
        assert_eq!(map, [0., 10., 20., 100., 110., 120., 1., 11., 21., 101., 111., 121.]);
        let mut back = vec![0.0; 12];
        to_nchw(shape, &map, &mut back).unwrap();
        assert_eq!(back, planar);
    }
}
