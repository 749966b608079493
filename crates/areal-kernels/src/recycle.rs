//! Memory that is used again from one step of training to the next: asking the system for it anew, and clearing it, would
//! take a good part of a step.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::Buffer;

/// Values in all that are kept at most: 1 GiB.
const MOST: usize = 1 << 28;
/// Shorter pieces are not worth keeping.
const LEAST: usize = 1 << 10;

/// Pieces that nobody uses, by capacity.
struct Kept {
    pieces: BTreeMap<usize, Vec<Vec<f32>>>,
    values: usize,
}

static KEPT: Mutex<Kept> = Mutex::new(Kept { pieces: BTreeMap::new(), values: 0 });

/// `len` values that mean nothing.
pub fn take(len: usize) -> Vec<f32> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((&capacity, same)) = kept.pieces.range_mut(len..=len + len / 4).next() else { return vec![0.0; len] };
    let piece = same.pop();
    if same.is_empty() {
        kept.pieces.remove(&capacity);
    }
    kept.values -= capacity;
    drop(kept);
    let mut piece = piece.unwrap_or_default();
    // Within its capacity; only what it did not hold before is written.
    piece.resize(len, 0.0);
    piece
}

/// Gives values back that are not needed any more.
pub fn give(piece: Vec<f32>) {
    let capacity = piece.capacity();
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if (LEAST..=MOST - kept.values).contains(&capacity) {
        kept.values += capacity;
        kept.pieces.entry(capacity).or_default().push(piece);
    }
}

/// Frees the memory that is kept from one step of training to the next: for when there is no next one.
pub fn release() {
    Buffer::release();
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.pieces.clear();
    kept.values = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_comes_back_and_serves_lengths_near_its_own() {
        // No other test of this program asks for such lengths.
        let mut piece = take(7_000_001);
        piece[0] = 3.0;
        give(piece);
        assert!(take(5_000_000)[0] == 0.0, "far too long for this length");
        let again = take(6_000_000);
        assert_eq!((again[0], again.len()), (3.0, 6_000_000));
        give(again);
        assert_eq!(take(7_000_001)[0], 3.0);
        release();
    }
}
