//! `areal demo`: the generated landscape, and labels for a sample of it.

use std::path::{Path, PathBuf};

use areal_demo::{DemoSettings, DemoSize, generate, label};
use areal_formats::{DESIGN_FORMATS, Design, counted_do};
use areal_job::{FileError, StagedDir, StagedFile, read_json_of};
use areal_raster::Prediction;
use clap::Args;

use super::check_names;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::name_of;

/// Generate a landscape to try areal on, with known truth
///
/// Two overlapping scenes in neighbouring UTM zones (10 m, blue, green, red, nir, swir and a cloud band), districts,
/// label polygons, survey clusters with a wealth index, a population raster, and the truth for all of these as rasters
/// and tables. The recipes for land use and for wealth run every stage. The recipe for land use also draws a sample,
/// which --label labels from the truth.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  areal demo --out demo\n  areal run demo/recipe.toml\n  \
                        areal demo --out demo --label demo/out/samples/landscape/sample.csv\n  areal run demo/recipe.toml")]
pub struct Options {
    /// Folder to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// small: two scenes of 480 x 480 pixels; full: two of 2048 x 2048.
    #[arg(long, value_name = "SIZE", default_value_t, value_parser = name_of::<DemoSize>())]
    pub size: DemoSize,
    /// Seed of the landscape.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Sample to label, the `sample.csv` that `areal sample` wrote. No landscape is made: --out is the folder of the one that the
    /// sample is of. Labels come from its truth, as from a perfect interpreter, and are written where its recipe looks for them:
    /// OUT/labels/NAME.csv, with NAME the folder of the sample.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["size", "seed"])]
    pub label: Option<PathBuf>,
    /// Replace an existing folder, or with --label existing labels.
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(options: Options, context: &Context) -> Result<(), CliError> {
    let Options { out, size, seed, label, overwrite } = options;
    check_names(label.iter().chain([&out]))?;
    if let Some(sample) = label {
        return label_sample(&out, &sample, overwrite);
    }
    let mut folder = StagedDir::new(&out, overwrite)?;
    let summary = generate(&DemoSettings { size, seed }, &folder, &context.job())?;
    // Users experiment with these files, so changes to them are allowed.
    folder.open_to_edits(summary.files.iter().filter_map(|file| file.to_str()));
    folder.commit()?;
    outln!("{:<10} {:>12} {:>8}", "class", "true km2", "labels");
    for ((land_use, area), (_, labels)) in summary.areas.iter().zip(&summary.labels) {
        outln!("{:<10} {area:>12.3} {labels:>8}", land_use.name());
    }
    outln!("{} districts, {} survey clusters", summary.districts, summary.clusters);
    tracing::info!("{} files in {}", summary.files.len(), out.display());
    tracing::info!("next: areal run {}", out.join("recipe.toml").display());
    Ok(())
}

/// Labels a sample of the landscape in a folder from its truth.
fn label_sample(folder: &Path, sample: &Path, overwrite: bool) -> Result<(), CliError> {
    // The folder of the sample is named for its scene, and so are the labels that the recipe looks for.
    let whole = std::path::absolute(sample).map_err(FileError::io("find", sample))?;
    let scene = whole.parent().and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
    let Some(scene) = scene.filter(|scene| !scene.is_empty()) else {
        return Err(CliError::new(Exit::Usage, format!("{} is not in the folder of a sample", sample.display()))
            .help("give the sample.csv that `areal sample` made"));
    };
    let design = sample.with_file_name("design.json");
    if design.exists() {
        let design: Design = read_json_of(&design, &DESIGN_FORMATS)?;
        if Path::new(&design.map).file_name() == Some(Prediction::VALUE.as_ref()) {
            return Err(CliError::new(Exit::Input, format!("{} is a sample of a value", sample.display()))
                .help("`areal demo --label` labels land use only; the true values are in the demo's wealth.tif"));
        }
    }
    let out = folder.join("labels").join(format!("{scene}.csv"));
    // The head of every sample.
    let staged = StagedFile::replacing(&out, overwrite, "unit_id,lon,lat,label")?;
    let labelled = label(&folder.join("truth.tif"), sample, staged.path())?;
    staged.commit()?;
    outln!("{} labelled in {}", counted_do(labelled, "unit", ["is", "are"]), out.display());
    Ok(())
}
