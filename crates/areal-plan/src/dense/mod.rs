//! Plans over whole scenes: every feature is computed once, whatever patches share it.

mod input;
#[cfg(test)]
mod tests;
mod windows;

use std::ops::Range;

use areal_formats::ModelSpec;
use areal_grid::{PatchLayout, PixelBlock};
use areal_kernels::{KernelError, MapShape};
use areal_model::{DenseInference, DensePart, DenseRow, ModelError};
use ndarray::Array2;

use crate::PlanError;
use crate::program::Program;
use crate::stream::{ImagePart, ImagePlan, RowProgram, RowStream, Windows};

/// Rows of pixels that go in at a time. The outputs do not depend on it.
const ROWS: usize = 16;

/// A compiled plan that runs over a whole scene.
#[derive(Debug)]
pub struct DensePlan {
    spec: ModelSpec,
    kind: String,
    program: RowProgram,
    image: ImagePlan,
    layout: PatchLayout,
    /// Features along one side of a patch.
    window: usize,
    rows: usize,
    run: Option<ActivePart>,
}

/// A part at work.
#[derive(Debug)]
struct ActivePart {
    part: DensePart,
    stream: RowStream,
    next_patch_row: usize,
}

impl DensePlan {
    /// For the patches of a scene.
    ///
    /// # Errors
    /// When the program cannot run row by row.
    pub fn new(spec: ModelSpec, kind: String, program: &Program, layout: PatchLayout) -> Result<Self, PlanError> {
        Self::with_rows(spec, kind, program, layout, ROWS)
    }

    /// The same with another number of rows at a time.
    pub(crate) fn with_rows(
        spec: ModelSpec,
        kind: String,
        program: &Program,
        layout: PatchLayout,
        rows: usize,
    ) -> Result<Self, PlanError> {
        let program = RowProgram::new(program, layout.stride())?;
        let (patch_rows, patch_columns) = layout.patches();
        let windows = |count| Windows { count, stride: layout.stride(), size: layout.patch_size() };
        let image = program.image_of([windows(patch_rows), windows(patch_columns)])?;
        let window = program.features_in(layout.patch_size())?;
        Ok(Self { spec, kind, program, image, layout, window, rows, run: None })
    }

    /// Rows or columns of features of the patches that begin at patch row or column `range`.
    fn features(&self, range: &Range<usize>) -> Range<usize> {
        let place = |patch: usize| self.program.place(patch * self.layout.stride()).0;
        place(range.start)..place(range.end - 1) + self.window
    }
}

impl ActivePart {
    /// Outputs of the next row of patches, if its features are there.
    fn next(&mut self, plan: &DensePlan) -> Result<Option<DenseRow>, PlanError> {
        let patch_row = self.next_patch_row;
        if patch_row >= self.part.patch_rows.end {
            self.stream.take(self.stream.features().0.height);
            return Ok(None);
        }
        let (first, row_phase) = plan.program.place(patch_row * plan.layout.stride());
        let first = first - self.part.rows.start / plan.program.stride();
        self.stream.take(first);
        let (shape, there) = self.stream.features();
        if first + plan.window > there.end {
            return Ok(None);
        }
        let features = self.stream.feature_rows(first..first + plan.window);
        let shift = self.part.columns.start / plan.program.stride();
        let windows: Vec<windows::Window> = self
            .part
            .patch_columns
            .clone()
            .map(|column| {
                let (first, phase) = plan.program.place(column * plan.layout.stride());
                windows::Window { first: first - shift, image: plan.program.image(row_phase, phase) }
            })
            .collect();
        let means = windows::means(shape, &features, &windows, plan.window);
        let head = plan.program.head();
        let outputs = head.shape().outputs;
        let mut logits = vec![0.0; windows.len() * outputs];
        head.run(MapShape::new(1, windows.len(), 1, shape.channels), &means, None, &mut logits)?;
        let logits = Array2::from_shape_vec((windows.len(), outputs), logits)
            .map_err(|e| PlanError::Kernel(KernelError::Shape(e.to_string())))?;
        self.next_patch_row += 1;
        Ok(Some(DenseRow { patch_row, logits }))
    }

    fn wanted(&self, rows: usize) -> Range<usize> {
        let (pushed, all) = self.stream.pushed();
        let first = self.part.rows.start + pushed;
        first..first + rows.min(all - pushed)
    }

    fn push(&mut self, blocks: &[&PixelBlock], plan: &DensePlan) -> Result<Vec<DenseRow>, PlanError> {
        let rows = self.wanted(plan.rows);
        let columns = self.part.columns.clone();
        self.stream.push(rows.len(), |map| {
            input::fill(blocks, &rows, &columns, &plan.spec.normalisation, map);
            Ok::<_, PlanError>(())
        })?;
        let mut outputs = Vec::new();
        while self.stream.advance()? {
            while let Some(row) = self.next(plan)? {
                outputs.push(row);
            }
        }
        Ok(outputs)
    }
}

impl DenseInference for DensePlan {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kind(&self) -> String {
        self.kind.clone()
    }

    fn part(&self, patch_row: usize, patch_columns: &Range<usize>) -> Result<DensePart, ModelError> {
        let (patch_rows, columns) = self.layout.patches();
        if patch_row >= patch_rows || patch_columns.is_empty() || patch_columns.end > columns {
            let problem = format!("patch row {patch_row}, columns {patch_columns:?}, of {patch_rows} x {columns}");
            return Err(PlanError::Kernel(KernelError::Shape(problem)).into());
        }
        let first = self.program.place(patch_row * self.layout.stride()).0;
        let part = self.program.part(&self.image, first, &self.features(patch_columns));
        let need = self.program.need(&self.image, &part, self.rows, self.window).map_err(PlanError::from)?;
        Ok(DensePart {
            patch_rows: patch_row..patch_rows,
            patch_columns: patch_columns.clone(),
            rows: part.row..self.image.size()[0],
            columns: part.columns,
            bytes: need.bytes,
            lag: need.lag,
        })
    }

    fn start(&mut self, part: &DensePart) -> Result<(), ModelError> {
        let pixels = ImagePart { row: part.rows.start, columns: part.columns.clone() };
        // The maps of two parts are never held together.
        self.run = None;
        let stream = self.program.start(&self.image, &pixels, self.rows, self.window).map_err(PlanError::from)?;
        self.run = Some(ActivePart { next_patch_row: part.patch_rows.start, part: part.clone(), stream });
        Ok(())
    }

    fn wanted(&self) -> Range<usize> {
        self.run.as_ref().map_or(0..0, |run| run.wanted(self.rows))
    }

    fn push(&mut self, blocks: &[&PixelBlock]) -> Result<Vec<DenseRow>, ModelError> {
        let bands = self.spec.bands.len();
        if let Some(odd) = blocks.iter().find(|block| block.bands != bands) {
            let shape = [1, odd.bands, odd.window.height, odd.window.width];
            return Err(ModelError::Batch { shape, problem: format!("does not fit a model of {bands} bands") });
        }
        let Some(mut run) = self.run.take() else { return Ok(Vec::new()) };
        let rows = run.push(blocks, self);
        self.run = Some(run);
        Ok(rows?)
    }
}
