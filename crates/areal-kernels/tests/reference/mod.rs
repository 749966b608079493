//! Random maps, and the definition of a convolution.

use areal_kernels::{ConvShape, MapShape};

/// Pseudo-random values in -1 to 1.
pub fn noise(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
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
