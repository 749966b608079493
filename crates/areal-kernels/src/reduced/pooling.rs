//! Max and mean pooling of maps of reduced precision.

use rayon::prelude::*;

use super::MapEncoding;
use crate::isa::dispatch;
use crate::{Isa, KernelError, MapShape, MaxPool};

/// Bytes that stay in registers while the positions of a window go by.
const CHUNK: usize = 128;

/// The maximum of each window of a map of reduced precision, in the same code; as [`MaxPool::run`] otherwise.
///
/// # Errors
/// When a slice is shorter than its shape needs or a window lies outside the map.
pub fn max_pool(
    isa: Isa,
    pool: &MaxPool,
    code: MapEncoding,
    shape: MapShape,
    input: &[u8],
    output: &mut [u8],
) -> Result<MapShape, KernelError> {
    let (rows, columns) = (pool.taps(shape.height)?, pool.taps(shape.width)?);
    let target = MapShape { height: rows.len(), width: columns.len(), ..shape };
    let len = shape.row_len() * code.size();
    KernelError::check_min_len("input", input.len(), shape.len() * code.size())?;
    KernelError::check_min_len("output", output.len(), target.len() * code.size())?;
    if len == 0 {
        return Ok(target);
    }
    let output = &mut output[..target.len() * code.size()];
    output.par_chunks_mut(len).enumerate().for_each(|(position, out)| {
        let (row, column) = (&rows[position / columns.len()], &columns[position % columns.len()]);
        let window = row.iter().flat_map(|r| column.iter().map(|c| r.source * shape.width + c.source));
        let window: Vec<&[u8]> = window.map(|at| &input[at * len..][..len]).collect();
        match code {
            MapEncoding::U8 { .. } => greatest::<u8>(isa, &window, out),
            MapEncoding::Bf16 => greatest::<[u8; 2]>(isa, &window, out),
        }
    });
    Ok(target)
}

/// Means over all positions of a map of reduced precision `[H, W, N, C]`, in single precision, into `output`, `[N, C]`.
///
/// # Errors
/// When a slice is shorter than its shape needs, or the map has no position.
pub fn mean_pool(
    isa: Isa,
    code: MapEncoding,
    shape: MapShape,
    input: &[u8],
    output: &mut [f32],
) -> Result<(), KernelError> {
    let (len, positions) = (shape.row_len(), shape.height * shape.width);
    KernelError::check_min_len("input", input.len(), shape.len() * code.size())?;
    KernelError::check_min_len("output", output.len(), len)?;
    if positions == 0 {
        return Err(KernelError::Shape("the mean over no position".to_owned()));
    }
    let unit = if let MapEncoding::U8 { scale } = code { scale } else { 1.0 };
    output[..len].par_chunks_mut(1024).enumerate().for_each(|(index, out)| {
        let part = index * 1024 * code.size()..(index * 1024 + out.len()) * code.size();
        let rows = input.chunks_exact(len * code.size()).take(positions).map(|row| &row[part.clone()]);
        out.fill(0.0);
        for row in rows {
            match code {
                MapEncoding::U8 { .. } => add::<u8>(isa, row, out),
                MapEncoding::Bf16 => add::<[u8; 2]>(isa, row, out),
            }
        }
        for value in out {
            *value *= unit / positions as f32;
        }
    });
    Ok(())
}

/// A value in its bytes.
trait Stored: Copy {
    /// Something that is ordered as the values are.
    type Key: Copy + PartialOrd;
    const LEAST: Self::Key;
    fn key(self) -> Self::Key;
    fn of_key(key: Self::Key) -> Self;
    fn value(self) -> f32;
    fn all(bytes: &[u8]) -> &[Self];
    fn all_mut(bytes: &mut [u8]) -> &mut [Self];
}

impl Stored for u8 {
    type Key = Self;
    const LEAST: Self = 0;

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn key(self) -> Self {
        self
    }

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn of_key(key: Self) -> Self {
        key
    }

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from(self)
    }

    fn all(bytes: &[Self]) -> &[Self] {
        bytes
    }

    fn all_mut(bytes: &mut [Self]) -> &mut [Self] {
        bytes
    }
}

/// bf16: sign and magnitude, which as integers are ordered once the magnitudes of negative numbers are reversed.
impl Stored for [u8; 2] {
    type Key = i16;
    const LEAST: i16 = i16::MIN;

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn key(self) -> i16 {
        let bits = i16::from_ne_bytes(self);
        bits ^ ((bits >> 15) & i16::MAX)
    }

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn of_key(key: i16) -> Self {
        (key ^ ((key >> 15) & i16::MAX)).to_ne_bytes()
    }

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(u32::from(u16::from_ne_bytes(self)) << 16)
    }

    fn all(bytes: &[u8]) -> &[Self] {
        bytes.as_chunks().0
    }

    fn all_mut(bytes: &mut [u8]) -> &mut [Self] {
        bytes.as_chunks_mut().0
    }
}

dispatch! { fn greatest<T: Stored>(window: &[&[u8]], out: &mut [u8]) = greatest_of::<T>; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn greatest_of<T: Stored>(window: &[&[u8]], out: &mut [u8]) {
    for (index, out) in T::all_mut(out).chunks_mut(CHUNK / size_of::<T>()).enumerate() {
        let at = index * CHUNK / size_of::<T>();
        let mut best = [T::LEAST; CHUNK];
        for row in window {
            for (best, value) in best.iter_mut().zip(&T::all(row)[at..][..out.len()]) {
                let key = value.key();
                *best = if key > *best { key } else { *best };
            }
        }
        for (out, best) in out.iter_mut().zip(best) {
            *out = T::of_key(best);
        }
    }
}

dispatch! { fn add<T: Stored>(row: &[u8], out: &mut [f32]) = add_to::<T>; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn add_to<T: Stored>(row: &[u8], out: &mut [f32]) {
    for (sum, value) in out.iter_mut().zip(T::all(row)) {
        *sum += value.value();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise(len: usize, seed: u32) -> Vec<f32> {
        (0..len as u32)
            .map(|i| (i.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 8) as f32 / 8_388_608.0 - 1.0)
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Pooling of maps of reduced precision is that of the same values in single precision: exact for the greatest.
        #[test]
        #[cfg_attr(miri, ignore = "too many cases for Miri")]
        fn reduced_pooling_is_that_of_single_precision(
            height in 2usize..8, width in 2usize..8, batch in 1usize..5, channels in 1usize..80, stride in 1usize..3, seed: u32,
        ) {
            let shape = MapShape::new(height, width, batch, channels);
            let pool = MaxPool { kernel: 3, stride, padding: 1 };
            for code in [MapEncoding::Bf16, MapEncoding::U8 { scale: 0.01 }] {
                let mut bytes = vec![0; shape.len() * code.size()];
                code.encode(&noise(shape.len(), seed), &mut bytes);
                let values = code.decode(&bytes);
                let target = pool.output(shape).unwrap();
                let mut expected = vec![0.0; target.len()];
                pool.run(Isa::Portable, shape, &values, &mut expected).unwrap();
                let mut expected_mean = vec![0.0; shape.row_len()];
                crate::mean_pool(Isa::Portable, shape, &values, &mut expected_mean).unwrap();
                for isa in Isa::available() {
                    let mut found = vec![0; target.len() * code.size()];
                    max_pool(isa, &pool, code, shape, &bytes, &mut found).unwrap();
                    prop_assert_eq!(&code.decode(&found), &expected);
                    let mut mean = vec![0.0; shape.row_len()];
                    mean_pool(isa, code, shape, &bytes, &mut mean).unwrap();
                    for (f, e) in mean.iter().zip(&expected_mean) {
                        prop_assert!((f - e).abs() < 1e-6, "{} {}", f, e);
                    }
                }
            }
        }
    }
}
