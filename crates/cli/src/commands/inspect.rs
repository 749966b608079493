//! `areal inspect`: what raster files hold, and whether they make one scene.

use areal_formats::counted;
use std::path::PathBuf;

use areal_grid::{GroundResolution, PixelGrid, Scaling, Stray};
use areal_raster::{
    BandInfo, FileInspection, Inspection, RasterError, RasterStatistics, SceneInspection, SuggestedPatches,
};
use clap::Args;
use serde::Serialize;

use super::check_names;
use crate::commands::{inspect_bundle, inspect_text};
use crate::context::Context;
use crate::errors::{CliError, Exit, raster_help};
use crate::scene_options::{SceneOptions, warn_of_hidden};

/// Describe raster files, and check whether they form one scene; or describe a bundle.
///
/// For each file, prints its bands, types, CRS, ground resolution, nodata and masks, the fractions of observed, nodata
/// and masked pixels, and the statistics of each band over the observed pixels. Then describes the scene that the files
/// form and suggests a patch grid, or explains why they do not form a scene and which flag helps (exit code 3 where there are several files). Every pixel is
/// read.
///
/// Of a bundle, prints the network, its digests, what it reads and gives, where it comes from and its measures.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:
  areal inspect scene.tif
  areal inspect bundle
  areal inspect east.tif west.tif --quality-band QA --quality-values 2,4
  areal inspect east.tif west.tif --crs EPSG:32648 --resolution 10 --resampling bilinear --json")]
pub struct Options {
    /// Raster files of one scene, in any format that GDAL opens; or the folder of a bundle.
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// Print JSON instead of tables (format areal-inspection/1, of a bundle areal-bundle-inspection/1).
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub scene: SceneOptions,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    files: &'a [FileInspection],
    /// The scene that the files form; null if they do not form one.
    scene: Option<SceneDocument<'a>>,
    /// Why they do not form a scene, and what to do about it.
    refusal: Option<Refusal>,
}

#[derive(Serialize)]
struct SceneDocument<'a> {
    grid: &'a PixelGrid,
    ground_resolution: GroundResolution,
    bands: &'a [BandInfo],
    /// What makes the values from the stored ones, by band; null where stored values are used.
    conversion: Option<&'a [Scaling]>,
    pixel_type: areal_grid::PixelType,
    statistics: &'a RasterStatistics,
    suggested_patches: SuggestedPatches,
}

#[derive(Serialize)]
struct Refusal {
    reason: String,
    help: String,
}

pub fn run(options: Options, context: &Context) -> Result<(), CliError> {
    check_names(&options.files)?;
    if let [folder] = &options.files[..]
        && inspect_bundle::is_bundle(folder)
    {
        return inspect_bundle::run(folder, options.json);
    }
    let settings = options.scene.settings("scene", options.files)?;
    let inspection = areal_raster::inspect(&settings, &context.job())?;
    warn_of_strays(&inspection);
    if let Ok(inspected) = &inspection.scene {
        warn_of_hidden(&inspected.scene);
    }
    // A single file may be anything; several are meant to make a scene.
    let several = inspection.files.len() > 1;
    if options.json {
        outln!("{}", to_json(&inspection)?);
    } else {
        out!("{}", inspect_text::tables(&inspection));
    }
    match inspection.scene {
        Err(error) if several => Err(CliError::from_source(Exit::Input, &error).help(raster_help(&error))),
        _ => Ok(()),
    }
}

/// Reports values that look like undeclared nodata.
fn warn_of_strays(inspection: &Inspection) {
    for file in &inspection.files {
        for (number, band) in file.bands.iter().zip(&file.statistics.bands) {
            let (Some(value), Some(count)) = (band.stray, band.stray_count) else { continue };
            let (path, value) = (file.facts.path.display(), Stray { value, count }.text());
            tracing::warn!(
                "{path}: band {number} holds {value} in {}, far from all other values; if it stands for no data, pass --nodata={value}",
                counted(count, "pixel")
            );
        }
    }
}

fn to_json(inspection: &Inspection) -> Result<String, CliError> {
    let (scene, refusal) = match &inspection.scene {
        Ok(scene) => (Some(scene), None),
        Err(error) => (None, Some(refusal(error))),
    };
    let document = Document {
        format: "areal-inspection/1",
        files: &inspection.files,
        scene: scene.map(|s: &SceneInspection| SceneDocument {
            grid: s.scene.grid(),
            ground_resolution: s.scene.ground_resolution(),
            bands: s.scene.bands(),
            conversion: s.scene.conversion(),
            pixel_type: s.scene.pixel_type(),
            statistics: &s.statistics,
            suggested_patches: s.patches,
        }),
        refusal,
    };
    serde_json::to_string_pretty(&document)
        .map_err(|e| CliError::new(Exit::Failure, format!("the result cannot be written as JSON: {e}")))
}

fn refusal(error: &RasterError) -> Refusal {
    let (reason, help) = (error.to_string(), raster_help(error));
    Refusal { reason, help }
}
