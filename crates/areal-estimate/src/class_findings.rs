//! What the reader of a survey of classes should know.

use crate::accuracy::Accuracy;
use crate::class_survey::{AREA_UNIT, ClassData, MapClass};
use crate::clustering::{GroupFraction, clustered, thin_strata};
use crate::counted::counted;
use crate::error::EstimateError;
use crate::estimator::Estimator;
use crate::finding::{Finding, FindingKind};
use crate::interval::IntervalMethod;
use crate::publication::significant;
use crate::rows::EstimateRow;

impl ClassData<'_> {
    pub(crate) fn findings(&self, accuracy: &Accuracy, whole: &[EstimateRow]) -> Result<Vec<Finding>, EstimateError> {
        let mut findings = Vec::new();
        for (c, class) in self.survey.classes.iter().enumerate() {
            if class.area > 0.0 && accuracy.counts[c].iter().sum::<u64>() == 0 {
                findings.push(Finding::warning(
                    FindingKind::UnseenClass,
                    format!("map class {} has no sample unit, so its user's accuracy is unknown", class.name),
                ));
            }
        }
        if self.survey.sample.designed {
            findings.extend(rarely_missed(accuracy, whole));
            findings.extend(thin_strata(&self.sample));
        }
        findings.extend(clustered("classes", &self.class_groups()?));
        findings.extend(clustered("zones", &self.zone_groups()?));
        if self.survey.sample.designed {
            findings.extend(small_samples(whole));
        }
        Ok(findings)
    }

    /// Classes that the estimator makes worse than the strata alone.
    pub(crate) fn less_precise(&self, whole: &[EstimateRow], gains: &[f64]) -> Option<Finding> {
        worse_than_strata(self.settings.estimator, whole, gains).filter(|_| self.survey.sample.designed)
    }

    fn class_groups(&self) -> Result<Vec<GroupFraction>, EstimateError> {
        let each = |(c, class): (usize, &MapClass)| {
            let inside: Vec<f64> = self.map.iter().map(|&m| f64::from(m == c)).collect();
            GroupFraction::new(&self.sample, self.survey.sample.designed, &class.name, self.fractions[c], &inside)
        };
        self.survey.classes.iter().enumerate().map(each).collect()
    }

    fn zone_groups(&self) -> Result<Vec<GroupFraction>, EstimateError> {
        let membership: Vec<_> = self.survey.sample.units.iter().map(|u| u.zones.clone()).collect();
        let total: f64 = self.survey.classes.iter().map(|c| c.area).sum();
        let zones = self.survey.zones.iter().map(|z| (z.id.as_str(), z.mapped.iter().sum()));
        GroupFraction::of_zones(&self.sample, self.survey.sample.designed, zones, &membership, total)
    }
}

/// Classes with fewer than five omissions in the sample, units of the class where the map shows another: each such unit represents much
/// of another class's area, and where there is none the class may have been missed all the same. `whole` has a row for each class.
fn rarely_missed(accuracy: &Accuracy, whole: &[EstimateRow]) -> Vec<Finding> {
    let (mut none, mut few) = (Vec::new(), Vec::new());
    for (c, row) in whole.iter().enumerate() {
        let elsewhere = || accuracy.counts.iter().enumerate().filter(|(i, _)| *i != c).map(|(_, counts)| counts);
        let found: u64 = elsewhere().map(|counts| counts[c]).sum();
        let units: u64 = elsewhere().flatten().sum();
        let (Some(high), Some(estimate)) = (row.high, row.estimate) else { continue };
        // Where all is drawn nothing was missed.
        if found >= 5 || units == 0 || high - estimate <= 1e-9 * high {
            continue;
        }
        let more = significant(high - estimate, 2);
        let (name, among) = (&row.class_name, counted(units, "unit"));
        match found {
            0 => none.push(format!(
                "{name} (among {among} mapped as other classes; up to {more} {AREA_UNIT} may have been missed)"
            )),
            _ => few.push(format!("{name} ({found} of {among}; up to {more} {AREA_UNIT} more than estimated)")),
        }
    }
    let warning = |message: String| Finding::warning(FindingKind::SmallSample, message);
    let none = (!none.is_empty()).then(|| warning(format!("no omission was found of {}", none.join(", "))));
    let few = (!few.is_empty()).then(|| {
        warning(format!(
            "fewer than five omission errors (units of a class that the map shows as another) were sampled for {}: the standard errors of \
             these classes are uncertain. Label more units where they are missed",
            few.join(", ")
        ))
    });
    none.into_iter().chain(few).collect()
}

/// Numbers whose standard error is larger than that of the strata alone. `gains` holds the squared ratio of the latter to the former.
pub(crate) fn worse_than_strata(estimator: Estimator, rows: &[EstimateRow], gains: &[f64]) -> Option<Finding> {
    let each = |(row, gain): (&EstimateRow, &f64)| {
        let error = row.standard_error?;
        let (own, alone) = (significant(error, 3), significant(error * gain.sqrt(), 3));
        let unit = if row.unit.is_empty() { String::new() } else { format!(" {}", row.unit) };
        (own > alone).then(|| format!("{} {own} against {alone}{unit}", row.class_name))
    };
    let worse: Vec<String> = rows.iter().zip(gains).filter_map(each).collect();
    (!worse.is_empty()).then(|| {
        Finding::warning(
            FindingKind::LessPrecise,
            format!(
                "the {estimator} estimator has a larger standard error than the {} one, which is to be preferred ({})",
                Estimator::Stratified,
                worse.join(", ")
            ),
        )
    })
}

/// Classes with too few units for the interval of the other classes.
fn small_samples(rows: &[EstimateRow]) -> Option<Finding> {
    let wilson = IntervalMethod::Wilson.to_string();
    let names: Vec<&str> = rows.iter().filter(|r| r.interval == wilson).map(|r| r.class_name.as_str()).collect();
    (!names.is_empty()).then(|| {
        Finding::warning(
            FindingKind::SmallSample,
            format!(
                "too few sample units of {}: a normal interval would be too short, so Wilson's interval is given",
                names.join(", ")
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publication::Grading;
    use crate::rows::Subject;
    use crate::{CvLimits, Estimate, Population, normal_interval};

    /// "wealth 0.683 against 0.14 )": a value may have no unit.
    #[test]
    fn a_number_without_a_unit_has_no_space_after_it() {
        let said = |unit: &str| {
            let subject = Subject {
                population: Population::Map,
                zone_id: "",
                zone_name: "",
                measure: "mean",
                class_code: None,
                class_name: "wealth",
                unit,
                mapped: 50.0,
                cells: 1e4,
            };
            let grading = Grading { limits: CvLimits::default(), level: 0.95 };
            let interval = normal_interval(50.0, 0.5, 0.95);
            let row = EstimateRow::new(&subject, &Estimate::plain(50.0, 0.25, 30), interval, "difference", &grading);
            worse_than_strata(Estimator::Difference, &[row], &[0.25]).unwrap().message
        };
        // The gain is the squared ratio: .5 sqrt .25 = .25.
        assert!(said("").contains("preferred (wealth 0.5 against 0.25)"), "{}", said(""));
        assert!(said("t").contains("preferred (wealth 0.5 against 0.25 t)"), "{}", said("t"));
    }
}
