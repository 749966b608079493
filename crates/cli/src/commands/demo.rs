use std::path::PathBuf;

use areal_demo::{DemoSettings, DemoSize, generate};
use areal_job::StagedDir;
use clap::Args;

use super::check_names;
use crate::context::Context;
use crate::errors::CliError;

/// Generate a landscape to try areal on, with known truth
///
/// Two overlapping scenes in neighbouring UTM zones (10 m, blue, green, red, nir, swir and a cloud band), districts,
/// label polygons, survey clusters with a wealth index, a population raster, and the truth of all as rasters and tables.
/// Its recipes for land use and for wealth run every stage.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  areal demo --out demo\n  areal run demo/recipe.toml")]
pub struct Options {
    /// Folder to make.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// small: two scenes of 480 x 480 pixels; full: two of 2048 x 2048.
    #[arg(long, value_name = "SIZE", default_value_t)]
    pub size: DemoSize,
    /// Which of all possible landscapes.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Replace the folder where it stands already.
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(options: Options, context: &Context) -> Result<(), CliError> {
    let Options { out, size, seed, overwrite } = options;
    check_names([&out])?;
    let folder = StagedDir::new(&out, overwrite)?;
    let summary = generate(&DemoSettings { size, seed }, &folder, &context.job())?;
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
