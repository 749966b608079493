//! The patches to explain: of a store, at places of a scene, or the most certain ones of a prediction.

use std::collections::BTreeMap;

use areal_formats::{ModelSpec, PredictionMeta};
use areal_grid::{PixelBlock, PixelGrid, PixelState, Pixels, Scaling, Target, Window, blocks};
use areal_job::{Job, Sha256};
use areal_model::PatchBatch;
use areal_raster::{Prediction, Projection, RasterError, RasterFile, Scene, crs_from_text, same_grid};
use areal_store::PatchStore;

use crate::ExplainError;

/// A patch to be explained.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name in files and rows: `patch-12`, `place-1`, `rubber-1`.
    pub name: String,
    /// The patch, a batch of one.
    pub patch: PatchBatch,
    /// Where it lies; `None` for an imported image.
    pub place: Option<PatchPlace>,
    /// The output it was chosen for; `None` to explain its largest.
    pub output: Option<usize>,
}

/// Where a patch lies.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPlace {
    pub scene: String,
    /// Its pixels in the scene.
    pub window: Window,
    pub grid: PixelGrid,
}

impl PatchPlace {
    fn new(scene: &str, grid: &PixelGrid, window: Window) -> Self {
        let transform = grid.transform.sub_grid(window.row as f64, window.col as f64, 1.0);
        let grid = PixelGrid { crs: grid.crs.clone(), transform, height: window.height, width: window.width };
        Self { scene: scene.to_owned(), window, grid }
    }

    /// Longitude and latitude of its centre.
    ///
    /// # Errors
    /// When it has none.
    pub fn lonlat(&self) -> Result<[f64; 2], ExplainError> {
        let g = &self.grid;
        let mut point = [g.transform.apply(g.height as f64 / 2.0, g.width as f64 / 2.0)];
        Projection::to_lonlat(&g.crs)?.apply(&mut point).map_err(|source| projection(&self.scene, source))?;
        Ok(point[0])
    }
}

fn projection(scene: &str, source: areal_grid::ProjectionError) -> ExplainError {
    RasterError::Projection { path: scene.into(), source }.into()
}

/// Patches of a store, by number; one named twice is explained once.
///
/// # Errors
/// When there is no such patch, or it cannot be read.
pub fn of_store(store: &PatchStore, ids: &[u64]) -> Result<Vec<Subject>, ExplainError> {
    let [count, bands, height, width] = store.shape();
    let plane = height * width;
    let mut subjects = Vec::new();
    for (n, &id) in ids.iter().enumerate() {
        if ids[..n].contains(&id) {
            continue;
        }
        let index = usize::try_from(id).ok().filter(|i| *i < count).ok_or(ExplainError::NoSuchPatch { id, count })?;
        let mut pixels = Pixels::zeros(store.meta().pixel_type, bands * plane);
        let mut states = vec![PixelState::Outside; plane];
        store.read_into(index, &mut pixels, 0, &mut states)?;
        let record = &store.records()[index];
        let scene = store.meta().scenes.iter().find(|s| s.name == record.scene);
        subjects.push(Subject {
            name: format!("patch-{id}"),
            patch: PatchBatch { shape: [1, bands, height, width], pixels, states },
            place: scene.map(|s| PatchPlace::new(&s.name, &s.grid, record.window(height))),
            output: None,
        });
    }
    Ok(subjects)
}

/// Patches of a scene centred on places given as longitude and latitude; moved into the scene at its edges.
///
/// # Errors
/// When a place lies outside the scene, or the scene cannot be read.
pub fn of_places(scene: &Scene, places: &[[f64; 2]], patch_size: usize) -> Result<Vec<Subject>, ExplainError> {
    let mut subjects = Vec::new();
    for (n, (row, col)) in pixels_of_places(scene, places)?.into_iter().enumerate() {
        let window = centred(scene.grid(), row, col, patch_size);
        subjects.push(of_window(scene, &format!("place-{}", n + 1), window, None)?);
    }
    Ok(subjects)
}

/// The pixels (row, column) that hold places given as longitude and latitude. Reads no pixels.
///
/// # Errors
/// When a place lies outside the scene.
pub fn pixels_of_places(scene: &Scene, places: &[[f64; 2]]) -> Result<Vec<(usize, usize)>, ExplainError> {
    let projection_to = Projection::new(&crs_from_text("EPSG:4326")?, &scene.grid().crs)?;
    let pixel = |&[lon, lat]: &[f64; 2]| {
        let mut point = [[lon, lat]];
        // A place that the scene's projection does not reach is as far outside as one that it does.
        let reached = projection_to.apply(&mut point).is_ok();
        let pixel = scene.grid().pixel_at(point[0]).filter(|_| reached);
        pixel.ok_or(ExplainError::PlaceOutside { lon, lat })
    };
    places.iter().map(pixel).collect()
}

/// For each class, the patches around up to `count` cells of a prediction in which it is most certain; of a value, around
/// the cells where it is highest. Their centres are at least one patch apart, by rows or by columns. Equal cells in reading order.
///
/// # Errors
/// When the prediction is of another target, patch size, bundle or grid of cells than the model and the scene as it is
/// read, or cannot be read.
pub fn of_prediction(
    scene: &Scene,
    prediction: &Prediction,
    spec: &ModelSpec,
    bundle_sha256: &Sha256,
    count: usize,
    job: &Job<'_>,
) -> Result<Vec<Subject>, ExplainError> {
    let (meta, target) = (prediction.meta(), &spec.target);
    let words = |t: &Target| match t {
        Target::Classes { classes } => classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
        Target::Value { name, .. } => name.clone(),
    };
    let path = prediction.probabilities_path().or_else(|| prediction.value_path());
    let Some(path) = path.filter(|_| meta.target == *target) else {
        return Err(ExplainError::OtherTarget { found: words(&meta.target), expected: words(target) });
    };
    check_origin(meta, scene, spec, bundle_sha256)?;
    let mut raster = RasterFile::open(&path)?;
    let mut best: BTreeMap<usize, Vec<(f64, usize, usize)>> = BTreeMap::new();
    let apart = meta.patch_size.div_ceil(meta.stride);
    for window in blocks(meta.grid.height, meta.grid.width, 512, 512) {
        job.check()?;
        let bands = (1..=target.outputs()).map(|b| raster.read_band(b, &window)).collect::<Result<Vec<_>, _>>()?;
        for cell in 0..window.len() {
            if bands[0].1[cell] != PixelState::Observed {
                continue;
            }
            let probability = |k: usize| bands[k].0.get(cell);
            let top = (1..bands.len()).fold(0, |top, k| if probability(k) > probability(top) { k } else { top });
            let place = (window.row + cell / window.width, window.col + cell % window.width);
            keep_best(best.entry(top).or_default(), (probability(top), place.0, place.1), count, apart);
        }
    }
    let mut subjects = Vec::new();
    for (class, cells) in best {
        for (rank, (_, row, col)) in cells.into_iter().enumerate() {
            let (row, col) = (row * meta.stride + meta.stride / 2, col * meta.stride + meta.stride / 2);
            let window = Window::new(
                row.saturating_sub(meta.patch_size / 2),
                col.saturating_sub(meta.patch_size / 2),
                meta.patch_size,
                meta.patch_size,
            );
            let name = target.classes().get(class).map_or("highest", |c| c.name.as_str());
            subjects.push(of_window(scene, &format!("{name}-{}", rank + 1), window, Some(class))?);
        }
    }
    Ok(subjects)
}

/// A cell of a prediction is found in the scene by its row and column: they must count from the same corner.
fn check_origin(
    meta: &PredictionMeta,
    scene: &Scene,
    spec: &ModelSpec,
    bundle_sha256: &Sha256,
) -> Result<(), ExplainError> {
    let cells = scene.grid().coarsen(meta.stride);
    if !same_grid(&meta.grid, &cells) {
        return Err(ExplainError::OtherGrid { prediction: meta.grid.to_string(), scene: cells.to_string() });
    }
    if meta.patch_size != spec.patch_size {
        return Err(ExplainError::OtherPatchSize { prediction: meta.patch_size, bundle: spec.patch_size });
    }
    if meta.bundle_sha256 != *bundle_sha256 {
        let (prediction, bundle) = (meta.bundle_sha256.clone(), bundle_sha256.clone());
        return Err(ExplainError::OtherBundle { prediction, bundle });
    }
    let made = meta.scene.conversion(scene.bands().len()).map_err(RasterError::from)?;
    if made.as_deref() != scene.conversion() {
        let words = |c: Option<&[Scaling]>| {
            c.map_or("stored values".to_owned(), |c| format!("stored values {}", Scaling::in_words(c)))
        };
        let (prediction, scene) = (words(made.as_deref()), words(scene.conversion()));
        return Err(ExplainError::OtherConversion { prediction, scene });
    }
    Ok(())
}

/// Keeps the `count` greatest cells (value, row, column) that are `apart` cells apart: of two that are nearer, the greater one.
fn keep_best(best: &mut Vec<(f64, usize, usize)>, cell: (f64, usize, usize), count: usize, apart: usize) {
    let near = |other: &(f64, usize, usize)| other.1.abs_diff(cell.1) < apart && other.2.abs_diff(cell.2) < apart;
    if best.iter().any(|other| near(other) && other.0 >= cell.0) {
        return;
    }
    best.retain(|other| !near(other));
    best.push(cell);
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    best.truncate(count);
}

fn centred(grid: &PixelGrid, row: usize, col: usize, size: usize) -> Window {
    let first = |at: usize, length: usize| at.saturating_sub(size / 2).min(length.saturating_sub(size));
    Window::new(first(row, grid.height), first(col, grid.width), size, size)
}

fn of_window(scene: &Scene, name: &str, window: Window, output: Option<usize>) -> Result<Subject, ExplainError> {
    let PixelBlock { bands, pixels, states, .. } = scene.reader()?.read(&window)?;
    if !states.contains(&PixelState::Observed) {
        let what = format!("row {}, column {} ({name})", window.row, window.col);
        return Err(ExplainError::Unobserved { what });
    }
    let patch = PatchBatch { shape: [1, bands, window.height, window.width], pixels, states };
    Ok(Subject {
        name: name.to_owned(),
        patch,
        place: Some(PatchPlace::new(scene.name(), scene.grid(), window)),
        output,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two overlapping patches of one class were explained as two.
    #[test]
    fn the_best_cells_are_a_patch_apart() {
        let kept = |cells: &[(f64, usize, usize)]| {
            let mut best = Vec::new();
            for cell in cells {
                keep_best(&mut best, *cell, 2, 2);
            }
            best
        };
        // .9 and .95 are neighbours; .8 is two columns from .9 and one from .95.
        assert_eq!(kept(&[(0.9, 0, 0), (0.95, 0, 1), (0.7, 5, 5)]), [(0.95, 0, 1), (0.7, 5, 5)]);
        assert_eq!(kept(&[(0.95, 0, 1), (0.8, 0, 2), (0.9, 0, 3)]), [(0.95, 0, 1), (0.9, 0, 3)]);
        assert_eq!(kept(&[(0.9, 0, 0), (0.8, 2, 0), (0.7, 0, 2)]), [(0.9, 0, 0), (0.8, 2, 0)]);
    }
}
