//! Means of the features of overlapping windows.

use areal_kernels::MapShape;
use rayon::prelude::*;

/// Windows of one task.
const TASK: usize = 16;

/// Where the features of a patch lie in a row of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub first: usize,
    /// Image of the feature map.
    pub image: usize,
}

/// Means of the features of windows `[window, C]` over rows `[W, N, C]` of a map and `width` columns of it. The sums are
/// taken down each column first, so that windows that overlap share them.
pub fn means(shape: MapShape, rows: &[&[f32]], windows: &[Window], width: usize) -> Vec<f32> {
    let channels = shape.channels;
    let mut images: Vec<usize> = windows.iter().map(|w| w.image).collect();
    images.sort_unstable();
    images.dedup();
    // [image, column, channel]
    let mut sums = vec![0.0f32; images.len() * shape.width * channels];
    sums.par_chunks_mut(channels).enumerate().for_each(|(at, sum)| {
        let (image, column) = (images[at / shape.width], at % shape.width);
        let start = (column * shape.batch + image) * channels;
        for row in rows {
            add(&row[start..][..channels], sum);
        }
    });
    let scale = 1.0 / (rows.len() * width) as f32;
    let mut means = vec![0.0f32; windows.len() * channels];
    means.par_chunks_mut(TASK * channels).zip(windows.par_chunks(TASK)).for_each(|(means, windows)| {
        for (mean, window) in means.chunks_exact_mut(channels).zip(windows) {
            let image = images.partition_point(|i| *i < window.image);
            for column in window.first..window.first + width {
                add(&sums[(image * shape.width + column) * channels..][..channels], mean);
            }
            for value in mean {
                *value *= scale;
            }
        }
    });
    means
}

fn add(values: &[f32], sum: &mut [f32]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += *value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_mean_of_its_own_phase() {
        // Two rows, three columns, two images, one channel: value = 100 y + 10 x + n.
        let shape = MapShape::new(2, 3, 2, 1);
        let value = |at: usize| (100 * (at / 6) + 10 * (at % 6 / 2) + at % 2) as f32;
        let features: Vec<f32> = (0..12).map(value).collect();
        let windows = [Window { first: 0, image: 0 }, Window { first: 1, image: 1 }];
        // Mean of 0, 10, 100, 110; of 11, 21, 111, 121.
        assert_eq!(means(shape, &[&features[..6], &features[6..]], &windows, 2), [55.0, 66.0]);
    }
}
