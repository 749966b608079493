//! The documents of an estimate: tables, `estimates.json`, `quality.md`.

use areal_estimate::Kappa;
use areal_formats::{Design, ESTIMATES_FORMAT, EstimatesMeta, PredictionMeta};
use areal_job::{FileError, StagedDir, write_json};

use super::settings::EstimateSettings;
use super::tables::EstimateTables;
use crate::quality::{MapFact, QualityInput, quality_report};
use crate::tables::{codebook, write_table};
use crate::{MapFrame, MapTotals, SurveyError};

/// What the estimates rest on.
pub(super) struct Basis<'a> {
    pub frame: &'a MapFrame<'a>,
    pub totals: &'a MapTotals,
    pub design: Option<&'a Design>,
    pub agreement: Option<Kappa>,
    /// Labelled units.
    pub units: usize,
}

pub(super) fn write(
    settings: &EstimateSettings,
    out: &StagedDir,
    basis: &Basis,
    tables: &EstimateTables,
) -> Result<(), SurveyError> {
    let provenance = settings.provenance()?;
    write_table(out, "estimates.csv", &codebook::estimates(), &tables.rows)?;
    if !tables.accuracy.is_empty() {
        write_table(out, "accuracy.csv", &codebook::accuracy(), &tables.accuracy)?;
        write_table(out, "error_matrix.csv", &codebook::error_matrix(), &tables.matrix)?;
    }
    let meta = EstimatesMeta {
        format: ESTIMATES_FORMAT,
        population_km2: basis.totals.area(),
        unobserved_km2: basis.totals.unobserved,
        outside_strata_km2: basis.totals.outside,
        cell_km2: basis.totals.cell_area(),
        units: basis.units,
        findings: &tables.findings,
        agreement: basis.agreement,
        gains: &tables.gains,
        zone_correction: tables.correction,
        provenance: &provenance,
    };
    write_json(&out.file("estimates.json"), &meta)?;
    let report = quality_report(&QualityInput {
        rows: &tables.rows,
        rounded_to: settings.round,
        accuracy: &tables.accuracy,
        matrix: &tables.matrix,
        agreement: basis.agreement,
        findings: &tables.findings,
        gains: &tables.gains,
        units: basis.units,
        limits: settings.statistics()?.limits,
        design: basis.design,
        population_km2: basis.totals.area(),
        cell_km2: basis.totals.cell_area(),
        unobserved_km2: basis.totals.unobserved,
        outside_strata_km2: basis.totals.outside,
        provenance: &provenance,
        map: &basis.frame.meta.provenance,
        map_facts: &map_facts(&basis.frame.meta),
        reference_period: settings.reference_period.as_deref(),
    });
    let path = out.file("quality.md");
    Ok(std::fs::write(&path, report).map_err(FileError::io("write", &path))?)
}

/// What the prediction's own document says of the map.
fn map_facts(meta: &PredictionMeta) -> Vec<MapFact> {
    let fact = |name: &'static str, text: String| MapFact { name, text };
    let [width, height] = meta.grid.transform.pixel_size();
    let names: Vec<&str> = meta.target.classes().iter().map(|c| c.name.as_str()).collect();
    let bands: Vec<String> = meta.scene.bands.iter().map(ToString::to_string).collect();
    let files: Vec<String> = meta.scene.files.iter().map(|f| f.display().to_string()).collect();
    let prior: Vec<String> =
        names.iter().zip(&meta.training_prior).map(|(name, p)| format!("{name} {:.1} %", 100.0 * p)).collect();
    let mut facts = vec![
        fact("classes", names.join(", ")),
        fact("class fractions implied by its training", prior.join(", ")),
        fact("bands", bands.join(", ")),
        fact("scene", files.join(", ")),
        fact("cell", format!("{width} x {height} in units of {}", meta.grid.crs.name)),
        fact("patch that a cell is predicted from", format!("{} pixels, every {}", meta.patch_size, meta.stride)),
        fact("SHA-256 of its bundle", meta.bundle_sha256.to_string()),
    ];
    facts.retain(|f| !f.text.is_empty());
    facts
}
