//! Advice for errors of zones and aggregation.

use areal_zones::ZonesError;

use super::{CliError, Exit};

impl From<ZonesError> for CliError {
    fn from(error: ZonesError) -> Self {
        let exit = match error {
            ZonesError::Source(inner) => return inner.into(),
            ZonesError::File(inner) => return inner.into(),
            ZonesError::Interrupted(inner) => return inner.into(),
            ZonesError::NoField { .. }
            | ZonesError::WhichId { .. }
            | ZonesError::NoWindowCells
            | ZonesError::ClassStatistics { .. } => Exit::Usage,
            ZonesError::Unreconciled { .. } | ZonesError::LostArea { .. } => Exit::Failure,
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
        ZonesError::NoPolygons { others, .. } if others.is_empty() => "give a file with polygons as --zones".into(),
        ZonesError::NoPolygons { others, .. } => {
            format!("choose another layer of the file with --zone-layer ({}), or give a file with polygons", others.join(", "))
        }
        ZonesError::NoZones { .. } => "give a file with polygons".into(),
        ZonesError::NoField { .. } => "choose fields of the file with --zone-id and --zone-name".into(),
        ZonesError::WhichId { .. } => "pass the id field as --zone-id; each zone must have its own value".into(),
        ZonesError::EmptyId { .. } => "fill in the field, or choose another with --zone-id".into(),
        ZonesError::DuplicateId { .. } => {
            "choose a field that identifies zones with --zone-id, or merge the features of a zone with --dissolve"
                .into()
        }
        ZonesError::Invalid { repairable: true, .. } => "repair it, or pass --invalid repair".into(),
        ZonesError::Invalid { .. } => "repair or remove the feature".into(),
        ZonesError::NotProjectable { .. } | ZonesError::Projection(_) => {
            "warp the map to a CRS that covers its zones (gdalwarp -t_srs; -r near for classes), or bring the zones to longitude and \
             latitude and cut them at the antimeridian (ogr2ogr -t_srs EPSG:4326 -wrapdateline OUT.gpkg ZONES)"
                .into()
        }
        ZonesError::NoOverlap(_) => {
            "check that the zones and the map are in the same place, and that both have the right CRS".into()
        }
        other => help_with_rasters(other),
    }
}

/// What to do about the map, its weights and what is asked of them.
fn help_with_rasters(error: &ZonesError) -> String {
    match error {
        ZonesError::Raster { .. } => {
            "choose the band with --bands and the kind of its cells with --content, and use --resampling nearest for classes"
                .into()
        }
        ZonesError::ValuesWithClasses { by_legend, .. } => {
            let flag = if *by_legend { "--legend" } else { "--map" };
            format!("pass --content classes if its cells are class codes; for values leave out {flag}")
        }
        ZonesError::NegativeWeight { .. } => {
            "weights are amounts per cell, such as people: if the value stands for no data, pass it as --weights-nodata"
                .into()
        }
        ZonesError::WeightBands { path, .. } => {
            format!(
                "extract the band with the amounts and pass it as --weights: gdal_translate -b 1 {} OUT.tif",
                path.display()
            )
        }
        ZonesError::TooManyCodes { .. } => {
            "pass --content values for means instead of classes, or group the codes into fewer classes first".into()
        }
        ZonesError::Temporary(_) => {
            "free space there, or set TMPDIR to a folder with space; larger --table-memory and --zone-memory need fewer files".into()
        }
        ZonesError::ClassStatistics { .. } => {
            "remove these statistics: for classes use majority, minority and variety; if the cells hold values, pass --content values".into()
        }
        ZonesError::LostArea { .. } => {
            "this is a bug in areal: please report it with the zones; until then, dissolve them in another program".into()
        }
        ZonesError::NotFinite { .. } => {
            "of a raster of values, pass the number that stands for no data as --nodata; make a damaged prediction again".into()
        }
        ZonesError::NoWindowCells => "pass --window-cells 1 or more".into(),
        ZonesError::Unreconciled { .. } => "this is a bug in areal: please report it with the inputs".into(),
        _ => String::new(),
    }
}
