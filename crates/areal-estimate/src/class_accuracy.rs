//! Accuracies and error matrix of a survey of classes, on and off the ground that the model was trained on.

use crate::accuracy::Accuracy;
use crate::assisted_interval::PostStrata;
use crate::class_intervals::ClassIntervals;
use crate::class_survey::{ClassData, MapClass};
use crate::counted::counted;
use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::estimator::Estimator;
use crate::finding::{Finding, training_overlap};
use crate::interval::Interval;
use crate::rows::{AccuracyRow, MatrixRow};
use crate::zone_part::{ZoneGround, ZonePart};

impl ClassData<'_> {
    /// The strata that accuracies rest on: those of the design, or, by an estimator that uses the map, post-strata of map classes where the
    /// design has one stratum. The map's known areas then count in accuracies as in areas (Olofsson et al. 2014, section 5).
    pub(crate) fn accuracy_strata(&self) -> Result<PostStrata, EstimateError> {
        if self.settings.estimator == Estimator::Stratified {
            return Ok((self.sample.clone(), self.survey.sample.expected.clone()));
        }
        self.post_strata()
    }

    /// Rows of `accuracy.csv` by the strata of [`accuracy_strata`](Self::accuracy_strata), and the finding about units on training patches.
    pub(crate) fn accuracy_rows(
        &self,
        accuracy: &Accuracy,
        (sample, expected): &PostStrata,
    ) -> Result<(Vec<AccuracyRow>, Option<Finding>), EstimateError> {
        let intervals = ClassIntervals { sample, expected, ..self.intervals() };
        let overall = Some((accuracy.overall, intervals.overall()?));
        let mut rows = vec![accuracy_row("overall", None, overall)];
        let [inside, elsewhere] = self.training()?;
        if inside.is_some() {
            rows.push(accuracy_row("overall-in-training", None, inside));
            rows.push(accuracy_row("overall-elsewhere", None, elsewhere));
        }
        for (c, (class, found)) in self.survey.classes.iter().zip(&accuracy.classes).enumerate() {
            let users = found.users.map(|e| Ok::<_, EstimateError>((e, intervals.users(c)?))).transpose()?;
            let producers =
                found.producers.map(|e| Ok::<_, EstimateError>((e, intervals.producers(c)?))).transpose()?;
            rows.push(accuracy_row("users", Some(class), users));
            rows.push(accuracy_row("producers", Some(class), producers));
        }
        if !self.survey.sample.designed {
            for row in &mut rows {
                (row.standard_error, row.low, row.high) = (None, None, None);
            }
        }
        Ok((rows, self.training_finding(inside.map(|(e, _)| e), elsewhere.map(|(e, _)| e))))
    }

    /// Overall accuracy on ground that the model was trained on, and elsewhere, with intervals that count what was not drawn there, as that
    /// of the whole does.
    fn training(&self) -> Result<[Option<(Estimate, Interval)>; 2], EstimateError> {
        let right: Vec<f64> = self.map.iter().zip(&self.reference).map(|(m, r)| f64::from(m == r)).collect();
        let inside: Vec<f64> = self.survey.sample.units.iter().map(|u| f64::from(u.in_training)).collect();
        let outside: Vec<f64> = inside.iter().map(|i| 1.0 - i).collect();
        let of_part = |inside: &[f64]| -> Result<_, EstimateError> {
            let Some(estimate) = self.sample.domain(&right, inside)? else { return Ok(None) };
            let mut mapped = vec![0.0; self.survey.classes.len()];
            for ((class, weight), inside) in self.map.iter().zip(self.sample.weights()).zip(inside) {
                mapped[*class] += weight * inside;
            }
            let part = ZonePart::new(&self.intervals(), &ZoneGround { inside, strata: &[], mapped: &mapped })?;
            Ok(part.map(|part| part.overall(estimate.value)).transpose()?.map(|interval| (estimate, interval)))
        };
        Ok([of_part(&inside)?, of_part(&outside)?])
    }

    fn training_finding(&self, inside: Option<Estimate>, elsewhere: Option<Estimate>) -> Option<Finding> {
        let shown = |e: Estimate| {
            let (percent, error) = (100.0 * e.value, 100.0 * e.standard_error);
            if self.survey.sample.designed {
                format!("{percent:.1} % (standard error {error:.1}, {})", counted(e.n, "unit"))
            } else {
                format!("{percent:.1} % of {}", counted(e.n, "unit"))
            }
        };
        let percent = |e: Option<Estimate>| e.map_or_else(|| "not known".to_owned(), shown);
        inside.map(|e| {
            training_overlap(e.n, &format!("; accuracy there {}, elsewhere {}", percent(inside), percent(elsewhere)))
        })
    }

    pub(crate) fn matrix_rows(&self, accuracy: &Accuracy) -> Vec<MatrixRow> {
        let classes = &self.survey.classes;
        let cell = |i: usize, j: usize| MatrixRow {
            map_code: classes[i].code,
            map_name: classes[i].name.clone(),
            reference_code: classes[j].code,
            reference_name: classes[j].name.clone(),
            count: accuracy.counts[i][j],
            fraction: accuracy.proportions[i][j],
        };
        (0..classes.len()).flat_map(|i| (0..classes.len()).map(move |j| (i, j))).map(|(i, j)| cell(i, j)).collect()
    }
}

fn accuracy_row(measure: &str, class: Option<&MapClass>, found: Option<(Estimate, Interval)>) -> AccuracyRow {
    AccuracyRow {
        measure: measure.to_owned(),
        class_code: class.map(|c| c.code),
        class_name: class.map(|c| c.name.clone()).unwrap_or_default(),
        estimate: found.map(|(e, _)| e.value),
        standard_error: found.map(|(e, _)| e.standard_error),
        low: found.map(|(_, i)| i.low),
        high: found.map(|(_, i)| i.high),
        n: found.map_or(0, |(e, _)| e.n),
    }
}
