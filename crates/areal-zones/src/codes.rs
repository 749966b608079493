//! How many classes a class map may have.

/// Maximum number of different codes in a class map. A raster with more holds values or identifiers.
pub const MAX_CODES: usize = 1000;

/// More than [`MAX_CODES`] different codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_CODES} different codes")]
pub struct TooManyCodes;
