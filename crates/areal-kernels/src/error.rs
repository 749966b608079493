//! The errors of kernels.

/// Why a kernel cannot compute what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// A slice does not have the length that its shape needs.
    #[error("{what}: {found} values, but the shape needs {expected}")]
    Length { what: &'static str, expected: usize, found: usize },
    /// The channels of a map are not those of the weights.
    #[error("{what}: feature map has {found} channels, expected {expected}")]
    Channels { what: &'static str, expected: usize, found: usize },
    /// A size that is zero, or a kernel larger than the padded map.
    #[error("impossible convolution: {0}")]
    Shape(String),
    /// A name that is not that of an instruction set.
    #[error("unknown instruction set {name:?}: must be one of {known}")]
    UnknownIsa {
        name: String,
        /// The names of all instruction sets.
        known: String,
    },
}

impl KernelError {
    /// Checks that a slice has the length that its shape needs.
    ///
    /// # Errors
    /// [`KernelError::Length`] when it has another.
    pub fn check_len(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Length { what, expected, found }) }
    }

    /// Checks that a slice is at least as long as its shape needs.
    ///
    /// # Errors
    /// [`KernelError::Length`] when it is shorter.
    pub(crate) fn check_min_len(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        if found >= expected { Ok(()) } else { Err(Self::Length { what, expected, found }) }
    }
}
