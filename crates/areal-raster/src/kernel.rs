//! Weights of the pixels along one axis for each resampling method.

use areal_formats::Resampling;

/// Weights of the pixels along one axis around a position.
#[derive(Debug, Default)]
pub(crate) struct Axis {
    /// Index of the first pixel; may lie before the file.
    pub first: i64,
    /// Weight of each pixel from there.
    pub weights: Vec<f64>,
    /// Sum of the weights' sizes.
    pub total: f64,
}

/// How far from a position pixels take part, in pixels of the file, where one new pixel covers `scale` of them.
pub(crate) fn reach(method: Resampling, scale: f64) -> f64 {
    match method {
        Resampling::Nearest => 0.0,
        Resampling::Bilinear => scale.max(1.0),
        Resampling::Cubic => 2.0 * scale.max(1.0),
        Resampling::Average => 0.5 * scale,
    }
}

impl Axis {
    /// Weights around `position`, where pixel `k` covers `k..k + 1`.
    pub(crate) fn fill(&mut self, method: Resampling, position: f64, scale: f64) {
        let reach = reach(method, scale);
        let (low, high) = (position - reach, position + reach);
        self.first = low.floor() as i64;
        let last = (high.ceil() as i64).max(self.first + 1);
        // Larger pixels widen the kernel: it is a filter as well as an interpolation.
        let stretch = scale.max(1.0);
        self.weights.clear();
        self.weights.extend((self.first..last).map(|k| {
            let distance = (k as f64 + 0.5 - position).abs() / stretch;
            match method {
                Resampling::Nearest => 1.0,
                Resampling::Bilinear => (1.0 - distance).max(0.0),
                Resampling::Cubic => keys(distance),
                Resampling::Average => (high.min(k as f64 + 1.0) - low.max(k as f64)).max(0.0),
            }
        }));
        self.total = self.weights.iter().map(|w| w.abs()).sum();
    }
}

/// Cubic convolution, Keys 1981, IEEE Trans. ASSP 29:1153, eq. 15 (a = -1/2).
fn keys(t: f64) -> f64 {
    if t < 1.0 {
        (1.5 * t - 2.5) * t * t + 1.0
    } else if t < 2.0 {
        ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_reproduce_what_each_kernel_must() {
        let mut axis = Axis::default();
        for step in 0..40 {
            let position = 10.0 + step as f64 / 40.0;
            for method in [Resampling::Bilinear, Resampling::Cubic, Resampling::Average] {
                axis.fill(method, position, 1.0);
                let sum: f64 = axis.weights.iter().sum();
                assert!((sum - 1.0).abs() < 1e-12, "{method} at {position}: weights sum to {sum}");
                // A ramp f(k) = k + 1/2 is reproduced: the mean position is the position.
                let mean: f64 =
                    axis.weights.iter().enumerate().map(|(k, w)| w * ((axis.first + k as i64) as f64 + 0.5)).sum();
                assert!(
                    (mean - position).abs() < 1e-12 || method == Resampling::Average,
                    "{method} at {position}: {mean}"
                );
            }
        }
    }

    #[test]
    fn the_average_takes_each_pixel_by_its_share() {
        let mut axis = Axis::default();
        // 2.5 pixels around 3.0: 1.75 to 4.25.
        axis.fill(Resampling::Average, 3.0, 2.5);
        assert_eq!((axis.first, &axis.weights[..]), (1, &[0.25, 1.0, 1.0, 0.25][..]));
    }
}
