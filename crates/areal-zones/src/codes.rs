//! How many classes a class map may have.

/// Most different codes of a class map: each is a row of every zone, and a raster of more holds values or identifiers.
pub const MAX_CODES: usize = 1000;

/// More than [`MAX_CODES`] different codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_CODES} different codes")]
pub struct TooManyCodes;
