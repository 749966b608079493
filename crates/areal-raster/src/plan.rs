//! The pixel grid of a scene, and how each of its files gets there.

use areal_grid::{Affine, PixelGrid};

use crate::error::Difference;
use crate::selection::Selection;
use crate::srs::same_crs;
use crate::{FileFacts, RasterError, SceneSettings};

/// Pixels lie on each other when their corners are closer than this share of a pixel.
const ALIGNED: f64 = 1e-3;

/// A file of a scene.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub facts: FileFacts,
    pub selection: Selection,
    pub way: Way,
}

/// How a file's pixels become the scene's.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    /// They are the scene's: pixel (0, 0) of the file lies at this row and column of the scene.
    Direct { row: i64, col: i64 },
}

/// Works out a scene's grid and each file's way to it.
pub(crate) fn plan(
    settings: &SceneSettings,
    files: Vec<(FileFacts, Selection)>,
) -> Result<(PixelGrid, Vec<Source>), RasterError> {
    check_alike(settings, &files)?;
    let grids: Vec<PixelGrid> = files.iter().map(|(facts, _)| facts.grid()).collect::<Result<_, _>>()?;
    let Some(first) = grids.first() else { return Err(RasterError::NoFiles { scene: settings.name.clone() }) };
    for ((facts, _), grid) in files.iter().zip(&grids) {
        check_same_grid((&files[0].0, first), (facts, grid))?;
    }
    let grid = union(first, &grids);
    let sources = files
        .into_iter()
        .zip(&grids)
        .map(|((facts, selection), own)| {
            let (row, col) = offset(&grid.transform, own);
            Source { facts, selection, way: Way::Direct { row: row.round() as i64, col: col.round() as i64 } }
        })
        .collect();
    Ok((grid, sources))
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
        differ(Difference::BandCount, chosen.bands.len().to_string(), other.bands.len().to_string())?;
        differ(Difference::PixelType, chosen.pixel_type().to_string(), other.pixel_type().to_string())?;
        differ(Difference::Scaling, scaling(chosen), scaling(other))?;
        // Bands chosen by number are the user's own word that they belong together.
        if settings.bands.is_empty() {
            differ(Difference::BandNames, names(chosen), names(other))?;
        }
    }
    Ok(())
}

fn scaling(selection: &Selection) -> String {
    let each: Vec<String> = selection.bands.iter().map(|b| format!("x {} + {}", b.scale, b.offset)).collect();
    each.join(", ")
}

fn names(selection: &Selection) -> String {
    let each: Vec<String> = selection.bands.iter().map(|b| format!("\"{}\"", b.description)).collect();
    each.join(", ")
}

fn check_same_grid(first: (&FileFacts, &PixelGrid), second: (&FileFacts, &PixelGrid)) -> Result<(), RasterError> {
    let differ = |what, first_value: String, second_value: String| {
        let (first, second) = (first.0.path.clone(), second.0.path.clone());
        Err(RasterError::Mismatch { first, second, what, first_value, second_value })
    };
    let (a, b) = (first.1, second.1);
    if !same_crs(&a.crs, &b.crs) {
        return differ(Difference::Crs, a.crs.name.clone(), b.crs.name.clone());
    }
    if !same_pixel_size(&a.transform, b) {
        let size = |g: &PixelGrid| g.transform.pixel_size().map(|s| s.to_string()).join(" x ");
        return differ(Difference::Resolution, size(a), size(b));
    }
    let (row, col) = offset(&a.transform, b);
    if !whole(row) || !whole(col) {
        let shift = format!("{row:.4} rows and {col:.4} columns further");
        return differ(Difference::Alignment, "0 rows and 0 columns".to_owned(), shift);
    }
    Ok(())
}

/// True when the pixels of `grid` are as long as those of `transform`, so that the corners stay together across it.
fn same_pixel_size(transform: &Affine, grid: &PixelGrid) -> bool {
    let ([w, h], [own_w, own_h]) = (transform.pixel_size(), grid.transform.pixel_size());
    (w - own_w).abs() * grid.width as f64 <= ALIGNED * w && (h - own_h).abs() * grid.height as f64 <= ALIGNED * h
}

/// Row and column, in pixels of `transform`, at which `grid` begins.
fn offset(transform: &Affine, grid: &PixelGrid) -> (f64, f64) {
    transform.invert(grid.transform.origin).unwrap_or((f64::NAN, f64::NAN))
}

fn whole(pixels: f64) -> bool {
    (pixels - pixels.round()).abs() <= ALIGNED
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
