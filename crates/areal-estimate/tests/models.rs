//! Published results of model-assisted and model-based estimators.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use areal_estimate::{
    AreaInput, AreaTotals, StratifiedSample, Stratum, UnitInput, UnitLevel, adjusted_counts, difference,
    expectation_maximisation, fay_herriot, kappa, post_stratified, prediction_powered, regression, unit_level,
};

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected}");
}

const Y: [f64; 5] = [1.0, 0.0, 1.0, 1.0, 0.0];
const F: [f64; 5] = [0.9, 0.2, 0.6, 0.8, 0.3];
fn simple(n: usize) -> StratifiedSample {
    let all = Stratum { name: "all".into(), population: 1000, area: 1000.0 };
    StratifiedSample::new(vec![all], &vec![(0, 1.0); n], false).unwrap()
}

/// In one stratum the three estimators have closed forms.
#[test]
fn assisted_estimators_in_closed_form() {
    let sample = simple(5);
    let mean = 0.5;
    let d = difference(&sample, &Y, &F, mean).unwrap();
    close(d.mean.value, 0.54, 1e-12);
    // Errors .1, -.2, .4, .2, -.3: mean .04, sum of squares about it .34 - 5 * .0016 = .332; V = .332 / (4 * 5).
    close(d.mean.standard_error, (0.332f64 / 20.0).sqrt(), 1e-12);
    // The tuned coefficient of one stratum is the least-squares slope: .62 / .372.
    let slope = 0.62 / 0.372;
    let p = prediction_powered(&sample, &Y, &F, mean).unwrap();
    close(p.coefficients[0], slope, 1e-12);
    close(p.mean.value, 0.6 + slope * (0.5 - 0.56), 1e-12);
    let rows: Vec<Vec<f64>> = F.iter().map(|f| vec![1.0, *f]).collect();
    let g = regression(&sample, &Y, &rows, &[1.0, mean]).unwrap();
    close(g.coefficients[1], slope, 1e-12);
    close(g.mean.value, p.mean.value, 1e-12);
    assert!(p.gain > 1.0 && p.gain > d.gain);
}

/// Post-stratification: `sum W ybar` and, conditional on the counts, `sum W^2 s^2 (n_g - 1) / n_g^2 * n / (n - 1)`.
#[test]
fn post_stratification_in_closed_form() {
    let y = [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    let group = [0, 0, 0, 1, 1, 1, 1, 1];
    let e = post_stratified(&simple(8), &y, &group, &[0.5, 0.5]).unwrap();
    close(e.mean.value, 0.5 * 2.0 / 3.0 + 0.5 * 0.2, 1e-12);
    // Residual squares: 2/3 in group 0, 4/5 in group 1; g-weights .5 / (3/8) and .5 / (5/8).
    let (g0, g1) = (0.5 / 0.375, 0.5 / 0.625);
    let squares: f64 = g0 * g0 * 2.0 / 3.0 + g1 * g1 * 0.8;
    close(e.mean.standard_error, (squares / (7.0 * 8.0)).sqrt(), 1e-12);
}

#[test]
fn adjusted_count_is_the_published_one() {
    // Forman 2008: (.24 - .1) / (.8 - .1) = .2.
    let two = adjusted_counts(&[0.24, 0.76], &[vec![0.8, 0.1], vec![0.2, 0.9]]).unwrap();
    close(two[0], 0.2, 1e-12);
    // Rates that do not differ tell nothing apart.
    assert!(adjusted_counts(&[0.2, 0.8], &[vec![0.1, 0.1], vec![0.9, 0.9]]).is_err());
}

/// Saerens et al. 2002: first step .415, limit .2709576.
#[test]
fn expectation_maximisation_is_the_published_one() {
    let posteriors = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.1, 0.1, 0.05];
    let pass = |visit: &mut dyn FnMut(&[f64], f64)| -> Result<(), areal_estimate::EstimateError> {
        for p in posteriors {
            visit(&[p, 1.0 - p], 2.0);
        }
        Ok(())
    };
    let first = expectation_maximisation(&[0.5, 0.5], 1.0, 1, pass).unwrap();
    close(first.fractions[0], 0.415, 1e-12);
    let last = expectation_maximisation(&[0.5, 0.5], 1e-12, 10_000, pass).unwrap();
    close(last.fractions[0], 0.270_957_6, 5e-8);
    assert!(expectation_maximisation(&[0.5, 0.5], 1e-12, 3, pass).is_err());
}

/// Kappa of the raw counts of Olofsson et al. 2014.
#[test]
fn kappa_of_raw_counts() {
    let counts: Vec<Vec<u64>> =
        [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]].map(|r: [u64; 4]| r.to_vec()).to_vec();
    let k = kappa(&counts).unwrap();
    close(k.kappa, 0.869_963_6, 5e-8);
    close(k.observed, 0.917_187_5, 5e-8);
    // Fleiss, Cohen and Everitt 1969, their example: kappa .429, standard error .054 at 200 units.
    let table = [[0.53, 0.05, 0.02], [0.11, 0.14, 0.05], [0.01, 0.06, 0.03]];
    let counts: Vec<Vec<u64>> =
        table.iter().map(|r| r.iter().map(|v| (v * 200.0f64).round() as u64).collect()).collect();
    let k = kappa(&counts).unwrap();
    close(k.kappa, 0.429, 5e-4);
    close(k.standard_error, 0.054, 1e-3);
}

fn table(name: &str) -> Option<Vec<Vec<String>>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/small_area/").to_owned() + name;
    if !std::path::Path::new(&path).exists() {
        println!("skipped: {path} is not there");
        return None;
    }
    let rows = csv::Reader::from_path(path).unwrap().into_records();
    Some(rows.map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect())
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// Counties, the (county, segment) of each unit, the model.
type Corn = (Vec<String>, Vec<(String, String)>, UnitLevel);

/// The corn survey of Battese, Harter and Fuller 1988; `keep` chooses rows by (county, segment).
fn corn(keep: impl Fn(&str, &str) -> bool) -> Option<Corn> {
    let (mut names, mut areas, mut units, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for row in table("corn_survey.csv")?.iter().filter(|r| keep(&r[0], &r[1])) {
        let area = names.iter().position(|n| n == &row[0]).unwrap_or_else(|| {
            names.push(row[0].clone());
            let x_mean = vec![1.0, number(&row[7]), number(&row[8])];
            areas.push(AreaTotals { x_mean, population: row[2].parse().unwrap() });
            names.len() - 1
        });
        ids.push((row[0].clone(), row[1].clone()));
        units.push(UnitInput { area, y: number(&row[3]), x: vec![1.0, number(&row[5]), number(&row[6])] });
    }
    let model = unit_level(&units, &areas).unwrap();
    Some((names, ids, model))
}

#[test]
fn battese_harter_fuller_without_the_outlier() {
    let Some((names, _, model)) = corn(|county, segment| !(county == "Hardin" && segment == "2")) else { return };
    for (found, expected) in model.beta.iter().zip([51.0704, 0.328_722, -0.134_568]) {
        close(*found, expected, 5e-5);
    }
    close(model.beta[1], 0.328_722, 5e-7);
    close(model.beta[2], -0.134_568, 5e-7);
    close(model.area_variance, 140.024, 1e-3);
    close(model.unit_variance, 147.269, 1e-3);
    let expected = [
        ("CerroGordo", 122.1954),
        ("Hamilton", 126.2415),
        ("Worth", 106.6638),
        ("Humboldt", 108.4222),
        ("Franklin", 144.3072),
        ("Pocahontas", 112.1586),
        ("Winnebago", 112.7801),
        ("Wright", 122.0020),
        ("Webster", 115.3438),
        ("Hancock", 124.4144),
        ("Kossuth", 106.8883),
        ("Hardin", 143.0312),
    ];
    for (county, mean) in expected {
        let k = names.iter().position(|n| n == county).unwrap();
        close(model.means[k], mean, 1e-4);
    }
}

/// Root mean squared errors, computed a second time with dense matrices and numerical derivatives of the predictor's
/// weights; beside them the standard errors of Battese, Harter and Fuller 1988, Table 3, which rest on other estimates of the
/// variances and of their uncertainty.
#[test]
fn battese_harter_fuller_errors() {
    let Some((names, _, model)) = corn(|county, segment| !(county == "Hardin" && segment == "2")) else { return };
    let expected = [
        ("CerroGordo", 9.965, 9.6),
        ("Hamilton", 9.858, 9.5),
        ("Worth", 9.706, 9.3),
        ("Humboldt", 8.233, 8.1),
        ("Franklin", 6.657, 6.5),
        ("Pocahontas", 6.705, 6.6),
        ("Winnebago", 6.686, 6.6),
        ("Wright", 6.783, 6.7),
        ("Webster", 5.874, 5.8),
        ("Hancock", 5.404, 5.3),
        ("Kossuth", 5.322, 5.2),
        ("Hardin", 5.663, 5.7),
    ];
    for (county, error, published) in expected {
        let k = names.iter().position(|n| n == county).unwrap();
        close(model.mses[k].sqrt(), error, 6e-4);
        close(model.mses[k].sqrt(), published, 0.05 * published);
    }
}

#[test]
fn battese_harter_fuller_tells_its_outlier() {
    let Some((_, ids, model)) = corn(|_, _| true) else { return };
    close(model.beta[0], 17.963_98, 5e-5);
    close(model.beta[1], 0.366_335, 5e-7);
    close(model.beta[2], -0.030_364, 5e-7);
    close(model.area_variance, 63.315, 1e-3);
    close(model.unit_variance, 297.713, 1e-3);
    let worst =
        (0..ids.len()).max_by(|&a, &b| model.studentised[a].abs().total_cmp(&model.studentised[b].abs())).unwrap();
    assert_eq!(ids[worst], ("Hardin".to_owned(), "2".to_owned()));
    assert!(model.studentised[worst].abs() > 3.0, "{}", model.studentised[worst]);
    assert_eq!(model.studentised.iter().filter(|t| t.abs() > 3.0).count(), 1);
}

#[test]
fn fay_herriot_milk() {
    let Some(rows) = table("milk.csv") else { return };
    let areas: Vec<AreaInput> = rows
        .iter()
        .map(|row| {
            let dummy = |k: &str| f64::from(row[5] == k);
            let x = vec![1.0, dummy("2"), dummy("3"), dummy("4")];
            AreaInput { direct: Some((number(&row[2]), number(&row[3]).powi(2))), x }
        })
        .collect();
    let model = fay_herriot(&areas).unwrap();
    close(model.area_variance, 0.018_550_3, 5e-8);
    for (found, expected) in model.beta.iter().zip([0.968_189_0, 0.132_780_3, 0.226_946_2, -0.241_301_0]) {
        close(*found, expected, 5e-8);
    }
    let eblup = [1.021_970_5, 1.047_602_0, 1.067_951_4, 0.760_816_6, 0.846_157_0];
    for (area, expected) in model.areas.iter().zip(eblup) {
        close(area.value, expected, 5e-8);
    }
    for (area, expected) in model.areas.iter().zip([0.013_460_26, 0.005_372_88, 0.005_701_99]) {
        close(area.mse, expected, 5e-9);
    }
    // An area without a direct estimate is left to the model, with the larger error that goes with it.
    let mut without = areas.clone();
    without[0].direct = None;
    let model = fay_herriot(&without).unwrap();
    close(model.areas[0].value, model.beta[0], 1e-12);
    assert!(model.areas[0].gamma == 0.0 && model.areas[0].mse > model.area_variance);
}

/// Areas that do not differ beyond their sampling error: the REML estimate is zero, and every area gets the mean.
#[test]
fn fay_herriot_without_area_effects() {
    let areas: Vec<AreaInput> =
        (0..12).map(|k| AreaInput { direct: Some((1.0 + 0.01 * f64::from(k % 2), 1.0)), x: vec![1.0] }).collect();
    let model = fay_herriot(&areas).unwrap();
    assert_eq!(model.area_variance, 0.0);
    assert!(model.areas.iter().all(|a| (a.value - 1.005).abs() < 1e-12));
}
