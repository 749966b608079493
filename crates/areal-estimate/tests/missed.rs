//! A class that the sample shows no error of: what its interval says, estimator by estimator.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use areal_estimate::{
    CellValue, ClassIntervals, ClassSurvey, CvLimits, Estimator, ExpectedMatrix, LabelledUnit, MapClass, MapZone,
    Population, StratifiedSample, Stratum, SurveySample, SurveySettings, ZoneEstimateSettings, ZoneMethod,
    estimate_classes,
};

/// 100 units of a simple random sample of 10,000 cells: 70 mapped as forest, 30 as rubber, all right. The map is 72 % forest.
fn survey() -> ClassSurvey {
    let class = |code, name: &str, area| MapClass { code, name: name.into(), area, mean_probability: None };
    let unit = |k: usize| {
        let class = CellValue::Class(usize::from(k >= 70));
        LabelledUnit {
            stratum: 0,
            area: 1.0,
            mapped: class,
            reference: class,
            probabilities: Vec::new(),
            group: usize::from(k >= 70),
            zones: Vec::new(),
            in_zones: 0.0,
            in_training: false,
        }
    };
    ClassSurvey {
        sample: SurveySample {
            strata: vec![Stratum { name: "whole".into(), population: 10_000, area: 10_000.0 }],
            population: Population::Map,
            pools: Vec::new(),
            expected: vec![ExpectedMatrix::without_errors(&[7200.0, 2800.0]).unwrap()],
            units: (0..100).map(unit).collect(),
            designed: true,
        },
        classes: vec![class(1, "forest", 7200.0), class(2, "rubber", 2800.0)],
        zones: Vec::new(),
        together: MapZone {
            id: String::new(),
            name: String::new(),
            mapped: vec![0.0; 2],
            probable: Vec::new(),
            groups: vec![0.0; 2],
            strata: Vec::new(),
        },
    }
}

fn settings(estimator: Estimator) -> SurveySettings {
    SurveySettings {
        estimator,
        level: 0.95,
        finite: true,
        zones: ZoneEstimateSettings { method: ZoneMethod::Auto, min_units: 30, max_cv: 1.0, level: 0.95, draws: 400 },
        limits: CvLimits::default(),
        draws: 10_000,
        benchmark: false,
    }
}

/// The post-strata, and the interval of rubber in them.
fn in_post_strata() -> (f64, f64) {
    let strata = [("forest", 7200), ("rubber", 2800)];
    let strata = strata.map(|(name, k)| Stratum { name: name.into(), population: k, area: k as f64 }).to_vec();
    let map: Vec<usize> = (0..100).map(|k| usize::from(k >= 70)).collect();
    let units: Vec<(usize, f64)> = map.iter().map(|&h| (h, 1.0)).collect();
    let sample = StratifiedSample::new(strata, &units, true).unwrap();
    let pure = |a, b| ExpectedMatrix::without_errors(&[a, b]).unwrap();
    let expected = [pure(1.0, 0.0), pure(0.0, 1.0)];
    let interval =
        ClassIntervals { sample: &sample, map: &map, reference: &map, expected: &expected, draws: 10_000, level: 0.95 };
    let interval = interval.area(1).unwrap();
    (interval.low * 10_000.0, interval.high * 10_000.0)
}

/// The difference, regression and prediction-powered estimators of a sample without errors had an error of zero.
#[test]
fn estimators_that_use_the_map_know_that_a_sample_without_errors_may_have_missed_some() {
    let (low, high) = in_post_strata();
    // The upper end is mostly that of Beta(.5, 73.5) in the 7,200 cells mapped as forest, whose quantile .975 is .033: 240 cells; the lower
    // that of Beta(31, .5) in the 2,800 mapped as rubber, whose quantile .025 is .92: 220 cells.
    assert!((2980.0..3080.0).contains(&high) && (2540.0..2640.0).contains(&low), "{low} {high}");
    for estimator in
        [Estimator::Difference, Estimator::Regression, Estimator::PredictionPowered, Estimator::PostStratified]
    {
        let found = estimate_classes(&survey(), &settings(estimator)).unwrap();
        let rubber = found.rows.iter().find(|r| r.class_name == "rubber").unwrap();
        let estimate = rubber.estimate.unwrap();
        assert!((estimate - 2800.0).abs() < 1e-6, "{estimator}: {estimate}");
        assert!(rubber.high.unwrap() >= high - 1e-6 && rubber.low.unwrap() <= low + 1e-6, "{estimator}: {rubber:?}");
    }
}

/// `accuracy.csv` had the accuracies of the design whatever the estimator was.
#[test]
fn accuracies_follow_the_estimator() {
    let mut survey = survey();
    // Seven of the 70 units mapped as forest are rubber.
    survey.sample.units[..7].iter_mut().for_each(|unit| unit.reference = CellValue::Class(1));
    let found = |estimator, measure: &str| {
        let found = estimate_classes(&survey, &settings(estimator)).unwrap();
        let row = found.accuracy.iter().rfind(|r| r.measure == measure).unwrap();
        (row.estimate.unwrap(), row.low.unwrap(), row.high.unwrap())
    };
    for (estimator, overall, producers) in [
        // By the units: 93 of 100 are right, and 30 of 37 of rubber.
        (Estimator::Stratified, 0.93, 30.0 / 37.0),
        // By the known areas: 72 % forest, nine tenths of it right, and 28 % rubber; of rubber 28 of 28 + 7.2.
        (Estimator::PostStratified, 0.72 * 0.9 + 0.28, 28.0 / 35.2),
        (Estimator::Regression, 0.72 * 0.9 + 0.28, 28.0 / 35.2),
    ] {
        for (measure, right) in [("overall", overall), ("producers", producers)] {
            let (estimate, low, high) = found(estimator, measure);
            assert!((estimate - right).abs() < 1e-9, "{estimator} {measure}: {estimate}");
            assert!(low < right && right < high, "{estimator} {measure}: {low} {high}");
        }
    }
}
