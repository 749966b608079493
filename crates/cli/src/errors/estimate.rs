use areal_estimate::{EstimateError, FindingKind};

use super::{CliError, Exit};

impl From<EstimateError> for CliError {
    fn from(error: EstimateError) -> Self {
        let (exit, help) = match &error {
            EstimateError::Refused(kind, _) => (Exit::Input, refused(*kind)),
            EstimateError::FewUnits { .. } => (
                Exit::Input,
                "label more units of that stratum; or draw again with --least 2 or more, or with fewer strata",
            ),
            EstimateError::MoreThanAll { .. } => (Exit::Usage, "ask for fewer units with --size or --least"),
            EstimateError::Empty { what } if what.contains("unit") => {
                (Exit::Input, "fill in the label field of the sample, then name the file with --sample")
            }
            EstimateError::Empty { .. } => (Exit::Input, "give more units or zones, or another --zone-method"),
            EstimateError::Unknown { .. } => {
                (Exit::Input, "use the codes or names of the map's legend, and the unit_id of the design")
            }
            EstimateError::Singular { .. } => (Exit::Failure, "use --estimator stratified, which needs no model"),
            EstimateError::NoConvergence { .. } => {
                (Exit::Failure, "use another --zone-method or --quantify method for these data")
            }
            EstimateError::Value { .. } | EstimateError::Length { .. } => {
                (Exit::Input, "check the settings and the files that the command names")
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}

fn refused(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NoDesign => {
            "draw the sample with `areal sample` and name its folder with --design; or pass --accept no-design for \
             numbers without any error"
        }
        FindingKind::OtherDesign => {
            "name with --design the folder that the sample was drawn into, and with --sample the file of that draw; --accept \
             other-design goes on, for a sample whose positions were moved on purpose"
        }
        FindingKind::OtherMap => {
            "name the prediction that the sample was drawn from; or pass --accept other-map to keep the design's strata \
             and read this map's classes at the units"
        }
        FindingKind::StrataSum => {
            "name the zones and strata raster that the sample was drawn with; --accept strata-sum goes on with a warning"
        }
        FindingKind::Disclosed => {
            "give larger zones, or a smaller --suppress-below; --accept disclosed goes on with a warning"
        }
        _ => "see the message; --accept KIND goes on with a warning",
    }
}

impl From<areal_grid::ProjectionError> for CliError {
    fn from(error: areal_grid::ProjectionError) -> Self {
        Self::from_source(Exit::Input, &error)
            .help("the map reaches past what its CRS was made for; warp it to another")
    }
}
