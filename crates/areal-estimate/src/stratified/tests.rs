//! Textbook results of the stratified estimators.

use super::*;
use proptest::prelude::*;

fn stratum(name: &str, population: u64, area: f64) -> Stratum {
    Stratum { name: name.into(), population, area }
}

#[test]
fn one_stratum_is_the_textbook_mean() {
    // y = 1, 2, 4: mean 7/3, s2 = 7/3, V = (1 - 3/30) s2 / 3 = .7.
    let s = StratifiedSample::new(vec![stratum("all", 30, 30.0)], &[(0, 1.0), (0, 1.0), (0, 1.0)], true).unwrap();
    let e = s.mean(&[1.0, 2.0, 4.0]).unwrap();
    assert!((e.value - 7.0 / 3.0).abs() < 1e-12 && (e.standard_error - 0.7f64.sqrt()).abs() < 1e-12);
}

/// Of one stratum a fraction's variance is known once the fraction is; of several it is not.
#[test]
fn moments_of_a_fraction() {
    // y = 1, 0, 0, 0: mean 1/4, residuals .75 and three of -.25; squares .75, cubes .375, fourths .328125, each by 3.
    let y = [1.0, 0.0, 0.0, 0.0];
    let one = StratifiedSample::new(vec![stratum("all", 8, 1.0)], &[(0, 1.0); 4], true).unwrap();
    let total = one.total(&y).unwrap();
    // Half the population is drawn: per unit 1/8.
    let expected: [f64; 4] = [0.25 / 8.0, 0.125 / 64.0, (0.109_375 - 0.0625 / 3.0) / 512.0, 2.0 * 0.0625 / 3.0 / 64.0];
    for (found, expected) in [total.variance, total.third, total.fourth, total.normal].iter().zip(expected) {
        assert!((found - expected).abs() < 1e-15, "{found} {expected}");
    }
    let e = one.mean(&y).unwrap();
    let left = expected[2] - expected[1] * expected[1] / expected[0];
    assert!((e.skewness - expected[1] / expected[0].powf(1.5)).abs() < 1e-12);
    assert!((e.degrees - 2.0 * expected[0].powi(2) / left).abs() < 1e-9, "{e:?}");
    // Four units of a value leave three degrees at most.
    let e = one.mean(&[10.0, 0.0, 0.0, 0.0]).unwrap();
    assert!((e.degrees - 3.0).abs() < 1e-9, "{e:?}");
    // Of two strata that mirror each other the skewness cancels, and nothing is known of the variance.
    let strata = vec![stratum("a", 400, 4.0), stratum("b", 400, 4.0)];
    let units: Vec<(usize, f64)> = (0..8).map(|k| (k / 4, 1.0)).collect();
    let two = StratifiedSample::new(strata, &units, false).unwrap();
    let e = two.mean(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).unwrap();
    let (v, fourth): (f64, f64) = (0.25 / 4.0, (0.109_375 - 0.0625 / 3.0) / 64.0);
    let degrees = 2.0 * (2.0 * v).powi(2) / (2.0 * fourth);
    assert!(e.skewness.abs() < 1e-12 && (e.degrees - degrees).abs() < 1e-9, "{e:?}");
}

/// Rounding left a standard error of 1e-16, and an interval without width that was called good.
#[test]
fn a_fraction_without_an_error_in_the_sample_has_none_of_rounding() {
    let strata = vec![stratum("a", 300, 29.3), stratum("b", 1000, 71.9)];
    let units: Vec<(usize, f64)> = (0..40).map(|k| (k / 20, 1.0 + 0.1 * (k % 7) as f64)).collect();
    let s = StratifiedSample::new(strata, &units, true).unwrap();
    let y: Vec<f64> = units.iter().map(|u| f64::from(u.0 == 0)).collect();
    let e = s.mean(&y).unwrap();
    assert_eq!(e.standard_error, 0.0, "{e:?}");
    // As many equal units as weigh as much: 40 units, but most of the area on 20.
    assert!(e.effective_n > 25.0 && e.effective_n < 36.0, "{e:?}");
    let interval = crate::fraction_interval(&e, 0.95);
    assert!(interval.high - interval.low > 0.1, "{interval:?}");
}

#[test]
fn unequal_cells_weigh_by_their_area() {
    // Areas 1 and 3, the class on the larger: 3/4 of the area. Residuals relative to mean area 2:
    // .5 (0 - .75) = -.375 and 1.5 (1 - .75) = .375, s2/n = 2 * .140625 / (2 * 1).
    let s = StratifiedSample::new(vec![stratum("all", 100, 200.0)], &[(0, 1.0), (0, 3.0)], false).unwrap();
    let e = s.mean(&[0.0, 1.0]).unwrap();
    assert!((e.value - 0.75).abs() < 1e-12 && (e.standard_error - 0.375).abs() < 1e-12, "{e:?}");
    assert!((s.weights().iter().sum::<f64>() - 200.0).abs() < 1e-9);
}

#[test]
fn a_stratum_needs_two_units_or_all() {
    let strata = vec![stratum("a", 10, 1.0), stratum("b", 10, 1.0)];
    let few = StratifiedSample::new(strata, &[(0, 1.0), (0, 1.0), (1, 1.0)], true).unwrap_err();
    assert_eq!(few, EstimateError::FewUnits { stratum: "b".into(), n: 1 });
    let strata = vec![stratum("a", 10, 1.0), stratum("b", 1, 1.0)];
    assert!(StratifiedSample::new(strata, &[(0, 1.0), (0, 1.0), (1, 1.0)], true).is_ok());
}

/// Two units of one class in a stratum are no proof that there is no other: the pool's variance stands in.
#[test]
fn a_stratum_of_two_equal_units_borrows_the_variance_of_its_pool() {
    let strata = vec![stratum("a", 100, 100.0), stratum("b", 100, 100.0)];
    let units = [(0, 1.0), (0, 1.0), (1, 1.0), (1, 1.0), (1, 1.0), (1, 1.0)];
    let s = StratifiedSample::new(strata, &units, false).unwrap();
    let (y, inside) = ([1.0, 1.0, 0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let alone = s.domain(&y, &inside).unwrap().unwrap();
    assert_eq!((alone.value, alone.standard_error, alone.effective_n), (1.0, 0.0, 2.0));
    // The pool is 1 and 3/4 in equal parts, 7/8, with variance 7/64. Own squares of 0 with 1 degree of freedom and the
    // pool's variance with 2: 14/64/3, over 2 units.
    let pooled = s.pooled(vec![0, 0]).unwrap().domain(&y, &inside).unwrap().unwrap();
    assert!((pooled.standard_error - (14.0 / 64.0 / 3.0 / 2.0f64).sqrt()).abs() < 1e-12, "{pooled:?}");
    assert!((pooled.degrees - 3.0).abs() < 1e-12, "{pooled:?}");
}

proptest! {
    #[test]
    fn fractions_of_a_partition_add_up(codes in prop::collection::vec(0usize..4, 6..60)) {
        let strata = vec![stratum("a", 1000, 3.0), stratum("b", 500, 1.0)];
        let units: Vec<_> = (0..codes.len()).map(|k| (k % 2, 1.0 + (k % 5) as f64)).collect();
        let s = StratifiedSample::new(strata, &units, true).unwrap();
        let fraction = |c| s.mean(&codes.iter().map(|&k| f64::from(k == c)).collect::<Vec<_>>()).unwrap().value;
        prop_assert!(((0..4).map(fraction).sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
