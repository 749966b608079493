use std::fmt::Write as _;

use areal_formats::Provenance;

use crate::agreement::Agreement;
use crate::design::{Design, StrataBy};
use crate::finding::Finding;
use crate::publication::{CvLimits, significant};
use crate::rows::{AccuracyRow, EstimateRow, MatrixRow, Population};
use crate::small_area::ZoneMethod;

/// One thing to know of the map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapFact {
    /// Of what: `classes`, `bands` ...
    pub name: &'static str,
    /// What it is.
    pub text: String,
}

/// What a quality report is written from.
pub struct QualityInput<'a> {
    /// The published numbers.
    pub rows: &'a [EstimateRow],
    /// Accuracies; empty for a value.
    pub accuracy: &'a [AccuracyRow],
    /// The error matrix; empty for a value.
    pub matrix: &'a [MatrixRow],
    /// Agreement of two interpreters, where some units were labelled twice.
    pub agreement: Option<Agreement>,
    /// What the reader should know.
    pub findings: &'a [Finding],
    /// How many times larger a sample without the map would need to be, by class or value.
    pub gains: Vec<(String, f64)>,
    /// Labelled units.
    pub units: usize,
    /// Limits of the quality flag.
    pub limits: CvLimits,
    /// How the sample was drawn, where that is known.
    pub design: Option<&'a Design>,
    /// Area of the population.
    pub population_km2: f64,
    /// Area of cells without a prediction.
    pub unobserved_km2: f64,
    /// Area of predicted cells in no stratum.
    pub outside_strata_km2: f64,
    /// How the numbers were made.
    pub provenance: &'a Provenance,
    /// How the map was made.
    pub map: &'a Provenance,
    /// What the map's documents say of it.
    pub map_facts: &'a [MapFact],
    /// The time that the numbers speak of, as the user named it.
    pub reference_period: Option<&'a str>,
}

/// A quality report in Markdown by the five dimensions of the Quality Framework for Statistical Algorithms (Yung et al. 2022,
/// Statistical Journal of the IAOS 38:291): accuracy, explainability, reproducibility, timeliness, cost effectiveness.
pub fn quality_report(q: &QualityInput) -> String {
    let mut text = String::from("# Quality report\n\n");
    accuracy(&mut text, q);
    explainability(&mut text, q);
    reproducibility(&mut text, q);
    timeliness(&mut text, q);
    cost(&mut text, q);
    text
}

fn accuracy(text: &mut String, q: &QualityInput) {
    text.push_str("## Accuracy\n\n");
    let flagged = |flag: &str| q.rows.iter().filter(|r| r.quality == flag && r.suppressed.is_empty()).count();
    let hidden = q.rows.iter().filter(|r| !r.suppressed.is_empty()).count();
    let _ = writeln!(
        text,
        "{} numbers: {} good (CV below {:.1} %), {} to be used with caution (to {:.1} %), {} unreliable, {hidden} \
         suppressed.\n",
        q.rows.len(),
        flagged("good"),
        100.0 * q.limits.good,
        flagged("caution"),
        100.0 * q.limits.caution,
        flagged("unreliable"),
    );
    for row in q.rows.iter().filter(|r| is_whole(r)) {
        if let (Some(value), Some(low), Some(high), Some(cv)) = (row.estimate, row.low, row.high, row.cv) {
            let _ = writeln!(
                text,
                "- {}: {value:.3} {} (interval {low:.3} to {high:.3}, CV {:.1} %); the map alone says {:.3}.",
                row.class_name,
                row.unit,
                100.0 * cv,
                row.mapped
            );
        }
    }
    text.push('\n');
    for row in &q.accuracy.iter().filter(|r| r.measure == "overall").collect::<Vec<_>>() {
        if let (Some(value), Some(low), Some(high)) = (row.estimate, row.low, row.high) {
            let percent = [value, low, high].map(|v| 100.0 * v);
            let _ = writeln!(
                text,
                "Overall accuracy of the map {:.1} % (interval {:.1} to {:.1} %, {} units).\n",
                percent[0], percent[1], percent[2], row.n
            );
        }
    }
    if let Some(a) = q.agreement {
        let _ = writeln!(
            text,
            "Two interpreters agreed on {:.1} % of {} units (kappa {:.3}, standard error {:.3}).\n",
            100.0 * a.observed,
            a.n,
            a.kappa,
            a.standard_error
        );
    }
    let model = q.rows.iter().filter(|r| !r.zone_id.is_empty() && r.zone_method != Some(ZoneMethod::Direct)).count();
    if model > 0 {
        let _ = writeln!(
            text,
            "{model} zone numbers lean on a model (column method): their errors are those of an average zone, and they have \
             no interval.\n"
        );
    }
    scope(text, q);
    for finding in q.findings {
        let _ = writeln!(text, "- {finding}");
    }
    if !q.findings.is_empty() {
        text.push('\n');
    }
}

/// A number of the map or of what the strata hold, not of zones.
fn is_whole(row: &EstimateRow) -> bool {
    matches!(row.population, Population::Map | Population::Strata)
}

/// Which ground the numbers speak of, and which not.
fn scope(text: &mut String, q: &QualityInput) {
    let _ = writeln!(
        text,
        "The numbers speak of {:.3} km2. They say nothing of {:.3} km2 of the map's grid without a prediction.",
        q.population_km2, q.unobserved_km2
    );
    if q.outside_strata_km2 > 0.0 {
        let _ = writeln!(
            text,
            "Nor do they speak of {:.3} km2 that are predicted but in none of the sample's strata.",
            q.outside_strata_km2
        );
    }
    text.push('\n');
}

/// How the sample was drawn and labelled.
fn sampling(text: &mut String, design: &Design) {
    let drawn: u64 = design.strata.iter().map(|s| s.sample).sum();
    let _ = writeln!(
        text,
        "Sampling design {}: {drawn} cells of {}, strata by {}, {} draw within strata, {} allocation, seed {}.\n",
        design.design_id,
        design.map.display(),
        design.strata_by,
        design.draw,
        design.allocation,
        design.seed
    );
    text.push_str("| stratum | cells | area km2 | units drawn | inclusion probability |\n|---|---|---|---|---|\n");
    for s in design.strata.iter().take(STRATA_SHOWN) {
        let probability = significant(s.inclusion_probability, 4);
        let _ = writeln!(text, "| {} | {} | {:.3} | {} | {probability} |", s.name, s.population, s.area, s.sample);
    }
    if let Some(more) = design.strata.len().checked_sub(STRATA_SHOWN).filter(|n| *n > 0) {
        let _ = writeln!(text, "\n{more} more strata stand in design.json.");
    }
    let classes = design.strata_by != StrataBy::Raster && design.strata.iter().any(|s| s.class_code.is_some());
    let rule = if classes {
        "the class that covers most of the cell"
    } else {
        "the class or the mean value of the whole cell"
    };
    let _ = writeln!(
        text,
        "\nLabelling rule given to the interpreters (labelling.md): {rule}, from better sources than the map's, without \
         seeing the map.\n"
    );
}

/// Rows of the table of strata.
const STRATA_SHOWN: usize = 30;

/// Confusions of the map that are told, the largest first.
const SHOWN: usize = 3;

fn explainability(text: &mut String, q: &QualityInput) {
    text.push_str("## Explainability\n\n");
    let based = if q.units == 0 {
        "The numbers are the model's own, not design-based: there is no sample that they could be checked by. They hold only if \
         the model errs on this map as it did on the patches held out from training."
    } else if q.design.is_some() {
        "The numbers over the whole map and over all zones are design-based: their errors follow from how the sample was drawn, not from what \
         the model is."
    } else {
        "The sample's inclusion probabilities are not known: the numbers have no errors, whatever the model is."
    };
    let _ = writeln!(text, "{based} The map was made by {} ({}):\n", q.map.made_by, q.map.command);
    for fact in q.map_facts {
        let _ = writeln!(text, "- {}: {}", fact.name, fact.text);
    }
    let mut confused: Vec<&MatrixRow> =
        q.matrix.iter().filter(|r| r.map_code != r.reference_code && r.share > 0.0).collect();
    confused.sort_by(|a, b| b.share.total_cmp(&a.share));
    if !confused.is_empty() {
        text.push_str("\nWhere it errs most:\n\n");
    }
    for row in confused.iter().take(SHOWN) {
        let _ = writeln!(
            text,
            "- {} is mapped as {} on {:.2} % of the area ({} units).",
            row.reference_name,
            row.map_name,
            100.0 * row.share,
            row.count
        );
    }
    text.push('\n');
    if let Some(design) = q.design {
        sampling(text, design);
    }
}

fn reproducibility(text: &mut String, q: &QualityInput) {
    text.push_str("## Reproducibility\n\n");
    if let Some(design) = q.design {
        let drawn: u64 = design.strata.iter().map(|s| s.sample).sum();
        let _ = writeln!(
            text,
            "The sample: {drawn} units in {} strata by {}, {} draw, {} allocation, seed {}, drawn by {} from a map with \
             SHA-256 {}.\n",
            design.strata.len(),
            design.strata_by,
            design.draw,
            design.allocation,
            design.seed,
            design.provenance.made_by,
            design.map_sha256
        );
    }
    let seed = q.map.seed.map_or_else(|| "no seed".to_owned(), |s| format!("seed {s}"));
    for (what, provenance) in [
        (format!("The map: {}, {seed}", q.map.made_by), q.map),
        (format!("The numbers: {}", q.provenance.made_by), q.provenance),
    ] {
        let _ = writeln!(text, "{what}, from:\n");
        for input in &provenance.inputs {
            let (kind, value) = input.identity();
            let _ = writeln!(text, "- {} ({kind} {value})", input.name());
        }
        text.push('\n');
    }
    let _ = writeln!(text, "The same files and these settings give the same bytes: `{}`\n", q.provenance.settings);
}

fn timeliness(text: &mut String, q: &QualityInput) {
    text.push_str("## Timeliness\n\n");
    match q.reference_period {
        Some(period) => {
            let _ = writeln!(text, "Reference period: {period}.\n");
        }
        None => text.push_str("The reference period is not stated: name it with --reference-period.\n\n"),
    }
    let _ = writeln!(
        text,
        "A next vintage needs a prediction of the new scenes, which is computed, and {} units looked at again, which is \
         not: the labels are what it waits for. `areal compare` tells what changed by more than sampling error.\n",
        q.units
    );
}

fn cost(text: &mut String, q: &QualityInput) {
    text.push_str("## Cost effectiveness\n\n");
    let twice = q.agreement.map_or(0, |a| a.n);
    let _ = writeln!(text, "{} units were labelled by hand, {twice} of them twice.\n", q.units);
    for (name, gain) in q.gains.iter().filter(|(_, g)| g.is_finite() && *g != 1.0) {
        let _ =
            writeln!(text, "- {name}: with the strata alone the same error would take {gain:.2} times as many units.");
    }
    for row in q.rows.iter().filter(|r| is_whole(r)) {
        if let Some(effective) = row.effective_n {
            let _ = writeln!(
                text,
                "- {}: the {} units give the error of {effective:.0} units drawn without strata or map.",
                row.class_name, row.n
            );
        }
        // The error goes with one over the root of the number of units.
        if let Some(cv) = row.cv.filter(|cv| *cv >= q.limits.good) {
            let units = (row.n as f64 * (cv / q.limits.good).powi(2)).ceil();
            let _ = writeln!(
                text,
                "- {}: a CV of {:.1} % would take about {units:.0} units drawn in the same way; this sample gives {:.1} %.",
                row.class_name,
                100.0 * q.limits.good,
                100.0 * cv
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_five_dimensions() {
        let provenance = Provenance {
            made_by: "areal 0".into(),
            command: "estimate".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(4),
        };
        let matrix = MatrixRow {
            map_code: 2,
            map_name: "forest".into(),
            reference_code: 1,
            reference_name: "rubber".into(),
            count: 7,
            share: 0.031,
        };
        let (matrix, findings) = ([matrix], [crate::without_design()]);
        let facts = [MapFact { name: "bands", text: "red, nir".into() }];
        let input = |units| QualityInput {
            rows: &[],
            accuracy: &[],
            matrix: &matrix,
            agreement: None,
            findings: &findings,
            gains: vec![("rubber".into(), 2.5)],
            units,
            limits: CvLimits::default(),
            design: None,
            population_km2: 90.0,
            unobserved_km2: 10.0,
            outside_strata_km2: 0.0,
            provenance: &provenance,
            map: &provenance,
            map_facts: &facts,
            reference_period: None,
        };
        let report = quality_report(&input(12));
        for heading in ["Accuracy", "Explainability", "Reproducibility", "Timeliness", "Cost effectiveness"] {
            assert!(report.contains(&format!("## {heading}\n")), "{report}");
        }
        for words in [
            "2.50 times as many units",
            "no design",
            "- bands: red, nir",
            "- rubber is mapped as forest on 3.10 % of the area (7 units).",
            "12 units looked at again",
            "nothing of 10.000 km2 of the map's grid",
        ] {
            assert!(report.contains(words), "{words}: {report}");
        }
        // Numbers of the model alone were said to be design-based.
        let quantified = quality_report(&input(0));
        assert!(quantified.contains("not design-based") && !quantified.contains(" are design-based"), "{quantified}");
    }
}
