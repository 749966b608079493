//! The distribution of each band over a scene or over the training pixels, from a sample of the pixels.

use areal_formats::BandQuantiles;
use areal_grid::{PixelState, Pixels};

/// Most values that are kept of a band.
const MOST: usize = 1 << 16;

/// Values of each band at every so many observed pixels.
#[derive(Debug, Clone)]
pub struct BandSample {
    /// By band; all of one length.
    values: Vec<Vec<f64>>,
    /// Observed pixels from one that is kept to the next.
    step: usize,
    seen: usize,
}

impl BandSample {
    /// Nothing seen yet.
    pub fn new(bands: usize) -> Self {
        Self { values: vec![Vec::new(); bands], step: 1, seen: 0 }
    }

    /// Takes a block in: `pixels[start..]` holds `[C, H, W]`, `states` `[H, W]`.
    pub fn add(&mut self, pixels: &Pixels, start: usize, states: &[PixelState]) {
        for at in (0..states.len()).filter(|&i| states[i] == PixelState::Observed) {
            if self.seen.is_multiple_of(self.step) {
                for (band, values) in self.values.iter_mut().enumerate() {
                    values.push(pixels.get(start + band * states.len() + at));
                }
                self.thin();
            }
            self.seen += 1;
        }
    }

    /// Keeps every second value where there are too many.
    fn thin(&mut self) {
        if self.values.first().is_none_or(|values| values.len() < MOST) {
            return;
        }
        for values in &mut self.values {
            *values = values.iter().copied().step_by(2).collect();
        }
        self.step *= 2;
    }

    /// Number of values of each band.
    pub fn count(&self) -> usize {
        self.values.first().map_or(0, Vec::len)
    }

    /// Quantiles of each band; empty where nothing was observed.
    pub fn quantiles(&self) -> Vec<BandQuantiles> {
        if self.count() == 0 {
            return Vec::new();
        }
        let of_band = |values: &Vec<f64>| {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            // The value that so large a fraction of the values does not exceed.
            let at =
                |fraction: f64| sorted[((fraction * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
            BandQuantiles { p05: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) }
        };
        self.values.iter().map(of_band).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_observed_pixels_by_band() {
        let mut sample = BandSample::new(2);
        assert!(sample.quantiles().is_empty());
        // 1 to 100 and 201 to 300; the pixel between 50 and 51 is not observed.
        let band = |from: u16| (from..from + 50).chain([9999]).chain(from + 50..from + 100);
        let mut states = vec![PixelState::Observed; 101];
        states[50] = PixelState::Masked;
        sample.add(&Pixels::U16(band(1).chain(band(201)).collect()), 0, &states);
        assert_eq!(sample.count(), 100);
        let expected = [0.0, 200.0].map(|b| BandQuantiles {
            p05: b + 5.0,
            p25: b + 25.0,
            p50: b + 50.0,
            p75: b + 75.0,
            p95: b + 95.0,
        });
        assert_eq!(sample.quantiles(), expected);
    }

    #[test]
    fn a_large_scene_takes_bounded_memory() {
        let mut sample = BandSample::new(1);
        let states = vec![PixelState::Observed; 1000];
        for block in 0..300 {
            let values = (0..1000).map(|k| f64::from(block * 1000 + k)).collect();
            sample.add(&Pixels::F64(values), 0, &states);
        }
        assert!((MOST / 2..MOST).contains(&sample.count()));
        assert!((sample.quantiles()[0].p50 - 150_000.0).abs() < 300_000.0 / sample.count() as f64 + 1.0);
    }
}
