#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers that are used again, at most so many.
static KEPT: Mutex<Vec<Buffer>> = Mutex::new(Vec::new());
const MOST: usize = 4;

/// One cache line.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Values of a line.
const LINE: usize = 16;

/// Values that begin on a cache line, so that no vector load straddles two.
#[derive(Debug, Clone, Default)]
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self { lines: vec![Line([0.0; LINE]); len.div_ceil(LINE)], len }
    }

    /// `len` values that mean nothing, in memory that was used before if there is any.
    pub(crate) fn used(len: usize) -> Self {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        // The shortest that is long enough, or else the longest, which then grows.
        let fits = |buffer: &Self| (buffer.lines.len() * LINE < len, buffer.lines.len().abs_diff(len / LINE));
        let best = (0..kept.len()).min_by_key(|at| fits(&kept[*at]));
        let mut buffer = best.map(|at| kept.swap_remove(at)).unwrap_or_default();
        drop(kept);
        buffer.len = buffer.lines.len() * LINE;
        buffer.grow(len);
        buffer.len = len;
        buffer
    }

    /// Keeps a buffer that is not needed any more for [`used`](Self::used).
    pub(crate) fn keep(self) {
        let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MOST {
            kept.push(self);
        }
    }

    /// Frees all that is kept.
    pub(crate) fn release() {
        KEPT.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All bytes, whole lines.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `Line` is 64 bytes without filling, each of which is initialised.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * 64) }
    }

    /// All bytes, whole lines.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; every pattern of bits is a number.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * 64) }
    }

    /// Makes room for at least `len` values; keeps what is there.
    pub fn grow(&mut self, len: usize) {
        if len > self.len {
            self.lines.resize(len.div_ceil(LINE), Line([0.0; LINE]));
            self.len = len;
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `Line` is 16 values without filling, and `len` is at most 16 times the lines.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}
