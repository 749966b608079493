//! A scene whose bands are distributed unlike those of the training scenes, and the likely cause.

use areal_formats::BandQuantiles;
use areal_grid::Scaling;

/// Greatest displacement of a band, in units of the range that holds nine tenths of its training pixels, that is no news. The
/// bands of one landscape in another season, or of its parts, stay below it.
const GREATEST: f64 = 0.75;

/// A change of the stored values that explains a displacement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    /// The scene's values are higher by this.
    Offset(f64),
    /// The scene's values are this many times as large.
    Scale(f64),
}

/// Changes that occur between products: Sentinel-2 adds 1000 from processing baseline 04.00 on; reflectance is stored as a fraction,
/// as ten-thousandths, or in bytes.
const CAUSES: [Cause; 6] = [
    Cause::Offset(1000.0),
    Cause::Offset(-1000.0),
    Cause::Scale(10_000.0),
    Cause::Scale(1e-4),
    Cause::Scale(255.0),
    Cause::Scale(1.0 / 255.0),
];

impl Cause {
    /// The value without the change.
    fn undo(self, value: f64) -> f64 {
        match self {
            Self::Offset(offset) => value - offset,
            Self::Scale(scale) => value / scale,
        }
    }

    /// What makes the values without the change of values that are made from stored ones so.
    pub(crate) fn undone(self, made: Scaling) -> Scaling {
        match self {
            Self::Offset(offset) => Scaling { offset: made.offset - offset, ..made },
            Self::Scale(scale) => Scaling { scale: made.scale / scale, offset: made.offset / scale },
        }
    }
}

/// How a scene differs from the training scenes.
#[derive(Debug, Clone, PartialEq)]
pub struct Unlike {
    /// Bands that differ, by their place, most displaced first.
    pub bands: Vec<usize>,
    /// What explains the differences, if anything that is known does.
    pub cause: Option<Cause>,
    /// Bands that it has changed, by their place, ascending: all of them where that explains the differences.
    pub changed: Vec<usize>,
}

/// Compares the bands of a scene with those of the training; none where they are alike, or one of both is not known.
pub fn unlike_training(training: &[BandQuantiles], scene: &[BandQuantiles]) -> Option<Unlike> {
    if training.len() != scene.len() {
        return None;
    }
    let displaced = |undo: &dyn Fn(f64) -> f64| -> Vec<f64> {
        training.iter().zip(scene).map(|(t, s)| displacement(t, s, undo)).collect()
    };
    let found = displaced(&|value| value);
    let mut bands: Vec<usize> = (0..found.len()).filter(|b| found[*b] > GREATEST).collect();
    if bands.is_empty() {
        return None;
    }
    bands.sort_by(|a, b| found[*b].total_cmp(&found[*a]));
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let explains = |left: &[f64]| left.iter().all(|d| *d <= GREATEST) && mean(left) < 0.5 * mean(&found);
    // In every band, else in those that a change brings nearer: a scene may hold bands of another kind, such as heights.
    let each = CAUSES.map(|cause| (cause, displaced(&|value| cause.undo(value))));
    let nearest = |left: &dyn Fn(&[f64]) -> Vec<f64>| {
        let of = |(cause, undone): &(Cause, Vec<f64>)| (*cause, undone.clone(), left(undone));
        let best = each.iter().map(of).min_by(|a, b| mean(&a.2).total_cmp(&mean(&b.2)));
        best.filter(|(.., left)| explains(left)).map(|(cause, undone, _)| (cause, undone))
    };
    let in_all = nearest(&<[f64]>::to_vec).map(|(cause, _)| (Some(cause), (0..found.len()).collect()));
    let in_some = || {
        let nearer = |undone: &[f64]| undone.iter().zip(&found).map(|(a, b)| a.min(*b)).collect();
        let (cause, undone) = nearest(&nearer)?;
        let changed: Vec<usize> = (0..found.len()).filter(|b| undone[*b] < found[*b]).collect();
        // Few bands alone may be another season.
        (2 * changed.len() > found.len()).then_some((Some(cause), changed))
    };
    let (cause, changed) = in_all.or_else(in_some).unwrap_or_default();
    Some(Unlike { bands, cause, changed })
}

/// Mean distance of the quantiles, in units of the range that holds nine tenths of the training pixels.
fn displacement(training: &BandQuantiles, scene: &BandQuantiles, undo: &dyn Fn(f64) -> f64) -> f64 {
    let (t, s) = (training.all(), scene.all());
    let distance = t.iter().zip(s).map(|(t, s)| (undo(s) - t).abs()).sum::<f64>() / t.len() as f64;
    let range = training.p95 - training.p05;
    // A band without any spread in training has no scale of its own.
    if range > 0.0 {
        distance / range
    } else if distance > 0.0 {
        f64::INFINITY
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bands(of: impl Fn(f64) -> f64) -> Vec<BandQuantiles> {
        let band = |low: f64, step: f64| {
            let at = |k: f64| of(low + k * step);
            BandQuantiles { p05: at(0.0), p25: at(1.0), p50: at(2.0), p75: at(3.0), p95: at(4.0) }
        };
        // Ranges of 400 and 2000.
        vec![band(200.0, 100.0), band(1500.0, 500.0)]
    }

    #[test]
    fn a_scene_like_the_training_is_no_news() {
        let training = bands(|v| v);
        assert_eq!(unlike_training(&training, &training), None);
        // Displaced by 200: .5 and .1 of the ranges.
        assert_eq!(unlike_training(&training, &bands(|v| v + 200.0)), None);
        assert_eq!(unlike_training(&[], &training), None);
    }

    /// Every cell was one class, without a warning.
    #[test]
    fn an_offset_and_a_scale_are_named() {
        let training = bands(|v| v);
        // 1000 are 2.5 and .5 of the ranges.
        let higher = unlike_training(&training, &bands(|v| v + 1000.0)).unwrap();
        assert_eq!(higher, Unlike { bands: vec![0], cause: Some(Cause::Offset(1000.0)), changed: vec![0, 1] });
        let lower = unlike_training(&bands(|v| v + 1000.0), &training).unwrap();
        assert_eq!(lower.cause, Some(Cause::Offset(-1000.0)));
        let fractions = unlike_training(&training, &bands(|v| v / 10_000.0)).unwrap();
        assert_eq!(fractions.cause, Some(Cause::Scale(1e-4)));
        assert_eq!(fractions.bands, [1, 0]);
    }

    /// Heights beside spectral bands do not have the offset of these.
    #[test]
    fn an_offset_of_some_bands_is_named_with_these() {
        let training = bands(|v| v);
        let mut scene = bands(|v| v + 1000.0);
        let heights = BandQuantiles { p05: 10.0, p25: 20.0, p50: 30.0, p75: 40.0, p95: 50.0 };
        scene.push(heights);
        let found = unlike_training(&[training, vec![heights]].concat(), &scene).unwrap();
        assert_eq!((found.cause, found.changed), (Some(Cause::Offset(1000.0)), vec![0, 1]));
    }

    #[test]
    fn what_nothing_known_explains_has_no_cause() {
        let training = bands(|v| v);
        let scene = unlike_training(&training, &bands(|v| 3.0 * v + 5000.0)).unwrap();
        assert_eq!((scene.bands.len(), scene.cause), (2, None));
    }
}
