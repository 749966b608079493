//! The grid of a scene whose settings name one.

use areal_grid::{Affine, Crs, PixelGrid};

use crate::error::{SceneMismatch, WarpSetting};
use crate::facts::open_raster;
use crate::positions::outline;
use crate::sources::{aligned, same_pixel_size};
use crate::srs::{crs_from_text, same_crs};
use crate::{FileFacts, RasterError};
use areal_formats::SceneSettings;

/// Whole pixels are counted with this much slack, so that 10.0000001 columns are 10.
const SLACK: f64 = 1e-3;

/// The CRS that the settings name, or the one that all files share.
pub(crate) fn target_crs(settings: &SceneSettings, files: &[&FileFacts]) -> Result<Crs, RasterError> {
    if let Some(text) = &settings.crs {
        return crs_from_text(text);
    }
    let crs = |facts: &FileFacts| facts.crs.clone().ok_or_else(|| RasterError::NoCrs { path: facts.path.clone() });
    let Some((first, rest)) = files.split_first() else {
        return Err(RasterError::NoFiles { scene: settings.name.clone() });
    };
    let shared = crs(first)?;
    for facts in rest {
        let own = crs(facts)?;
        if !same_crs(&shared, &own) {
            return Err(RasterError::Mismatch {
                first: first.path.clone(),
                second: facts.path.clone(),
                what: SceneMismatch::Crs,
                first_value: shared.name,
                second_value: own.name,
            });
        }
    }
    Ok(shared)
}

/// The grid of pixels of `resolution` that holds the extent given, or else all files.
///
/// With an extent, the grid begins at its north-west corner. Without, pixel corners lie on those of the first file that
/// has this CRS and resolution already, or else on multiples of the resolution.
pub(crate) fn target_grid(
    settings: &SceneSettings,
    files: &[&FileFacts],
    crs: Crs,
    resolution: f64,
) -> Result<PixelGrid, RasterError> {
    if !(resolution.is_finite() && resolution > 0.0) {
        return Err(fault("resolution", &resolution, "it must be above 0"));
    }
    let (bounds, anchor) = match settings.bounds {
        Some(bounds) => (check_bounds(bounds)?, [bounds[0], bounds[3]]),
        None => (bounds_of(files, &crs)?, anchor(files, &crs, resolution)),
    };
    let at_origin = Affine::north_up(anchor, [resolution; 2]);
    snap(crs, &at_origin, bounds)
}

/// The grid of whole pixels of `transform` that holds an extent.
pub(crate) fn snap(
    crs: Crs,
    transform: &Affine,
    [west, south, east, north]: [f64; 4],
) -> Result<PixelGrid, RasterError> {
    let (Some((top, left)), Some((bottom, right))) = (transform.invert([west, north]), transform.invert([east, south]))
    else {
        return Err(fault("extent", &format!("{west},{south},{east},{north}"), "it has no pixels"));
    };
    let (top, left) = ((top + SLACK).floor(), (left + SLACK).floor());
    let (height, width) = ((bottom - SLACK).ceil() - top, (right - SLACK).ceil() - left);
    let most = f64::from(i32::MAX);
    if !(height >= 1.0 && width >= 1.0 && height <= most && width <= most) {
        let size = format!("{height} x {width} pixels");
        return Err(fault("extent", &format!("{west},{south},{east},{north}"), &format!("that would be {size}")));
    }
    Ok(PixelGrid { crs, transform: transform.sub_grid(top, left, 1.0), height: height as usize, width: width as usize })
}

/// West, south, east, north in order and finite.
pub(crate) fn check_bounds(bounds: [f64; 4]) -> Result<[f64; 4], RasterError> {
    let [west, south, east, north] = bounds;
    if bounds.iter().all(|b| b.is_finite()) && west < east && south < north {
        return Ok(bounds);
    }
    let text = format!("{west},{south},{east},{north}");
    Err(fault("extent", &text, "west must be less than east, and south less than north"))
}

fn fault(what: &'static str, value: &dyn ToString, reason: &str) -> RasterError {
    RasterError::Grid { what, value: value.to_string(), reason: reason.to_owned() }
}

fn bounds_of(files: &[&FileFacts], crs: &Crs) -> Result<[f64; 4], RasterError> {
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    for facts in files {
        for [x, y] in outline(facts, &open_raster(&facts.path)?, crs)? {
            bounds = [bounds[0].min(x), bounds[1].min(y), bounds[2].max(x), bounds[3].max(y)];
        }
    }
    check_bounds(bounds)
}

fn anchor(files: &[&FileFacts], crs: &Crs, resolution: f64) -> [f64; 2] {
    let own = files.iter().filter_map(|facts| facts.grid().ok()).find(|grid| {
        let wanted = Affine::north_up(grid.transform.origin, [resolution; 2]);
        same_crs(crs, &grid.crs) && same_pixel_size(&wanted, grid)
    });
    own.map_or([0.0, 0.0], |grid| grid.transform.origin)
}

/// Why a file does not lie on a grid as it is; none if it does.
pub(crate) fn why_warp(facts: &FileFacts, grid: &PixelGrid) -> Option<String> {
    let own = match facts.grid() {
        Ok(own) => own,
        Err(RasterError::Gcps { count, .. }) => {
            return Some(format!("it is georeferenced by {count} ground control points"));
        }
        Err(RasterError::NotNorthUp { how, .. }) => return Some(how),
        Err(other) => return Some(other.to_string()),
    };
    if !same_crs(&own.crs, &grid.crs) {
        return Some(format!("its CRS is {}, but that of the grid is {}", own.crs.name, grid.crs.name));
    }
    let size = |t: &Affine| t.pixel_size().map(|s| s.to_string()).join(" x ");
    if !same_pixel_size(&grid.transform, &own) {
        return Some(format!(
            "its pixels measure {}, but those of the grid {}",
            size(&own.transform),
            size(&grid.transform)
        ));
    }
    (!aligned(&grid.transform, &own)).then(|| "its pixels are not aligned with the grid".to_owned())
}

/// A missing resolution, with one that would suit the file: its pixel size on the target CRS.
pub(crate) fn missing_resolution(facts: &FileFacts, crs: &Crs, reason: String) -> RasterError {
    let suggestion = open_raster(&facts.path).ok().and_then(|dataset| {
        let points = outline(facts, &dataset, crs).ok()?;
        let range = |axis: usize| {
            let values = points.iter().map(|p| p[axis]);
            values.clone().fold(f64::NEG_INFINITY, f64::max) - values.fold(f64::INFINITY, f64::min)
        };
        let size = (range(0) * range(1) / (facts.width as f64 * facts.height as f64)).sqrt();
        (size.is_finite() && size > 0.0).then(|| significant(size))
    });
    RasterError::WarpSetting { path: facts.path.clone(), reason, missing: WarpSetting::Resolution, suggestion }
}

/// A number with three significant digits.
fn significant(value: f64) -> String {
    let digits = (2.0 - value.abs().log10().floor()).max(0.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_short() {
        assert_eq!(significant(29.987_654), "30");
        assert_eq!(significant(0.000_089_831_5), "0.0000898");
        assert_eq!(significant(1234.5), "1234");
    }
}
