use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::draw::DrawnCell;
use crate::error::{EstimateError, require};
use crate::sample_size::{Allocation, Anticipated, allocate, size_for_cv, size_for_standard_error};

/// What decides how many units are drawn.
#[derive(Debug, Clone, PartialEq)]
pub enum Size {
    /// So many.
    Units(u64),
    /// A wanted standard error of overall accuracy (Olofsson et al. 2014, eq. 13).
    StandardError(f64),
    /// A wanted CV of one class's area; `shares` is the class's anticipated share in each stratum.
    Cv {
        /// The CV.
        wanted: f64,
        /// By stratum.
        shares: Vec<f64>,
    },
}

/// Number of units to draw in each stratum; strata without cells get none.
///
/// # Errors
/// A size that cannot be had.
pub fn plan(
    strata: &[Anticipated],
    size: &Size,
    allocation: Allocation,
    least: u64,
) -> Result<Vec<u64>, EstimateError> {
    let n = match size {
        Size::Units(n) => {
            require(*n > 0, "number of units", "the sample", *n as f64, "must be positive")?;
            *n
        }
        Size::StandardError(wanted) => size_for_standard_error(strata, *wanted, true)?,
        Size::Cv { wanted, shares } => size_for_cv(strata, shares, allocation, *wanted)?,
    };
    let population: u64 = strata.iter().map(|s| s.population).sum();
    // A wanted error that even the whole map would hardly give is met by labelling all of it.
    let n = if matches!(size, Size::Units(_)) { n } else { n.min(population) };
    allocate(strata, allocation, n, least)
}

/// Puts drawn cells into random order, in which their numbers tell nothing of their stratum, and marks `second_look` of
/// them, at random, to be labelled twice.
pub fn number_units(mut drawn: Vec<DrawnCell>, second_look: usize, seed: u64) -> Vec<(DrawnCell, bool)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // Streams from 1 belong to the strata.
    rng.set_stream(0);
    drawn.shuffle(&mut rng);
    let mut twice: Vec<bool> = (0..drawn.len()).map(|k| k < second_look).collect();
    twice.shuffle(&mut rng);
    drawn.into_iter().zip(twice).collect()
}
