//! Settings of an estimate, with their defaults.

use std::path::PathBuf;

use areal_estimate::{CvLimits, DEFAULT_LEVEL, Estimator, FindingKind, SurveySettings, ZoneMethod};
use areal_formats::{MADE_BY, Provenance};
use areal_raster::{LayerChoice, input_file_with_companions};
use areal_tables::{ClassNaming, Encoding};
use areal_zones::ZoneLayerSettings;
use serde::{Deserialize, Serialize};

use super::quantify::QuantifyMethod;
use crate::SurveyError;
use crate::settings::{as_json, without_empty};

/// How estimates are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EstimateSettings {
    /// Folder of the prediction.
    pub prediction: PathBuf,
    /// Folder of the sample: its design.
    pub design: Option<PathBuf>,
    /// The labelled sample.
    pub sample: Option<PathBuf>,
    /// The units that a second interpreter labelled.
    pub second_look: Option<PathBuf>,
    /// Field that holds the label.
    pub label_field: String,
    /// Layer of the sample and of the second look.
    pub sample_layer: Option<String>,
    /// Encoding of text that is not UTF-8.
    pub encoding: Option<Encoding>,
    /// Whether labels are names or codes; without it, whichever fits all of them.
    pub class_by: Option<ClassNaming>,
    /// Folder to make.
    pub out: PathBuf,
    pub zones: Option<PathBuf>,
    pub zone_layer: Option<String>,
    /// Field that identifies a zone.
    pub zone_id: Option<String>,
    /// Field with a zone's name.
    pub zone_name: Option<String>,
    /// Raster of strata, for a sample with strata by raster.
    pub strata_raster: Option<PathBuf>,
    /// A value that means nodata in it, besides what the file says.
    pub strata_nodata: Option<f64>,
    /// Patch store of the training, to tell apart the accuracy on and off its patches.
    pub store: Option<PathBuf>,
    /// Over the whole map.
    pub estimator: Option<Estimator>,
    pub zone_method: ZoneMethod,
    /// Minimum number of units for a direct estimate in a zone.
    pub min_units: usize,
    /// Maximum CV of a direct estimate in a zone; by default the second of `cv_limits`.
    pub max_cv: Option<f64>,
    /// Rake the zones' class areas to their areas and to the estimates of all zones together.
    pub benchmark: bool,
    /// Level of confidence intervals.
    pub level: f64,
    /// Whether variances have the finite population correction.
    pub finite: bool,
    /// Relative errors (CV, or the longer side of the interval to match) at which the quality flag changes to caution and to unreliable.
    pub cv_limits: [f64; 2],
    /// Leave out direct estimates in zones from fewer units, and others that would disclose them.
    pub suppress_below: usize,
    /// Step to which published numbers are rounded; 0 for not at all.
    pub round: f64,
    /// Flaws to go on with, as warnings.
    pub accept: Vec<FindingKind>,
    /// Without a sample: class areas from the model alone.
    pub quantify: Option<QuantifyMethod>,
    /// Confusion matrix of held-out patches, for the adjusted count.
    pub confusion: Option<PathBuf>,
    /// The time that the estimates refer to, for the quality report.
    pub reference_period: Option<String>,
}

impl Default for EstimateSettings {
    fn default() -> Self {
        let limits = CvLimits::default();
        Self {
            prediction: PathBuf::new(),
            design: None,
            sample: None,
            second_look: None,
            label_field: "label".to_owned(),
            sample_layer: None,
            encoding: None,
            class_by: None,
            out: PathBuf::new(),
            zones: None,
            zone_layer: None,
            zone_id: None,
            zone_name: None,
            strata_raster: None,
            strata_nodata: None,
            store: None,
            estimator: None,
            zone_method: ZoneMethod::Auto,
            min_units: 30,
            max_cv: None,
            benchmark: false,
            level: DEFAULT_LEVEL,
            finite: true,
            cv_limits: [limits.good, limits.caution],
            suppress_below: 0,
            round: 0.0,
            accept: Vec::new(),
            quantify: None,
            confusion: None,
            reference_period: None,
        }
    }
}

impl EstimateSettings {
    /// How the zones are read.
    pub fn zone_settings(&self) -> ZoneLayerSettings {
        ZoneLayerSettings {
            layer: self.zone_layer.clone(),
            encoding: self.encoding,
            id_field: self.zone_id.clone(),
            name_field: self.zone_name.clone(),
            ..ZoneLayerSettings::default()
        }
    }

    /// Files and folders that are read.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let optional = [
            &self.design,
            &self.sample,
            &self.second_look,
            &self.zones,
            &self.strata_raster,
            &self.store,
            &self.confusion,
        ];
        let all = std::iter::once(&self.prediction).chain(optional.into_iter().flatten());
        all.filter(|p| !p.as_os_str().is_empty()).cloned().collect()
    }

    /// How the files of labels are read.
    pub(crate) fn sample_choice(&self) -> LayerChoice {
        LayerChoice { layer: self.sample_layer.clone(), encoding: self.encoding }
    }

    /// The settings as the estimators take them.
    pub(crate) fn statistics(&self) -> Result<SurveySettings, SurveyError> {
        let [good, caution] = self.cv_limits;
        let limits = CvLimits::new(good, caution)?;
        Ok(SurveySettings {
            estimator: self.estimator.unwrap_or(Estimator::Stratified),
            level: self.level,
            finite: self.finite,
            zones: areal_estimate::ZoneEstimateSettings {
                method: self.zone_method,
                min_units: self.min_units,
                max_cv: self.max_cv.unwrap_or(limits.caution),
                draws: areal_estimate::ZONE_DRAWS,
                level: self.level,
            },
            limits,
            draws: areal_estimate::POSTERIOR_DRAWS,
            benchmark: self.benchmark,
        })
    }

    /// How the estimates were made: the settings as used, without what does not apply.
    pub(crate) fn provenance(&self) -> Result<Provenance, SurveyError> {
        let used = Self { max_cv: Some(self.max_cv.unwrap_or(self.cv_limits[1])), ..self.clone() };
        let mut settings = without_empty(as_json(&used));
        let of_zones = ["zone-method", "min-units", "max-cv", "benchmark"];
        let of_sample = ["label-field", "estimator", "level", "finite"];
        if let Some(settings) = settings.as_object_mut() {
            settings.retain(|key, _| {
                let key = key.as_str();
                (self.zones.is_some() || !of_zones.contains(&key))
                    && (self.quantify.is_none() || !of_sample.contains(&key))
            });
        }
        Ok(Provenance {
            made_by: MADE_BY.to_owned(),
            command: "estimate".to_owned(),
            inputs: self.inputs().iter().map(|p| input_file_with_companions(p)).collect::<Result<_, _>>()?,
            settings,
            seed: None,
        })
    }
}
