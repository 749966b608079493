//! What the reader of a survey of classes should know.

use crate::accuracy::Accuracy;
use crate::class_survey::{ClassData, MapClass};
use crate::clustering::{GroupFraction, clustered, thin_strata};
use crate::error::EstimateError;
use crate::finding::{Finding, FindingKind};
use crate::interval::IntervalMethod;
use crate::rows::EstimateRow;

impl ClassData<'_> {
    pub(crate) fn findings(&self, accuracy: &Accuracy, whole: &[EstimateRow]) -> Result<Vec<Finding>, EstimateError> {
        let mut findings = Vec::new();
        for (c, class) in self.survey.classes.iter().enumerate() {
            if class.area > 0.0 && accuracy.counts[c].iter().sum::<u64>() == 0 {
                findings.push(Finding::warning(
                    FindingKind::UnseenClass,
                    format!("no unit lies on map class {}: its user's accuracy is unknown", class.name),
                ));
            }
        }
        if self.survey.sample.designed {
            findings.extend(self.rarely_missed(accuracy));
            findings.extend(thin_strata(&self.sample));
        }
        findings.extend(clustered("classes", &self.class_groups()?));
        findings.extend(clustered("zones", &self.zone_groups()?));
        if self.survey.sample.designed {
            findings.extend(small_samples(whole));
        }
        Ok(findings)
    }

    /// Classes with one to four units outside the area mapped as the class: each such unit represents much of another
    /// class's area, and the next sample may find none or twice as many. The standard error does not show it.
    fn rarely_missed(&self, accuracy: &Accuracy) -> Option<Finding> {
        let outside =
            |c: usize| (0..accuracy.counts.len()).filter(|&i| i != c).map(|i| accuracy.counts[i][c]).sum::<u64>();
        let names: Vec<&str> = self
            .survey
            .classes
            .iter()
            .enumerate()
            .filter(|(c, _)| (1..5).contains(&outside(*c)))
            .map(|(_, class)| class.name.as_str())
            .collect();
        (!names.is_empty()).then(|| {
            let message = format!(
                "fewer than five units of {} were found outside the area mapped so: their standard errors are themselves \
                 uncertain; label more units where the class is missed",
                names.join(", ")
            );
            Finding::warning(FindingKind::SmallSample, message)
        })
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
