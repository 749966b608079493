//! Patches as normalised maps.

use areal_formats::Normalisation;
use areal_grid::PixelState;
use areal_model::PatchBatch;
use rayon::prelude::*;

/// Writes patches `first..` of a batch as a map `[H, W, N, C]`, as many as fit: converted from the scene's type,
/// normalised, 0 where a pixel is not observed. One pass, no copy between.
pub fn fill(batch: &PatchBatch, first: usize, count: usize, normalisation: &Normalisation, map: &mut [f32]) {
    let [_, bands, height, width] = batch.shape;
    let factors: Vec<(f32, f32)> =
        normalisation.mean.iter().zip(&normalisation.std).map(|(m, s)| (*m, 1.0 / *s)).collect();
    let step = count * bands;
    map.par_chunks_mut(width * step).enumerate().for_each(|(row, out)| {
        let mut line = vec![0.0; width];
        for patch in 0..count {
            let states = &batch.states[((first + patch) * height + row) * width..][..width];
            for (band, (mean, scale)) in factors.iter().enumerate() {
                let start = (((first + patch) * bands + band) * height + row) * width;
                batch.pixels.read_f32(start, &mut line);
                let column = out[patch * bands + band..].iter_mut().step_by(step);
                for ((out, value), state) in column.zip(&line).zip(states) {
                    *out = if *state == PixelState::Observed { (*value - mean) * scale } else { 0.0 };
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use areal_grid::Pixels;

    use super::*;

    #[test]
    fn pixels_become_normalised_maps() {
        // Two patches of two bands, one row of two pixels; the second pixel of the second patch is masked.
        let batch = PatchBatch {
            shape: [2, 2, 1, 2],
            pixels: Pixels::U16(vec![10, 12, 200, 230, 14, 99, 260, 99]),
            states: vec![PixelState::Observed, PixelState::Observed, PixelState::Observed, PixelState::Masked],
        };
        let normalisation = Normalisation { mean: vec![10.0, 200.0], std: vec![2.0, 10.0] };
        let mut map = [f32::NAN; 8];
        fill(&batch, 0, 2, &normalisation, &mut map);
        assert_eq!(map, [0.0, 0.0, 2.0, 6.0, 1.0, 3.0, 0.0, 0.0]);
        let mut map = [f32::NAN; 4];
        fill(&batch, 1, 1, &normalisation, &mut map);
        assert_eq!(map, [2.0, 6.0, 0.0, 0.0]);
    }
}
