//! Histograms of map values, from which scales for int8 are chosen.

const BINS: usize = 2048;
/// Codes of a byte above zero.
const CODES: f64 = 255.0;

/// How often a map's values fall where, above zero: bins of one width, a power of two, which doubles when a greater value
/// comes. So the result does not depend on the order of the values.
#[derive(Debug, Clone)]
pub struct Histogram {
    width: f32,
    counts: Vec<u64>,
}

impl Histogram {
    /// Nothing counted.
    pub fn new() -> Self {
        Self { width: 2.0f32.powi(-20), counts: vec![0; BINS] }
    }

    /// Counts values; what is not above zero or no number is left out.
    pub fn add(&mut self, values: &[f32]) {
        let greatest = values.iter().copied().filter(|v| v.is_finite()).fold(0.0f32, f32::max);
        while greatest >= self.width * BINS as f32 {
            self.double();
        }
        let per_value = 1.0 / self.width;
        for value in values.iter().filter(|v| v.is_finite() && **v > 0.0) {
            self.counts[(value * per_value) as usize] += 1;
        }
    }

    fn double(&mut self) {
        for bin in 0..BINS / 2 {
            self.counts[bin] = self.counts[2 * bin] + self.counts[2 * bin + 1];
        }
        self.counts[BINS / 2..].fill(0);
        self.width *= 2.0;
    }

    /// The value of the code 1 with which coding these values as bytes makes the least squared error: for codes up to a limit
    /// of 255 times the scale, `scale^2 / 12` for each value below the limit and the squared distance of each above.
    pub fn scale(&self) -> f32 {
        let width = f64::from(self.width);
        let (mut above, mut best) = ([0.0; 3], (f64::INFINITY, 0.0));
        let mut below: f64 = self.counts.iter().map(|n| *n as f64).sum();
        for bin in (0..BINS).rev() {
            let limit = (bin + 1) as f64 * width;
            let coarse = below * (limit / CODES).powi(2) / 12.0;
            let error = coarse + above[2] - 2.0 * limit * above[1] + limit * limit * above[0];
            if self.counts[bin] > 0 || above[0] > 0.0 {
                best = if error < best.0 { (error, limit) } else { best };
            }
            let (n, centre) = (self.counts[bin] as f64, (bin as f64 + 0.5) * width);
            below -= n;
            above = [above[0] + n, above[1] + n * centre, above[2] + n * centre * centre];
        }
        if best.1 > 0.0 { (best.1 / CODES) as f32 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squared error of coding values as bytes of a scale.
    fn error(values: &[f32], scale: f32) -> f64 {
        values.iter().map(|v| (f64::from((v / scale).round().min(255.0) * scale) - f64::from(*v)).powi(2)).sum()
    }

    #[test]
    fn the_scale_makes_about_the_least_error() {
        // An exponential distribution: far values are rare, so that it pays to cut some.
        let values: Vec<f32> = (0..100_000).map(|i| -((f64::from(i) + 0.5) / 1e5).ln() as f32).collect();
        let mut histogram = Histogram::new();
        for part in values.chunks(999) {
            histogram.add(part);
        }
        let (scale, greatest) = (histogram.scale(), values.iter().copied().fold(0.0, f32::max));
        let least =
            (1..=200).map(|i| error(&values, greatest / 255.0 * i as f32 / 200.0)).fold(f64::INFINITY, f64::min);
        assert!(error(&values, scale) < 1.01 * least, "{} {least}", error(&values, scale));
        assert!(255.0 * scale < greatest, "nothing was cut");
    }

    #[test]
    fn the_order_of_the_values_does_not_matter() {
        let values = [0.1f32, 5.0, 2.0, 300.0, 0.02, 0.7];
        let scale = |order: &[usize]| {
            let mut histogram = Histogram::new();
            for i in order {
                histogram.add(&[values[*i]]);
            }
            histogram.scale()
        };
        assert_eq!(scale(&[0, 1, 2, 3, 4, 5]), scale(&[3, 5, 1, 0, 4, 2]));
    }

    #[test]
    fn maps_without_a_value_above_zero_have_a_scale() {
        let mut histogram = Histogram::new();
        histogram.add(&[0.0, -3.0, f32::NAN, f32::INFINITY]);
        assert_eq!(histogram.scale(), 1.0);
    }
}
