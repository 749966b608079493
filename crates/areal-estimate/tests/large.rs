//! A thousand zones with 255 classes: an estimate takes seconds and a bounded memory, and with direct numbers in all of them minutes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use areal_estimate::{
    CellValue, ClassSurvey, CvLimits, EstimateRow, Estimator, ExpectedMatrix, LabelledUnit, MapClass, MapZone,
    POSTERIOR_DRAWS, Population, Stratum, SurveySample, SurveySettings, ZONE_DRAWS, ZoneEstimateSettings, ZoneMethod,
    estimate_classes,
};

const ZONES: usize = 1000;
const CLASSES: usize = 255;
/// Each class as a confident and an uncertain part.
const STRATA: usize = 2 * CLASSES;
/// The least number of units that `areal sample` draws in each.
const UNITS: usize = 10;

/// Area of a stratum in a zone.
fn area(zone: usize, stratum: usize) -> f64 {
    let confident = if stratum.is_multiple_of(2) { 0.8 } else { 0.2 };
    confident * (1 + (7 * zone + 13 * (stratum / 2)) % 11) as f64
}

fn probabilities(class: usize) -> Vec<f64> {
    (0..CLASSES).map(|c| if c == class { 0.9 } else { 0.1 / (CLASSES - 1) as f64 }).collect()
}

fn ground(id: String, zones: &[usize]) -> MapZone {
    let groups: Vec<f64> = (0..STRATA).map(|h| zones.iter().map(|z| area(*z, h)).sum()).collect();
    let mapped: Vec<f64> = groups.chunks(2).map(|parts| parts.iter().sum()).collect();
    MapZone {
        id,
        name: String::new(),
        probable: mapped.clone(),
        mapped,
        strata: groups.iter().copied().enumerate().collect(),
        groups,
    }
}

/// One in twenty of the uncertain units is of the next class.
fn unit(k: usize) -> LabelledUnit {
    let (stratum, n) = (k / UNITS, k % UNITS);
    let class = stratum / 2;
    let wrong = stratum % 4 == 1 && n == 0;
    LabelledUnit {
        stratum,
        area: 0.1,
        mapped: CellValue::Class(class),
        reference: CellValue::Class(if wrong { (class + 1) % CLASSES } else { class }),
        probabilities: probabilities(class),
        group: stratum,
        zones: vec![((stratum * 37 + n * 101) % ZONES, 1.0)],
        in_zones: 1.0,
        in_training: false,
    }
}

fn survey() -> ClassSurvey {
    let together = ground(String::new(), &(0..ZONES).collect::<Vec<_>>());
    let strata = together.groups.iter().enumerate();
    let class = |c: usize| MapClass {
        code: c as u8,
        name: c.to_string(),
        area: together.mapped[c],
        mean_probability: Some(1.0 / CLASSES as f64),
    };
    let expected = |h: usize| {
        let row = |c: usize| if c == h / 2 { probabilities(c) } else { vec![0.0; CLASSES] };
        ExpectedMatrix::new((0..CLASSES).map(row).collect()).unwrap()
    };
    ClassSurvey {
        sample: SurveySample {
            strata: strata
                .map(|(h, area)| Stratum { name: h.to_string(), population: (10.0 * area) as u64, area: *area })
                .collect(),
            population: Population::Map,
            pools: Vec::new(),
            expected: (0..STRATA).map(expected).collect(),
            units: (0..STRATA * UNITS).map(unit).collect(),
            designed: true,
        },
        classes: (0..CLASSES).map(class).collect(),
        zones: (0..ZONES).map(|z| ground(z.to_string(), &[z])).collect(),
        together,
    }
}

/// Time and memory of the estimates by a method of zones.
fn check(method: ZoneMethod, most: Duration, most_bytes: u64) -> Vec<EstimateRow> {
    let survey = survey();
    let settings = SurveySettings {
        estimator: Estimator::Stratified,
        level: 0.95,
        finite: true,
        zones: ZoneEstimateSettings { method, min_units: 30, max_cv: 0.333, level: 0.95, draws: ZONE_DRAWS },
        limits: CvLimits::default(),
        draws: POSTERIOR_DRAWS,
        benchmark: false,
    };
    let start = Instant::now();
    let found = estimate_classes(&survey, &settings).unwrap();
    let took = start.elapsed();
    assert_eq!(found.rows.len(), CLASSES + CLASSES + ZONES * CLASSES);
    assert!(found.rows.iter().all(|r| r.estimate.is_some_and(f64::is_finite)));
    println!("{method}: {took:?}, {:?} bytes at most", most_memory());
    assert!(took < most, "{took:?}");
    assert!(most_memory().is_none_or(|bytes| bytes < most_bytes), "{:?}", most_memory());
    found.rows
}

/// Tables of zones by strata by classes took gigabytes, and the intervals went with draws by strata by classes: 8 billion gamma variables.
#[test]
fn a_thousand_zones_with_255_classes_take_seconds_and_a_bounded_memory() {
    check(ZoneMethod::Auto, Duration::from_mins(1), 1_500_000_000);
}

/// Each of the 255,000 intervals drew from 510 strata, and counted their classes by strata squared: hours.
/// `cargo test --workspace --test large -- --ignored --nocapture`.
#[test]
#[ignore = "minutes"]
fn a_thousand_direct_zones_with_255_classes_take_minutes() {
    let rows = check(ZoneMethod::Direct, Duration::from_mins(4), 2_000_000_000);
    let direct = rows.iter().filter(|r| r.method.starts_with("direct"));
    assert!(direct.clone().count() > 200_000);
    assert!(direct.clone().all(|r| r.low.is_some_and(|low| r.high.is_some_and(|high| low < high))));
}

/// The most memory that this process has held, where the system tells it.
fn most_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(1024 * line.split_whitespace().nth(1)?.parse::<u64>().ok()?)
}
