use areal_raster::{Difference, RasterError, WarpSetting};

use super::{CliError, Exit};

impl From<RasterError> for CliError {
    fn from(error: RasterError) -> Self {
        let exit = match error {
            RasterError::File(inner) => return inner.into(),
            RasterError::Interrupted(inner) => return inner.into(),
            RasterError::Write { .. } => Exit::Output,
            RasterError::NoFiles { .. }
            | RasterError::CrsText { .. }
            | RasterError::Quality { .. }
            | RasterError::WarpSetting { .. }
            | RasterError::CategoricalResampling { .. }
            | RasterError::Grid { .. } => Exit::Usage,
            _ => Exit::Input,
        };
        Self::from_source(exit, &error).help(help(&error))
    }
}

/// What to do about it.
fn help(error: &RasterError) -> String {
    match error {
        RasterError::Open { .. } => {
            "check the path, that the file is a raster where one is wanted (or a vector layer), and that `gdalinfo` or \
             `ogrinfo` opens it"
                .into()
        }
        RasterError::NotOnDisk { .. } => "areal reads files, rasters inside files (NETCDF:\"x.nc\":v) and archives \
             (/vsizip/x.zip/a.tif); copy anything else here first, with gdal_translate or ogr2ogr"
            .into(),
        RasterError::NoBands { .. } => "give a raster file; `gdalinfo` lists what is inside".into(),
        RasterError::Read { .. } => {
            "the file is damaged or cut off: fetch or make it again; its size should be that of the original".into()
        }
        RasterError::UnsupportedType { .. } => "convert it first: gdal_translate -ot Float32 IN OUT".into(),
        RasterError::NoFiles { .. } => "name at least one raster file".into(),
        RasterError::NoCrs { path } => format!(
            "if you know its CRS and extent, write them into a copy: \
             gdal_translate -a_srs EPSG:32648 -a_ullr WEST NORTH EAST SOUTH {} OUT.tif",
            path.display()
        ),
        RasterError::NoPosition { path } => format!(
            "if you know its extent, write it into a copy: gdal_translate -a_ullr WEST NORTH EAST SOUTH {} OUT.tif",
            path.display()
        ),
        RasterError::Gcps { .. } | RasterError::NotNorthUp { .. } => {
            "pass --crs, --resolution and --resampling to warp it as it is read, or warp it once with gdalwarp".into()
        }
        RasterError::UnsupportedCrs { .. } | RasterError::CrsText { .. } => {
            "give a projected or geographic CRS, such as EPSG:32648".into()
        }
        RasterError::NoSuchBand { .. } => "choose among its bands with --bands, by number or description".into(),
        RasterError::AmbiguousBand { .. } => "choose the band by number".into(),
        RasterError::MixedTypes { .. } => "choose bands of one type with --bands".into(),
        RasterError::Quality { .. } => "give --quality-values or --quality-bits that the band can have".into(),
        RasterError::Mismatch { what, .. } => mismatch(*what).into(),
        RasterError::WarpSetting { missing, suggestion, .. } => warp_setting(*missing, suggestion.as_deref()),
        RasterError::CategoricalResampling { .. } => "use --resampling nearest for categories".into(),
        RasterError::Grid { .. } => "check --crs, --resolution and --bounds; they are in units of --crs".into(),
        RasterError::Projection { .. } | RasterError::NoTransformation { .. } => {
            "choose a CRS made for this part of the world with --crs, or cut the extent with --bounds".into()
        }
        RasterError::Write { .. } => "check that the disk has room and that you may write there".into(),
        RasterError::Layer { .. } => "name one of its layers".into(),
        RasterError::Feature { .. } => "repair the layer, with ogr2ogr -makevalid for example".into(),
        RasterError::Prediction { .. } => "make it again with `areal predict`".into(),
        RasterError::File(_) | RasterError::Interrupted(_) => String::new(),
    }
}

fn mismatch(what: Difference) -> &'static str {
    match what {
        Difference::Crs => {
            "pass --crs, --resolution and --resampling: the files are warped to that grid as they are read"
        }
        Difference::Resolution | Difference::Alignment => {
            "pass --resolution and --resampling: the files are warped to that grid as they are read"
        }
        Difference::BandCount => "choose the same bands of each file with --bands",
        Difference::BandNames => "choose bands by description with --bands, or by number if they do belong together",
        Difference::PixelType => {
            "choose bands of one type with --bands, or convert files: gdal_translate -ot UInt16 IN OUT"
        }
        Difference::Scaling => "unscale the files to physical values first: gdal_translate -unscale -ot Float32 IN OUT",
    }
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
