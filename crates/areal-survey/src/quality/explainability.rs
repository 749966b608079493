//! Explainability: what the estimates rest on, where the map errs, how the sample was drawn.

use std::fmt::Write as _;

use areal_estimate::{MatrixRow, significant};
use areal_formats::{Design, StrataBy};

use super::QualityInput;

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
        let _ = writeln!(text, "\n{more} more strata are in design.json.");
    }
    let classes = design.strata_by != StrataBy::Raster && design.strata.iter().any(|s| s.class_code.is_some());
    let rule = if classes {
        "the class that covers most of the cell"
    } else {
        "the class or the mean value of the whole cell"
    };
    let shown = design.provenance.settings["show-map"] == true;
    let _ = writeln!(
        text,
        "\nLabelling rule given to the interpreters (labelling.md): {rule}, from better sources than the map's, {}.\n",
        if shown { "with the map class shown" } else { "without seeing the map" }
    );
}

/// Rows of the table of strata.
const STRATA_SHOWN: usize = 30;

/// Confusions of the map that are listed, the largest first.
const CONFUSIONS_SHOWN: usize = 3;

pub(super) fn write(text: &mut String, q: &QualityInput) {
    text.push_str("## Explainability\n\n");
    let based = if q.units == 0 {
        "The estimates come from the model alone. They are not design-based, and no sample supports them. They are valid only \
         if the model errs on this map as it did on the patches held out from training."
    } else if q.design.is_some() {
        "The estimates over the whole map and over all zones are design-based: their errors follow from how the sample was \
         drawn, whatever the model."
    } else {
        "The inclusion probabilities of the sample are not known, so the estimates have no standard errors."
    };
    let _ = writeln!(text, "{based} The map was made by {} ({}):\n", q.map.made_by, q.map.command);
    for fact in q.map_facts {
        let _ = writeln!(text, "- {}: {}", fact.name, fact.text);
    }
    let mut confused: Vec<&MatrixRow> =
        q.matrix.iter().filter(|r| r.map_code != r.reference_code && r.fraction > 0.0).collect();
    confused.sort_by(|a, b| b.fraction.total_cmp(&a.fraction));
    if !confused.is_empty() {
        text.push_str("\nIts largest confusions:\n\n");
    }
    for row in confused.iter().take(CONFUSIONS_SHOWN) {
        let _ = writeln!(
            text,
            "- {} is mapped as {} on {:.2} % of the area ({} units).",
            row.reference_name,
            row.map_name,
            100.0 * row.fraction,
            row.count
        );
    }
    text.push('\n');
    if let Some(design) = q.design {
        sampling(text, design);
    }
}
