//! Checks that the parts of a report were made from each other.

use std::path::PathBuf;

use areal_formats::input_file;
use areal_job::{FileError, Sha256};
use areal_report::{Note, Report};

use super::Options;

/// Warns of every part that was made from another bundle, prediction or patch store than the one in the report.
pub fn check(report: &mut Report, options: &Options) -> Result<(), FileError> {
    let bundle: Vec<PathBuf> = options.bundle.iter().cloned().collect();
    let store: Vec<PathBuf> = options.store.iter().cloned().collect();
    let links: [(&[&str], &[PathBuf], &str); 3] = [
        (&["predict", "evaluate", "explain"], &bundle, "bundle"),
        (&["aggregate", "estimate"], &options.prediction, "prediction"),
        (&["train", "evaluate"], &store, "patch store"),
    ];
    for (commands, folders, what) in links.into_iter().filter(|(_, folders, _)| !folders.is_empty()) {
        let digests: Vec<Sha256> =
            folders.iter().map(|f| Ok(input_file(f)?.sha256)).collect::<Result<_, FileError>>()?;
        for made in report.provenance.iter().filter(|made| commands.contains(&made.provenance.command.as_str())) {
            if !made.provenance.inputs.iter().any(|input| digests.contains(&input.digest())) {
                let text = format!("{} was made from another {what} than the one in this report.", made.path);
                report.notes.push(Note::warning(text));
            }
        }
    }
    Ok(())
}
