use clap::Args;
use serde::{Deserialize, Serialize};

/// How scenes are read; the same flags on every command that reads scenes, and the `[scene]` table of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SceneOptions {
    /// Bands to use, in order, by number (from 1) or description: --bands 4,3,2 or --bands nir,red,green.
    #[arg(long, value_delimiter = ',', value_name = "BAND")]
    pub bands: Vec<String>,
    /// Value that means nodata, where the files do not say so themselves.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    pub nodata: Option<f64>,
    /// Quality band, by number or description; it is read for masking only.
    #[arg(long, value_name = "BAND")]
    pub quality_band: Option<String>,
    /// Values of the quality band that mask a pixel: --quality-values 2,3,4.
    #[arg(long, value_delimiter = ',', requires = "quality_band", value_name = "VALUE")]
    pub quality_values: Vec<i64>,
    /// Bits of the quality band that mask a pixel when set, from 0: --quality-bits 3,4.
    #[arg(long, value_delimiter = ',', requires = "quality_band", value_name = "BIT")]
    pub quality_bits: Vec<u8>,
    /// CRS of the pixel grid that files are warped to, such as EPSG:32648. Without it, all files must agree.
    #[arg(long, value_name = "CRS")]
    pub crs: Option<String>,
    /// Pixel size of the pixel grid, in units of its CRS.
    #[arg(long, value_name = "SIZE")]
    pub resolution: Option<f64>,
    /// Extent of the pixel grid: west,south,east,north in units of its CRS.
    #[arg(long, value_delimiter = ',', num_args = 1, allow_negative_numbers = true, value_name = "BOUND")]
    pub bounds: Vec<f64>,
    /// Resampling when files are warped: nearest, bilinear, cubic, average. Required with --crs or --resolution when
    /// it matters.
    #[arg(long, value_name = "METHOD")]
    pub resampling: Option<String>,
}
