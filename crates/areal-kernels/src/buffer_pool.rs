//! A pool of buffers that training reuses from one step to the next: allocating and clearing them anew would take a good
//! part of a step.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Buffer;

/// Most values that the pool keeps: 1 GiB.
const MAX_VALUES: usize = 1 << 28;
/// Shorter buffers are not kept.
const MIN_LEN: usize = 1 << 10;

/// Unused buffers.
struct Pool {
    by_capacity: BTreeMap<usize, Vec<Vec<f32>>>,
    values: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { by_capacity: BTreeMap::new(), values: 0 });

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A buffer of `len` values; their contents are arbitrary.
pub fn take(len: usize) -> Vec<f32> {
    let mut pool = pool();
    let Some((&capacity, same)) = pool.by_capacity.range_mut(len..=len + len / 4).next() else {
        return vec![0.0; len];
    };
    let mut buffer = same.pop().expect("a list that became empty was removed");
    if same.is_empty() {
        pool.by_capacity.remove(&capacity);
    }
    pool.values -= capacity;
    drop(pool);
    // Within its capacity: only values past its old length are written.
    buffer.resize(len, 0.0);
    buffer
}

/// Returns a buffer to the pool.
pub fn give(buffer: Vec<f32>) {
    let capacity = buffer.capacity();
    let mut pool = pool();
    if (MIN_LEN..=MAX_VALUES - pool.values).contains(&capacity) {
        pool.values += capacity;
        pool.by_capacity.entry(capacity).or_default().push(buffer);
    }
}

/// Frees all pooled memory, for when training is over.
pub fn release() {
    Buffer::release();
    let mut pool = pool();
    pool.by_capacity.clear();
    pool.values = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "too many values for Miri")]
    fn a_buffer_is_reused_for_lengths_near_its_own() {
        // No other test of this program asks for such lengths.
        let mut buffer = take(7_000_001);
        buffer[0] = 3.0;
        give(buffer);
        assert!(take(5_000_000)[0] == 0.0, "far too long for this length");
        let again = take(6_000_000);
        assert_eq!((again[0], again.len()), (3.0, 6_000_000));
        give(again);
        assert_eq!(take(7_000_001)[0], 3.0);
        release();
    }
}
