//! Tests of the rows of estimates.

use super::*;

const GRADING: Grading = Grading { limits: CvLimits { good: 0.165, caution: 0.333 }, level: 0.95 };

fn row(estimate: f64, standard_error: f64) -> EstimateRow {
    let subject = Subject {
        population: Population::Zone,
        zone_id: "D01",
        zone_name: "",
        measure: "area",
        class_code: Some(1),
        class_name: "rubber",
        unit: "km2",
        mapped: 1.04,
        cells: 1e4,
    };
    let estimate = Estimate::plain(estimate, standard_error * standard_error, 30);
    let interval = crate::normal_interval(estimate.value, standard_error, 0.95);
    EstimateRow::new(&subject, &estimate, interval, "direct", &GRADING)
}

/// "1.0000 +- 0.0000": an error rounded away claimed certainty.
#[test]
fn rounding_leaves_errors_two_digits() {
    let mut rows = vec![row(0.9712, 0.023_456), row(1234.5, 87.65)];
    round_rows(&mut rows, 1.0);
    assert_eq!((rows[0].estimate, rows[0].standard_error), (Some(1.0), Some(0.023)));
    // .925 to 1.017, outward: the interval holds the rounded number.
    assert_eq!((rows[0].low, rows[0].high), (Some(0.0), Some(2.0)));
    assert_eq!((rows[1].estimate, rows[1].standard_error), (Some(1235.0), Some(88.0)));
    let mut tenths = vec![row(0.3, 0.1)];
    round_rows(&mut tenths, 0.1);
    // Not 0.30000000000000004.
    assert_eq!(tenths[0].estimate.map(|v| v.to_string()), Some("0.3".to_owned()));
}

#[test]
fn a_model_without_an_interval_is_never_good() {
    let of = |n, interval, error_known| ZoneEstimate {
        estimate: Estimate::fraction(0.5, 1e-6, n),
        interval: Interval { low: 0.4, high: 0.6, method: interval },
        method: ZoneMethod::Synthetic,
        basis: None,
        error_known,
    };
    let found = |interval, error_known| of(30, interval, error_known);
    let subject = Subject {
        population: Population::Zone,
        zone_id: "D01",
        zone_name: "",
        measure: "area",
        class_code: None,
        class_name: "rubber",
        unit: "km2",
        mapped: 1.0,
        cells: 1e4,
    };
    let make = |f| EstimateRow::zone(&subject, &f, 2.0, "synthetic", &GRADING);
    assert_eq!(make(found(IntervalMethod::Wilson, true)).quality, "good");
    // The error from a few units is itself uncertain.
    assert_eq!(make(of(3, IntervalMethod::Wilson, true)).quality, "caution");
    let average = make(found(IntervalMethod::None, true));
    assert!(average.quality == "caution" && average.low.is_none() && average.standard_error.is_some());
    let unknown = make(found(IntervalMethod::None, false));
    assert!(unknown.quality == "unreliable" && unknown.standard_error.is_none() && unknown.cv.is_none());
}

/// A sample of 300 units had the same error as all 27,125 cells of the map, whose error is none.
#[test]
fn effective_units_are_drawn_without_replacement() {
    // 100 of 1000 cells: the variance of a fraction .2 is .16 (1 / 100 - 1 / 1000).
    let variance = 0.16 * (0.01 - 0.001);
    let of = |variance| Estimate {
        effective_n: 0.16 / variance,
        standard_error: f64::sqrt(variance),
        ..Estimate::fraction(0.2, 1e-6, 50)
    };
    let alike = |variance: f64| drawn_alike(&of(variance), variance.sqrt(), 1000.0);
    assert!((alike(variance) - 100.0).abs() < 1e-9 && alike(1e-12) < 1000.0);
}

/// "The 300 units have the same standard error as 23543 units": of a class of which nothing was missed, with an interval from -7 to +5.
#[test]
fn effective_units_and_relative_errors_count_what_was_not_drawn() {
    let subject = Subject {
        population: Population::Map,
        zone_id: "",
        zone_name: "",
        measure: AREA,
        class_code: Some(6),
        class_name: "built-up",
        unit: AREA_UNIT,
        mapped: 49.0,
        cells: 27_125.0,
    };
    // 48.8 of 689 km2: p (1 - p) = .0658 with a standard error of .42 / 689 are 177,000 units with replacement.
    let fraction = Estimate { n: 300, ..Estimate::fraction(48.8 / 689.0, (0.42f64 / 689.0).powi(2), 300) };
    let interval = Interval { low: 41.8, high: 53.8, method: IntervalMethod::Dirichlet };
    let row = EstimateRow::new(&subject, &fraction.scaled(689.0), interval, "stratified", &GRADING);
    // By the longer side of 7 the error is 7 / 1.96 = 3.571, over 48.8 .0732; .0658 / (3.571 / 689)^2 = 2450, of 27,125 cells 2247.
    assert!((row.relative_error.unwrap() - 0.0732).abs() < 1e-4 && row.cv.unwrap() < 0.01, "{row:?}");
    assert!((row.effective_n.unwrap() - 2247.0).abs() < 5.0, "{row:?}");
    // A mean has no fraction to compare with.
    let mean = Subject { measure: "mean", ..subject };
    assert_eq!(EstimateRow::new(&mean, &fraction, interval, "stratified", &GRADING).effective_n, None);
}
