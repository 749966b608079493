//! Accuracy: the estimates with their errors, the map's accuracy, and the findings.

use std::fmt::Write as _;

use areal_estimate::{DirectBasis, MIN_UNITS_FOR_GOOD, Population, counted, counted_do};

use super::QualityInput;

pub(super) fn write(text: &mut String, q: &QualityInput) {
    text.push_str("## Accuracy\n\n");
    flags(text, q);
    estimates(text, q);
    for row in q.accuracy.iter().filter(|r| r.measure == "overall") {
        if let (Some(value), Some(low), Some(high)) = (row.estimate, row.low, row.high) {
            let percent = [value, low, high].map(|v| 100.0 * v);
            let _ = writeln!(
                text,
                "Overall accuracy of the map {:.1} % (interval {:.1} to {:.1} %, {}).\n",
                percent[0],
                percent[1],
                percent[2],
                counted(row.n, "unit")
            );
        }
    }
    if let Some(a) = q.agreement {
        let _ = writeln!(
            text,
            "Two interpreters agreed on {:.1} % of {} (kappa {:.3}, standard error {:.3}).\n",
            100.0 * a.observed,
            counted(a.n, "unit"),
            a.kappa,
            a.standard_error
        );
    }
    let model = q.rows.iter().filter(|r| r.is_model_based()).count();
    if model > 0 {
        let _ = writeln!(
            text,
            "{} model-based (column method): their error is that of an average zone, and they have no interval.\n",
            counted_do(model, "zone estimate", ["is", "are"])
        );
    }
    direct(text, q);
    scope(text, q);
    for finding in q.findings {
        let _ = writeln!(text, "- {finding}");
    }
    if !q.findings.is_empty() {
        text.push('\n');
    }
}

/// What the zones' direct estimates rest on.
fn direct(text: &mut String, q: &QualityInput) {
    let on = |basis: DirectBasis| q.rows.iter().filter(|r| r.basis() == Some(basis)).count();
    let direct = q.rows.iter().filter(|r| r.is_direct()).count();
    let bases = [
        (
            DirectBasis::KnownAreas,
            "by the means of the strata in the zone and their known areas there (method known-areas)",
        ),
        (
            DirectBasis::PartlySynthetic,
            "likewise, but with the mean over the whole map for a stratum that has no unit in the zone (method partly-synthetic), \
             which counts with the variance of one unit",
        ),
        (DirectBasis::Weights, "as ratios to all units of the zone by their weights"),
    ];
    let parts: Vec<String> = bases
        .into_iter()
        .map(|(basis, words)| (on(basis), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    if direct > 0 {
        let _ =
            writeln!(text, "{} direct: {}.\n", counted_do(direct, "zone estimate", ["is", "are"]), parts.join(", "));
    }
}

/// How many estimates have which quality flag.
fn flags(text: &mut String, q: &QualityInput) {
    let flagged = |flag: &str| q.rows.iter().filter(|r| r.quality == flag && r.suppressed.is_empty()).count();
    let suppressed = q.rows.iter().filter(|r| !r.suppressed.is_empty()).count();
    let _ = writeln!(
        text,
        "{}: {} good (relative error below {:.1} %), {} to be used with caution (up to {:.1} %), {} unreliable, \
         {suppressed} suppressed. The relative error is the larger of the CV and the longer side of the interval over the \
         estimate and the normal quantile (column relative_error). Fewer than {MIN_UNITS_FOR_GOOD} units or no interval: never good.\n",
        populations(q),
        flagged("good"),
        100.0 * q.limits.good,
        flagged("caution"),
        100.0 * q.limits.caution,
        flagged("unreliable"),
    );
}

/// How many estimates there are of which ground, which overlaps.
fn populations(q: &QualityInput) -> String {
    let of = |population: Population| q.rows.iter().filter(|r| r.population == population).count();
    let whole = of(Population::Map) + of(Population::Strata);
    let parts =
        [(whole, "the map"), (of(Population::Zones), "all zones together"), (of(Population::Zone), "single zones")];
    let part = |(n, ground): (usize, &str)| (n > 0).then(|| format!("{} for {ground}", counted(n, "estimate")));
    parts.into_iter().filter_map(part).collect::<Vec<String>>().join(", ")
}

/// The estimates of the whole map, a dash for those below the resolution.
fn estimates(text: &mut String, q: &QualityInput) {
    for row in q.whole() {
        let (Some(value), Some(low), Some(high)) = (row.estimate, row.low, row.high) else { continue };
        let below = q.resolution().is_below(row);
        let percent = |ratio: Option<f64>| match ratio.filter(|_| !below) {
            Some(ratio) => format!("{:.1} %", 100.0 * ratio),
            None => "-".to_owned(),
        };
        // Where all labels are right the sample has no spread, which is no certainty.
        let cv = match row.standard_error {
            None => "no variation in the sample".to_owned(),
            Some(_) => format!("CV {}", percent(row.cv)),
        };
        let _ = writeln!(
            text,
            "- {}: {} {} (interval {} to {}, {cv}, relative error {}); the map alone says {}.",
            row.class_name,
            if below { "-".to_owned() } else { q.number(value) },
            row.unit,
            q.number(low),
            q.number(high),
            percent(row.relative_error),
            q.number(row.mapped)
        );
    }
    text.push('\n');
    if q.whole().any(|row| q.resolution().is_below(row)) {
        text.push_str(
            "A dash stands for an estimate below half of the last printed digit or half of a cell's area, and for its CV and relative error.\n\n",
        );
    }
}

/// The ground that the estimates refer to, and the ground that they do not.
fn scope(text: &mut String, q: &QualityInput) {
    let _ = writeln!(
        text,
        "The estimates refer to {:.3} km2. They do not refer to {:.3} km2 of the map's grid without a prediction.",
        q.population_km2, q.unobserved_km2
    );
    if q.outside_strata_km2 > 0.0 {
        let _ = writeln!(
            text,
            "Nor do they refer to {:.3} km2 that are predicted but in none of the sample's strata.",
            q.outside_strata_km2
        );
    }
    text.push('\n');
}
