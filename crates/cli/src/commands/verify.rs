//! `areal verify`: are outputs as areal wrote them?

use areal_formats::counted;
use std::path::PathBuf;

use areal_job::{FileState, verify};
use clap::Args;
use serde_json::json;

use super::check_names;
use crate::context::Context;
use crate::errors::{CliError, Exit};

/// Check that output files are unchanged since areal wrote them
///
/// Every folder that areal writes has a manifest, areal-manifest.json, with the name, size and digest of each file.
/// Prints one line per file: ok; edited (a file that people may change, such as a sample sheet, a layer or a text, or
/// a change that was accepted); changed; missing; foreign (not written by areal). Folders below FOLDER are compared
/// too. Exit code 0 if no file is changed or missing, otherwise 3.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  areal verify demo/out\n  areal verify bundle --json\n  areal verify store --accept"
)]
pub struct Options {
    /// Folders that areal wrote, folders of such folders, or single files such as a report.
    #[arg(required = true, value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// Accept files as they are now: after a change on purpose, such as corrected labels in patches.csv.
    #[arg(long)]
    pub accept: bool,
    /// Print the files as JSON.
    #[arg(long)]
    pub json: bool,
}

pub fn run(options: &Options, context: &Context) -> Result<(), CliError> {
    check_names(&options.folders)?;
    let mut files = Vec::new();
    for folder in &options.folders {
        areal_job::recover_input(folder)?;
        if !folder.exists() {
            return Err(CliError::new(Exit::Input, format!("{} does not exist", folder.display()))
                .help("give a folder that areal wrote, a folder of such folders, or a report"));
        }
        files.extend(verify(folder, options.accept, context.job())?);
    }
    if options.json {
        let text = serde_json::to_string_pretty(&json!({ "files": files }));
        outln!("{}", text.map_err(|e| CliError::from_source(Exit::Failure, &e))?);
    } else {
        for file in &files {
            let how = file.how.as_ref().map(|how| format!(": {how}")).unwrap_or_default();
            outln!("{:<8} {}{how}", file.state.to_string(), file.path.display());
        }
    }
    let faults = files.iter().filter(|file| file.state.is_fault()).count();
    if faults == 0 {
        return Ok(());
    }
    let changed = files.iter().any(|file| file.state == FileState::Changed);
    let advice = if changed { "; --accept accepts changed files as they are" } else { "" };
    let verb = if faults == 1 { "is" } else { "are" };
    Err(CliError::new(Exit::Input, format!("{faults} of {} {verb} changed or missing", counted(files.len(), "file")))
        .help(format!("make the output again, or copy it again from an intact copy{advice}")))
}
