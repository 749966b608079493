//! Resizing of imported images by area-weighted means.

use areal_grid::{PixelBlock, PixelState, Pixels, Window};

/// One new pixel along an axis: the old pixels under it and their weights, which add up to 1.
struct Tap {
    first: usize,
    weights: Vec<f64>,
}

/// Taps of a triangle filter (linear interpolation; widened to the new pixel where images shrink, so that every old
/// pixel counts). Pixel centres lie at half numbers.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let radius = scale.max(1.0);
    let tap = |k: usize| {
        let centre = (k as f64 + 0.5) * scale;
        let first = (centre - radius).floor().max(0.0) as usize;
        let end = ((centre + radius).ceil() as usize).min(from);
        let weight = |i: usize| (1.0 - ((i as f64 + 0.5 - centre) / radius).abs()).max(0.0);
        let mut weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        Tap { first, weights }
    };
    (0..to).map(tap).collect()
}

/// An image as a square of `size` pixels; each side is stretched or shrunk by itself. A new pixel is observed when all
/// old pixels under it are.
pub(crate) fn resize(block: &PixelBlock, size: usize) -> PixelBlock {
    let (rows, cols) = (taps(block.window.height, size), taps(block.window.width, size));
    let mut out = PixelBlock::outside(Window::new(0, 0, size, size), block.bands, block.pixels.pixel_type());
    for (i, row) in rows.iter().enumerate() {
        for (j, col) in cols.iter().enumerate() {
            let state = worst(block, row, col);
            out.states[i * size + j] = state;
            if state == PixelState::Observed {
                for band in 0..block.bands {
                    set(&mut out.pixels, (band * size + i) * size + j, mean(block, band, row, col));
                }
            }
        }
    }
    out
}

fn under<'a>(row: &'a Tap, col: &'a Tap, width: usize) -> impl Iterator<Item = (usize, f64)> + 'a {
    let line = move |(r, u): (usize, &f64)| {
        let (start, u) = ((row.first + r) * width + col.first, *u);
        col.weights.iter().enumerate().map(move |(c, v)| (start + c, u * v))
    };
    row.weights.iter().enumerate().flat_map(line).filter(|(_, weight)| *weight > 0.0)
}

fn worst(block: &PixelBlock, row: &Tap, col: &Tap) -> PixelState {
    let mut states = under(row, col, block.window.width).map(|(i, _)| block.states[i]);
    states.find(|s| *s != PixelState::Observed).unwrap_or(PixelState::Observed)
}

fn mean(block: &PixelBlock, band: usize, row: &Tap, col: &Tap) -> f64 {
    let start = band * block.window.len();
    under(row, col, block.window.width).map(|(i, weight)| weight * block.pixels.get(start + i)).sum()
}

/// Stores a value, rounded where the type is whole.
fn set(pixels: &mut Pixels, at: usize, value: f64) {
    match pixels {
        Pixels::U8(v) => v[at] = value.round() as u8,
        Pixels::I8(v) => v[at] = value.round() as i8,
        Pixels::U16(v) => v[at] = value.round() as u16,
        Pixels::I16(v) => v[at] = value.round() as i16,
        Pixels::U32(v) => v[at] = value.round() as u32,
        Pixels::I32(v) => v[at] = value.round() as i32,
        Pixels::F32(v) => v[at] = value as f32,
        Pixels::F64(v) => v[at] = value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(height: usize, width: usize, values: Vec<u8>) -> PixelBlock {
        let states = vec![PixelState::Observed; height * width];
        PixelBlock { window: Window::new(0, 0, height, width), bands: 1, pixels: Pixels::U8(values), states }
    }

    #[test]
    fn two_pixels_become_four_by_linear_interpolation() {
        // New centres at .25 .75 1.25 1.75 of old pixels with centres at .5 and 1.5: 0, 25, 75, 100 between 0 and 100.
        let out = resize(&image(1, 2, vec![0, 100]), 4);
        let Pixels::U8(values) = out.pixels else { panic!() };
        assert_eq!(values[..4], [0, 25, 75, 100]);
        assert_eq!(values[12..], [0, 25, 75, 100]);
    }

    #[test]
    fn halving_weighs_old_pixels_by_their_distance() {
        // Centre 1 with radius 2: weights of .5 1.5 2.5 are .75 .75 .25, over 1.75; the far side mirrors it.
        let out = resize(&image(1, 4, vec![0, 70, 140, 210]), 2);
        let Pixels::U8(values) = out.pixels else { panic!() };
        assert_eq!(values[..2], [50, 160]);
    }

    #[test]
    fn a_pixel_without_data_spreads_no_value() {
        let mut block = image(2, 2, vec![10; 4]);
        block.states[3] = PixelState::Nodata;
        let out = resize(&block, 4);
        assert_eq!(out.states.iter().filter(|s| **s == PixelState::Observed).count(), 7);
        assert_eq!((out.states[0], out.pixels.get(0), out.pixels.get(15)), (PixelState::Observed, 10.0, 0.0));
    }
}
