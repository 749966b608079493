//! Prints estimates and other survey tables.

use areal_estimate::{CvLimits, MIN_UNITS_FOR_GOOD, Population};
use areal_survey::{Published, Resolution};

use crate::columns::aligned;

/// Decimals of numbers that are not rounded.
const DECIMALS: i32 = 4;

/// The zone of an estimate, or the population that it refers to.
pub fn zone_label(population: Population, zone_id: &str) -> String {
    match population {
        Population::Map => "(map)".to_owned(),
        Population::Strata => "(strata)".to_owned(),
        Population::Zones => "(zones)".to_owned(),
        Population::Zone => zone_id.to_owned(),
    }
}

/// Prints estimates to stdout, aligned, with the digits that rounding to `round` left, or four decimals without rounding, and what the
/// grades mean to stderr.
pub fn print_estimates(published: &Published, round: f64, limits: &CvLimits) {
    let rows = &published.rows;
    let text = |v: f64| if round > 0.0 { v.to_string() } else { format!("{v:.prec$}", prec = DECIMALS as usize) };
    let number = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), text);
    let resolution = Resolution::new(round, DECIMALS, published.cell_km2);
    let head =
        ["zone", "class", "mapped", "estimate", "error", "low", "high", "n", "relative_error", "method", "quality"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    for row in rows {
        let shown = |v: Option<f64>| number(v.filter(|_| !resolution.is_below(row)));
        lines.push(vec![
            zone_label(row.population, &row.zone_id),
            row.class_name.clone(),
            number(Some(row.mapped)),
            shown(row.estimate),
            shown(row.standard_error),
            number(row.low),
            number(row.high),
            row.n.to_string(),
            row.relative_error
                .filter(|_| !resolution.is_below(row))
                .map_or_else(|| "-".to_owned(), |v| format!("{v:.3}")),
            row.method.clone(),
            // A dash has no grade.
            match row.suppressed.as_str() {
                "" if resolution.is_below(row) => "-".to_owned(),
                "" => row.quality.clone(),
                why => format!("suppressed ({why})"),
            },
        ]);
    }
    print_aligned(&lines);
    tracing::info!(
        "quality: good where the relative error is below {:.1} %, caution up to {:.1} %, else unreliable. The relative error is the CV or, \
         where that is larger, the longer side of the interval in units of the normal quantile, over the estimate. Fewer than \
         {MIN_UNITS_FOR_GOOD} units or no interval: never good",
        100.0 * limits.good,
        100.0 * limits.caution
    );
    if rows.iter().any(|row| {
        resolution.is_below(row) || (row.low.is_none() || row.standard_error.is_none()) && row.suppressed.is_empty()
    }) {
        tracing::info!(
            "a dash means that the method gives no interval, that all units are alike and tell no error, or an estimate below half of the last \
             printed digit or half of a cell's area, its error and its grade"
        );
    }
}

/// Prints lines of cells to stdout, columns aligned: numbers right, words left.
pub fn print_aligned(lines: &[Vec<String>]) {
    let is_number = |c: usize| lines.iter().skip(1).all(|l| l[c] == "-" || l[c].parse::<f64>().is_ok());
    let right: Vec<bool> = (0..lines.first().map_or(0, Vec::len)).map(is_number).collect();
    for line in aligned(lines, |c| right[c]) {
        outln!("{line}");
    }
}
