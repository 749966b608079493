//! Batches prepared in a thread of their own.

use areal_formats::Normalisation;
use crossbeam_channel::bounded;

use crate::data::Samples;
use crate::sampling::stream;
use crate::{Augmentation, TrainError};

/// Batches that wait while the network is busy.
const QUEUE: usize = 3;
/// Purpose of the random streams that augment patches.
pub(crate) const VARY: u64 = 2;

/// Normalised patches on their way to the network.
pub(crate) struct Batch {
    /// `[N, C, H, W]`.
    pub pixels: Vec<f32>,
    pub shape: [usize; 4],
    /// Classes or values, one a patch.
    pub targets: Vec<f64>,
}

/// How patches become batches.
pub(crate) struct Loader<'a> {
    pub samples: &'a Samples<'a>,
    pub normalisation: &'a Normalisation,
    /// Variation, with the seed and the epoch that decide it; none leaves patches alone.
    pub vary: Option<(Augmentation, u64, usize)>,
}

impl Loader<'_> {
    /// Prepares batches in a thread of its own, in order, while `use_batch` works on them.
    pub fn run(
        &self,
        batches: &[Vec<usize>],
        mut use_batch: impl FnMut(usize, Batch) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        std::thread::scope(|scope| {
            let (sender, receiver) = bounded(QUEUE);
            scope.spawn(move || {
                let mut first = 0;
                for places in batches {
                    // The receiver is gone when the work failed or was interrupted.
                    if sender.send(self.prepare(places, first)).is_err() {
                        return;
                    }
                    first += places.len();
                }
            });
            receiver.into_iter().enumerate().try_for_each(|(i, batch)| use_batch(i, batch?))
        })
    }

    /// `first` is the place of the batch's first patch in the epoch's order.
    fn prepare(&self, places: &[usize], first: usize) -> Result<Batch, TrainError> {
        let raw = self.samples.read(places)?;
        let [_, c, h, w] = raw.shape;
        let mut pixels = vec![0.0; raw.pixels.len()];
        let patches = pixels.chunks_exact_mut(c * h * w).zip(raw.states.chunks_exact(h * w));
        for (i, (out, states)) in patches.enumerate() {
            self.normalisation.apply(&raw.pixels, i * c * h * w, states, out);
            if let Some((vary, seed, epoch)) = &self.vary {
                vary.apply(out, states, h, &mut stream(*seed, VARY, *epoch, first + i));
            }
        }
        let targets = places.iter().map(|p| self.samples.targets[*p]).collect();
        Ok(Batch { pixels, shape: raw.shape, targets })
    }
}
