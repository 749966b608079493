//! Advice for errors of the generated landscape.

use areal_demo::DemoError;

use super::{CliError, Exit};

impl From<DemoError> for CliError {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::File(error) => error.into(),
            DemoError::Raster(error) => error.into(),
            DemoError::Interrupted(error) => error.into(),
            DemoError::Projection(_) => Self::from_source(Exit::Failure, &error)
                .help("PROJ cannot project the landscape; check that its data (proj.db) is installed"),
            DemoError::Sample { .. } => {
                Self::from_source(Exit::Input, &error).help("give the sample.csv that `areal sample` made")
            }
            DemoError::Table { .. } => {
                Self::from_source(Exit::Output, &error).help("check the free disk space and your write permission")
            }
        }
    }
}
