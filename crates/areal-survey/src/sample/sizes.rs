//! How many units are drawn in each stratum.

use areal_estimate::{Anticipated, Census, SampleSize, anticipated_class_fractions, fraction_deviation, plan_units};
use areal_formats::StrataBy;
use areal_grid::Class;
use areal_tables::{ClassKeys, ClassLabels, LabelFault};

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
                    Ok(risk.anticipated_for(self.class_places("class", frame.meta.target.classes(), &[class])?[0]))
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

    /// How the allocation would split as many units without a minimum number in each stratum.
    pub(super) fn allocated(
        &self,
        frame: &MapFrame,
        strata: &[Anticipated],
        numbers: &[u64],
    ) -> Result<Vec<u64>, SurveyError> {
        let all = SampleSize::Units(numbers.iter().sum());
        Ok(plan_units(strata, &all, self.allocation(frame.strata_by), 0)?)
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
        let class = self.class.as_deref().ok_or(SurveyError::NoTargetClass)?;
        let class = self.class_places("class", map_classes, &[class])?[0];
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
        let parse = |text: &String| {
            let fault = || SurveyError::Users { text: text.clone() };
            let (name, fraction) = text.split_once('=').ok_or_else(fault)?;
            let fraction = fraction.trim().parse().ok().filter(|f| (0.0..=1.0).contains(f)).ok_or_else(fault)?;
            Ok((name.to_owned(), fraction))
        };
        let given: Vec<(String, f64)> = self.users.iter().map(parse).collect::<Result<_, SurveyError>>()?;
        let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
        let mut users = vec![None; classes.len()];
        for (place, (_, fraction)) in self.class_places("users", classes, &names)?.into_iter().zip(&given) {
            users[place] = Some(*fraction);
        }
        Ok(users)
    }

    /// The places of classes that the setting of this key names.
    fn class_places(
        &self,
        setting: &'static str,
        classes: &[Class],
        labels: &[&str],
    ) -> Result<Vec<usize>, SurveyError> {
        let unknown = |text: &str| {
            let names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
            SurveyError::UnknownClass { text: text.to_owned(), classes: names.join(", ") }
        };
        let read = ClassLabels::read(&ClassKeys::from(classes), labels.iter().copied(), self.class_by);
        let read = read.map_err(|fault| match fault {
            LabelFault::Unknown { labels } if !labels.is_empty() => unknown(&labels[0].0),
            fault => SurveyError::ClassReading { setting, fault },
        })?;
        let place = |label: &&str| read.place(label).ok_or_else(|| unknown(label));
        labels.iter().map(place).collect()
    }
}
