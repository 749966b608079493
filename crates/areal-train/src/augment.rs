//! Random variation of training patches.

use areal_grid::{PixelState, Pixels};
use areal_model::{Freeze, PatchBatch};
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

/// Flips and rotations of a square.
const SYMMETRIES: usize = 8;

/// Augmentation of training patches; each variation leaves the label true, since satellite images have no preferred orientation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augmentation {
    /// The eight flips and rotations of a square, each as often.
    pub flips: bool,
    /// All observed pixels of a patch are brighter or darker by up to this number of standard deviations of their band.
    pub brightness: f32,
    /// Standard deviation of noise on each observed pixel, in standard deviations of its band.
    pub noise: f32,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { flips: true, brightness: 0.1, noise: 0.02 }
    }
}

impl Augmentation {
    /// No variation at all.
    pub const NONE: Self = Self { flips: false, brightness: 0.0, noise: 0.0 };

    /// What suits a training in which these layers are frozen: nothing where only the head is trained, so that features need
    /// to be computed only once.
    pub fn suiting(freeze: Freeze) -> Self {
        if freeze == Freeze::Backbone { Self::NONE } else { Self::default() }
    }

    /// Number of variants of a patch; none where it is never the same again.
    pub(crate) fn variants(&self) -> Option<usize> {
        let is_same = self.brightness == 0.0 && self.noise == 0.0;
        is_same.then_some(if self.flips { SYMMETRIES } else { 1 })
    }

    /// The variant that [`Augmentation::apply`] would make with this generator, where there are several and no more.
    pub(crate) fn variant(&self, rng: &mut impl Rng) -> usize {
        if !self.flips {
            return 0;
        }
        let _brightness: f32 = rng.random();
        usize::from(rng.random_range(0..SYMMETRIES as u8))
    }

    /// Varies one normalised patch `[C, side, side]`, `states` `[side, side]`, in place.
    pub fn apply(&self, patch: &mut [f32], states: &[PixelState], side: usize, rng: &mut impl Rng) {
        let shift = self.brightness * (2.0 * rng.random::<f32>() - 1.0);
        for plane in patch.chunks_exact_mut(states.len().max(1)) {
            for (value, state) in plane.iter_mut().zip(states) {
                if *state == PixelState::Observed {
                    *value += shift + if self.noise > 0.0 { self.noise * noise(rng) } else { 0.0 };
                }
            }
        }
        if self.flips {
            let which = rng.random_range(0..SYMMETRIES as u8);
            patch.chunks_exact_mut(states.len().max(1)).for_each(|plane| turn(plane, side, which));
        }
    }
}

/// Nearly normal, mean 0 and deviation 1: the sum of four uniform numbers has mean 2 and variance 4 / 12.
fn noise(rng: &mut impl Rng) -> f32 {
    let bits: u64 = rng.random();
    let sum: u32 = (0..4).map(|i| ((bits >> (16 * i)) & 0xffff) as u32).sum();
    (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
}

/// One of the eight symmetries of a square: transposed (bit 0), rows reversed (bit 1), columns reversed (bit 2).
fn turn<T>(plane: &mut [T], side: usize, which: u8) {
    if which & 1 != 0 {
        for row in 0..side {
            for col in row + 1..side {
                plane.swap(row * side + col, col * side + row);
            }
        }
    }
    if which & 2 != 0 {
        for row in 0..side / 2 {
            for col in 0..side {
                plane.swap(row * side + col, (side - 1 - row) * side + col);
            }
        }
    }
    if which & 4 != 0 {
        plane.chunks_exact_mut(side.max(1)).for_each(<[T]>::reverse);
    }
}

/// Patches that are turned in one of the eight ways, in single precision.
pub(crate) fn turned(batch: &PatchBatch, which: usize) -> PatchBatch {
    let [_, _, side, _] = batch.shape;
    let plane = side * side;
    let (mut pixels, mut states) = (vec![0.0; batch.pixels.len()], batch.states.clone());
    batch.pixels.read_f32(0, &mut pixels);
    pixels.chunks_exact_mut(plane.max(1)).for_each(|pixels| turn(pixels, side, which as u8));
    states.chunks_exact_mut(plane.max(1)).for_each(|states| turn(states, side, which as u8));
    PatchBatch { shape: batch.shape, pixels: Pixels::F32(pixels), states }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_eight_symmetries_are_eight_and_keep_neighbours() {
        let square: Vec<f32> = (0..9u8).map(f32::from).collect();
        let turned: Vec<Vec<f32>> = (0..8)
            .map(|which| {
                let mut plane = square.clone();
                turn(&mut plane, 3, which);
                plane
            })
            .collect();
        assert_eq!(turned[0], square);
        // A quarter turn clockwise: transposed, then columns reversed.
        assert_eq!(turned[5], [6.0, 3.0, 0.0, 7.0, 4.0, 1.0, 8.0, 5.0, 2.0]);
        for (i, a) in turned.iter().enumerate() {
            assert_eq!(a[4], 4.0);
            assert!(turned[..i].iter().all(|b| a != b));
        }
    }

    #[test]
    fn the_variant_that_is_foretold_is_the_one_that_is_made() {
        let flips = Augmentation { flips: true, ..Augmentation::NONE };
        let square: Vec<f32> = (0..9u8).map(f32::from).collect();
        let batch = PatchBatch {
            shape: [1, 1, 3, 3],
            pixels: Pixels::F32(square.clone()),
            states: vec![PixelState::Observed; 9],
        };
        let mut seen = [false; SYMMETRIES];
        for seed in 0..64 {
            let mut patch = square.clone();
            flips.apply(&mut patch, &batch.states, 3, &mut ChaCha8Rng::seed_from_u64(seed));
            let which = flips.variant(&mut ChaCha8Rng::seed_from_u64(seed));
            assert_eq!(turned(&batch, which).pixels, Pixels::F32(patch));
            seen[which] = true;
        }
        assert_eq!(seen, [true; SYMMETRIES]);
        assert_eq!(
            (flips.variants(), Augmentation::NONE.variants(), Augmentation::default().variants()),
            (Some(8), Some(1), None)
        );
    }

    #[test]
    fn what_is_not_observed_stays_nought() {
        let mut patch = vec![0.0; 32];
        let mut states = [PixelState::Observed; 16];
        states[5] = PixelState::Masked;
        let vary = Augmentation { flips: false, brightness: 0.5, noise: 0.1 };
        vary.apply(&mut patch, &states, 4, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!((patch[5], patch[21]), (0.0, 0.0));
        assert!(patch.iter().filter(|v| **v == 0.0).count() == 2);
    }

    #[test]
    fn noise_has_mean_nought_and_deviation_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let draws: Vec<f64> = (0..20_000).map(|_| f64::from(noise(&mut rng))).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|d| d * d).sum::<f64>() / 20_000.0;
        // Five standard errors: 5 / sqrt(20000) and less than 5 sqrt(2 / 20000).
        assert!(mean.abs() < 0.036 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
