//! Settings of a sample, with their defaults.

use std::path::PathBuf;

use areal_estimate::{Allocation, Draw};
use areal_formats::{MADE_BY, Provenance, StrataBy};
use areal_raster::input_file_with_companions;
use areal_tables::{ClassNaming, Encoding};
use areal_zones::ZoneLayerSettings;
use serde::{Deserialize, Serialize};

use crate::SurveyError;
use crate::settings::{as_json, without_empty};

/// How a sample is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SampleSettings {
    /// Folder of the prediction.
    pub prediction: PathBuf,
    /// Folder to make.
    pub out: PathBuf,
    /// By default risk; the whole map for a value.
    pub strata: Option<StrataBy>,
    /// Raster of strata on the map's grid, for strata by raster.
    pub strata_raster: Option<PathBuf>,
    /// A value that means nodata in it, besides what the file says.
    pub strata_nodata: Option<f64>,
    /// File of zones, for strata by zones.
    pub zones: Option<PathBuf>,
    pub zone_layer: Option<String>,
    /// Encoding of text that is not UTF-8.
    pub encoding: Option<Encoding>,
    /// Field that identifies a zone.
    pub zone_id: Option<String>,
    /// Number of units; by default it follows from `target_cv` or `target_se`.
    pub size: Option<u64>,
    /// Wanted standard error of overall accuracy; [`DEFAULT_TARGET_SE`] where neither `size` nor `target_cv` is given.
    pub target_se: Option<f64>,
    /// Wanted coefficient of variation of the area of `class`.
    pub target_cv: Option<f64>,
    /// Name or code of the class of `target_cv`.
    pub class: Option<String>,
    /// Whether classes are given by name or by code; without it, whichever fits all of them.
    pub class_by: Option<ClassNaming>,
    /// User's accuracies to be expected, `CLASS=FRACTION`; for the others what the map expects with strata of risk, else [`DEFAULT_USERS`].
    pub users: Vec<String>,
    /// By default Neyman's for strata of risk, else proportional.
    pub allocation: Option<Allocation>,
    /// Minimum number of units in a stratum; by default [`MIN_PER_CLASS`] for strata of classes, [`MIN_PER_RISK`] for strata of risk, else
    /// [`MIN_PER_STRATUM`].
    pub min_per_stratum: Option<u64>,
    pub draw: Draw,
    /// Fraction of the units to be labelled by a second interpreter.
    pub second_look: f64,
    /// Whether the interpreter's files show the map's class.
    pub show_map: bool,
    pub seed: u64,
}

/// Wanted standard error of overall accuracy where nothing decides the sample size.
pub const DEFAULT_TARGET_SE: f64 = 0.01;
/// User's accuracy to be expected of a class.
pub const DEFAULT_USERS: f64 = 0.8;
/// Minimum number of units in a stratum of a map class.
pub const MIN_PER_CLASS: u64 = 50;

/// Strata of a map of classes where none are given.
pub const STRATA_OF_CLASSES: StrataBy = StrataBy::Risk;

/// Strata of a map of values where none are given.
pub const STRATA_OF_VALUES: StrataBy = StrataBy::Whole;

/// Allocation to strata of risk where none is given.
pub const ALLOCATION_TO_RISK: Allocation = Allocation::Neyman;

/// Allocation to other strata where none is given.
pub const OTHER_ALLOCATION: Allocation = Allocation::Proportional;
/// Minimum number of units in a stratum of risk: below it a variance of its own is unreliable.
pub const MIN_PER_RISK: u64 = areal_estimate::MIN_UNITS_IN_STRATUM as u64;
/// Minimum number of units in any other stratum: a variance needs two.
pub const MIN_PER_STRATUM: u64 = 2;

impl Default for SampleSettings {
    fn default() -> Self {
        Self {
            prediction: PathBuf::new(),
            out: PathBuf::new(),
            strata: None,
            strata_raster: None,
            strata_nodata: None,
            zones: None,
            zone_layer: None,
            encoding: None,
            zone_id: None,
            size: None,
            target_se: None,
            target_cv: None,
            class: None,
            class_by: None,
            users: Vec::new(),
            allocation: None,
            min_per_stratum: None,
            draw: Draw::Balanced,
            second_look: 0.1,
            show_map: false,
            seed: 0,
        }
    }
}

impl SampleSettings {
    /// Files and folders that are read.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let all = [Some(&self.prediction), self.zones.as_ref(), self.strata_raster.as_ref()];
        all.into_iter().flatten().filter(|p| !p.as_os_str().is_empty()).cloned().collect()
    }

    /// How the zones are read.
    pub fn zone_settings(&self) -> ZoneLayerSettings {
        ZoneLayerSettings {
            layer: self.zone_layer.clone(),
            encoding: self.encoding,
            id_field: self.zone_id.clone(),
            ..ZoneLayerSettings::default()
        }
    }

    pub(crate) fn min_per_stratum(&self, strata: StrataBy) -> u64 {
        self.min_per_stratum.unwrap_or(match strata {
            StrataBy::Classes => MIN_PER_CLASS,
            StrataBy::Risk => MIN_PER_RISK,
            _ => MIN_PER_STRATUM,
        })
    }

    pub(crate) fn allocation(&self, strata: StrataBy) -> Allocation {
        self.allocation.unwrap_or(if strata == StrataBy::Risk { ALLOCATION_TO_RISK } else { OTHER_ALLOCATION })
    }

    /// How the sample was made: the settings as used for these strata, without what does not apply. `expected` holds the
    /// expected user's accuracies in full.
    pub(crate) fn provenance(&self, strata: StrataBy, expected: Vec<String>) -> Result<Provenance, SurveyError> {
        let by_error = self.size.is_none() && self.target_cv.is_none();
        let allocation = self.allocation(strata);
        let anticipates = self.size.is_none() || allocation == Allocation::Neyman;
        let used = Self {
            strata: Some(strata),
            target_se: by_error.then(|| self.target_se.unwrap_or(DEFAULT_TARGET_SE)),
            users: if anticipates { expected } else { self.users.clone() },
            allocation: Some(allocation),
            min_per_stratum: Some(self.min_per_stratum(strata)),
            ..self.clone()
        };
        Ok(Provenance {
            made_by: MADE_BY.to_owned(),
            command: "sample".to_owned(),
            inputs: self.inputs().iter().map(|p| input_file_with_companions(p)).collect::<Result<_, _>>()?,
            settings: without_empty(as_json(&used)),
            seed: Some(self.seed),
        })
    }
}
