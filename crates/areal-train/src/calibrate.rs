//! Temperature scaling and calibration error.

use areal_formats::{Calibration, ModelSpec};
use areal_model::probabilities;
use ndarray::Array2;

/// Bins of the expected calibration error.
const BINS: usize = 15;

/// The temperature that makes the (weighted) log loss of logits `[N, K]` least (Guo et al. 2017, section 4.2), between
/// 0.05 and 20, by golden-section search on its logarithm: the loss is convex in 1 / temperature. `prior` times the square of the logarithm is
/// added to the loss.
///
/// `weights` are one a patch. Where a model's training implies another class prior than the patches have, they carry
/// the ratio of the two, so that the temperature is right for the prior that is undone later.
fn fit_temperature(logits: &Array2<f32>, truth: &[usize], weights: &[f64], prior: f64) -> f64 {
    let loss = |log_t: f64| log_loss(logits, truth, weights, log_t.exp()) + prior * log_t * log_t;
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (0.05f64.ln(), 20f64.ln());
    while high - low > 1e-4 {
        let step = golden * (high - low);
        let (a, b) = (high - step, low + step);
        if loss(a) <= loss(b) {
            high = b;
        } else {
            low = a;
        }
    }
    f64::midpoint(low, high).exp()
}

/// A temperature, and on how many patches it rests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Temperature {
    pub value: f64,
    /// The one that fits the patches best.
    pub best: f64,
    /// Patches of equal weight that tell as much (Kish 1965): `(sum w)^2 / sum w^2`.
    pub patches: f64,
    /// True where the patches do not settle it, and it was drawn from the best one towards 1.
    pub is_drawn: bool,
}

/// Below this number of patches, and where the best temperature lies at a bound, the temperature is drawn towards 1.
pub(crate) const ENOUGH: f64 = 100.0;
/// Standard deviation of the prior of the logarithm of a temperature that draws it: nearly all networks need between 1/3 and 3.
const PRIOR_DEVIATION: f64 = 0.5;

/// The temperature of logits `[N, K]`: that of [`fit_temperature`] on enough patches. Some few patches that are all right would give
/// probabilities of 1 for everything, so on few the logarithm of the temperature has a normal prior about 0.
pub(crate) fn temperature(logits: &Array2<f32>, truth: &[usize], weights: &[f64]) -> Temperature {
    let patches = weights.iter().sum::<f64>().powi(2) / weights.iter().map(|w| w * w).sum::<f64>();
    let best = fit_temperature(logits, truth, weights, 0.0);
    let is_drawn = patches < ENOUGH || !(0.051..19.9).contains(&best);
    let prior = 0.5 / (PRIOR_DEVIATION * PRIOR_DEVIATION * patches);
    let value = if is_drawn { fit_temperature(logits, truth, weights, prior) } else { best };
    Temperature { value, best, patches, is_drawn }
}

impl Temperature {
    /// What was done to it and why; `None` where it is the one that fits the patches best.
    pub(crate) fn in_words(&self) -> Option<String> {
        let Self { value, best, patches, is_drawn } = self;
        let why = if *patches < ENOUGH {
            format!(
                "they count as {patches:.0} patches of equal weight, and {ENOUGH:.0} are needed to rely on them alone"
            )
        } else {
            "that is the end of the range that is searched".to_owned()
        };
        is_drawn.then(|| {
            format!(
                "the temperature that fits the validation patches best is {best:.3}, but {why}; {value:.3} is used, which lies \
                 between it and 1, so the probabilities may be over- or underconfident"
            )
        })
    }
}

/// Weighted mean of `-ln p` of the true class at a temperature.
pub(crate) fn log_loss(logits: &Array2<f32>, truth: &[usize], weights: &[f64], temperature: f64) -> f64 {
    let mut sum = 0.0;
    for ((row, k), w) in logits.rows().into_iter().zip(truth).zip(weights) {
        let z = |k: usize| f64::from(row[k]) / temperature;
        let top = (0..row.len()).map(z).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = (0..row.len()).map(|j| (z(j) - top).exp()).sum();
        sum += w * (total.ln() + top - z(*k));
    }
    sum / weights.iter().sum::<f64>()
}

/// Expected calibration error of the most probable class (Guo et al. 2017, eq. 3) of probabilities `[N, K]`, in 15 bins
/// of equal width, 0 to 1, patches weighted.
pub fn expected_calibration_error(probabilities: &Array2<f32>, truth: &[usize], weights: &[f64]) -> f64 {
    let mut bins = [[0.0f64; 3]; BINS];
    for ((row, k), w) in probabilities.rows().into_iter().zip(truth).zip(weights) {
        let (best, p) = best(row.iter().copied());
        let bin = ((f64::from(p) * BINS as f64) as usize).min(BINS - 1);
        let right = f64::from(u8::from(best == *k));
        for (sum, value) in bins[bin].iter_mut().zip([1.0, right, f64::from(p)]) {
            *sum += w * value;
        }
    }
    let total: f64 = bins.iter().map(|b| b[0]).sum();
    bins.iter().map(|[_, right, sure]| (right - sure).abs()).sum::<f64>() / total.max(f64::MIN_POSITIVE)
}

/// The greatest of a row and its place, the first of several.
pub(crate) fn best(row: impl Iterator<Item = f32>) -> (usize, f32) {
    row.enumerate().fold((0, f32::NEG_INFINITY), |top, (k, v)| if v > top.1 { (k, v) } else { top })
}

/// Probabilities of logits at a temperature, as the bundle will give them.
pub(crate) fn at_temperature(spec: &ModelSpec, logits: &Array2<f32>, temperature: f64) -> Array2<f32> {
    let spec = ModelSpec { calibration: Calibration { temperature }, ..spec.clone() };
    probabilities(&spec, logits.view())
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    /// Logits (z, 0), right for 3 of 4: the best temperature makes the probability 3/4, so z / T = ln 3.
    #[test]
    fn the_temperature_in_closed_form() {
        let z = 5.0f32;
        let logits = arr2(&[[z, 0.0], [z, 0.0], [z, 0.0], [z, 0.0]]);
        let truth = [0, 0, 0, 1];
        let t = fit_temperature(&logits, &truth, &[1.0; 4], 0.0);
        assert!((t - 5.0 / 3f64.ln()).abs() < 1e-3, "{t}");
        // The wrong one weighted three times: the best probability is 1/2, the temperature as high as may be.
        let t = fit_temperature(&logits, &truth, &[1.0, 1.0, 1.0, 3.0], 0.0);
        assert!(t > 19.9, "{t}");
        // At the best temperature the loss is the entropy of (3/4, 1/4).
        let loss = log_loss(&logits, &truth, &[1.0; 4], 5.0 / 3f64.ln());
        assert!((loss - (0.75 * (4f64 / 3.0).ln() + 0.25 * 4f64.ln())).abs() < 1e-7);
    }

    /// Four patches at 0.9, two of them right: |2 - 3.6| / 5; one at 0.6, right: |1 - 0.6| / 5.
    #[test]
    fn the_calibration_error_by_hand() {
        let p = arr2(&[[0.9f32, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]]);
        let error = expected_calibration_error(&p, &[0, 0, 1, 1, 0], &[1.0; 5]);
        assert!((error - 0.4).abs() < 1e-6, "{error}");
    }

    /// Five patches that are all right ran to the bound of .05: every probability was 1.
    #[test]
    fn few_patches_hold_the_temperature_near_1() {
        let logits = Array2::from_shape_fn((5, 2), |(_, k)| if k == 0 { 5.0 } else { 0.0 });
        let (truth, weights) = ([0; 5], [1.0; 5]);
        assert!(fit_temperature(&logits, &truth, &weights, 0.0) < 0.051);
        let found = temperature(&logits, &truth, &weights);
        assert!(found.is_drawn && found.patches == 5.0);
        // With t = ln T the sum of ln(1 + exp(-5 / T)) and t^2 / (2 . 0.5^2 . 5) = .4 t^2 is least where its slope is 0: at t = -.037 the
        // slopes are exp(-5.19) 5.19 = .029 and 0.8 t = -.030.
        assert!((found.value.ln() + 0.037).abs() < 0.003, "{found:?}");
    }

    /// It was said to be "kept near 1 (0.266)".
    #[test]
    fn a_drawn_temperature_is_told_with_its_numbers() {
        let of = |value, best, patches, is_drawn| Temperature { value, best, patches, is_drawn }.in_words();
        assert_eq!(of(1.7, 1.7, 800.0, false), None);
        assert_eq!(
            of(0.266, 0.05, 12.3, true).unwrap(),
            "the temperature that fits the validation patches best is 0.050, but they count as 12 patches of equal weight, and 100 are \
             needed to rely on them alone; 0.266 is used, which lies between it and 1, so the probabilities may be over- or underconfident"
        );
        assert!(
            of(0.3, 0.05, 300.0, true)
                .unwrap()
                .contains("is 0.050, but that is the end of the range that is searched; 0.300 is used")
        );
    }

    #[test]
    fn enough_patches_are_fitted_freely() {
        // Three in four right, as in the closed form, 200 times.
        let logits = Array2::from_shape_fn((800, 2), |(_, k)| if k == 0 { 5.0 } else { 0.0 });
        let truth: Vec<usize> = (0..800).map(|k| usize::from(k % 4 == 0)).collect();
        let found = temperature(&logits, &truth, &[1.0; 800]);
        assert!(!found.is_drawn && (found.value - 5.0 / 3f64.ln()).abs() < 1e-3, "{found:?}");
    }
}
