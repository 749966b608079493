//! How many classes a class map may have.

use std::collections::BTreeSet;
use std::path::Path;

use areal_grid::{PixelState, Pixels};

use crate::ZonesError;

/// Most different codes of a class map: each is a row of every zone, and a raster of more holds values or identifiers.
pub const MAX_CODES: usize = 1000;

/// Refuses cells with more than [`MAX_CODES`] different codes, before any table is made of them.
pub(crate) fn check_codes(path: &Path, codes: &Pixels, states: &[PixelState]) -> Result<(), ZonesError> {
    if matches!(codes, Pixels::U8(_) | Pixels::I8(_)) {
        return Ok(());
    }
    let mut seen = BTreeSet::new();
    let mut last = None;
    for (k, _) in states.iter().enumerate().filter(|(_, s)| **s == PixelState::Observed) {
        let code = codes.get(k) as i64;
        // Neighbours are mostly of one class.
        if last.replace(code) != Some(code) {
            seen.insert(code);
            check_count(path, seen.len())?;
        }
    }
    Ok(())
}

/// Refuses more than [`MAX_CODES`] different codes.
pub(crate) fn check_count(path: &Path, count: usize) -> Result<(), ZonesError> {
    if count > MAX_CODES {
        return Err(ZonesError::TooManyCodes { path: path.to_path_buf(), most: MAX_CODES });
    }
    Ok(())
}
