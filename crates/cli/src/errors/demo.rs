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
                .help("PROJ cannot place the landscape; check that its data (proj.db) is installed"),
            DemoError::Sample { .. } => {
                Self::from_source(Exit::Input, &error).help("name the sample.csv in the folder that areal sample made")
            }
            DemoError::Table { .. } => Self::from_source(Exit::Output, &error)
                .help("check that the disk has room and that you may write there"),
        }
    }
}
