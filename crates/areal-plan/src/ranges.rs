//! Ranges of a network's maps, which int8 needs.

use areal_formats::ModelSpec;
use areal_grid::Pixels;
use areal_kernels::{Isa, MapShape};
use areal_model::{Bundle, PatchBatch};

use crate::compile::{Arithmetic, Compiled, compile};
use crate::histogram::Histogram;
use crate::{PlanError, input};

/// Patches that are kept to compare the plan with the network on.
const KEPT: usize = 4;

/// The ranges of a network's maps on patches of its training store: what [`areal_model::Precision::Int8`] needs to know.
#[derive(Debug, Clone)]
pub struct Ranges {
    /// Value of the code 1 for each convolution's result, in the order of the program.
    pub(crate) scales: Vec<f32>,
    /// Some of the patches.
    pub(crate) patches: PatchBatch,
}

/// Measures [`Ranges`] by running a network in single precision.
#[derive(Debug)]
pub struct Calibrator {
    spec: ModelSpec,
    compiled: Compiled,
    histograms: Vec<Histogram>,
    kept: Option<PatchBatch>,
}

impl Calibrator {
    /// For a bundle that was loaded to the CPU.
    ///
    /// # Errors
    /// When the network has a layer that plans do not support.
    pub fn new(bundle: &Bundle, isa: Isa) -> Result<Self, PlanError> {
        let compiled = compile(&bundle.network, isa, Arithmetic::F32)?;
        let histograms = vec![Histogram::new(); compiled.convolutions.len()];
        Ok(Self { spec: bundle.spec.clone(), compiled, histograms, kept: None })
    }

    /// Runs patches through the network and counts what its maps hold.
    ///
    /// # Errors
    /// When the batch does not fit the model.
    pub fn observe(&mut self, batch: &PatchBatch) -> Result<(), PlanError> {
        batch.check(self.spec.bands.len())?;
        let [patches, bands, height, width] = batch.shape;
        let (convolutions, histograms) = (&self.compiled.convolutions, &mut self.histograms);
        self.compiled.program.run_observed(
            MapShape::new(height, width, patches, bands),
            |map| {
                input::fill(batch, 0, patches, &self.spec.normalisation, map);
                Ok::<_, PlanError>(())
            },
            |value, map| {
                if let Some(at) = convolutions.iter().position(|v| *v == value) {
                    histograms[at].add(map);
                }
            },
        )?;
        if self.kept.is_none() && patches > 0 {
            self.kept = Some(first(batch, KEPT.min(patches)));
        }
        Ok(())
    }

    /// The ranges.
    ///
    /// # Errors
    /// [`PlanError::NoPatches`] when no patch was observed.
    pub fn finish(self) -> Result<Ranges, PlanError> {
        let scales = self.histograms.iter().map(Histogram::scale).collect();
        Ok(Ranges { scales, patches: self.kept.ok_or(PlanError::NoPatches)? })
    }
}

/// The first patches of a batch.
fn first(batch: &PatchBatch, count: usize) -> PatchBatch {
    let [_, bands, height, width] = batch.shape;
    let len = count * bands * height * width;
    let mut pixels = Pixels::zeros(batch.pixels.pixel_type(), len);
    pixels.copy_from(0, &batch.pixels, 0, len);
    PatchBatch { shape: [count, bands, height, width], pixels, states: batch.states[..count * height * width].to_vec() }
}
