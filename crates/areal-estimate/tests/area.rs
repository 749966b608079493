//! Published worked examples of area and accuracy estimation, recomputed in double precision.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use areal_estimate::{Accuracy, Estimate, StratifiedSample, Stratum, accuracy, from_matrix, normal_quantile};

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

fn half(e: &Estimate) -> f64 {
    normal_quantile(0.95) * e.standard_error
}

fn olofsson_2014() -> ([u64; 4], Accuracy) {
    let counts = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]].map(|row: [u64; 4]| row.to_vec());
    let sizes = [200_000, 150_000, 3_200_000, 6_450_000];
    let (sample, map, reference) = from_matrix(&counts, &sizes, false).unwrap();
    (sizes, accuracy(&sample, &map, &reference, 4).unwrap())
}

/// Olofsson et al. 2014, Remote Sensing of Environment 148:42, Table 8.
#[test]
fn olofsson_2014_table_8() {
    let (sizes, a) = olofsson_2014();
    let pixels = sizes.iter().sum::<u64>() as f64;
    let fraction = [0.023_508_6, 0.012_984_6, 0.317_522_1, 0.645_984_6];
    let area = [
        (235_086.2, 68_416.9, 21_157.76, 6_157.52),
        (129_846.2, 41_730.6, 11_686.15, 3_755.76),
        (3_175_221.4, 172_328.3, 285_769.93, 15_509.55),
        (6_459_846.2, 180_904.0, 581_386.15, 16_281.36),
    ];
    let users = [(0.88, 0.074_04), (0.733_333_3, 0.100_755), (0.927_272_7, 0.039_745), (0.963_076_9, 0.020_533)];
    let producers =
        [(0.748_661_4, 0.213_306), (0.847_156_4, 0.254_404), (0.934_508_9, 0.034_324), (0.961_609_0, 0.018_361)];
    for (k, class) in a.classes.iter().enumerate() {
        close(class.fraction.value, fraction[k], 5e-8);
        let px = class.fraction.scaled(pixels);
        close(px.value, area[k].0, 0.05);
        close(half(&px), area[k].1, 0.05);
        let hectares = px.scaled(30.0 * 30.0 / 10_000.0);
        close(hectares.value, area[k].2, 0.005);
        close(half(&hectares), area[k].3, 0.005);
        let (u, p) = (class.users.unwrap(), class.producers.unwrap());
        close(u.value, users[k].0, 5e-8);
        close(half(&u), users[k].1, 5e-6);
        close(p.value, producers[k].0, 5e-8);
        close(half(&p), producers[k].1, 5e-7);
    }
    close(a.overall.value, 0.946_511_9, 5e-8);
    close(half(&a.overall), 0.018_483_3, 5e-8);
    // Counting pixels is 14.9 % low for deforestation.
    close(1.0 - 200_000.0 / a.classes[0].fraction.scaled(pixels).value, 0.149, 5e-4);
    close(a.proportions.iter().flatten().sum::<f64>(), 1.0, 1e-12);
}

/// A known wrong formula sums i = j too and scales the first term by the estimated size; ours must not be that one.
#[test]
fn olofsson_2014_producers_variance_is_not_the_known_wrong_one() {
    let (_, a) = olofsson_2014();
    for (class, wrong) in a.classes.iter().zip([0.218_675, 0.272_699, 0.050_785, 0.026_941]) {
        assert!((half(&class.producers.unwrap()) - wrong).abs() > 0.005);
    }
}

/// Olofsson et al. 2013, Remote Sensing of Environment 129:122, first example.
#[test]
fn olofsson_2013_first_example() {
    let counts = [vec![97, 0, 3], vec![3, 279, 18], vec![2, 1, 97]];
    let (sample, map, reference) = from_matrix(&counts, &[22_353, 1_122_543, 610_228], false).unwrap();
    let a = accuracy(&sample, &map, &reference, 3).unwrap();
    let area = a.classes[0].fraction.scaled(sample.area());
    close(area.value, 45_112.4, 0.05);
    close(area.standard_error, 10_751.4, 0.05);
    let expected = [(0.480_630_8, 0.224_53), (0.994_188_7, 0.011_325), (0.896_925_9, 0.041_205)];
    for (class, (value, half_width)) in a.classes.iter().zip(expected) {
        close(class.producers.unwrap().value, value, 5e-8);
        close(half(&class.producers.unwrap()), half_width, 5e-6);
    }
    close(a.overall.value, 0.944_416_8, 5e-8);
    close(half(&a.overall), 0.021_881_8, 5e-8);
}

/// Olofsson et al. 2013, second example: the strata's fractions are known, not their pixel counts.
#[test]
fn olofsson_2013_second_example() {
    let counts = [vec![127, 66, 54], vec![2, 322, 17], vec![0, 15, 540]];
    let (sample, map, reference) = from_matrix(&counts, &[7_000, 295_000, 698_000], false).unwrap();
    let a = accuracy(&sample, &map, &reference, 3).unwrap();
    close(a.overall.value, 0.961_297_4, 5e-8);
    close(half(&a.overall), 0.011_864_3, 5e-8);
    let users = [0.514_17, 0.944_28, 0.972_97];
    let producers = [0.675_35, 0.930_72, 0.976_65];
    for (k, class) in a.classes.iter().enumerate() {
        close(class.users.unwrap().value, users[k], 5e-6);
        close(class.producers.unwrap().value, producers[k], 5e-6);
    }
}

/// Stehman 2014, Int. J. Remote Sensing 35:4923: strata that differ from the map classes.
#[test]
fn stehman_2014() {
    let strata = [("A", 40_000), ("B", 30_000), ("C", 20_000), ("D", 10_000)].map(|(name, n)| Stratum {
        name: name.into(),
        population: n,
        area: n as f64,
    });
    let map = "AAAAAAABBBABBBBBBBBBBBCCCCCCBBDDDDDDDDDD";
    let reference = "AAAAACBABCABBBBBAABBCCCCCDDBBADDDDDDDCCB";
    let code = |text: &str| text.bytes().map(|b| usize::from(b - b'A')).collect::<Vec<_>>();
    let units: Vec<_> = (0..40).map(|k| (k / 10, 1.0)).collect();
    let sample = StratifiedSample::new(strata.to_vec(), &units, true).unwrap();
    let a = accuracy(&sample, &code(map), &code(reference), 4).unwrap();
    close(a.classes[0].fraction.value, 0.35, 1e-12);
    close(a.classes[0].fraction.standard_error, 0.082_247_8, 5e-8);
    close(a.classes[2].fraction.value, 0.20, 1e-12);
    close(a.classes[2].fraction.standard_error, 0.064_279_8, 5e-8);
    close(a.overall.value, 0.63, 1e-12);
    close(a.overall.standard_error, 0.084_642_2, 5e-8);
    close(a.classes[1].users.unwrap().value, 0.574_468_1, 5e-8);
    close(a.classes[1].users.unwrap().standard_error, 0.124_782_2, 5e-8);
    close(a.classes[1].producers.unwrap().value, 0.794_117_6, 5e-8);
    close(a.classes[1].producers.unwrap().standard_error, 0.116_547_9, 5e-8);
}
