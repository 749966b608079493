//! Seeded functions of position: the same point gives the same value in every scene.

/// A position in the landscape's plane: metres east and north of its middle.
pub type Point = [f64; 2];

/// Mixes two lattice indices and a seed into 64 random bits (the finaliser of `SplitMix64`, Steele et al. 2014).
pub fn hash(x: i64, y: i64, seed: u64) -> u64 {
    let mut z = seed ^ (x as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (y as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `[0, 1)` from random bits.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// A number in `[0, 1)` that belongs to `key` and to a purpose.
pub fn roll(key: u64, purpose: i64) -> f64 {
    unit(hash(purpose, 0, key))
}

/// A number near `[-1, 1]` with standard deviation about 0.41: the mean of three rolls, centred.
pub fn bell(key: u64, purpose: i64) -> f64 {
    let h = hash(purpose, 1, key);
    let part = |shift: u32| ((h >> shift) & 0x1f_ffff) as f64 / f64::from(0x1f_ffff);
    (part(0) + part(21) + part(42)) * (2.0 / 3.0) - 1.0
}

/// A standard normal number (Box and Muller 1958).
pub fn normal(key: u64, purpose: i64) -> f64 {
    let (u, v) = (unit(hash(purpose, 2, key)), unit(hash(purpose, 3, key)));
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// From 0 at `low` to 1 at `high`, smooth at both ends.
pub fn smoothstep(low: f64, high: f64, x: f64) -> f64 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Linear mixture: `a` at 0, `b` at 1.
pub fn mix(a: f64, b: f64, t: f64) -> f64 {
    a + (b - a) * t
}

/// Value noise in `[-1, 1]` with features of about `wavelength` metres.
pub fn noise(p: Point, wavelength: f64, seed: u64) -> f64 {
    let (x, y) = (p[0] / wavelength, p[1] / wavelength);
    let (i, j) = (x.floor(), y.floor());
    let (u, v) = (smoothstep(0.0, 1.0, x - i), smoothstep(0.0, 1.0, y - j));
    let (i, j) = (i as i64, j as i64);
    let at = |di, dj| unit(hash(i + di, j + dj, seed));
    2.0 * mix(mix(at(0, 0), at(1, 0), u), mix(at(0, 1), at(1, 1), u), v) - 1.0
}

/// A sum of octaves of [`noise`], each half as long and half as strong; about `[-1, 1]`.
pub fn fractal(p: Point, wavelength: f64, octaves: u32, seed: u64) -> f64 {
    let (mut sum, mut size, mut weight, mut all) = (0.0, wavelength, 1.0, 0.0);
    for octave in 0..octaves {
        sum += weight * noise(p, size, seed.wrapping_add(u64::from(octave)));
        all += weight;
        size *= 0.5;
        weight *= 0.5;
    }
    sum / all
}

/// Distance to the nearest of randomly placed points, one a `size` x `size` cell, as a share of `size` (Worley 1996),
/// and random bits of that point.
pub fn crowns(p: Point, size: f64, seed: u64) -> (f64, u64) {
    let (x, y) = (p[0] / size, p[1] / size);
    let (i, j) = (x.floor(), y.floor());
    let mut best = (f64::INFINITY, 0);
    for dj in -1..=1 {
        for di in -1..=1 {
            let bits = hash(i as i64 + di, j as i64 + dj, seed);
            let (a, b) = (unit(bits), unit(bits.rotate_left(32)));
            let (dx, dy) = (i + di as f64 + a - x, j + dj as f64 + b - y);
            let d = dx * dx + dy * dy;
            if d < best.0 {
                best = (d, bits);
            }
        }
    }
    (best.0.sqrt(), best.1)
}

/// `p` seen from axes turned by `angle` radians.
pub fn turned(p: Point, angle: f64) -> Point {
    let (s, c) = angle.sin_cos();
    [c * p[0] + s * p[1], c * p[1] - s * p[0]]
}

/// Distance between two points.
pub fn distance(p: Point, q: Point) -> f64 {
    (p[0] - q[0]).hypot(p[1] - q[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_centred_and_fills_its_range() {
        let values: Vec<f64> = (0..4000).map(|k| noise([f64::from(k) * 37.3, f64::from(k) * 11.9], 50.0, 7)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!(values.iter().all(|v| v.abs() <= 1.0) && values.iter().any(|v| v.abs() > 0.8));
        assert_eq!(noise([1.0, 2.0], 50.0, 7), noise([1.0, 2.0], 50.0, 7));
        assert_ne!(noise([1.0, 2.0], 50.0, 7), noise([1.0, 2.0], 50.0, 8));
    }

    #[test]
    fn normal_numbers_have_unit_variance() {
        let values: Vec<f64> = (0..20_000).map(|k| normal(k, 0)).collect();
        let mean = values.iter().sum::<f64>() / 2e4;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2e4;
        // Standard errors: 0.007 for the mean, 0.01 for the variance.
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
