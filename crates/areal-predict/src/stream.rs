//! Patch mode: reading, cutting, network and writing as a pipeline of threads.

use std::collections::VecDeque;
use std::time::Duration;

use areal_grid::PixelBlock;
use areal_job::Job;
use areal_model::{Inference, probabilities};
use areal_raster::RasterError;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use ndarray::Array2;

use crate::PredictError;
use crate::assemble::{Batch, Cutter, Held, PatchSlots, StripStates};
use crate::cells::{CellAccumulator, Merge};
use crate::dense::ModeDifference;
use crate::patch_order::{Chunk, ChunkStep, HeldChunks, PatchOrder};
use crate::source::{PixelReader, PixelSource};
use crate::strip::Shard;

/// Batches on their way between the cutting thread and the network.
const BATCHES_AHEAD: usize = 2;

/// How long the calling thread waits for work before it looks whether it should stop.
pub const LOOK_UP: Duration = Duration::from_millis(200);

/// What the streaming of a scene is set to.
#[derive(Debug, Clone, Copy)]
pub struct StreamSettings {
    /// Patches in a batch.
    pub batch_size: usize,
    pub threads: usize,
    /// Least share of observed pixels in a patch, and in a cell.
    pub min_valid: f64,
}

/// What the cutting thread hands over.
enum NetworkInput {
    Batch(Batch),
    /// Patches that were looked at and not predicted.
    Skipped(u64),
    StripEnd(StripStates),
}

/// Where a stream begins.
#[derive(Debug)]
pub struct StreamStart {
    /// The first strip to predict.
    pub strip: usize,
    /// The cells as the strips before left them.
    pub cells: CellAccumulator,
}

/// A chunk that was read, by its number.
pub type ReadResult = (u64, Result<PixelBlock, RasterError>);

/// Predicts the strips of a read order from `start` on and passes each to `keep` when it is final.
///
/// Reading threads decode chunks, one thread cuts patches out of them into batches, and the calling thread runs the
/// network; all of them wait for each other through bounded channels. What reaches the network, and in which order, is
/// the order's alone.
///
/// # Errors
/// The first error of any thread; [`PredictError::Interrupted`] when the job is asked to stop.
pub fn stream(
    source: &dyn PixelSource,
    order: &PatchOrder,
    start: StreamStart,
    inference: &mut dyn Inference,
    settings: &StreamSettings,
    job: &Job<'_>,
    keep: impl FnMut(usize, Shard) -> Result<(), PredictError>,
) -> Result<(), PredictError> {
    let StreamStart { strip: first_strip, cells } = start;
    let threads = settings.threads.max(1);
    let readers = (0..threads).map(|_| source.reader()).collect::<Result<Vec<_>, _>>()?;
    let (ask, asked) = unbounded::<Chunk>();
    let (read, reads) = unbounded::<ReadResult>();
    let (work, works) = bounded::<Result<NetworkInput, PredictError>>(BATCHES_AHEAD);
    let (give_back, given_back) = bounded::<Batch>(BATCHES_AHEAD + 2);
    let mut cutting = Cutting {
        cutter: Cutter { layout: *order.layout(), size: source.size(), min_valid: settings.min_valid },
        new_slots: SlotShape {
            batch_size: settings.batch_size,
            bands: source.bands(),
            patch_size: order.layout().patch_size(),
            pixel_type: source.pixel_type(),
        },
        given_back,
        work,
        fetch: Fetch { ask, reads, held: Held::new(), on_the_way: 0, ahead: threads + 1 },
    };
    std::thread::scope(|scope| {
        for reader in readers {
            let (asked, read) = (asked.clone(), read.clone());
            scope.spawn(move || read_chunks(reader, &asked, &read));
        }
        drop((asked, read));
        scope.spawn(move || cutting.run(order, first_strip));
        let network =
            NetworkSide { order, works, cells, inference, job, give_back, batch_size: settings.batch_size, keep };
        // Ending drops the channel's end, which ends the cutting thread and with it the readers.
        network.run(first_strip)
    })
}

/// A reading thread: reads the chunks that are asked for until nobody asks any more.
pub fn read_chunks(mut reader: Box<dyn PixelReader>, asked: &Receiver<Chunk>, read: &Sender<ReadResult>) {
    for chunk in asked {
        if read.send((chunk.serial, reader.read(&chunk.window))).is_err() {
            return;
        }
    }
}

/// Chunks asked for, on their way, and held.
struct Fetch {
    ask: Sender<Chunk>,
    reads: Receiver<ReadResult>,
    held: Held,
    on_the_way: usize,
    /// Chunks that may be on their way beyond the ones needed now.
    ahead: usize,
}

impl Fetch {
    fn ask(&mut self, chunks: &[Chunk]) -> Result<(), PredictError> {
        for chunk in chunks {
            self.ask.send(*chunk).map_err(|_| PredictError::ThreadStopped)?;
            self.on_the_way += 1;
        }
        Ok(())
    }

    /// Waits until every chunk of a step is held.
    fn wait_for(&mut self, step: &ChunkStep) -> Result<(), PredictError> {
        while step.reads.iter().any(|c| !self.held.contains_key(&c.serial)) {
            let (serial, block) = self.reads.recv().map_err(|_| PredictError::ThreadStopped)?;
            self.on_the_way -= 1;
            self.held.insert(serial, block?);
        }
        Ok(())
    }
}

struct SlotShape {
    batch_size: usize,
    bands: usize,
    patch_size: usize,
    pixel_type: areal_grid::PixelType,
}

struct Cutting {
    cutter: Cutter,
    new_slots: SlotShape,
    given_back: Receiver<Batch>,
    work: Sender<Result<NetworkInput, PredictError>>,
    fetch: Fetch,
}

/// Why the cutting thread ends early.
enum Stop {
    /// The other side hung up: it has its own reason.
    HungUp,
    Failed(PredictError),
}

impl From<PredictError> for Stop {
    fn from(error: PredictError) -> Self {
        Self::Failed(error)
    }
}

impl Cutting {
    fn run(&mut self, order: &PatchOrder, first_strip: usize) {
        if let Err(Stop::Failed(error)) = self.strips(order, first_strip) {
            let _ = self.work.send(Err(error));
        }
    }

    fn strips(&mut self, order: &PatchOrder, first_strip: usize) -> Result<(), Stop> {
        let mut walk = HeldChunks::default();
        let mut coming: VecDeque<(usize, VecDeque<ChunkStep>)> = VecDeque::new();
        let mut next_strip = first_strip;
        for strip in first_strip..order.strips().len() {
            // The next strip's steps are laid out too, so that its first chunks are read while this one is cut.
            while next_strip < order.strips().len() && next_strip <= strip + 1 {
                coming.push_back((0, order.steps(next_strip, &mut walk).into()));
                next_strip += 1;
            }
            self.strip(order, strip, &mut coming)?;
            coming.pop_front();
        }
        Ok(())
    }

    fn strip(
        &mut self,
        order: &PatchOrder,
        strip: usize,
        coming: &mut VecDeque<(usize, VecDeque<ChunkStep>)>,
    ) -> Result<(), Stop> {
        let rows = order.cell_rows(strip);
        let cells = rows.len() * order.layout().cells().1;
        let mut states = StripStates::new(cells);
        let mut slots = self.slots();
        loop {
            self.ask_ahead(coming)?;
            let Some((asked, steps)) = coming.front_mut() else { break };
            let Some(step) = steps.pop_front() else { break };
            *asked = asked.saturating_sub(1);
            self.fetch.wait_for(&step)?;
            slots = self.cut_step(&step, slots, &mut states, rows.start)?;
            for serial in &step.releases {
                self.fetch.held.remove(serial);
            }
        }
        if slots.len() > 0 {
            self.send(NetworkInput::Batch(slots.into_batch()))?;
        }
        self.send(NetworkInput::StripEnd(states))
    }

    /// Asks for the chunks of the coming steps, as far ahead as is allowed; of the next step always.
    fn ask_ahead(&mut self, coming: &mut VecDeque<(usize, VecDeque<ChunkStep>)>) -> Result<(), PredictError> {
        let mut is_next = true;
        for (asked, steps) in coming {
            while let Some(step) = steps.get(*asked) {
                if !is_next && self.fetch.on_the_way >= self.fetch.ahead {
                    return Ok(());
                }
                self.fetch.ask(&step.reads)?;
                *asked += 1;
                is_next = false;
            }
            is_next = false;
        }
        Ok(())
    }

    fn cut_step(
        &mut self,
        step: &ChunkStep,
        mut slots: PatchSlots,
        states: &mut StripStates,
        first_row: usize,
    ) -> Result<PatchSlots, Stop> {
        let held = std::mem::take(&mut self.fetch.held);
        let chunks: Vec<&PixelBlock> = step.needs.iter().filter_map(|c| held.get(&c.serial)).collect();
        let mut skipped = 0;
        for i in step.patch_rows.clone() {
            for j in step.patch_cols.clone() {
                if !self.cutter.cut((i, j), &chunks, &mut slots, states, first_row) {
                    skipped += 1;
                }
                if slots.is_full() {
                    self.send(NetworkInput::Batch(slots.into_batch()))?;
                    slots = self.slots();
                }
            }
        }
        drop(chunks);
        self.fetch.held = held;
        if skipped > 0 {
            self.send(NetworkInput::Skipped(skipped))?;
        }
        Ok(slots)
    }

    fn slots(&self) -> PatchSlots {
        let shape = &self.new_slots;
        match self.given_back.try_recv() {
            Ok(batch) => PatchSlots::reuse(batch),
            Err(_) => PatchSlots::new(shape.batch_size, shape.bands, shape.patch_size, shape.pixel_type),
        }
    }

    fn send(&self, work: NetworkInput) -> Result<(), Stop> {
        self.work.send(Ok(work)).map_err(|_| Stop::HungUp)
    }
}

struct NetworkSide<'a, K> {
    order: &'a PatchOrder,
    works: Receiver<Result<NetworkInput, PredictError>>,
    cells: CellAccumulator,
    inference: &'a mut dyn Inference,
    job: &'a Job<'a>,
    give_back: Sender<Batch>,
    batch_size: usize,
    keep: K,
}

impl<K: FnMut(usize, Shard) -> Result<(), PredictError>> NetworkSide<'_, K> {
    fn run(mut self, first_strip: usize) -> Result<(), PredictError> {
        let (rows, cols) = self.order.layout().patches();
        let task = self.job.task("predict", Some((rows * cols) as u64), areal_job::Unit::Patches);
        task.advance(self.order.patches_before(first_strip) as u64);
        let mut strip = first_strip;
        let mut patches = 0;
        while strip < self.order.strips().len() {
            self.job.check()?;
            let work = match self.works.recv_timeout(LOOK_UP) {
                Ok(work) => work?,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Err(PredictError::ThreadStopped),
            };
            match work {
                NetworkInput::Skipped(n) => task.advance(n),
                NetworkInput::Batch(batch) => {
                    self.infer(&batch)?;
                    patches += batch.places.len() as u64;
                    task.advance(batch.places.len() as u64);
                    // A short batch has too little room to be used again.
                    if batch.places.len() == self.batch_size {
                        let _ = self.give_back.try_send(batch);
                    }
                }
                NetworkInput::StripEnd(states) => {
                    let cells = self.cells.finish(self.order.cell_rows(strip), &states.own);
                    let (counts, sums) = self.cells.pending();
                    let (pending_counts, pending_sums) = (counts.to_vec(), sums.to_vec());
                    let (pixels, difference) = (states.pixels, ModeDifference::default());
                    let shard = Shard { cells, pixels, patches, difference, pending_counts, pending_sums };
                    (self.keep)(strip, shard)?;
                    strip += 1;
                    patches = 0;
                }
            }
        }
        Ok(())
    }

    /// What the patches of a batch add to their cells: `[patch, output]`.
    fn outputs(&mut self, batch: &Batch) -> Result<Array2<f32>, PredictError> {
        let features = if let Merge::Features { features } = self.cells.merge() { Some(features) } else { None };
        let rows = match features {
            Some(_) => self.inference.features(&batch.patches)?,
            None => self.inference.infer(&batch.patches)?,
        };
        let spec = self.inference.spec();
        let expected = (batch.places.len(), features.unwrap_or(spec.target.outputs()));
        if rows.dim() != expected {
            return Err(PredictError::Outputs { found: rows.dim(), expected });
        }
        Ok(if features.is_some() { rows } else { probabilities(spec, rows.view()) })
    }

    fn infer(&mut self, batch: &Batch) -> Result<(), PredictError> {
        let outputs = self.outputs(batch)?;
        for (place, outputs) in batch.places.iter().zip(outputs.rows()) {
            if let Some(value) = outputs.iter().find(|v| !v.is_finite()) {
                let window = self.order.layout().window(place.0, place.1);
                return Err(PredictError::NotFinite { value: *value, row: window.row, col: window.col });
            }
            let outputs: Vec<f32> = outputs.to_vec();
            self.cells.add(place.0, place.1, &outputs);
        }
        Ok(())
    }
}
