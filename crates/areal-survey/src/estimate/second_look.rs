//! Agreement of two interpreters who labelled the same units.

use std::collections::HashMap;
use std::path::Path;

use areal_estimate::{CellValue, Kappa, kappa};
use areal_job::hash_file;

use super::labelled_sample::LabelledSample;
use super::settings::EstimateSettings;
use crate::SurveyError;
use crate::labels::{LabelReader, read_labels};

/// Agreement of the labels of classes in the sample and in the second look.
pub(super) fn agreement(
    settings: &EstimateSettings,
    first: &Path,
    second: &Path,
    sample: &LabelledSample,
) -> Result<Kappa, SurveyError> {
    let classes = sample.frame.meta.target.classes().len();
    if hash_file(first)? == hash_file(second)? {
        return Err(SurveyError::SameLook { first: first.to_path_buf(), second: second.to_path_buf() });
    }
    let first = labels(settings, first, sample)?;
    let mut counts = vec![vec![0u64; classes]; classes];
    for (unit, b) in labels(settings, second, sample)? {
        if let Some(&a) = first.get(&unit) {
            counts[a][b] += 1;
        }
    }
    Ok(kappa(&counts)?)
}

/// The class of each labelled unit, by its number.
fn labels(
    settings: &EstimateSettings,
    path: &Path,
    sample: &LabelledSample,
) -> Result<HashMap<u64, usize>, SurveyError> {
    let target = &sample.frame.meta.target;
    let rows = read_labels(path, &settings.label_field, &settings.sample_choice())?;
    let reader = LabelReader::new(target, &rows, path, settings.class_by)?;
    if let Some(design) = sample.design() {
        let other = rows.iter().find(|r| !r.design_id.is_empty() && r.design_id != design.design_id);
        if let Some(other) = other {
            let found = format!("draw {} ({})", other.design_id, path.display());
            return Err(SurveyError::OtherDraw { found, expected: design.design_id.clone() });
        }
    }
    let class = |row| match reader.value(row) {
        Some(CellValue::Class(class)) => Some(class),
        _ => None,
    };
    Ok(rows.iter().filter_map(|row| Some((row.unit_id, class(row)?))).collect())
}
