use std::fmt::Write as _;

use areal_job::Provenance;

use crate::agreement::Agreement;
use crate::finding::Finding;
use crate::rows::{AccuracyRow, EstimateRow};

/// What a quality report is written from.
pub struct QualityInput<'a> {
    /// The published numbers.
    pub rows: &'a [EstimateRow],
    /// Accuracies; empty for a value.
    pub accuracy: &'a [AccuracyRow],
    /// Agreement of two interpreters, where some units were labelled twice.
    pub agreement: Option<Agreement>,
    /// What the reader should know.
    pub findings: &'a [Finding],
    /// How many times larger a sample without the map would need to be, by class or value.
    pub gains: Vec<(String, f64)>,
    /// Labelled units.
    pub units: usize,
    /// How the numbers were made.
    pub provenance: &'a Provenance,
    /// How the map was made.
    pub map: &'a Provenance,
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
        "{} numbers: {} good, {} to be used with caution, {} unreliable, {hidden} suppressed.\n",
        q.rows.len(),
        flagged("good"),
        flagged("caution"),
        flagged("unreliable"),
    );
    for row in q.accuracy.iter().filter(|r| r.measure == "overall") {
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
    let model = q.rows.iter().filter(|r| !r.zone_id.is_empty() && !r.method.starts_with("direct")).count();
    if model > 0 {
        let _ = writeln!(text, "{model} zone numbers lean on a model: their errors hold if it does (column method).\n");
    }
    for finding in q.findings {
        let _ = writeln!(text, "- {finding}");
    }
    if !q.findings.is_empty() {
        text.push('\n');
    }
}

fn explainability(text: &mut String, q: &QualityInput) {
    text.push_str("## Explainability\n\n");
    let _ = writeln!(
        text,
        "The numbers over the whole map are design-based: their errors follow from how the sample was drawn, not from \
         what the model is. The map itself was made by {} ({}); `areal explain` shows on what it decides.\n",
        q.map.made_by, q.map.command
    );
}

fn reproducibility(text: &mut String, q: &QualityInput) {
    text.push_str("## Reproducibility\n\n");
    let seed = q.provenance.seed.or(q.map.seed).map_or_else(|| "none".to_owned(), |s| s.to_string());
    let _ = writeln!(text, "Made by {} with seed {seed} from:\n", q.provenance.made_by);
    for input in &q.provenance.inputs {
        let _ = writeln!(text, "- {} (SHA-256 {})", input.path.display(), input.sha256);
    }
    text.push_str("\nThe same files and settings give the same numbers.\n\n");
}

fn timeliness(text: &mut String, q: &QualityInput) {
    text.push_str("## Timeliness\n\n");
    match q.reference_period {
        Some(period) => {
            let _ = writeln!(text, "Reference period: {period}.\n");
        }
        None => text.push_str("The reference period is not stated: name it with --reference-period.\n\n"),
    }
}

fn cost(text: &mut String, q: &QualityInput) {
    text.push_str("## Cost effectiveness\n\n");
    let _ = writeln!(text, "{} units were labelled by hand.\n", q.units);
    for (name, gain) in q.gains.iter().filter(|(_, g)| g.is_finite() && *g != 1.0) {
        let _ = writeln!(text, "- {name}: without the map the same error would take {gain:.2} times as many units.");
    }
    if let Some(line) = q.rows.iter().find(|r| r.zone_id.is_empty() && r.effective_n.is_some()) {
        let _ = writeln!(
            text,
            "- {}: the {} units give the error of {:.0} units drawn without strata or map.",
            line.class_name,
            line.n,
            line.effective_n.unwrap_or_default()
        );
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
        let report = quality_report(&QualityInput {
            rows: &[],
            accuracy: &[],
            agreement: None,
            findings: &[crate::without_design()],
            gains: vec![("rubber".into(), 2.5)],
            units: 12,
            provenance: &provenance,
            map: &provenance,
            reference_period: None,
        });
        for heading in ["Accuracy", "Explainability", "Reproducibility", "Timeliness", "Cost effectiveness"] {
            assert!(report.contains(&format!("## {heading}\n")), "{report}");
        }
        assert!(report.contains("2.50 times as many units") && report.contains("no design"));
    }
}
