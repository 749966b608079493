//! Zones of six maps, good and bad: the map's own sums, and every zone method, by their true and their claimed errors.

use areal_estimate::{
    Estimate, Interval, IntervalMethod, MapDetail, ZoneEstimate, ZoneEstimateSettings, ZoneMethod, Zoning,
    zone_fractions,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::landscape::{CLASSES, Landscape, MapKind, SIDE, Uneven, ZONES};
use crate::run::{Drawn, LEVEL, PARTS, in_parts, stratified};
use crate::zones::{Known, Sums, allocate, split, tables};

const fn kind(name: &'static str, errors: f64, uneven: Uneven, power: f64) -> MapKind {
    MapKind { name, errors, uneven, power }
}

const MAPS: [MapKind; 6] = [
    kind("errs much and unevenly", 1.0, Uneven::Threefold, 1.0),
    kind("errs", 0.5, Uneven::No, 1.0),
    kind("errs unevenly and is too sure", 0.3, Uneven::Threefold, 3.0),
    kind("errs little and unevenly", 0.15, Uneven::Threefold, 1.0),
    kind("errs little and is not sure enough", 0.1, Uneven::No, 0.4),
    kind("errs in few zones", 0.3, Uneven::FewZones, 1.0),
];

/// Strata and number of units.
const DESIGNS: [(&str, usize); 4] = [("classes", 300), ("risk", 300), ("risk", 800), ("whole", 300)];

const METHODS: [ZoneMethod; 6] = [
    ZoneMethod::Auto,
    ZoneMethod::CorrectedMap,
    ZoneMethod::Composite,
    ZoneMethod::Synthetic,
    ZoneMethod::FayHerriot,
    ZoneMethod::Direct,
];

/// One method on one map under one design.
pub struct MapLine {
    map: &'static str,
    design: String,
    /// `map` for the map's own sums.
    method: String,
    /// Root mean squared error of the fractions.
    error: f64,
    /// What the standard errors say it is.
    said: f64,
    /// Fraction of the numbers with an error that lie within 1.96 of it of the truth.
    within: f64,
}

pub fn simulate(samples: usize) -> Vec<MapLine> {
    let mut lines = Vec::new();
    for (seed, kind) in MAPS.iter().enumerate() {
        let land = Landscape::mapped_as(21 + seed as u64, kind);
        for (strata, n) in DESIGNS {
            let parts = in_parts(|part| sample(&land, strata, n, samples / PARTS, 2026 + part));
            let sums = parts.into_iter().reduce(|mut all, part| {
                all.iter_mut().zip(&part).for_each(|(a, b)| a.join(b));
                all
            });
            let names = std::iter::once("map".to_owned()).chain(METHODS.iter().map(ToString::to_string));
            lines.extend(names.zip(sums.unwrap()).map(|(method, s)| MapLine {
                map: kind.name,
                design: format!("{strata}, {n}"),
                method,
                error: (s.squares / s.all as f64).sqrt(),
                said: (s.said / s.all as f64).sqrt(),
                within: s.within as f64 / (s.all - s.unknown) as f64,
            }));
        }
    }
    lines
}

/// Group of a cell: its map class, or its stratum of risk.
fn group(land: &Landscape, strata: &str, cell: usize) -> usize {
    if strata == "risk" { 2 * land.map[cell] + usize::from(land.unsure[cell]) } else { land.map[cell] }
}

/// Samples of one design: the sums of the map and of each method.
fn sample(land: &Landscape, strata: &str, n: usize, samples: usize, seed: u64) -> Vec<Sums> {
    let groups = if strata == "risk" { 2 * CLASSES } else { CLASSES };
    let members = if strata == "whole" { split(1, |_| 0) } else { split(groups, |k| group(land, strata, k)) };
    let units = allocate(&members, n, 15);
    let known = Known::of(land, &members);
    let (mapped, truth) = tables(land);
    let (mut by_group, mut probable) = (vec![vec![0.0; groups]; ZONES], vec![vec![0.0; CLASSES]; ZONES]);
    for k in 0..SIDE * SIDE {
        let z = Landscape::zone(k);
        by_group[z][group(land, strata, k)] += 1.0;
        probable[z].iter_mut().zip(land.probability[k]).for_each(|(sum, p)| *sum += p);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut sums = vec![Sums::NONE; METHODS.len() + 1];
    for _ in 0..samples {
        let drawn = stratified(&mut rng, &members, &units);
        let at = |table: &[usize]| drawn.cells.iter().map(|&k| table[k]).collect::<Vec<_>>();
        let zoning = Zoning {
            membership: drawn.cells.iter().map(|&k| vec![(Landscape::zone(k), 1.0)]).collect(),
            inside: vec![1.0; drawn.cells.len()],
            mapped: mapped.clone(),
            strata: known.strata.clone(),
            detail: Some(MapDetail {
                group: drawn.cells.iter().map(|&k| group(land, strata, k)).collect(),
                groups: by_group.clone(),
                probabilities: drawn.cells.iter().map(|&k| land.probability[k].to_vec()).collect(),
                probable: probable.clone(),
            }),
        };
        for (m, sums) in sums.iter_mut().enumerate() {
            let found = match m.checked_sub(1) {
                None => mapped.iter().map(|row| alone(row)).collect(),
                Some(m) => methods(&drawn, METHODS[m], [&at(&land.map), &at(&land.truth)], &known, &zoning),
            };
            found.iter().flatten().zip(truth.iter().flatten()).for_each(|(e, truth)| sums.add(e, *truth));
        }
    }
    sums
}

fn methods(
    drawn: &Drawn,
    method: ZoneMethod,
    [map, truth]: [&[usize]; 2],
    known: &Known,
    zoning: &Zoning,
) -> Vec<Vec<ZoneEstimate>> {
    let settings = ZoneEstimateSettings { method, min_units: 30, max_cv: 0.333, level: LEVEL, draws: 400 };
    zone_fractions(&drawn.sample, map, truth, &known.expected, zoning, &settings).unwrap().zones
}

/// The map's own sums.
fn alone(mapped: &[f64]) -> Vec<ZoneEstimate> {
    let sum: f64 = mapped.iter().sum();
    let each = |area: &f64| {
        let value = area / sum;
        ZoneEstimate {
            estimate: Estimate { value, standard_error: 0.0, n: 0, effective_n: 0.0, skewness: 0.0, degrees: 1.0 },
            interval: Interval { low: value, high: value, method: IntervalMethod::None },
            error_known: false,
            method: ZoneMethod::CorrectedMap,
            basis: None,
        }
    };
    mapped.iter().map(each).collect()
}

pub fn print(lines: &[MapLine]) -> String {
    let mut text = String::from("map,design,method,true_error,claimed_error,within_twice_the_error\n");
    for l in lines {
        let claim = if l.method == "map" { ",".to_owned() } else { format!("{:.5},{:.3}", l.said, l.within) };
        text += &format!("{},\"{}\",{},{:.5},{claim}\n", l.map, l.design, l.method, l.error);
    }
    text
}

/// The default must not be worse than the map alone, nor say that it is better than it is.
#[track_caller]
pub fn check(lines: &[MapLine]) {
    let map =
        |l: &MapLine| lines.iter().find(|m| m.method == "map" && m.map == l.map && m.design == l.design).unwrap().error;
    for l in lines.iter().filter(|l| ["auto", "corrected-map"].contains(&l.method.as_str())) {
        assert!(
            l.error <= map(l),
            "{} of a map that {}, {}: {} against {}",
            l.method,
            l.map,
            l.design,
            l.error,
            map(l)
        );
        assert!(
            (1.0..2.6).contains(&(l.said / l.error)),
            "{} of a map that {}, {}: claims {}",
            l.method,
            l.map,
            l.design,
            l.said
        );
    }
}
