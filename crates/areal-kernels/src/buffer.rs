#![allow(unsafe_code)]
//! Buffers of single-precision values that begin on a cache line.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers for reuse.
static POOL: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());
/// Most buffers in the pool.
const MAX_BUFFERS: usize = 4;

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([f32; LINE]);

/// Values of a line.
const LINE: usize = 16;

/// Values that begin on a cache line, so that no vector load straddles two.
#[derive(Debug, Clone, Default)]
pub struct Buffer {
    lines: Vec<CacheLine>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![CacheLine([0.0; LINE]); len.div_ceil(LINE)], len }
    }

    /// `len` arbitrary values, in memory from the pool if there is any.
    pub(crate) fn take(len: usize) -> Self {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        // The shortest that is long enough, or else the longest, which then grows.
        let fits = |buffer: &Self| (buffer.lines.len() * LINE < len, buffer.lines.len().abs_diff(len / LINE));
        let best = (0..pool.len()).min_by_key(|at| fits(&pool[*at]));
        let mut buffer = best.map(|at| pool.swap_remove(at)).unwrap_or_default();
        drop(pool);
        buffer.len = buffer.lines.len() * LINE;
        buffer.grow(len);
        buffer.len = len;
        buffer
    }

    /// Returns a buffer to the pool, for [`take`](Self::take).
    pub(crate) fn give(self) {
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < MAX_BUFFERS {
            pool.push(self);
        }
    }

    /// Frees all that is pool.
    pub(crate) fn release() {
        POOL.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All bytes, whole lines.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `Line` is 64 bytes without padding, each of which is initialised.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 64) }
    }

    /// All bytes, whole lines.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; every pattern of bits is a number.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 64) }
    }

    /// Makes room for at least `len` values; keeps those that are there.
    pub fn grow(&mut self, len: usize) {
        if len > self.len {
            self.lines.resize(len.div_ceil(LINE), CacheLine([0.0; LINE]));
            self.len = len;
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is 16 values without padding, and `len` is at most 16 times the lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
