//! A pseudo-random batch on which two computations of one network are compared, and how far apart they are.

use areal_formats::ModelSpec;
use areal_grid::{PixelState, Pixels};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};

use crate::{NetworkConfig, PatchBatch};

/// Patches of the probe batch.
const PATCHES: usize = 3;
/// Largest side of a probe patch where the network has padding, so that the comparison takes a moment only.
const SIDE: usize = 64;

/// How far two sets of logits are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogitDifference {
    /// Greatest difference, as a fraction of the greatest logit (or of 1 where that is less).
    pub difference: f32,
    /// Greatest logit, without its sign.
    pub greatest: f32,
}

impl LogitDifference {
    /// Compares logits `[N, K]`. Where a logit is not finite on either side, the difference is infinite.
    pub fn of(found: &Array2<f32>, expected: &Array2<f32>) -> Self {
        let greatest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let far = |(f, e): (&f32, &f32)| if f.is_finite() && e.is_finite() { (f - e).abs() } else { f32::INFINITY };
        let apart = if found.dim() == expected.dim() {
            found.iter().zip(expected).map(far).fold(0.0, f32::max)
        } else {
            f32::INFINITY
        };
        Self { difference: apart / greatest.max(1.0), greatest }
    }
}

/// The same pseudo-random patches for every load: values around each band's mean, some pixels not observed.
pub fn probe_batch(spec: &ModelSpec) -> PatchBatch {
    probe_batch_around(spec, &spec.normalisation.mean, &spec.normalisation.std)
}

/// The same around these means of the bands, with these deviations.
pub(crate) fn probe_batch_around(spec: &ModelSpec, means: &[f32], deviations: &[f32]) -> PatchBatch {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0x00A2_EA1A);
    let least = NetworkConfig::of(spec).least_patch();
    let (bands, side) = (spec.bands.len(), spec.patch_size.clamp(1, SIDE.max(least)));
    // One patch that is large enough for a network without padding says as much as some small ones.
    let patches = if side > SIDE { 1 } else { PATCHES };
    let plane = side * side;
    let mut values = Vec::with_capacity(patches * bands * plane);
    for _ in 0..patches {
        for (mean, std) in means.iter().zip(deviations) {
            values.extend((0..plane).map(|_| f64::from(mean + std * (4.0 * rng.random::<f32>() - 2.0))));
        }
    }
    let state = |chance: f32| if chance < 0.1 { PixelState::Nodata } else { PixelState::Observed };
    let states = (0..patches * plane).map(|_| state(rng.random())).collect();
    PatchBatch { shape: [patches, bands, side, side], pixels: Pixels::F64(values), states }
}
