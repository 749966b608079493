//! What files and a scene hold, and which patch sizes suit them.

use areal_grid::{GroundResolution, PatchLayout, ground_resolution};
use areal_job::Job;
use serde::Serialize;

use crate::selection::Selection;
use crate::statistics::file_statistics;
use crate::{FileFacts, Projection, RasterError, RasterStatistics, Scene};
use areal_formats::SceneSettings;

/// The usual patch size in pixels.
const PATCH_SIZE: usize = 64;

/// What files hold, and whether they make a scene.
#[derive(Debug)]
pub struct Inspection {
    /// Each file by itself.
    pub files: Vec<FileInspection>,
    /// The scene that they make together, or why they make none.
    pub scene: Result<SceneInspection, RasterError>,
}

/// What a file holds.
#[derive(Debug, Clone, Serialize)]
pub struct FileInspection {
    /// What it says about itself.
    pub facts: FileFacts,
    /// Size of a pixel on the ground, where the file has a pixel grid.
    pub ground_resolution: Option<GroundResolution>,
    /// Numbers of the bands looked at, from 1.
    pub bands: Vec<usize>,
    /// What its pixels hold.
    pub statistics: RasterStatistics,
}

/// What a scene holds.
#[derive(Debug, Clone)]
pub struct SceneInspection {
    pub scene: Scene,
    /// What its pixels hold.
    pub statistics: RasterStatistics,
    /// A patch grid to begin with.
    pub patches: SuggestedPatches,
}

/// A patch grid to begin with: patches side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SuggestedPatches {
    /// Patch size and stride in pixels.
    pub patch_size: usize,
    pub rows: usize,
    pub cols: usize,
}

/// Reads files from end to end and says what they hold.
///
/// # Errors
/// When settings define no grid or no values, before any pixel is read; when a file cannot be opened or read to its end. Files that do
/// not make a scene are not an error; see [`Inspection::scene`].
pub fn inspect(settings: &SceneSettings, job: &Job<'_>) -> Result<Inspection, RasterError> {
    let opened = match Scene::open(settings) {
        Err(error @ (RasterError::CrsText { .. } | RasterError::Grid { .. } | RasterError::Conversion(_))) => {
            return Err(error);
        }
        opened => opened,
    };
    let files: Vec<FileInspection> =
        settings.files.iter().map(|path| inspect_file(path, settings, job)).collect::<Result<_, _>>()?;
    let scene = match opened {
        Err(error) => Err(error),
        Ok(scene) => Ok(inspect_scene(scene, &files, job)?),
    };
    Ok(Inspection { files, scene })
}

fn inspect_file(
    path: &std::path::Path,
    settings: &SceneSettings,
    job: &Job<'_>,
) -> Result<FileInspection, RasterError> {
    let facts = FileFacts::read(path)?;
    let selection = Selection::new(&facts, settings)?;
    let statistics = file_statistics(&facts, &selection, job)?;
    let resolution = facts.grid().ok().and_then(|grid| {
        let projection = Projection::to_lonlat(&grid.crs).ok()?;
        ground_resolution(&grid, &projection).ok()
    });
    Ok(FileInspection { facts, ground_resolution: resolution, bands: selection.numbers(), statistics })
}

fn inspect_scene(scene: Scene, files: &[FileInspection], job: &Job<'_>) -> Result<SceneInspection, RasterError> {
    let statistics = match files {
        // One file as it is: its pixels have been looked at.
        [file] if scene.conversion().is_none() && file.facts.grid().is_ok_and(|grid| grid == *scene.grid()) => {
            file.statistics.clone()
        }
        _ => scene.statistics(job)?,
    };
    let patches = suggest(scene.grid().height, scene.grid().width);
    Ok(SceneInspection { scene, statistics, patches })
}

/// 64 pixels, or less where the scene is small: so that it holds at least four patches each way, down to 8 pixels.
fn suggest(height: usize, width: usize) -> SuggestedPatches {
    let mut patch_size = PATCH_SIZE;
    while patch_size > 8 && patch_size * 4 > height.min(width) {
        patch_size /= 2;
    }
    let (rows, cols) =
        PatchLayout::new(height, width, patch_size, patch_size).map_or((1, 1), |layout| layout.patches());
    SuggestedPatches { patch_size, rows, cols }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_scenes_get_small_patches() {
        let size = |h, w| suggest(h, w).patch_size;
        assert_eq!((size(8192, 8192), size(256, 300), size(250, 250), size(10, 10)), (64, 64, 32, 8));
        assert_eq!(suggest(250, 300), SuggestedPatches { patch_size: 32, rows: 8, cols: 10 });
    }
}
