//! Advice for errors of zones and aggregation.

use areal_zones::ZonesError;

use super::{CliError, Exit};

impl From<ZonesError> for CliError {
    fn from(error: ZonesError) -> Self {
        let exit = match error {
            ZonesError::Source(inner) => return inner.into(),
            ZonesError::File(inner) => return inner.into(),
            ZonesError::Interrupted(inner) => return inner.into(),
            ZonesError::NoField { .. } | ZonesError::WhichId { .. } | ZonesError::NoWindowCells => Exit::Usage,
            ZonesError::Unreconciled { .. } => Exit::Failure,
            _ => Exit::Input,
        };
        Self::from_source(exit, &error).help(help(&error))
    }
}

/// What to do about it.
fn help(error: &ZonesError) -> String {
    match error {
        ZonesError::NoCrs { path } => {
            format!("if you know its CRS, write it into a copy: ogr2ogr -a_srs EPSG:4326 OUT.gpkg {}", path.display())
        }
        ZonesError::NoZones { .. } => "give a file with polygons".into(),
        ZonesError::NoField { .. } => "choose among its fields with --zone-id and --zone-name".into(),
        ZonesError::WhichId { .. } => {
            "name the id field with --zone-id; its values must be there and differ from zone to zone".into()
        }
        ZonesError::EmptyId { .. } => "fill the field in, or name another with --zone-id".into(),
        ZonesError::DuplicateId { .. } => {
            "name a field that identifies zones with --zone-id, or dissolve the parts of a zone into one feature first"
                .into()
        }
        ZonesError::EmptyGeometry { .. } | ZonesError::NotPolygon { .. } => {
            "mend or remove the feature; zones must be polygons".into()
        }
        ZonesError::Invalid { repairable: true, .. } => "mend it, or let areal do so with --invalid repair".into(),
        ZonesError::Invalid { .. } => "mend or remove the feature".into(),
        ZonesError::NotProjectable { .. } | ZonesError::Projection(_) => {
            "warp the map to a CRS that holds its zones (gdalwarp -t_srs), or split the zone there".into()
        }
        ZonesError::NoOverlap(_) => {
            "check that the zones and the map are of the same place, and that both name the CRS they are in".into()
        }
        ZonesError::Raster { .. } => "choose with --band, and say what its cells are with --content".into(),
        ZonesError::NegativeWeight { .. } => {
            "weights are amounts in a cell, such as people: give another --weights".into()
        }
        ZonesError::WeightBands { path, .. } => {
            format!(
                "take out the band of amounts and pass it as --weights: gdal_translate -b 1 {} OUT.tif",
                path.display()
            )
        }
        ZonesError::TooManyCodes { .. } => {
            "pass --content values for means in place of classes, or group the codes into fewer classes first".into()
        }
        ZonesError::NoWindowCells => "give --window-cells 1 or more".into(),
        ZonesError::Unreconciled { .. } => "this is a fault of areal: please report it with the inputs".into(),
        ZonesError::Source(_) | ZonesError::File(_) | ZonesError::Interrupted(_) => String::new(),
    }
}
