//! Parts that are all of the map, or hold nothing of a stratum.

use super::*;

/// Two map classes, forest of 700 cells and rubber of 300, with 30 units in each: two of forest are rubber, one of rubber is forest.
fn surveyed(check: impl Fn(&ClassIntervals)) {
    let stratum = |name: &str, cells: u64| Stratum { name: name.into(), population: cells, area: cells as f64 };
    let units: Vec<(usize, f64)> = (0..60).map(|k| (k / 30, 1.0)).collect();
    let sample = StratifiedSample::new(vec![stratum("forest", 700), stratum("rubber", 300)], &units, true).unwrap();
    let map: Vec<usize> = (0..60).map(|k| k / 30).collect();
    let reference = [vec![1; 2], vec![0; 29], vec![1; 29]].concat();
    let expected = [vec![vec![670.0, 30.0], vec![0.0, 0.0]], vec![vec![0.0, 0.0], vec![20.0, 280.0]]]
        .map(|matrix| ExpectedMatrix::new(matrix).unwrap());
    check(&ClassIntervals {
        sample: &sample,
        map: &map,
        reference: &reference,
        expected: &expected,
        draws: 2000,
        level: 0.95,
    });
}

/// The row of all zones had an interval from its standard error, the row of the map one that counts what was not drawn.
#[test]
fn a_zone_that_is_all_of_the_map_has_the_interval_of_the_map() {
    surveyed(|of| {
        let (sample, map, reference, expected) = (of.sample, of.map, of.reference, of.expected);
        let whole = ClassIntervals { sample, map, reference, expected, draws: 2000, level: 0.95 };
        let ground = ZoneGround { inside: &[1.0; 60], strata: &[(0, 700.0), (1, 300.0)], mapped: &[700.0, 300.0] };
        let part = ZonePart::new(of, &ground).unwrap().unwrap();
        for class in 0..2 {
            let y: Vec<f64> = reference.iter().map(|&r| f64::from(r == class)).collect();
            let estimate = sample.mean(&y).unwrap();
            let (found, of_map) = (part.interval(class, &estimate).unwrap(), whole.area(class).unwrap());
            let apart = (found.low - of_map.low).abs().max((found.high - of_map.high).abs());
            // A zone believes the map with one unit less at one end.
            assert!(apart < 0.15 * (of_map.high - of_map.low), "{found:?} {of_map:?}");
        }
    });
}

/// Half of a zone is mapped as rubber, and none of its units was drawn there: a standard error knew nothing of that half.
#[test]
fn a_stratum_without_a_unit_in_a_zone_widens_its_interval() {
    surveyed(|of| {
        let inside: Vec<f64> = (0..60).map(|k| f64::from((10..30).contains(&k))).collect();
        let interval = |rubber: f64| {
            let (strata, mapped) = ([(0, 100.0), (1, rubber)], [100.0, rubber]);
            let ground = ZoneGround { inside: &inside, strata: &strata, mapped: &mapped };
            ZonePart::new(of, &ground).unwrap().unwrap().interval(1, &Estimate::fraction(0.0, 0.0, 20)).unwrap()
        };
        let (without, with) = (interval(0.0), interval(100.0));
        assert!(without.high < 0.25 && with.high > 0.45, "{without:?} {with:?}");
        let nothing = ZoneGround { inside: &[0.0; 60], strata: &[(0, 1.0)], mapped: &[1.0, 0.0] };
        assert!(ZonePart::new(of, &nothing).unwrap().is_none());
    });
}

/// The ratio of all units by weights stood in where a stratum had no unit in the zone: its error was wider than the interval, which is by the known
/// areas.
#[test]
fn a_stratum_without_a_unit_in_a_zone_has_its_mean_over_the_map() {
    surveyed(|of| {
        // Units 10 to 29 of forest, none of which is rubber, and a zone that is half rubber on the map.
        let inside: Vec<f64> = (0..60).map(|k| f64::from((10..30).contains(&k))).collect();
        let ground = ZoneGround { inside: &inside, strata: &[(0, 100.0), (1, 100.0)], mapped: &[100.0, 100.0] };
        let part = ZonePart::new(of, &ground).unwrap().unwrap();
        let rubber: Vec<f64> = of.reference.iter().map(|&r| f64::from(r == 1)).collect();
        let spreads = Spreads::of(of.sample, of.map, 2, &rubber).unwrap();
        let found = part.mean((1, &rubber), &spreads).unwrap().unwrap();
        assert_eq!(part.basis(), DirectBasis::PartlySynthetic);
        // Rubber: 29 of 30 over the map, on half of the zone.
        assert!((found.estimate.value - 0.5 * 29.0 / 30.0).abs() < 1e-12, "{:?}", found.estimate);
        // One unit of rubber has the variance 29/30 * 1/30; of forest's 20 units none errs, and the 2/30 * 28/30 of its stratum counts for two of 21
        // degrees of freedom, with 80 of 100 cells undrawn.
        let (own, other) = (29.0 / 900.0, 0.8 / 20.0 * (2.0 * 56.0 / 900.0) / 21.0);
        let variance = 0.25 * (own + other);
        assert!((found.estimate.standard_error - f64::sqrt(variance)).abs() < 1e-9, "{:?}", found.estimate);
        let interval = part.interval(1, &found.estimate).unwrap();
        let half = 1.959_964 * found.estimate.standard_error;
        assert!(
            interval.high >= found.estimate.value + half - 1e-6 && interval.low <= found.estimate.value - half + 1e-6,
            "{interval:?}"
        );
    });
}

/// A map class of which the whole sample has no unit fell out of the sum: 12.58 km2 of water were of no class.
#[test]
fn a_map_class_without_any_unit_keeps_its_area() {
    let stratum = Stratum { name: "all".into(), population: 1000, area: 1000.0 };
    let sample = StratifiedSample::new(vec![stratum], &[(0, 1.0); 30], true).unwrap();
    let expected = [ExpectedMatrix::new(vec![vec![670.0, 30.0], vec![20.0, 280.0]]).unwrap()];
    let of = ClassIntervals {
        sample: &sample,
        map: &[0; 30],
        reference: &[0; 30],
        expected: &expected,
        draws: 400,
        level: 0.95,
    };
    let ground = ZoneGround { inside: &[1.0; 30], strata: &[(0, 1000.0)], mapped: &[700.0, 300.0] };
    let part = ZonePart::new(&of, &ground).unwrap().unwrap();
    let mean = |class: usize| {
        let y = vec![f64::from(class == 0); 30];
        part.mean((class, &y), &Spreads::of(&sample, of.map, 2, &y).unwrap()).unwrap().unwrap().estimate.value
    };
    // Forest: all of its .7, and 20 of 300 of the .3 that are mapped as rubber, as the map expects; rubber the other 280.
    assert!((mean(0) - 0.72).abs() < 1e-12 && (mean(1) - 0.28).abs() < 1e-12, "{} {}", mean(0), mean(1));
}
