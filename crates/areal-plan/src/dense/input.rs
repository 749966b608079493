//! Blocks of a scene as normalised rows of a map.

use std::ops::Range;

use areal_formats::Normalisation;
use areal_grid::{PixelBlock, PixelState};
use rayon::prelude::*;

/// Writes rows and columns of a scene as rows of a map, `[columns, bands]` each: converted from the scene's type, normalised, 0
/// where a pixel is not observed or in no block. One pass, no copy between.
pub fn fill(
    blocks: &[&PixelBlock],
    rows: &Range<usize>,
    columns: &Range<usize>,
    normalisation: &Normalisation,
    map: Vec<&mut [f32]>,
) {
    let factors: Vec<(f32, f32)> =
        normalisation.mean.iter().zip(&normalisation.std).map(|(m, s)| (*m, 1.0 / *s)).collect();
    let bands = factors.len();
    map.into_par_iter().zip(rows.clone()).for_each(|(out, row)| {
        out.fill(0.0);
        let mut line = vec![0.0; columns.len()];
        for block in blocks.iter().filter(|b| (b.window.row..b.window.row_end()).contains(&row)) {
            let w = block.window;
            let (from, to) = (w.col.max(columns.start), w.col_end().min(columns.end));
            if from >= to {
                continue;
            }
            let start = (row - w.row) * w.width + from - w.col;
            let states = &block.states[start..start + to - from];
            let out = &mut out[(from - columns.start) * bands..(to - columns.start) * bands];
            for (band, (mean, scale)) in factors.iter().enumerate() {
                let line = &mut line[..to - from];
                block.pixels.read_f32(band * w.len() + start, line);
                for ((out, value), state) in out[band..].iter_mut().step_by(bands).zip(line).zip(states) {
                    if *state == PixelState::Observed {
                        *out = (*value - mean) * scale;
                    }
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use areal_grid::{PixelType, Pixels, Window};

    use super::*;

    #[test]
    fn blocks_side_by_side_become_one_map() {
        // Two bands, one row; columns 1..5 of which 1 and 2 lie in the first block, 3 in the second, 4 in none.
        let block = |col, width, values: Vec<u16>| PixelBlock {
            pixels: Pixels::U16(values),
            states: vec![PixelState::Observed; width],
            ..PixelBlock::outside(Window::new(7, col, 1, width), 2, PixelType::U16)
        };
        let mut first = block(0, 3, vec![0, 12, 14, 0, 110, 120]);
        first.states[2] = PixelState::Masked;
        let second = block(3, 1, vec![20, 130]);
        let normalisation = Normalisation { mean: vec![10.0, 100.0], std: vec![2.0, 10.0] };
        let mut map = [f32::NAN; 8];
        fill(&[&first, &second], &(7..8), &(1..5), &normalisation, vec![&mut map]);
        assert_eq!(map, [1.0, 1.0, 0.0, 0.0, 5.0, 3.0, 0.0, 0.0]);
    }
}
