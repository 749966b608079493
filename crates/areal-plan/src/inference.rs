use std::path::Path;

use areal_grid::PatchLayout;
use areal_kernels::{Level, MapShape, Program};
use areal_model::{Bundle, BurnInference, DenseInference, DeviceChoice, Inference, ModelError, ModelSpec, PatchBatch};
use ndarray::Array2;

use crate::{DensePlan, PlanError, compile, input, probe};

/// Pixels of one part of a batch: 64 patches of 64 px. Larger batches gain no speed, only memory.
const PIXELS: usize = 64 * 64 * 64;

/// Inference on a CPU by a compiled plan.
#[derive(Debug)]
pub struct PlanInference {
    spec: ModelSpec,
    program: Program,
    level: Level,
}

/// The inference for a device: a compiled plan on a CPU, Burn elsewhere.
///
/// # Errors
/// When the bundle or the device cannot be had, or the plan disagrees with the network.
pub fn load(folder: &Path, device: DeviceChoice) -> Result<Box<dyn Inference>, PlanError> {
    match device {
        DeviceChoice::Cpu => Ok(Box::new(PlanInference::load(folder)?)),
        other => Ok(Box::new(BurnInference::load(folder, other)?)),
    }
}

impl PlanInference {
    /// Loads a bundle's folder, compiles it for this processor and compares the plan with Burn on a fixed
    /// pseudo-random batch.
    ///
    /// # Errors
    /// As [`Bundle::load`]; [`PlanError::Disagrees`] when the two differ by more than [`crate::TOLERANCE`].
    pub fn load(folder: &Path) -> Result<Self, PlanError> {
        let device = DeviceChoice::Cpu.open()?;
        Self::from_bundle(Bundle::load(folder, &device)?, Level::detect()?)
    }

    /// The same for a bundle that was loaded to the CPU, at a given level.
    ///
    /// # Errors
    /// [`PlanError::Disagrees`] as [`PlanInference::load`].
    pub fn from_bundle(bundle: Bundle, level: Level) -> Result<Self, PlanError> {
        let mut plan = Self { spec: bundle.spec.clone(), program: compile(&bundle.network, level)?, level };
        let device = DeviceChoice::Cpu.open()?;
        let agreement = probe::check(&mut plan, &mut BurnInference::new(bundle, device))?;
        tracing::debug!(
            %level,
            difference = agreement.difference,
            "compiled {} for this processor",
            plan.spec.architecture
        );
        Ok(plan)
    }

    /// What is run.
    #[cfg(test)]
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// Logits of patches `first..first + count`, one row each.
    fn part(&mut self, batch: &PatchBatch, first: usize, count: usize, logits: &mut [f32]) -> Result<(), PlanError> {
        let [_, bands, height, width] = batch.shape;
        let normalisation = &self.spec.normalisation;
        let (_, values) = self.program.run(MapShape::new(height, width, count, bands), |map| {
            input::fill(batch, first, count, normalisation, map);
            Ok::<_, PlanError>(())
        })?;
        logits.copy_from_slice(values);
        Ok(())
    }
}

impl Inference for PlanInference {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kind(&self) -> String {
        format!("plan, {}", self.level)
    }

    fn infer(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        batch.check(self.spec.bands.len())?;
        let [patches, _, height, width] = batch.shape;
        let outputs = self.spec.target.outputs();
        let mut logits = Array2::zeros((patches, outputs));
        let parts = patches.div_ceil((PIXELS / (height * width)).max(1));
        let mut first = 0;
        for part in 0..parts {
            let count = (patches - first) / (parts - part);
            let rows = &mut logits.as_slice_mut().unwrap_or_default()[first * outputs..][..count * outputs];
            self.part(batch, first, count, rows)?;
            first += count;
        }
        Ok(logits)
    }

    fn dense(&self, layout: &PatchLayout) -> Result<Box<dyn DenseInference>, ModelError> {
        Ok(Box::new(DensePlan::new(self.spec.clone(), self.kind(), &self.program, *layout)?))
    }
}
