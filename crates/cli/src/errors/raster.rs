//! Advice for errors of rasters and vector layers.

use areal_grid::PixelType;
use areal_raster::{RasterError, SceneMismatch, WarpSetting};

use areal_tables::TableError;

use super::tables::table;
use super::{CliError, Exit};

impl From<RasterError> for CliError {
    fn from(error: RasterError) -> Self {
        let exit = match error {
            RasterError::File(inner) | RasterError::Table(TableError::File(inner)) => return inner.into(),
            RasterError::Interrupted(inner) => return inner.into(),
            RasterError::Write { .. } => Exit::Output,
            RasterError::NoFiles { .. }
            | RasterError::FileTwice { .. }
            | RasterError::CrsText { .. }
            | RasterError::Quality { .. }
            | RasterError::Conversion(_)
            | RasterError::WarpSetting { .. }
            | RasterError::CategoricalResampling { .. }
            | RasterError::Grid { .. } => Exit::Usage,
            _ => Exit::Input,
        };
        Self::from_source(exit, &error).help(raster_help(&error))
    }
}

/// What to do about it.
pub fn raster_help(error: &RasterError) -> String {
    match error {
        RasterError::Open { .. } => {
            "check the path, whether the file should be a raster or a vector layer, and that `gdalinfo` or `ogrinfo` \
             opens it"
                .into()
        }
        RasterError::Table(inner) => table(inner).into(),
        RasterError::NotOnDisk { .. } => "areal reads files, rasters inside files (NETCDF:\"x.nc\":v) and archives \
             (/vsizip/x.zip/a.tif); copy other data to a local file first, with gdal_translate or ogr2ogr"
            .into(),
        RasterError::VrtSource { .. } => "copy the source to a local file first, with gdal_translate or ogr2ogr".into(),
        RasterError::NoBands { .. } => "give a raster file; `gdalinfo` lists what is inside".into(),
        RasterError::Read { .. } => {
            "the file is damaged or truncated: compare its size with the original, then copy or make it again".into()
        }
        RasterError::UnsupportedType { .. } => "convert it first: gdal_translate -ot Float32 IN OUT".into(),
        RasterError::NoFiles { .. } => "give at least one raster file".into(),
        RasterError::NoCrs { path } => format!(
            "if you know its CRS, write it into a copy: gdal_translate -a_srs EPSG:32648 {} OUT.tif; if it has no \
             position either, add -a_ullr WEST NORTH EAST SOUTH",
            path.display()
        ),
        RasterError::NoPosition { path } => format!(
            "if you know its extent, write it into a copy: gdal_translate -a_ullr WEST NORTH EAST SOUTH {} OUT.tif",
            path.display()
        ),
        RasterError::Gcps { .. } | RasterError::NotNorthUp { .. } | RasterError::NeedsWarp { .. } => placement(error),
        RasterError::UnsupportedCrs { .. } | RasterError::CrsText { .. } => {
            "use a projected or geographic CRS, such as EPSG:32648".into()
        }
        RasterError::NoSuchBand { .. } => "choose bands of the file with --bands, by number or description".into(),
        RasterError::AmbiguousBand { .. } => "choose the band by number".into(),
        RasterError::MixedTypes { .. } => "choose bands of one type with --bands".into(),
        RasterError::Conversion(_) => {
            "give --band-scale and --band-offset one number for all bands, or one for each band that is read (--bands)".into()
        }
        RasterError::Quality { .. } => {
            "pass --quality-values or --quality-bits that the type of the band can hold".into()
        }
        RasterError::Mismatch { what, first_value, .. } => mismatch(*what, first_value),
        RasterError::FileTwice { .. } => "give each file of a scene once".into(),
        RasterError::WarpSetting { missing, suggestion, .. } => warp_setting(*missing, suggestion.as_deref()),
        RasterError::CategoricalResampling { .. } => "use --resampling nearest for categories".into(),
        RasterError::Grid { .. } => "check --crs, --resolution and --bounds; they are in units of --crs".into(),
        RasterError::Projection { .. } | RasterError::NoTransformation { .. } => {
            "choose a CRS that covers this area with --crs, or reduce the extent with --bounds".into()
        }
        RasterError::Write { .. } => "check the free disk space and your write permission".into(),
        RasterError::Layer { .. } => {
            "give the name of one of its layers: --zone-layer for zones, --label-layer for labels, --sample-layer for a sample"
                .into()
        }
        RasterError::Text { .. } => {
            "name the encoding of its text with --encoding, such as --encoding windows-1252 (Western Europe)".into()
        }
        RasterError::Feature { .. } => "repair the layer, for example with ogr2ogr -makevalid".into(),
        RasterError::Prediction { .. } => "make it again with `areal predict`".into(),
        RasterError::File(_) | RasterError::Interrupted(_) => String::new(),
    }
}

/// What to do about a raster that does not lie on a pixel grid.
fn placement(error: &RasterError) -> String {
    match error {
        RasterError::Gcps { path, has_crs: false, .. } | RasterError::NotNorthUp { path, has_crs: false, .. } => {
            format!(
                "it has no CRS either: write the right one into a copy, gdal_translate -a_srs EPSG:32648 {} OUT.tif, \
             then pass --crs, --resolution and --resampling to warp the copy as it is read",
                path.display()
            )
        }
        RasterError::Gcps { .. } | RasterError::NotNorthUp { .. } => {
            "pass --crs, --resolution and --resampling to warp it as it is read, or warp it once with gdalwarp".into()
        }
        RasterError::NeedsWarp { path, has_crs, .. } => {
            let source = if *has_crs { "" } else { "-s_srs EPSG:32648 " };
            format!("warp it once: gdalwarp {source}-t_srs EPSG:32648 -r near {} OUT.tif", path.display())
        }
        _ => String::new(),
    }
}

/// The command that makes files of another pixel type.
pub fn convert_to(pixel_type: PixelType) -> String {
    let name = match pixel_type {
        PixelType::U8 => "Byte",
        // GDAL has had a name for it since 3.7 only.
        PixelType::I8 => return "gdal_translate -ot Int8 IN OUT (GDAL 3.7 or later)".to_owned(),
        PixelType::U16 => "UInt16",
        PixelType::I16 => "Int16",
        PixelType::U32 => "UInt32",
        PixelType::I32 => "Int32",
        PixelType::F32 => "Float32",
        PixelType::F64 => "Float64",
    };
    format!("gdal_translate -ot {name} IN OUT")
}

fn mismatch(what: SceneMismatch, first_value: &str) -> String {
    let help = match what {
        SceneMismatch::Crs => {
            "pass --crs, --resolution and --resampling to warp the files to one grid as they are read"
        }
        SceneMismatch::Resolution | SceneMismatch::Alignment => {
            "pass --resolution and --resampling to warp the files to one grid as they are read"
        }
        SceneMismatch::BandCount => "choose the same bands of each file with --bands",
        SceneMismatch::BandNames => "choose bands by description with --bands, or by number if the bands match",
        SceneMismatch::PixelType => return same_type(first_value),
        SceneMismatch::Scaling => {
            "unscale the files to physical values first: gdal_translate -unscale -ot Float32 IN OUT"
        }
    };
    help.to_owned()
}

/// How files of several types come to be of one; `first` is the name of the first one's.
pub fn same_type(first: &str) -> String {
    let convert = PixelType::ALL.into_iter().find(|t| t.name() == first).map_or(String::new(), convert_to);
    format!("choose bands of one type with --bands, or convert all files to the type of the first: {convert}")
}

fn warp_setting(missing: WarpSetting, suggestion: Option<&str>) -> String {
    let hint = suggestion.map_or(String::new(), |s| format!("; {s} would fit this file"));
    match missing {
        WarpSetting::Crs => format!("pass --crs{hint}"),
        WarpSetting::Resolution => format!("pass --resolution, in units of the grid's CRS{hint}"),
        WarpSetting::Resampling => {
            "pass --resampling: nearest for categories, bilinear or cubic for images, average for much larger pixels"
                .into()
        }
    }
}
