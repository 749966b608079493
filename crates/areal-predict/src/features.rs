//! Features of a scene: a raster with one band for each feature of the network.

use std::path::{Path, PathBuf};
use std::time::Instant;

use areal_formats::{FeaturesMeta, FeaturesOf, Provenance, Resampling, StateCounts};
use areal_grid::{PatchLayout, PixelState, PixelType, Pixels, Window};
use areal_job::{Job, StagedDir, Unit, write_json};
use areal_model::{Inference, NetworkConfig};
use areal_raster::{CogBand, CogSpec, CogWriter, Scene};
use serde::Serialize;

use crate::cells::Merge;
use crate::journal::{JobIdentity, Journal};
use crate::patch_order::PatchOrder;
use crate::run::{hash_inputs, order_input, resolved_settings, resumed, stream_settings};
use crate::source::PixelSource;
use crate::stream::stream;
use crate::strip::StripResult;
use crate::training_like::check_scene;
use crate::{PredictError, PredictSettings};

/// Name of the raster in the folder.
const RASTER: &str = "features.tif";

/// Result of computing the features of a scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SceneFeatures {
    pub out: PathBuf,
    /// Rows and columns of cells.
    pub cells: (usize, usize),
    /// Bands of the raster.
    pub features: usize,
    /// Cells by what became of them: `predicted` are those with features.
    pub counts: StateCounts,
    /// Patches that went through the network, those of earlier runs of a resumed job included.
    pub patches: u64,
    /// Seconds that this run took.
    pub seconds: f64,
}

/// Writes the pooled features of a scene into the folder `out`: `features.tif`, one band a feature, in single precision, NaN in
/// cells that are not observed; and `features.json`. A cell is one stride wide; it holds the mean over the patches that cover it.
///
/// The scene is read patch by patch, as [`crate::predict`] reads it, and an interrupted job can go on in the same way.
///
/// # Errors
/// As [`crate::predict`].
pub fn scene_features(
    scene: &Scene,
    inference: &mut dyn Inference,
    bundle: &Path,
    settings: &PredictSettings,
    out: &Path,
    job: &Job<'_>,
) -> Result<SceneFeatures, PredictError> {
    let start = Instant::now();
    settings.check()?;
    let spec = inference.spec().clone();
    check_scene(scene, &spec)?;
    let features = NetworkConfig::of(&spec).features();
    let staged = StagedDir::new(out, settings.overwrite)?;
    let layout = settings.layout(scene.size(), spec.patch_size)?;
    let order = PatchOrder::new(layout, &order_input(scene, features, settings, &layout)?);
    let (inputs, _) = hash_inputs(scene, bundle, None, job)?;
    let mut resolved = resolved_settings(scene, inference, settings, &layout)?;
    resolved["features"] = features.into();
    let identity = JobIdentity::new(areal_formats::MADE_BY, inputs.clone(), resolved.clone());
    let journal = Journal::open(out, &identity, settings)?;
    let parts = order.strips().len();
    let begin = resumed(&journal, parts, &layout, Merge::Features { features });
    stream(scene, &order, begin, inference, &stream_settings(settings), job, |part, shard| journal.keep(part, &shard))?;

    let (counts, patches) = write_raster(scene, &layout, (features, parts), &journal, &staged, job)?;
    let grid = Box::new(scene.grid().coarsen(layout.stride()));
    let scene_settings = Box::new(scene.settings().clone());
    let of = FeaturesOf::Scene {
        grid,
        stride: layout.stride(),
        min_valid: settings.min_valid,
        counts,
        scene: scene_settings,
    };
    let provenance = Provenance::new("features", inputs, resolved, None);
    write_json(&staged.file(FeaturesMeta::FILE), &FeaturesMeta::new(&spec, features, of, provenance))?;
    job.check()?;
    staged.commit()?;
    journal.remove_after_success();
    let (out, cells, seconds) = (out.to_path_buf(), layout.cells(), start.elapsed().as_secs_f64());
    Ok(SceneFeatures { out, cells, features, counts, patches, seconds })
}

/// Writes the kept strips into the raster; gives the counts of cells and the number of patches.
fn write_raster(
    scene: &Scene,
    layout: &PatchLayout,
    (features, parts): (usize, usize),
    journal: &Journal,
    staged: &StagedDir,
    job: &Job<'_>,
) -> Result<(StateCounts, u64), PredictError> {
    let grid = scene.grid().coarsen(layout.stride());
    let mut raster = CogWriter::create(&staged.file(RASTER), &grid, &spec_of(features))?;
    let (mut counts, mut patches) = (StateCounts::default(), 0);
    let task = job.task("write", Some((grid.height * grid.width) as u64), Unit::Cells);
    for part in 0..parts {
        job.check()?;
        let (counted, expected) = (part as u64, parts as u64);
        let shard = journal.shard(part).ok_or(PredictError::Counts { what: "strips", counted, expected })?;
        write_strip(&mut raster, &shard.cells)?;
        count(&mut counts, &shard.cells.states);
        patches += shard.patches;
        task.advance(shard.cells.states.len() as u64);
    }
    raster.finish()?;
    let (counted, expected) = (counts.total(), (grid.height * grid.width) as u64);
    if counted == expected {
        Ok((counts, patches))
    } else {
        Err(PredictError::Counts { what: "cells", counted, expected })
    }
}

fn write_strip(raster: &mut CogWriter, strip: &StripResult) -> Result<(), PredictError> {
    let window = Window::new(strip.first_row, strip.first_col, strip.rows, strip.cols);
    for band in 0..strip.channels {
        raster.write(band, &window, &Pixels::F32(strip.channel(band).to_vec()))?;
    }
    Ok(())
}

/// Adds cells to the counts of their states.
pub(crate) fn count(counts: &mut StateCounts, states: &[PixelState]) {
    for state in states {
        match state {
            PixelState::Observed => counts.predicted += 1,
            PixelState::Nodata => counts.nodata += 1,
            PixelState::Masked => counts.masked += 1,
            PixelState::Outside => counts.outside += 1,
        }
    }
}

fn spec_of(features: usize) -> CogSpec {
    let band = |k: usize| CogBand { description: format!("feature {k}"), legend: Vec::new() };
    CogSpec {
        pixel_type: PixelType::F32,
        nodata: Some(f64::NAN),
        bands: (1..=features).map(band).collect(),
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    }
}
