//! Random maps and shapes, guarded buffers, and the definition of a convolution.
#![allow(dead_code, reason = "no test file uses all of it")]

#[cfg(all(unix, not(miri)))]
mod guarded;
mod noise;

use std::ops::Range;

use areal_kernels::{ConvShape, MapShape};
use proptest::prelude::*;

#[cfg(all(unix, not(miri)))]
#[allow(unused_imports, reason = "no test file uses all of it")]
pub use guarded::{End, Guarded};
pub use noise::noise;

/// Sizes of convolutions and of the maps that they read; pairs are drawn apart.
pub struct Sizes {
    pub inputs: Range<usize>,
    pub outputs: Range<usize>,
    pub kernel: Range<usize>,
    pub stride: Range<usize>,
    pub padding: Range<usize>,
    pub side: Range<usize>,
    pub batch: Range<usize>,
}

/// Convolutions, some of them dilated, and maps.
pub fn shapes(s: Sizes) -> impl Strategy<Value = (ConvShape, MapShape)> {
    let pair = prop::array::uniform2::<Range<usize>>;
    let conv = (s.inputs, s.outputs, pair(s.kernel), pair(s.stride), pair(s.padding), pair(1..3));
    (conv, pair(s.side), s.batch).prop_map(|((inputs, outputs, kernel, stride, padding, dilation), [h, w], batch)| {
        (ConvShape { inputs, outputs, kernel, stride, padding, dilation }, MapShape::new(h, w, batch, inputs))
    })
}

/// The definition: `y[oy, ox, n, o] = b[o] + sum x[oy s + ky d - p, ox s + kx d - p, n, i] w[o, i, ky, kx]`, in double precision.
pub fn reference(c: &ConvShape, shape: MapShape, x: &[f32], w: &[f32], b: &[f32]) -> Vec<f64> {
    let t = c.output(shape).unwrap();
    let mut y = Vec::with_capacity(t.len());
    for (oy, ox) in (0..t.height).flat_map(|oy| (0..t.width).map(move |ox| (oy, ox))) {
        for (n, o) in (0..t.batch).flat_map(|n| (0..t.channels).map(move |o| (n, o))) {
            let mut sum = f64::from(b[o]);
            for (ky, kx) in (0..c.kernel[0]).flat_map(|ky| (0..c.kernel[1]).map(move |kx| (ky, kx))) {
                let iy = (oy * c.stride[0] + ky * c.dilation[0]) as isize - c.padding[0] as isize;
                let ix = (ox * c.stride[1] + kx * c.dilation[1]) as isize - c.padding[1] as isize;
                if iy < 0 || ix < 0 || iy as usize >= shape.height || ix as usize >= shape.width {
                    continue;
                }
                for i in 0..c.inputs {
                    let at = ((iy as usize * shape.width + ix as usize) * shape.batch + n) * c.inputs + i;
                    let weight = ((o * c.inputs + i) * c.kernel[0] + ky) * c.kernel[1] + kx;
                    sum += f64::from(x[at]) * f64::from(w[weight]);
                }
            }
            y.push(sum);
        }
    }
    y
}
