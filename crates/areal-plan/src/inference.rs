//! Inference by a compiled plan, patch by patch.

use std::path::Path;

use areal_formats::ModelSpec;
use areal_grid::PatchLayout;
use areal_kernels::{Isa, MapShape};
use areal_model::{
    Bundle, BurnInference, DenseInference, DeviceChoice, Inference, ModelError, NetworkConfig, PatchBatch, Precision,
    probe_batch,
};
use ndarray::Array2;

use crate::compile::{Arithmetic, compile};
use crate::dense::DensePlan;
use crate::program::Program;
use crate::{PlanError, Ranges, input, probe};

/// Pixels of one part of a batch: 64 patches of 64 px. Larger batches gain no speed, only memory.
const PIXELS: usize = 64 * 64 * 64;

/// Inference on a CPU by a compiled plan.
#[derive(Debug)]
pub struct PlanInference {
    spec: ModelSpec,
    program: Program,
    isa: Isa,
    precision: Precision,
}

/// What is asked of a program for each patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Logits,
    Features,
}

/// The inference for a device and a precision: a compiled plan on a CPU, Burn elsewhere, which has single precision alone.
/// `ranges` are needed for int8 only.
///
/// # Errors
/// When the bundle or the device cannot be had or does not have the precision, or the plan disagrees with the network.
pub fn load(
    folder: &Path,
    device: DeviceChoice,
    precision: Precision,
    ranges: Option<&Ranges>,
) -> Result<Box<dyn Inference>, PlanError> {
    match (device, precision) {
        (DeviceChoice::Cpu, _) => Ok(Box::new(PlanInference::load(folder, precision, ranges)?)),
        (_, Precision::F32) => Ok(Box::new(BurnInference::load(folder, device)?)),
        _ => Err(PlanError::Device { precision, device }),
    }
}

impl PlanInference {
    /// Loads a bundle's folder, compiles it for this processor and compares the plan with Burn: on a fixed pseudo-random
    /// batch, or for int8 on some of the patches that its ranges were measured on.
    ///
    /// # Errors
    /// As [`Bundle::load`]; [`PlanError::NoRanges`] for int8 without them; [`PlanError::Disagrees`] when the two differ by
    /// more than [`crate::tolerance`].
    pub fn load(folder: &Path, precision: Precision, ranges: Option<&Ranges>) -> Result<Self, PlanError> {
        let device = DeviceChoice::Cpu.open()?;
        Self::from_bundle(Bundle::load(folder, &device)?, Isa::detect()?, precision, ranges)
    }

    /// The same for a bundle that was loaded to the CPU, at a given instruction set.
    ///
    /// # Errors
    /// As [`PlanInference::load`].
    pub fn from_bundle(
        bundle: Bundle,
        isa: Isa,
        precision: Precision,
        ranges: Option<&Ranges>,
    ) -> Result<Self, PlanError> {
        let arithmetic = match precision {
            Precision::F32 => Arithmetic::F32,
            Precision::Bf16 => Arithmetic::Bf16,
            Precision::Int8 => Arithmetic::Int8(&ranges.ok_or(PlanError::NoRanges)?.scales),
        };
        let program = compile(&bundle.network, isa, arithmetic)?.program;
        let mut plan = Self { spec: bundle.spec.clone(), program, isa, precision };
        let batch = match (precision, ranges) {
            (Precision::Int8, Some(ranges)) => ranges.patches.clone(),
            _ => probe_batch(&plan.spec),
        };
        let mut network = BurnInference::new(bundle, DeviceChoice::Cpu.open()?);
        let agreement = probe::check(&mut plan, &mut network, precision, &batch)?;
        tracing::debug!(
            %isa,
            %precision,
            difference = agreement.difference,
            "compiled {} for this processor",
            plan.spec.architecture
        );
        Ok(plan)
    }

    #[cfg(test)]
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// One row of `width` numbers for each patch of a batch: what the program's last operation gives (`Rows::Logits`) or
    /// reads (`Rows::Features`).
    fn rows(&mut self, batch: &PatchBatch, what: Rows, width: usize) -> Result<Array2<f32>, ModelError> {
        batch.check(self.spec.bands.len())?;
        let [patches, _, height, columns] = batch.shape;
        let mut all = Array2::zeros((patches, width));
        let parts = patches.div_ceil((PIXELS / (height * columns)).max(1));
        let mut first = 0;
        for part in 0..parts {
            let count = (patches - first) / (parts - part);
            let rows = &mut all.as_slice_mut().expect("a fresh array is contiguous")[first * width..][..count * width];
            self.part(batch, what, first, count, rows)?;
            first += count;
        }
        Ok(all)
    }

    /// The rows of patches `first..first + count`.
    fn part(
        &mut self,
        batch: &PatchBatch,
        what: Rows,
        first: usize,
        count: usize,
        rows: &mut [f32],
    ) -> Result<(), PlanError> {
        let [_, bands, height, width] = batch.shape;
        let (normalisation, shape) = (&self.spec.normalisation, MapShape::new(height, width, count, bands));
        let fill = |map: &mut [f32]| {
            input::fill(batch, first, count, normalisation, map);
            Ok::<_, PlanError>(())
        };
        if what == Rows::Logits {
            rows.copy_from_slice(self.program.run(shape, fill)?.1);
            return Ok(());
        }
        let pooled = self.program.last_read();
        let mut found = false;
        self.program.run_observed(shape, fill, |value, result| {
            if Some(value) == pooled && result.len() == rows.len() {
                rows.copy_from_slice(result);
                found = true;
            }
        })?;
        if found { Ok(()) } else { Err(PlanError::Layer("a head that reads no pooled features".to_owned())) }
    }
}

impl Inference for PlanInference {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kind(&self) -> String {
        format!("plan, {}, {}", self.isa, self.precision)
    }

    fn infer(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        self.rows(batch, Rows::Logits, self.spec.target.outputs())
    }

    fn features(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        self.rows(batch, Rows::Features, NetworkConfig::of(&self.spec).features())
    }

    fn dense(&self, layout: &PatchLayout) -> Result<Box<dyn DenseInference>, ModelError> {
        if self.precision != Precision::F32 {
            return Err(ModelError::NotDense { kind: self.kind() });
        }
        Ok(Box::new(DensePlan::new(self.spec.clone(), self.kind(), &self.program, *layout)?))
    }
}
