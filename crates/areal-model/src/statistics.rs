//! Statistics of bands, from which their normalisation follows.

use areal_formats::Normalisation;
use areal_grid::{Extremes, PixelState, Pixels};

/// Running mean and deviation of each band over observed pixels (Welford 1962, merged by Chan et al. 1979).
#[derive(Debug, Clone)]
pub struct RunningMoments {
    count: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    extremes: Vec<Extremes>,
}

impl RunningMoments {
    /// Nothing seen yet.
    pub fn new(bands: usize) -> Self {
        Self {
            count: 0.0,
            mean: vec![0.0; bands],
            squares: vec![0.0; bands],
            extremes: vec![Extremes::default(); bands],
        }
    }

    /// Takes one patch in: `pixels[start..]` holds `[C, H, W]`, `states` `[H, W]`.
    pub fn add(&mut self, pixels: &Pixels, start: usize, states: &[PixelState]) {
        let observed: Vec<usize> = (0..states.len()).filter(|&i| states[i] == PixelState::Observed).collect();
        if observed.is_empty() {
            return;
        }
        let n = observed.len() as f64;
        let total = self.count + n;
        for (band, (mean, squares)) in self.mean.iter_mut().zip(&mut self.squares).enumerate() {
            let at = start + band * states.len();
            let here = observed.iter().map(|i| pixels.get(at + i)).sum::<f64>() / n;
            for i in &observed {
                self.extremes[band].add(pixels.get(at + i));
            }
            let spread = observed.iter().map(|i| (pixels.get(at + i) - here).powi(2)).sum::<f64>();
            let delta = here - *mean;
            *squares += spread + delta * delta * self.count * n / total;
            *mean += delta * n / total;
        }
        self.count = total;
    }

    /// Number of observed pixels seen.
    pub fn count(&self) -> u64 {
        self.count as u64
    }

    /// Of each band, a value that seems to mean no data and was not declared as such: see [`Extremes::stray`].
    pub fn stray(&self) -> Vec<Option<f64>> {
        self.extremes.iter().map(|extremes| extremes.stray().map(|stray| stray.value)).collect()
    }

    /// The normalisation they give. A band without spread keeps its units (deviation 1).
    pub fn normalisation(&self) -> Normalisation {
        let std = |s: &f64| {
            let std = (s / self.count.max(1.0)).sqrt() as f32;
            if std > 0.0 && std.is_finite() { std } else { 1.0 }
        };
        Normalisation {
            mean: self.mean.iter().map(|m| *m as f32).collect(),
            std: self.squares.iter().map(std).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Observed values 1, 3 and 5, 9 in two bands; deviations 1 and 2.
    #[test]
    fn statistics_and_normalisation_by_hand() {
        let states = [PixelState::Observed, PixelState::Nodata, PixelState::Observed];
        let pixels = Pixels::I16(vec![77, 1, -9999, 3, 5, -9999, 9]);
        let mut statistics = RunningMoments::new(2);
        statistics.add(&pixels, 1, &states);
        let n = statistics.normalisation();
        assert_eq!(n, Normalisation { mean: vec![2.0, 7.0], std: vec![1.0, 2.0] });
        let mut out = [9.0; 6];
        n.apply(&pixels, 1, &states, &mut out);
        assert_eq!(out, [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]);
    }

    #[test]
    fn patches_taken_in_one_by_one_give_the_statistics_of_all() {
        let values: Vec<f32> = (0..400u16).map(|i| f32::from(i * 37 % 101) + 1000.0).collect();
        let pixels = Pixels::F32(values.clone());
        let mut statistics = RunningMoments::new(1);
        for start in [0, 100, 200, 300] {
            statistics.add(&pixels, start, &[PixelState::Observed; 100]);
        }
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 400.0;
        let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / 400.0;
        let n = statistics.normalisation();
        assert!((f64::from(n.mean[0]) - mean).abs() < 1e-4 && (f64::from(n.std[0]) - variance.sqrt()).abs() < 1e-5);
        assert_eq!(statistics.count(), 400);
        // A band that is the same everywhere keeps its units.
        let mut flat = RunningMoments::new(1);
        flat.add(&Pixels::U8(vec![7; 4]), 0, &[PixelState::Observed; 4]);
        assert_eq!(flat.normalisation(), Normalisation { mean: vec![7.0], std: vec![1.0] });
    }
}
