//! Options of how scenes are read, shared by every command that reads them.

use std::path::PathBuf;

use areal_formats::{BandRef, Quality, Resampling, SceneSettings, counted};
use areal_raster::Scene;
use clap::Args;
use serde::{Deserialize, Deserializer, Serialize};

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
    /// Factor from stored values to the values used: one number for all bands, or one for each, in the order in which they are
    /// read. Value used = stored value x scale + offset, in floating point. The scale and offset that the file itself gives are then
    /// neither applied nor compared with those of a model. --nodata stays in stored values.
    #[arg(long, value_delimiter = ',', num_args = 1, allow_hyphen_values = true, value_name = "NUMBER")]
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub band_scale: Vec<f64>,
    /// Added to stored value x scale: one number for all bands, or one for each. --band-offset=-1000 brings Sentinel-2 scenes since
    /// processing baseline 04.00 to the values of earlier ones.
    #[arg(long, value_delimiter = ',', num_args = 1, allow_hyphen_values = true, value_name = "NUMBER")]
    #[serde(deserialize_with = "one_or_many", skip_serializing_if = "Vec::is_empty")]
    pub band_offset: Vec<f64>,
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
            band_scale: self.band_scale.clone(),
            band_offset: self.band_offset.clone(),
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

/// Share of a file above which it is worth a warning that another one lies over it.
const HIDDEN: f64 = 0.5;

/// Says which files of a scene are hidden by others, as the dates of one place are.
pub fn warn_of_hidden(scene: &Scene) {
    let hidden: Vec<_> = scene.overlaps().into_iter().filter(|(.., share)| *share > HIDDEN).collect();
    let Some((first, later, share)) = hidden.first() else { return };
    let more = if hidden.len() > 1 {
        let verb = if hidden.len() == 2 { "overlaps" } else { "overlap" };
        format!(", and {} of files {verb} so", counted(hidden.len() - 1, "other pair"))
    } else {
        String::new()
    };
    tracing::warn!(
        "{} covers {:.0} % of {}{more}: in one scene the first observed pixel is used, and the other file fills gaps only. If these are \
         two dates, they are two scenes: give each its own name (`areal tile --scene NAME=FILE`, or [scenes] in a recipe), and predict \
         them one by one",
        first.display(),
        100.0 * share,
        later.display()
    );
}

/// A number, or a list of them.
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number, or a list of numbers: one for each band")]
    enum Numbers {
        One(f64),
        Many(Vec<f64>),
    }
    Ok(match Numbers::deserialize(deserializer)? {
        Numbers::One(number) => vec![number],
        Numbers::Many(numbers) => numbers,
    })
}
