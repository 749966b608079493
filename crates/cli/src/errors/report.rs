//! Advice for errors of reports.

use areal_report::ReportError;

use super::{CliError, Exit};

impl From<ReportError> for CliError {
    fn from(error: ReportError) -> Self {
        let (exit, help) = match &error {
            ReportError::Picture { .. } => (Exit::Input, "make the --explain folder again"),
            ReportError::Table { .. } => (Exit::Input, "make the folder that holds the table again"),
            ReportError::Pixels { .. } => (Exit::Input, "make the --prediction folder again"),
            ReportError::Png { .. } | ReportError::Template(_) => (Exit::Failure, "leave this part out of the report"),
        };
        Self::from_source(exit, &error).help(help)
    }
}
