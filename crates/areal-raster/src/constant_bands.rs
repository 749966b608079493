//! Bands that hold one number wherever they are looked at: masks and empty bands, which tell a network nothing.

use areal_grid::{PixelState, Window};

use crate::{RasterError, Scene};

/// Windows along each side of a scene that are looked at, and pixels along each of theirs.
const WINDOWS: usize = 5;
const WINDOW_SIDE: usize = 128;

/// A band that held the same number in all pixels that were looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConstantBand {
    /// Its place among the bands of the scene, from 0.
    pub band: usize,
    pub value: f64,
}

/// The bands of a scene with one number in all observed pixels of 25 windows of up to 128 x 128 pixels, spread evenly. None
/// where fewer than two pixels are observed in them, or where all bands would be constant.
///
/// # Errors
/// When the scene cannot be read.
pub fn constant_bands(scene: &Scene) -> Result<Vec<ConstantBand>, RasterError> {
    let mut reader = scene.reader()?;
    let (height, width) = (scene.grid().height, scene.grid().width);
    // Least and greatest number of each band.
    let mut ranges = vec![(f64::INFINITY, f64::NEG_INFINITY); scene.bands().len()];
    let mut observed = 0;
    for row in starts(height) {
        for col in starts(width) {
            let window = Window::new(row, col, WINDOW_SIDE.min(height), WINDOW_SIDE.min(width));
            let block = reader.read(&window)?;
            for (band, (least, most)) in ranges.iter_mut().enumerate() {
                for at in (0..window.len()).filter(|at| block.states[*at] == PixelState::Observed) {
                    let value = block.pixels.get(band * window.len() + at);
                    (*least, *most) = (least.min(value), most.max(value));
                }
            }
            observed += block.states.iter().filter(|state| **state == PixelState::Observed).count();
        }
    }
    let all = ranges.iter().enumerate().filter(|(_, (least, most))| least == most);
    let constant: Vec<ConstantBand> = all.map(|(band, (value, _))| ConstantBand { band, value: *value }).collect();
    let says_nothing = observed < 2 || constant.len() == ranges.len();
    Ok(if says_nothing { Vec::new() } else { constant })
}

/// Where windows begin along a side, each once.
fn starts(side: usize) -> Vec<usize> {
    let last = side.saturating_sub(WINDOW_SIDE);
    let mut starts: Vec<usize> = (0..WINDOWS).map(|k| k * last / (WINDOWS - 1)).collect();
    starts.dedup();
    starts
}

#[cfg(test)]
mod tests {
    use super::starts;

    #[test]
    fn windows_are_spread_from_the_first_to_the_last_pixel() {
        // (1128 - 128) / 4 = 250.
        assert_eq!(starts(1128), [0, 250, 500, 750, 1000]);
        assert_eq!((starts(100), starts(130)), (vec![0], vec![0, 1, 2]));
    }
}
