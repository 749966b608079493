//! Reproducibility: the inputs with their digests, the seeds and the settings.

use std::fmt::Write as _;

use super::QualityInput;

pub(super) fn write(text: &mut String, q: &QualityInput) {
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
    for (what, provenance) in [("map", q.map), ("estimates", q.provenance)] {
        let seed = provenance.seed.map_or_else(String::new, |seed| format!(" with seed {seed}"));
        let _ = writeln!(text, "The {what}: made by {}{seed} from these files:\n", provenance.made_by);
        for input in &provenance.inputs {
            let (kind, value) = input.identity();
            let _ = writeln!(text, "- {} ({kind} {value})", input.name());
        }
        text.push('\n');
    }
    let _ = writeln!(text, "The same files and these settings give the same bytes: `{}`\n", q.provenance.settings);
}
