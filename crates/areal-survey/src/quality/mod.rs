//! `quality.md`: an account of the quality of published estimates.

mod accuracy;
mod cost;
mod explainability;
mod reproducibility;
mod resolution;

use std::fmt::Write as _;

use areal_estimate::{AccuracyRow, CvLimits, EstimateRow, Finding, Kappa, MatrixRow, Population};
use areal_formats::{Design, Provenance};

pub use resolution::Resolution;

/// Decimals of areas and means.
const DECIMALS: i32 = 3;

/// A fact about the map, such as its classes or bands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MapFact {
    pub name: &'static str,
    pub text: String,
}

/// What a quality report is written from.
pub(crate) struct QualityInput<'a> {
    /// The published estimates.
    pub rows: &'a [EstimateRow],
    /// Step that they are rounded to; 0 where they are not.
    pub rounded_to: f64,
    /// Accuracies; empty for a value.
    pub accuracy: &'a [AccuracyRow],
    /// The error matrix; empty for a value.
    pub matrix: &'a [MatrixRow],
    /// Agreement of two interpreters, where some units were labelled twice.
    pub agreement: Option<Kappa>,
    pub findings: &'a [Finding],
    /// How many times larger a sample without the map would have to be, by class or value.
    pub gains: &'a [(String, f64)],
    /// Labelled units.
    pub units: usize,
    /// Limits of the quality flag.
    pub limits: CvLimits,
    /// How the sample was drawn, where that is known.
    pub design: Option<&'a Design>,
    /// Area of the population.
    pub population_km2: f64,
    /// Mean area of a cell of the population.
    pub cell_km2: f64,
    /// Area of cells without a prediction.
    pub unobserved_km2: f64,
    /// Area of predicted cells in no stratum.
    pub outside_strata_km2: f64,
    /// How the estimates were made.
    pub provenance: &'a Provenance,
    /// How the map was made.
    pub map: &'a Provenance,
    pub map_facts: &'a [MapFact],
    /// The time that the estimates refer to, as the user named it.
    pub reference_period: Option<&'a str>,
}

/// A quality report in Markdown by the five dimensions of the Quality Framework for Statistical Algorithms (Yung et al. 2022,
/// Statistical Journal of the IAOS 38:291): accuracy, explainability, reproducibility, timeliness, cost effectiveness.
pub(crate) fn quality_report(q: &QualityInput) -> String {
    let mut text = String::from("# Quality report\n\n");
    accuracy::write(&mut text, q);
    explainability::write(&mut text, q);
    reproducibility::write(&mut text, q);
    timeliness(&mut text, q);
    cost::write(&mut text, q);
    text
}

impl QualityInput<'_> {
    /// Estimates of the map or of the strata, not of zones.
    fn whole(&self) -> impl Iterator<Item = &EstimateRow> {
        self.rows.iter().filter(|r| matches!(r.population, Population::Map | Population::Strata))
    }

    /// A number as it was rounded, or with three decimals.
    fn number(&self, value: f64) -> String {
        if self.rounded_to > 0.0 { value.to_string() } else { format!("{value:.prec$}", prec = DECIMALS as usize) }
    }

    fn resolution(&self) -> Resolution {
        Resolution::new(self.rounded_to, DECIMALS, self.cell_km2)
    }
}

fn timeliness(text: &mut String, q: &QualityInput) {
    text.push_str("## Timeliness\n\n");
    match q.reference_period {
        Some(period) => {
            let _ = writeln!(text, "Reference period: {period}.\n");
        }
        None => text.push_str("The reference period is not stated (setting `reference-period`).\n\n"),
    }
    let _ = writeln!(
        text,
        "The next vintage needs a prediction of the new scenes and {} units labelled again; the labelling takes the time. \
         `areal compare` shows which changes exceed sampling error.\n",
        q.units
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_estimate::FindingKind;

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
            fraction: 0.031,
        };
        let (matrix, findings) = ([matrix], [Finding::warning(FindingKind::NoDesign, "the sample has no design")]);
        let facts = [MapFact { name: "bands", text: "red, nir".into() }];
        let gains = [("rubber".to_owned(), 2.5)];
        let input = |units| QualityInput {
            rows: &[],
            rounded_to: 0.0,
            accuracy: &[],
            matrix: &matrix,
            agreement: None,
            findings: &findings,
            gains: &gains,
            units,
            limits: CvLimits::default(),
            design: None,
            population_km2: 90.0,
            cell_km2: 0.01,
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
            "12 units labelled again",
            "do not refer to 10.000 km2 of the map's grid",
        ] {
            assert!(report.contains(words), "{words}: {report}");
        }
        // Estimates from the model alone were called design-based.
        let quantified = quality_report(&input(0));
        assert!(quantified.contains("not design-based") && !quantified.contains(" are design-based"), "{quantified}");
    }
}
