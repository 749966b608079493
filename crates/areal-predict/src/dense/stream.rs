//! Dense mode: feature maps of a whole scene, streamed from the top.

use std::collections::VecDeque;

use areal_job::{Job, Task, Unit};
use areal_model::{DenseInference, DenseRow, Inference, probabilities};
use crossbeam_channel::unbounded;

use super::cell_states::CellStates;
use super::chunks::Chunks;
use super::order::{DenseOrder, Panel, PanelRows};
use super::sample::{DenseSampler, Sample};
use crate::PredictError;
use crate::assemble::StripStates;
use crate::cells::{CellAccumulator, Merge};
use crate::dense::ModeDifference;
use crate::patch_order::Chunk;
use crate::source::PixelSource;
use crate::stream::{ReadResult, StreamSettings, StreamStart, read_chunks};
use crate::strip::Shard;

/// The network in both modes.
pub struct Networks<'a> {
    pub dense: &'a mut dyn DenseInference,
    /// Patch by patch, for the sample that is compared.
    pub patches: &'a mut dyn Inference,
}

/// Predicts the units of an order from `start` on in dense mode and hands each to `keep` when it is final.
///
/// Reading threads decode chunks, a row of them ahead; the calling thread hands their rows to the network, which uses all
/// processors. What reaches the network is the order's alone.
///
/// # Errors
/// The first error of any thread; [`PredictError::Interrupted`] when the job is asked to stop.
pub fn dense_stream(
    source: &dyn PixelSource,
    order: &DenseOrder,
    start: StreamStart,
    networks: Networks<'_>,
    settings: &StreamSettings,
    job: &Job<'_>,
    mut keep: impl FnMut(usize, Shard) -> Result<(), PredictError>,
) -> Result<(), PredictError> {
    let threads = settings.threads.max(1);
    let readers = (0..threads).map(|_| source.reader()).collect::<Result<Vec<_>, _>>()?;
    let (ask, asked) = unbounded::<Chunk>();
    let (read, reads) = unbounded::<ReadResult>();
    let (rows, columns) = order.layout().patches();
    let task = job.task("predict", Some((rows * columns) as u64), Unit::Patches);
    task.advance(order.patches_before(start.strip) as u64);
    let merge = start.cells.merge();
    let Networks { dense, patches } = networks;
    std::thread::scope(|scope| {
        for reader in readers {
            let (asked, read) = (asked.clone(), read.clone());
            scope.spawn(move || read_chunks(reader, &asked, &read));
        }
        drop((asked, read));
        // Moved in here: however this ends, the channel's end is dropped, which ends the readers.
        let ask = ask;
        let (mut index, mut serial, mut first) = (start.strip, 0, Some(start.cells));
        while index < order.units() {
            let unit = order.unit(index);
            let panel = &order.panels()[unit.panel];
            let part = dense.part(unit.patch_rows.start, &panel.patches)?;
            dense.start(&part)?;
            let windows = order.chunks(&part.rows, &order.columns(panel, &part));
            let ahead = order.chunks_ahead(windows.1).max(threads + 1);
            let mut chunks = Chunks::new((&ask, &reads), windows, ahead, serial);
            serial = chunks.end_serial();
            let cells = first.take().unwrap_or_else(|| CellAccumulator::new(*order.layout(), merge));
            let mut run = PanelRun::new(source, order, index, cells, &mut *patches, settings);
            while !dense.wanted().is_empty() {
                job.check()?;
                run.push(dense, &mut chunks, job)?;
                run.finish_rows(dense, merge, task.as_ref(), &mut keep)?;
            }
            index = run.index;
        }
        Ok(())
    })
}

/// A panel while it is predicted.
struct PanelRun<'a> {
    order: &'a DenseOrder,
    panel: &'a Panel,
    height: usize,
    tally: CellStates,
    sampler: DenseSampler<'a>,
    cells: CellAccumulator,
    /// The unit that is worked on.
    index: usize,
    unit: PanelRows,
    states: StripStates,
    patches: u64,
    difference: ModeDifference,
    /// Rows of pixels that are in.
    rows: usize,
    /// Rows of patches whose pixels may not all be in.
    waiting: VecDeque<DenseRow>,
}

impl<'a> PanelRun<'a> {
    fn new(
        source: &dyn PixelSource,
        order: &'a DenseOrder,
        index: usize,
        cells: CellAccumulator,
        patches: &'a mut dyn Inference,
        settings: &StreamSettings,
    ) -> Self {
        let (layout, size) = (*order.layout(), source.size());
        let unit = order.unit(index);
        let panel = &order.panels()[unit.panel];
        let first = unit.patch_rows.start;
        let sample = Sample::new(&layout, settings.batch_size);
        let own = panel.own();
        let sampler = DenseSampler::new(&sample, patches, layout, size.0, first, &own, source.pixel_type());
        let covered = panel.patches.start..layout.cells_of(0, panel.patches.end - 1).col_end();
        Self {
            order,
            panel,
            height: size.0,
            tally: CellStates::new(layout, size, settings.min_valid, covered, first),
            sampler,
            cells,
            index,
            states: StripStates::new(unit.cell_rows.len() * layout.cells().1),
            unit,
            patches: 0,
            difference: ModeDifference::default(),
            rows: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Hands the network the rows that it wants.
    fn push(
        &mut self,
        dense: &mut dyn DenseInference,
        chunks: &mut Chunks<'_>,
        job: &Job<'_>,
    ) -> Result<(), PredictError> {
        let rows = dense.wanted();
        let blocks = chunks.rows(&rows, job)?;
        self.tally.count(&blocks, &rows);
        self.sampler.take(&blocks, &rows)?;
        self.waiting.extend(dense.push(&blocks)?);
        chunks.release(rows.end);
        self.rows = rows.end;
        Ok(())
    }

    /// Takes the rows of patches over whose pixels are all in, and hands over the units that end with them.
    fn finish_rows(
        &mut self,
        dense: &dyn DenseInference,
        merge: Merge,
        task: &dyn Task,
        keep: &mut impl FnMut(usize, Shard) -> Result<(), PredictError>,
    ) -> Result<(), PredictError> {
        while let Some(row) = self.waiting.front() {
            let end = self.order.layout().window(row.patch_row, 0).row_end().min(self.height);
            if end > self.rows {
                return Ok(());
            }
            let Some(row) = self.waiting.pop_front() else { return Ok(()) };
            self.finish_row(&row, dense)?;
            task.advance(self.panel.own().len() as u64);
            if row.patch_row + 1 == self.unit.patch_rows.end {
                let shard = self.end_unit();
                keep(self.index, shard)?;
                self.next_unit(merge);
            }
        }
        Ok(())
    }

    fn finish_row(&mut self, row: &DenseRow, dense: &dyn DenseInference) -> Result<(), PredictError> {
        let (layout, patches) = (*self.order.layout(), self.panel.patches.clone());
        let i = row.patch_row;
        let expected = (patches.len(), dense.spec().target.outputs());
        if row.logits.dim() != expected {
            return Err(PredictError::Outputs { found: row.logits.dim(), expected });
        }
        let outputs = probabilities(dense.spec(), row.logits.view());
        let valid = self.tally.valid(i, &patches);
        let own = self.panel.own();
        for (j, (outputs, _)) in patches.clone().zip(outputs.rows().into_iter().zip(&valid)).filter(|(_, (_, v))| **v) {
            if let Some(value) = outputs.iter().find(|v| !v.is_finite()) {
                let window = layout.window(i, j);
                return Err(PredictError::NotFinite { value: *value, row: window.row, col: window.col });
            }
            self.cells.add(i, j, &outputs.to_vec());
            self.patches += u64::from(own.contains(&j));
        }
        self.sampler.compare(i, patches.start, &outputs, &valid, &mut self.difference);
        self.note_cells(i);
        // The cells that later patches cover are looked at again.
        self.tally.release(i + 1);
        Ok(())
    }

    /// What the pixels of the cells of a patch row say: of its first row of cells, and with the last patch row of all after
    /// it.
    fn note_cells(&mut self, i: usize) {
        let layout = self.order.layout();
        let ((rows, columns), (patch_rows, patch_columns)) = (layout.cells(), layout.patches());
        let end = if i + 1 == patch_rows { rows } else { i + 1 };
        for row in i..end {
            for column in self.panel.cells.clone() {
                let counts = self.tally.cell(row, column);
                self.states.pixels.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
                let owner = (i, column.min(patch_columns - 1));
                let at = (row - self.unit.cell_rows.start) * columns + column;
                self.states.own[at] = self.tally.own((row, column), owner);
            }
        }
    }

    fn end_unit(&mut self) -> Shard {
        let cells = self.cells.finish(self.unit.cell_rows.clone(), &self.states.own).columns(&self.panel.cells);
        let (counts, sums) = self.cells.pending();
        Shard {
            cells,
            pixels: self.states.pixels,
            patches: std::mem::take(&mut self.patches),
            difference: std::mem::take(&mut self.difference),
            pending_counts: counts.to_vec(),
            pending_sums: sums.to_vec(),
        }
    }

    /// Goes on to the next unit, if it is of this panel.
    fn next_unit(&mut self, merge: Merge) {
        self.index += 1;
        if self.index < self.order.units() && self.order.unit(self.index).panel == self.unit.panel {
            self.unit = self.order.unit(self.index);
            self.states = StripStates::new(self.unit.cell_rows.len() * self.order.layout().cells().1);
        } else {
            self.cells = CellAccumulator::new(*self.order.layout(), merge);
        }
    }
}
