//! Why a report could not be written.

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Pixels that do not fill their image.
    #[error("map \"{map}\": {found} pixels do not fill {height} x {width}")]
    Pixels {
        /// The map.
        map: String,
        /// Number of pixels given.
        found: usize,
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
    /// A image that is no PNG.
    #[error("the image of \"{title}\" is no PNG file")]
    Picture {
        /// What it shows.
        title: String,
    },
    /// A table whose rows have another number of cells than it has columns or zones.
    #[error("table \"{table}\": {found} values where {expected} belong")]
    Table {
        /// The table.
        table: String,
        /// Number of values given.
        found: usize,
        /// Number that belong there.
        expected: usize,
    },
    /// A image that cannot be compressed.
    #[error("cannot write map \"{map}\" as PNG: {message}")]
    Png {
        /// The map.
        map: String,
        /// Why.
        message: String,
    },
    /// The document itself.
    #[error("cannot fill the report's template: {0}")]
    Template(#[from] askama::Error),
}
