//! Images of patches in colour with saliency maps over them.

use areal_formats::BandRef;
use areal_grid::PixelState;
use areal_model::PatchBatch;
use image::{Rgb, RgbImage};
use ndarray::Array2;

use crate::ExplainError;

/// Minimum side of a panel in pixels; patches are enlarged to it by an integer factor.
const PANEL: usize = 256;
const GAP: usize = 8;
const BACKGROUND: [u8; 3] = [255; 3];
const UNOBSERVED: [u8; 3] = [128; 3];

/// Indices of the model's bands that are shown as red, green and blue: the ones asked for; else the ones described so;
/// else the first three, or the first one three times.
///
/// # Errors
/// [`ExplainError::NoSuchBand`] for a band that the model does not have.
pub fn rgb_bands(asked: &[BandRef], bands: &[String]) -> Result<[usize; 3], ExplainError> {
    let find = |band: &BandRef| match band {
        BandRef::Number(n) => n.checked_sub(1).filter(|k| *k < bands.len()),
        BandRef::Description(text) => bands.iter().position(|b| b.eq_ignore_ascii_case(text)),
    };
    if let [r, g, b] = asked {
        let index = |band: &BandRef| {
            let missing = || ExplainError::NoSuchBand { band: band.to_string(), bands: bands.join(", ") };
            find(band).ok_or_else(missing)
        };
        return Ok([index(r)?, index(g)?, index(b)?]);
    }
    let named = ["red", "green", "blue"].map(|name| find(&BandRef::Description(name.to_owned())));
    Ok(match named {
        [Some(r), Some(g), Some(b)] => [r, g, b],
        _ if bands.len() >= 3 => [0, 1, 2],
        _ => [0; 3],
    })
}

/// A patch in colour, each band stretched from its 2nd to its 98th percentile over observed pixels; `[row * col]`.
pub fn true_colour(patch: &PatchBatch, rgb: [usize; 3]) -> Vec<[u8; 3]> {
    let plane = patch.states.len();
    let stretched = rgb.map(|band| {
        let value = |pixel: usize| patch.pixels.get(band * plane + pixel);
        let mut seen: Vec<f64> = (0..plane).filter(|p| patch.states[*p] == PixelState::Observed).map(value).collect();
        seen.sort_by(f64::total_cmp);
        let at = |fraction: f64| {
            seen.get((fraction * (seen.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or(0.0)
        };
        let (low, high) = (at(0.02), at(0.98));
        let span = if high > low { high - low } else { 1.0 };
        (0..plane).map(|p| ((value(p) - low) / span * 255.0).clamp(0.0, 255.0) as u8).collect::<Vec<_>>()
    });
    let colour = |p: usize| match patch.states[p] {
        PixelState::Observed => [0, 1, 2].map(|k| stretched[k][p]),
        _ => UNOBSERVED,
    };
    (0..plane).map(colour).collect()
}

/// A saliency map over a grey patch: red supports the class, blue opposes it, and the strength of the colour is the value as
/// a fraction of the map's greatest magnitude.
pub fn overlay(base: &[[u8; 3]], map: &Array2<f32>) -> Vec<[u8; 3]> {
    let greatest = map.iter().fold(0.0f32, |a, v| a.max(v.abs()));
    let mix = |(colour, value): (&[u8; 3], &f32)| {
        let fraction = if greatest > 0.0 { value / greatest } else { 0.0 };
        let (tint, strength) =
            if fraction > 0.0 { ([220.0, 20.0, 30.0], fraction) } else { ([30.0, 90.0, 220.0], -fraction) };
        // Over grey, so that the tint is not mistaken for a colour of the ground.
        let grey = colour.iter().map(|v| f32::from(*v)).sum::<f32>() / 3.0;
        let alpha = 0.8 * strength;
        tint.map(|t: f32| (grey * (1.0 - alpha) + t * alpha).round() as u8)
    };
    base.iter().zip(map.iter()).map(mix).collect()
}

/// Square images of `side` pixels side by side, enlarged by an integer factor.
pub fn side_by_side(panels: &[Vec<[u8; 3]>], side: usize) -> RgbImage {
    let factor = PANEL.div_ceil(side.max(1));
    let panel = side * factor;
    let width = panels.len() * panel + panels.len().saturating_sub(1) * GAP;
    RgbImage::from_fn(width as u32, panel as u32, |x, y| {
        let (x, y) = (x as usize, y as usize);
        let (n, x) = (x / (panel + GAP), x % (panel + GAP));
        Rgb(if x < panel { panels[n][y / factor * side + x / factor] } else { BACKGROUND })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_grid::Pixels;
    use ndarray::array;

    #[test]
    fn bands_are_found_by_description_and_number() {
        let names = ["blue", "green", "red", "nir"].map(String::from);
        assert_eq!(rgb_bands(&[], &names).unwrap(), [2, 1, 0]);
        let asked = ["4", "3", "2"].map(|b| b.parse().unwrap());
        assert_eq!(rgb_bands(&asked, &names).unwrap(), [3, 2, 1]);
        assert_eq!(rgb_bands(&[], &names[..1]).unwrap(), [0; 3]);
        let wrong = ["9", "3", "2"].map(|b| b.parse().unwrap());
        assert!(rgb_bands(&wrong, &names).unwrap_err().to_string().contains("blue, green, red, nir"));
    }

    #[test]
    fn the_stretch_ignores_what_is_not_observed() {
        let mut states = vec![PixelState::Observed; 4];
        states[3] = PixelState::Nodata;
        let patch = PatchBatch { shape: [1, 1, 2, 2], pixels: Pixels::U16(vec![100, 200, 300, 65_000]), states };
        assert_eq!(true_colour(&patch, [0; 3]), [[0; 3], [127; 3], [255; 3], UNOBSERVED]);
    }

    #[test]
    fn red_is_for_and_blue_is_against() {
        let over = overlay(&[[100; 3]; 3], &array![[1.0, 0.0, -1.0]]);
        assert!(over[0][0] > over[0][2] && over[2][2] > over[2][0]);
        assert_eq!(over[1], [100; 3]);
    }

    #[test]
    fn panels_stand_apart() {
        let image = side_by_side(&[vec![[1; 3]; 4], vec![[2; 3]; 4]], 2);
        assert_eq!(image.dimensions(), (2 * 256 + 8, 256));
        assert_eq!(
            (image.get_pixel(0, 0).0, image.get_pixel(260, 9).0, image.get_pixel(264, 0).0),
            ([1; 3], [255; 3], [2; 3])
        );
    }
}
