//! The pixel grid of a scene, and how each of its files gets there.

use areal_grid::{Affine, PixelGrid, Scaling, Window};

use crate::error::{SceneMismatch, WarpSetting};
use crate::facts::open_raster;
use crate::image::palette;
use crate::selection::Selection;
use crate::srs::same_crs;
use crate::target_grid::{check_bounds, missing_resolution, snap, target_crs, target_grid, why_warp};
use crate::warp::WarpPlan;
use crate::{BandFacts, FileFacts, RasterError};
use areal_formats::{Resampling, SceneSettings};
use areal_tables::are_nearly_identical;

/// Pixels lie on each other when their corners are closer than this share of a pixel.
const ALIGNED: f64 = 1e-3;

/// A file of a scene.
#[derive(Debug, Clone)]
pub(crate) struct SceneFile {
    pub facts: FileFacts,
    pub selection: Selection,
    pub access: Access,
}

/// How a file's pixels become the scene's.
#[derive(Debug, Clone)]
pub(crate) enum Access {
    /// They are the scene's: pixel (0, 0) of the file lies at this row and column of the scene.
    Direct { row: i64, col: i64 },
    /// They are made from the file's.
    Warped(WarpPlan),
}

impl SceneFile {
    /// The part of the scene that the file can say something about.
    pub(crate) fn extent(&self, grid: &PixelGrid) -> Option<Window> {
        let (row, col) = match &self.access {
            Access::Warped(plan) => return plan.extent,
            Access::Direct { row, col } => (*row, *col),
        };
        let range = |start: i64, own: usize, size: usize| {
            let clamp = |v: i64| v.clamp(0, size as i64) as usize;
            (clamp(start), clamp(start + own as i64))
        };
        let (top, bottom) = range(row, self.facts.height, grid.height);
        let (left, right) = range(col, self.facts.width, grid.width);
        (top < bottom && left < right).then(|| Window::new(top, left, bottom - top, right - left))
    }
}

/// Works out a scene's grid and each file's way to it.
pub(crate) fn plan(
    settings: &SceneSettings,
    files: Vec<(FileFacts, Selection)>,
) -> Result<(PixelGrid, Vec<SceneFile>), RasterError> {
    check_alike(settings, &files)?;
    let facts: Vec<&FileFacts> = files.iter().map(|(facts, _)| facts).collect();
    let grid = scene_grid(settings, &facts)?;
    let sources: Vec<SceneFile> = files
        .into_iter()
        .map(|(facts, selection)| {
            let access = access(settings, &facts, &selection, &grid)?;
            Ok(SceneFile { facts, selection, access })
        })
        .collect::<Result<_, RasterError>>()?;
    if sources.iter().all(|source| source.extent(&grid).is_none()) {
        let value = grid.bounds().map(|b| b.to_string()).join(",");
        return Err(RasterError::Grid { what: "extent", value, reason: "no file overlaps it".to_owned() });
    }
    Ok((grid, sources))
}

fn scene_grid(settings: &SceneSettings, files: &[&FileFacts]) -> Result<PixelGrid, RasterError> {
    if settings.crs.is_none() && settings.resolution.is_none() {
        return shared_grid(settings, files);
    }
    let crs = target_crs(settings, files)?;
    match settings.resolution {
        Some(resolution) => target_grid(settings, files, crs, resolution),
        // A CRS alone is enough where it is the files' own.
        None => match files.iter().find(|f| f.grid().map_or(true, |g| !same_crs(&g.crs, &crs))) {
            None => shared_grid(settings, files),
            Some(other) => {
                if other.crs.is_none() {
                    return Err(RasterError::NoCrs { path: other.path.clone() });
                }
                let reason = other.grid().map_or_else(
                    |e| e.to_string(),
                    |g| format!("its CRS is {}, but that of the grid is {}", g.crs.name, crs.name),
                );
                Err(missing_resolution(other, &crs, reason))
            }
        },
    }
}

/// The grid that all files share as they are, cut to the extent if there is one.
fn shared_grid(settings: &SceneSettings, files: &[&FileFacts]) -> Result<PixelGrid, RasterError> {
    let grids: Vec<PixelGrid> = files.iter().map(|facts| facts.grid()).collect::<Result<_, _>>()?;
    let Some(first) = grids.first() else { return Err(RasterError::NoFiles { scene: settings.name.clone() }) };
    for (facts, grid) in files.iter().zip(&grids) {
        check_same_grid((files[0], first), (facts, grid))?;
    }
    let whole = union(first, &grids);
    match settings.bounds {
        None => Ok(whole),
        Some(bounds) => snap(whole.crs.clone(), &whole.transform, check_bounds(bounds)?),
    }
}

fn access(
    settings: &SceneSettings,
    facts: &FileFacts,
    selection: &Selection,
    grid: &PixelGrid,
) -> Result<Access, RasterError> {
    let Some(reason) = why_warp(facts, grid) else {
        let (row, col) = offset(&grid.transform, &facts.grid()?);
        return Ok(Access::Direct { row: row.round() as i64, col: col.round() as i64 });
    };
    if facts.crs.is_none() {
        return Err(RasterError::NoCrs { path: facts.path.clone() });
    }
    let path = facts.path.clone();
    let Some(method) = settings.resampling else {
        return Err(RasterError::WarpSetting { path, reason, missing: WarpSetting::Resampling, suggestion: None });
    };
    let categorical = selection.bands.iter().find(|b| b.categorical).filter(|_| method != Resampling::Nearest);
    if let Some(band) = categorical {
        return Err(RasterError::CategoricalResampling { path, band: band.number, resampling: method });
    }
    Ok(Access::Warped(WarpPlan::new(facts, grid, method)?))
}

fn check_alike(settings: &SceneSettings, files: &[(FileFacts, Selection)]) -> Result<(), RasterError> {
    let Some(((first, chosen), rest)) = files.split_first() else {
        return Err(RasterError::NoFiles { scene: settings.name.clone() });
    };
    for (facts, other) in rest {
        let differ = |what, a: String, b: String| {
            if a == b {
                return Ok(());
            }
            let (first, second) = (first.path.clone(), facts.path.clone());
            Err(RasterError::Mismatch { first, second, what, first_value: a, second_value: b })
        };
        differ(SceneMismatch::BandCount, chosen.bands.len().to_string(), other.bands.len().to_string())?;
        differ(SceneMismatch::PixelType, chosen.pixel_type().to_string(), other.pixel_type().to_string())?;
        differ(SceneMismatch::Scaling, scaling(chosen), scaling(other))?;
        // Bands chosen by number are the user's own word that they belong together.
        if settings.bands.is_empty() {
            check_names((first, chosen), (facts, other))?;
        }
    }
    warn_of_palettes(files)
}

/// Pixels of files with palettes are places in them: said where the palettes of a scene's files differ.
fn warn_of_palettes(files: &[(FileFacts, Selection)]) -> Result<(), RasterError> {
    let of_palette = |(_, selection): &&(FileFacts, Selection)| selection.bands.iter().any(|band| band.categorical);
    let files: Vec<&(FileFacts, Selection)> = files.iter().filter(of_palette).collect();
    let [first, rest @ ..] = &files[..] else { return Ok(()) };
    let palettes = |(facts, selection): &(FileFacts, Selection)| -> Result<Vec<_>, RasterError> {
        let dataset = open_raster(&facts.path)?;
        Ok(selection.bands.iter().map(|band| palette(&dataset, band.number)).collect())
    };
    let of_first = if rest.is_empty() { return Ok(()) } else { palettes(first)? };
    for other in rest {
        if palettes(other)? != of_first {
            tracing::warn!(
                "{} and {} have different colour tables; their pixels are read as codes, not as colours",
                first.0.path.display(),
                other.0.path.display()
            );
            break;
        }
    }
    Ok(())
}

fn scaling(selection: &Selection) -> String {
    let each: Vec<Scaling> = selection.bands.iter().map(|b| Scaling { scale: b.scale, offset: b.offset }).collect();
    Scaling::in_words(&each)
}

/// Descriptions of bands agree, but for case, spaces and punctuation, which are worth a warning. Only those that differ are told.
fn check_names(first: (&FileFacts, &Selection), second: (&FileFacts, &Selection)) -> Result<(), RasterError> {
    let pairs = || first.1.bands.iter().zip(&second.1.bands);
    let told = |pairs: &[(&BandFacts, &BandFacts)]| -> [String; 2] {
        let name = |b: &BandFacts| format!("band {} \"{}\"", b.number, b.description);
        let (a, b): (Vec<_>, Vec<_>) = pairs.iter().map(|(a, b)| (name(a), name(b))).unzip();
        [a.join(", "), b.join(", ")]
    };
    let (first_path, second_path) = (&first.0.path, &second.0.path);
    let other: Vec<_> = pairs().filter(|(a, b)| !are_nearly_identical(&a.description, &b.description)).collect();
    if !other.is_empty() {
        let [first_value, second_value] = told(&other);
        let (first, second) = (first_path.clone(), second_path.clone());
        return Err(RasterError::Mismatch { first, second, what: SceneMismatch::BandNames, first_value, second_value });
    }
    let respelled: Vec<_> = pairs().filter(|(a, b)| a.description != b.description).collect();
    if !respelled.is_empty() {
        let [of_first, of_second] = told(&respelled);
        tracing::warn!(
            "{} and {} write the names of bands differently ({of_first}; {of_second}); they count as the same, with the names of \
             the first file",
            first_path.display(),
            second_path.display()
        );
    }
    Ok(())
}

fn check_same_grid(first: (&FileFacts, &PixelGrid), second: (&FileFacts, &PixelGrid)) -> Result<(), RasterError> {
    let differ = |what, first_value: String, second_value: String| {
        let (first, second) = (first.0.path.clone(), second.0.path.clone());
        Err(RasterError::Mismatch { first, second, what, first_value, second_value })
    };
    let (a, b) = (first.1, second.1);
    if !same_crs(&a.crs, &b.crs) {
        return differ(SceneMismatch::Crs, a.crs.name.clone(), b.crs.name.clone());
    }
    if !same_pixel_size(&a.transform, b) {
        let size = |g: &PixelGrid| g.transform.pixel_size().map(|s| s.to_string()).join(" x ");
        return differ(SceneMismatch::Resolution, size(a), size(b));
    }
    let (row, col) = offset(&a.transform, b);
    if !aligned(&a.transform, b) {
        let shift = format!("shifted by {row:.4} rows and {col:.4} columns");
        return differ(SceneMismatch::Alignment, "0 rows and 0 columns".to_owned(), shift);
    }
    Ok(())
}

/// True when the pixels of `grid` are as long as those of `transform`, so that the corners stay together across it.
pub(crate) fn same_pixel_size(transform: &Affine, grid: &PixelGrid) -> bool {
    let ([w, h], [own_w, own_h]) = (transform.pixel_size(), grid.transform.pixel_size());
    (w - own_w).abs() * grid.width as f64 <= ALIGNED * w && (h - own_h).abs() * grid.height as f64 <= ALIGNED * h
}

/// Row and column, in pixels of `transform`, at which `grid` begins.
fn offset(transform: &Affine, grid: &PixelGrid) -> (f64, f64) {
    transform.invert(grid.transform.origin).unwrap_or((f64::NAN, f64::NAN))
}

/// True when the pixels of `grid`, of the same size, lie on those of `transform`.
pub(crate) fn aligned(transform: &Affine, grid: &PixelGrid) -> bool {
    let (row, col) = offset(transform, grid);
    [row, col].iter().all(|pixels| (pixels - pixels.round()).abs() <= ALIGNED)
}

/// The grid of `base` that holds all grids.
fn union(base: &PixelGrid, grids: &[PixelGrid]) -> PixelGrid {
    let (mut top, mut left, mut bottom, mut right) = (i64::MAX, i64::MAX, i64::MIN, i64::MIN);
    for grid in grids {
        let (row, col) = offset(&base.transform, grid);
        let (row, col) = (row.round() as i64, col.round() as i64);
        top = top.min(row);
        left = left.min(col);
        bottom = bottom.max(row + grid.height as i64);
        right = right.max(col + grid.width as i64);
    }
    PixelGrid {
        crs: base.crs.clone(),
        transform: base.transform.sub_grid(top as f64, left as f64, 1.0),
        height: (bottom - top) as usize,
        width: (right - left) as usize,
    }
}
