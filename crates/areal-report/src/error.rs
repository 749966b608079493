//! Why a report could not be written.

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Pixels that do not fill their image.
    #[error("map \"{map}\": {found} pixels do not fill {height} x {width}")]
    Pixels {
        map: String,
        /// Number of pixels given.
        found: usize,
        height: usize,
        width: usize,
    },
    /// An image that is not a PNG file.
    #[error("the image of \"{title}\" is not a PNG file")]
    Picture {
        /// What it shows.
        title: String,
    },
    /// A table whose rows have another number of cells than it has columns or zones.
    #[error("table \"{table}\": {found} values, expected {expected}")]
    Table {
        table: String,
        /// Number of values given.
        found: usize,
        /// Number that belong there.
        expected: usize,
    },
    /// An image that cannot be compressed.
    #[error("cannot write map \"{map}\" as PNG: {message}")]
    Png { map: String, message: String },
    #[error("cannot fill the report's template: {0}")]
    Template(#[from] askama::Error),
}
