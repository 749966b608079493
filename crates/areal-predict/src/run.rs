//! Predicts a scene: checks, hashes, streams, writes the prediction folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use areal_formats::{
    DenseAgreement, InputRef, MADE_BY, ModelSpec, PredictMode, PredictionMeta, Provenance, StateCounts, input_file,
};
use areal_grid::{PatchLayout, Target};
use areal_job::{FileError, Job, Sha256, StagedDir, Unit};
use areal_model::{DataKind, DenseInference, Inference};
use areal_raster::{PixelCounts, Scene, input_file_with_companions};
use serde::Serialize;

use crate::cells::{CellAccumulator, Merge};
use crate::chunk_layout::{CellBytes, OrderInput};
use crate::dense::{DenseOrder, ModeDifference, Networks, dense_stream};
use crate::features::count;
use crate::journal::{JobIdentity, Journal};
use crate::output::Rasters;
use crate::patch_order::PatchOrder;
use crate::source::PixelSource;
use crate::stream::{StreamSettings, StreamStart, stream};
use crate::strip::Shard;
use crate::training_like::check_scene;
use crate::{PredictError, PredictSettings};

/// Result of a prediction.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictReport {
    /// The folder of the prediction.
    pub out: PathBuf,
    /// Rows and columns of cells.
    pub cells: (usize, usize),
    /// Cells by what became of them.
    pub counts: StateCounts,
    /// Pixels of the scene by what they are.
    pub pixels: PixelCounts,
    /// Mapped cells of each class, in the order of the legend; empty for a value.
    pub classes: Vec<ClassCount>,
    /// Patches that went through the network, earlier runs of a resumed job included.
    pub patches: u64,
    /// Patches that this run took from an interrupted one.
    pub resumed_patches: u64,
    /// How the network was run.
    pub mode: PredictMode,
    /// In dense mode, how far it is from patch by patch on a sample of this scene's patches.
    pub agreement: Option<DenseAgreement>,
    /// Seconds that this run took.
    pub seconds: f64,
}

/// The order in which a scene is read, by mode.
enum Schedule {
    Patch(PatchOrder),
    Dense(DenseOrder, Box<dyn DenseInference>),
}

impl Schedule {
    /// Number of parts that are kept one by one.
    fn parts(&self) -> usize {
        match self {
            Self::Patch(order) => order.strips().len(),
            Self::Dense(order, _) => order.units(),
        }
    }
}

/// Mapped cells of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCount {
    pub code: u8,
    pub name: String,
    /// Cells in which it is the most probable class.
    pub cells: u64,
}

/// Predicts a scene into the folder `out`: `classes.tif` and `probabilities.tif`, or `value.tif`, with `states.tif`
/// (why a cell is not predicted) and `prediction.json`.
///
/// `bundle` is the folder that `inference` was loaded from; its digest is kept. Finished strips are kept in
/// `.NAME.resume` beside `out` until the prediction is whole.
///
/// # Errors
/// When the scene does not fit the model, cannot be read, the network fails, the output cannot be written, or the job
/// is asked to stop. Nothing stands under `out` then but what stood there before.
pub fn predict(
    scene: &Scene,
    inference: &mut dyn Inference,
    bundle: &Path,
    settings: &PredictSettings,
    out: &Path,
    job: &Job<'_>,
) -> Result<PredictReport, PredictError> {
    let start = Instant::now();
    settings.check()?;
    let spec = inference.spec().clone();
    check_scene(scene, &spec)?;
    let staged = StagedDir::new(out, settings.overwrite)?;
    let layout = settings.layout(scene.size(), spec.patch_size)?;
    let mut schedule = schedule(scene, inference, settings, layout)?;
    let (inputs, bundle_sha256) = hash_inputs(scene, bundle, settings.store.as_deref(), job)?;
    let resolved = resolved_settings(scene, inference, settings, &layout)?;
    let identity = JobIdentity::new(MADE_BY, inputs.clone(), resolved.clone());
    let journal = Journal::open(out, &identity, settings)?;
    let resumed_patches = fill(scene, &mut schedule, &layout, &journal, inference, settings, job)?;

    let totals = write_rasters(scene, &spec, (&layout, schedule.parts()), &journal, &staged, job)?;
    check_counts(scene, &layout, &totals)?;
    let meta = PredictionMeta {
        format: PredictionMeta::FORMAT.to_owned(),
        target: spec.target.clone(),
        grid: scene.grid().coarsen(layout.stride()),
        patch_size: layout.patch_size(),
        stride: layout.stride(),
        mode: settings.mode,
        agreement: totals.agreement(&spec),
        min_valid: settings.min_valid,
        scene: scene.settings().clone(),
        bundle_sha256,
        counts: totals.counts,
        training_prior: spec.training_prior.clone(),
        training_class_shares: spec.class_fractions(),
        provenance: Provenance {
            made_by: MADE_BY.to_owned(),
            command: "predict".to_owned(),
            inputs,
            settings: resolved,
            seed: None,
        },
    };
    meta.write(staged.path())?;
    job.check()?;
    staged.commit()?;
    journal.remove_after_success();
    Ok(report(out, &layout, &spec, totals, settings.mode, resumed_patches, start))
}

/// What a model must have been trained on to predict this scene.
pub fn data_kind(scene: &Scene) -> DataKind {
    DataKind {
        bands: scene.bands().iter().map(|b| b.description.clone()).collect(),
        pixel_type: scene.pixel_type(),
        scaling: Some(scene.scaling()),
        ground_resolution: Some(scene.ground_resolution()),
        by_number: scene.settings().is_by_number(),
        is_converted: scene.conversion().is_some(),
    }
}

/// Digests of the scene's files, of the bundle, and of the store if there is one; and that of the bundle once more.
pub(crate) fn hash_inputs(
    scene: &Scene,
    bundle: &Path,
    store: Option<&Path>,
    job: &Job<'_>,
) -> Result<(Vec<InputRef>, Sha256), PredictError> {
    let files = &scene.settings().files;
    let task = job.task("hash", Some(files.len() as u64 + 1), Unit::Files);
    let hash = |path: &Path| -> Result<InputRef, PredictError> {
        job.check()?;
        let input = input_file_with_companions(path)?;
        task.advance(1);
        Ok(input)
    };
    let mut inputs: Vec<InputRef> = files.iter().map(|path| hash(path)).collect::<Result<_, _>>()?;
    let bundle = input_file(bundle)?;
    task.advance(1);
    let digest = bundle.sha256.clone();
    inputs.push(bundle.into());
    if let Some(store) = store {
        inputs.push(hash(store)?);
    }
    Ok((inputs, digest))
}

/// All that the bits of a result depend on besides the inputs.
pub(crate) fn resolved_settings(
    scene: &Scene,
    inference: &dyn Inference,
    settings: &PredictSettings,
    layout: &PatchLayout,
) -> Result<serde_json::Value, PredictError> {
    let resolved = PredictSettings { stride: Some(layout.stride()), ..settings.clone() };
    let value = |result: serde_json::Result<serde_json::Value>| {
        result.map_err(|e| FileError::io("write", PredictionMeta::FILE)(e.into()))
    };
    let mut all = value(serde_json::to_value(resolved))?;
    all["inference"] = inference.kind().into();
    all["scene"] = value(serde_json::to_value(scene.settings()))?;
    Ok(all)
}

/// What an order depends on, where `channels` numbers are kept for a cell, if the memory is enough for it.
pub(crate) fn order_input(
    scene: &Scene,
    channels: usize,
    settings: &PredictSettings,
    layout: &PatchLayout,
) -> Result<OrderInput, PredictError> {
    let (height, width) = scene.size();
    let pixel_bytes = scene.bands().len() * scene.pixel_type().size() + 1;
    let input = OrderInput {
        height,
        width,
        block: PixelSource::block_size(scene),
        pixel_bytes,
        channels,
        batch_size: settings.batch_size,
        memory: settings.memory_bytes(),
    };
    let patch_bytes = (pixel_bytes * layout.patch_size() * layout.patch_size()) as u64;
    settings.check_memory(patch_bytes, CellBytes::new(layout, channels).of_rows(1))?;
    Ok(input)
}

/// The order in which a scene is read, by mode, if the memory is enough for it.
fn schedule(
    scene: &Scene,
    inference: &dyn Inference,
    settings: &PredictSettings,
    layout: PatchLayout,
) -> Result<Schedule, PredictError> {
    let input = order_input(scene, merge(inference.spec()).channels(), settings, &layout)?;
    match settings.mode {
        PredictMode::Patch => Ok(Schedule::Patch(PatchOrder::new(layout, &input))),
        PredictMode::Dense => {
            let dense = inference.dense(&layout)?;
            Ok(Schedule::Dense(DenseOrder::new(layout, &input, dense.as_ref())?, dense))
        }
    }
}

fn merge(spec: &ModelSpec) -> Merge {
    match &spec.target {
        Target::Classes { classes } => Merge::Mean { classes: classes.len() },
        Target::Value { .. } => Merge::MeanAndSpread,
    }
}

/// Predicts the parts that the journal lacks. Returns the number of patches that it held already.
fn fill(
    scene: &Scene,
    schedule: &mut Schedule,
    layout: &PatchLayout,
    journal: &Journal,
    inference: &mut dyn Inference,
    settings: &PredictSettings,
    job: &Job<'_>,
) -> Result<u64, PredictError> {
    let start = resumed(journal, schedule.parts(), layout, merge(inference.spec()));
    let (first, stream_settings) = (start.strip, stream_settings(settings));
    let keep = |part, shard: Shard| journal.keep(part, &shard);
    match schedule {
        Schedule::Patch(order) => stream(scene, order, start, inference, &stream_settings, job, keep)?,
        Schedule::Dense(order, dense) => {
            let networks = Networks { dense: dense.as_mut(), patches: inference };
            dense_stream(scene, order, start, networks, &stream_settings, job, keep)?;
        }
    }
    Ok((0..first).filter_map(|strip| journal.shard(strip)).map(|shard| shard.patches).sum())
}

/// Where a stream begins: after the parts that the journal holds.
pub(crate) fn resumed(journal: &Journal, parts: usize, layout: &PatchLayout, merge: Merge) -> StreamStart {
    let (strip, last) = journal.kept(parts);
    let cells = match last.filter(|shard| shard.cells.first_row + shard.cells.rows < layout.cells().0) {
        Some(shard) => {
            let row = shard.cells.first_row + shard.cells.rows;
            CellAccumulator::restore(*layout, merge, row, shard.pending_counts, shard.pending_sums)
        }
        None => CellAccumulator::new(*layout, merge),
    };
    StreamStart { strip, cells }
}

pub(crate) fn stream_settings(settings: &PredictSettings) -> StreamSettings {
    StreamSettings { batch_size: settings.batch_size, threads: settings.threads, min_valid: settings.min_valid }
}

#[derive(Debug, Default)]
struct Totals {
    counts: StateCounts,
    pixels: [u64; 4],
    classes: Vec<u64>,
    patches: u64,
    difference: ModeDifference,
}

impl Totals {
    fn agreement(&self, spec: &ModelSpec) -> Option<DenseAgreement> {
        self.difference.agreement(!spec.target.classes().is_empty())
    }
}

/// Writes the kept strips into the rasters and counts them.
fn write_rasters(
    scene: &Scene,
    spec: &ModelSpec,
    (layout, parts): (&PatchLayout, usize),
    journal: &Journal,
    staged: &StagedDir,
    job: &Job<'_>,
) -> Result<Totals, PredictError> {
    let grid = scene.grid().coarsen(layout.stride());
    let mut rasters = Rasters::create(staged, &grid, &spec.target, layout.cells_per_patch() > 1)?;
    let mut totals = Totals { classes: vec![0; spec.target.classes().len()], ..Totals::default() };
    let task = job.task("write", Some((grid.height * grid.width) as u64), Unit::Cells);
    for strip in 0..parts {
        job.check()?;
        let shard = journal.shard(strip).ok_or(PredictError::Counts {
            what: "strips",
            counted: strip as u64,
            expected: parts as u64,
        })?;
        let classes = rasters.write(&shard.cells)?;
        totals.classes.iter_mut().zip(classes).for_each(|(sum, n)| *sum += n);
        totals.pixels.iter_mut().zip(shard.pixels).for_each(|(sum, n)| *sum += n);
        totals.patches += shard.patches;
        totals.difference.merge(&shard.difference);
        count(&mut totals.counts, &shard.cells.states);
        task.advance(shard.cells.states.len() as u64);
    }
    rasters.finish()?;
    Ok(totals)
}

/// Every cell and every pixel is counted once.
fn check_counts(scene: &Scene, layout: &PatchLayout, totals: &Totals) -> Result<(), PredictError> {
    let product = |(a, b): (usize, usize)| a as u64 * b as u64;
    let checks = [
        ("cells", totals.counts.total(), product(layout.cells())),
        ("pixels", totals.pixels.iter().sum(), product(scene.size())),
    ];
    match checks.into_iter().find(|(_, counted, expected)| counted != expected) {
        Some((what, counted, expected)) => Err(PredictError::Counts { what, counted, expected }),
        None => Ok(()),
    }
}

fn report(
    out: &Path,
    layout: &PatchLayout,
    spec: &ModelSpec,
    totals: Totals,
    mode: PredictMode,
    resumed_patches: u64,
    start: Instant,
) -> PredictReport {
    let agreement = totals.agreement(spec);
    let [observed, nodata, masked, outside] = totals.pixels;
    let class =
        |(class, cells): (&areal_grid::Class, u64)| ClassCount { code: class.code, name: class.name.clone(), cells };
    PredictReport {
        out: out.to_path_buf(),
        cells: layout.cells(),
        counts: totals.counts,
        pixels: PixelCounts { observed, nodata, masked, outside },
        classes: spec.target.classes().iter().zip(totals.classes).map(class).collect(),
        patches: totals.patches,
        resumed_patches,
        mode,
        agreement,
        seconds: start.elapsed().as_secs_f64(),
    }
}

impl PredictReport {
    /// Each class with its share of the predicted cells, 0 to 1.
    pub fn class_shares(&self) -> impl Iterator<Item = (&ClassCount, f64)> {
        let all = self.counts.predicted.max(1) as f64;
        self.classes.iter().map(move |class| (class, class.cells as f64 / all))
    }

    /// Patches that this run put through the network, a second of its time.
    pub fn patches_per_second(&self) -> f64 {
        (self.patches - self.resumed_patches) as f64 / self.seconds.max(1e-9)
    }

    /// Millions of the scene's pixels, a second of this run's time; with a resumed job, all pixels are counted.
    pub fn megapixels_per_second(&self) -> f64 {
        let p = self.pixels;
        (p.observed + p.nodata + p.masked + p.outside) as f64 / 1e6 / self.seconds.max(1e-9)
    }
}
