//! Class activation maps from feature maps and gradients.

use ndarray::{Array2, Array3, Axis};

/// Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2) of feature maps `[F, h, w]` and the logit's gradients by them, of the
/// same shape: `relu(sum_k a_k A_k)` with `a_k` the mean of the gradient of map `k`. `[h, w]`.
pub fn grad_cam(features: &Array3<f32>, gradients: &Array3<f32>) -> Array2<f32> {
    let mut map = Array2::<f32>::zeros((features.dim().1, features.dim().2));
    for (feature, gradient) in features.axis_iter(Axis(0)).zip(gradients.axis_iter(Axis(0))) {
        map.scaled_add(gradient.mean().expect("a feature map has at least one position"), &feature);
    }
    map.mapv_into(|v| v.max(0.0))
}

/// `HiResCAM` (Draelos and Carin 2020, eq. 5) of feature maps `[F, h, w]` and the logit's gradients by them:
/// `sum_k A_k * dy/dA_k`, position by position, with sign. `[h, w]`.
///
/// With global average pooling and one linear layer, its sum over the positions is the logit less the bias, exactly.
pub fn hires_cam(features: &Array3<f32>, gradients: &Array3<f32>) -> Array2<f32> {
    (features * gradients).sum_axis(Axis(0))
}

/// A map resampled to the pixels of its patch: bilinear between the centres of its positions, constant beyond the outermost. The
/// first centre lies `first` pixels from that of the first pixel, the next ones `step` pixels apart.
pub fn upsample(map: &Array2<f32>, size: usize, (first, step): (f64, f64)) -> Array2<f32> {
    let (h, w) = map.dim();
    let at = |p: usize, n: usize| {
        let x = ((p as f64 - first) / step).clamp(0.0, n as f64 - 1.0) as f32;
        let low = x as usize;
        (low, (low + 1).min(n - 1), x - low as f32)
    };
    Array2::from_shape_fn((size, size), |(r, c)| {
        let ((r0, r1, fr), (c0, c1, fc)) = (at(r, h), at(c, w));
        let top = map[[r0, c0]] * (1.0 - fc) + map[[r0, c1]] * fc;
        let bottom = map[[r1, c0]] * (1.0 - fc) + map[[r1, c1]] * fc;
        top * (1.0 - fr) + bottom * fr
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn by_hand() {
        // Two feature maps of 1 x 2 places.
        let a = Array3::from_shape_vec((2, 1, 2), vec![1.0, 2.0, 3.0, -1.0]).unwrap();
        let g = Array3::from_shape_vec((2, 1, 2), vec![0.5, 1.5, -1.0, 1.0]).unwrap();
        // HiResCAM: 1 * 0.5 + 3 * -1 and 2 * 1.5 + -1 * 1.
        assert_eq!(hires_cam(&a, &g), array![[-2.5, 2.0]]);
        // Grad-CAM: mean gradients 1 and 0; so 1 * 1 and 1 * 2.
        assert_eq!(grad_cam(&a, &g), array![[1.0, 2.0]]);
    }

    #[test]
    fn upsampling_keeps_a_level_map_and_runs_straight_between_centres() {
        assert!(upsample(&Array2::from_elem((3, 3), 2.5), 8, (1.0, 2.5)).iter().all(|v| *v == 2.5));
        // Centres of two places on four pixels lie at 1 and 3 (of 0..4): pixel centres 0.5, 1.5, 2.5, 3.5.
        let up = upsample(&array![[0.0, 1.0], [0.0, 1.0]], 4, (0.5, 2.0));
        assert_eq!(up.row(0).to_vec(), [0.0, 0.25, 0.75, 1.0]);
        // Places that lie closer, two pixels in from the patch's border and one apart.
        let up = upsample(&array![[0.0, 1.0], [0.0, 1.0]], 5, (2.0, 1.0));
        assert_eq!(up.row(0).to_vec(), [0.0, 0.0, 0.0, 1.0, 1.0]);
    }
}
