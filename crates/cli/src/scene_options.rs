//! Options of how scenes are read, shared by every command that reads them.

use areal_formats::{BandRef, Quality, Resampling, SceneSettings};
use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::errors::{CliError, Exit};
use crate::options::name_of;

/// How scenes are read; the same flags on every command that reads scenes, and the `[scene]` table of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SceneOptions {
    /// Bands to use, in order, by number (from 1) or description: --bands 4,3,2 or --bands nir,red,green.
    #[arg(long, value_delimiter = ',', value_name = "BAND")]
    pub bands: Vec<BandRef>,
    /// Value that means nodata, in addition to the nodata values of the files.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER")]
    pub nodata: Option<f64>,
    /// Quality band, by number or description. It is used only for masking.
    #[arg(long, value_name = "BAND")]
    pub quality_band: Option<BandRef>,
    /// Values of the quality band that mask a pixel: --quality-values 2,3,4.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, requires = "quality_band", value_name = "VALUE")]
    pub quality_values: Vec<i64>,
    /// Bits of the quality band that mask a pixel when set, from 0: --quality-bits 3,4.
    #[arg(long, value_delimiter = ',', requires = "quality_band", value_name = "BIT")]
    pub quality_bits: Vec<u8>,
    /// CRS of the pixel grid that files are warped to, such as EPSG:32648. Without it, all files must have the same
    /// CRS.
    #[arg(long, value_name = "CRS")]
    pub crs: Option<String>,
    /// Pixel size of the pixel grid, in units of its CRS.
    #[arg(long, value_name = "SIZE")]
    pub resolution: Option<f64>,
    /// Extent of the pixel grid: west,south,east,north in units of its CRS.
    #[arg(long, value_delimiter = ',', num_args = 1, allow_hyphen_values = true, value_name = "BOUND")]
    pub bounds: Vec<f64>,
    /// Resampling method for files on another grid: nearest, bilinear, cubic, average. Without it, no file is warped.
    #[arg(long, value_name = "METHOD", value_parser = name_of::<Resampling>())]
    pub resampling: Option<Resampling>,
}

impl SceneOptions {
    /// The scene of these files, read with these options.
    pub fn settings(&self, name: &str, files: Vec<PathBuf>) -> Result<SceneSettings, CliError> {
        let bounds = match self.bounds[..] {
            [] => None,
            [west, south, east, north] => Some([west, south, east, north]),
            _ => {
                let message = format!("--bounds has {} numbers; four are needed", self.bounds.len());
                return Err(CliError::new(Exit::Usage, message)
                    .help("give --bounds west,south,east,north in units of the grid's CRS"));
            }
        };
        Ok(SceneSettings {
            name: name.to_owned(),
            files,
            bands: self.bands.clone(),
            nodata: self.nodata,
            quality: self.quality_band.clone().map(|band| Quality {
                band,
                values: self.quality_values.clone(),
                bits: self.quality_bits.clone(),
            }),
            crs: self.crs.clone(),
            resolution: self.resolution,
            bounds,
            resampling: self.resampling,
        })
    }
}
