//! How many units are drawn in each stratum.

use areal_estimate::{Anticipated, Census, SampleSize, anticipated_class_fractions, fraction_deviation, plan_units};
use areal_formats::StrataBy;
use areal_grid::Class;

use super::risk::RiskPlan;
use super::settings::{DEFAULT_TARGET_SE, DEFAULT_USERS, SampleSettings};
use crate::{MapFrame, SurveyError};

impl SampleSettings {
    /// What is anticipated of each stratum.
    pub(super) fn anticipated(
        &self,
        frame: &MapFrame,
        census: &Census,
        risk: Option<&RiskPlan>,
    ) -> Result<Vec<Anticipated>, SurveyError> {
        if let Some(risk) = risk {
            return match &self.class {
                Some(class) if self.target_cv.is_some() && self.size.is_none() => {
                    Ok(risk.anticipated_for(class_index(frame.meta.target.classes(), class)?))
                }
                _ => Ok(risk.anticipated()),
            };
        }
        let users = self.users_accuracies(frame.meta.target.classes())?;
        let total: f64 = census.areas().iter().sum();
        let classes = frame.meta.target.classes().len();
        let class_of = |h: usize| match frame.strata_by {
            StrataBy::Classes => Some(h),
            StrataBy::Both => Some(h % classes),
            _ => None,
        };
        let mean_users = users.iter().sum::<f64>() / users.len().max(1) as f64;
        Ok((0..census.areas().len())
            .map(|h| Anticipated {
                weight: if total > 0.0 { census.areas()[h] / total } else { 0.0 },
                population: census.populations()[h],
                deviation: fraction_deviation(class_of(h).map_or(mean_users, |k| users[k])),
            })
            .collect())
    }

    /// Number of units of each stratum.
    pub(super) fn units_by_stratum(
        &self,
        frame: &MapFrame,
        strata: &[Anticipated],
        risk: Option<&RiskPlan>,
    ) -> Result<Vec<u64>, SurveyError> {
        let size = match (self.size, self.target_cv) {
            (Some(n), _) => SampleSize::Units(n),
            (None, Some(wanted)) => SampleSize::Cv { wanted, fractions: self.class_fractions(frame, strata, risk)? },
            (None, None) if frame.is_value() => return Err(SurveyError::NoSize),
            (None, None) => SampleSize::StandardError(self.target_se.unwrap_or(DEFAULT_TARGET_SE)),
        };
        let by = frame.strata_by;
        Ok(plan_units(strata, &size, self.allocation(by), self.min_per_stratum(by))?)
    }

    /// The fraction of each stratum that is anticipated to be of the class of the wanted CV.
    fn class_fractions(
        &self,
        frame: &MapFrame,
        strata: &[Anticipated],
        risk: Option<&RiskPlan>,
    ) -> Result<Vec<f64>, SurveyError> {
        if !matches!(frame.strata_by, StrataBy::Classes | StrataBy::Both | StrataBy::Risk) {
            return Err(SurveyError::CvStrata { strata: frame.strata_by });
        }
        let map_classes = frame.meta.target.classes();
        let class = class_index(map_classes, self.class.as_deref().unwrap_or_default())?;
        if let Some(risk) = risk {
            return Ok(risk.fractions(class));
        }
        let users = &self.users_accuracies(map_classes)?;
        let classes = map_classes.len();
        let mut weights = vec![0.0; classes];
        for (h, stratum) in strata.iter().enumerate() {
            weights[h % classes] += stratum.weight;
        }
        let fractions = anticipated_class_fractions(&weights, users, class);
        Ok((0..strata.len()).map(|h| fractions[h % classes]).collect())
    }

    /// The user's accuracy to be expected of each class.
    pub(super) fn users_accuracies(&self, classes: &[Class]) -> Result<Vec<f64>, SurveyError> {
        Ok(self.given_accuracies(classes)?.into_iter().map(|users| users.unwrap_or(DEFAULT_USERS)).collect())
    }

    /// The user's accuracy that was given for each class.
    pub(super) fn given_accuracies(&self, classes: &[Class]) -> Result<Vec<Option<f64>>, SurveyError> {
        let mut users = vec![None; classes.len()];
        for text in &self.users {
            let fault = || SurveyError::Users { text: text.clone() };
            let (name, fraction) = text.split_once('=').ok_or_else(fault)?;
            let fraction: f64 = fraction.trim().parse().map_err(|_| fault())?;
            if !(0.0..=1.0).contains(&fraction) {
                return Err(fault());
            }
            users[class_index(classes, name.trim())?] = Some(fraction);
        }
        Ok(users)
    }
}

/// Index of a class by name or code.
fn class_index(classes: &[Class], text: &str) -> Result<usize, SurveyError> {
    classes.iter().position(|c| c.name == text || c.code.to_string() == text).ok_or_else(|| {
        let names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
        SurveyError::UnknownClass { text: text.to_owned(), classes: names.join(", ") }
    })
}
