//! `--classes`: a legend file, or a list of classes.

use std::path::{MAIN_SEPARATOR, Path, PathBuf};

use areal_tables::{Encoding, LegendRow, read_legend};

use crate::errors::CliError;

/// The file that holds the class list, if it is a file: a name with a suffix or a folder. `forest` is a class, whatever files there are.
pub fn class_file(classes: &[String]) -> Option<PathBuf> {
    let [one] = classes else { return None };
    let path = Path::new(one);
    let is_csv = one.to_ascii_lowercase().ends_with(".csv");
    let may_be_file = path.extension().is_some() || one.contains(MAIN_SEPARATOR);
    (is_csv || may_be_file && path.is_file()).then(|| path.to_path_buf())
}

/// The classes of a legend file or of a list.
pub fn listed_classes(classes: &[String], encoding: Option<Encoding>) -> Result<Vec<LegendRow>, CliError> {
    if let Some(path) = class_file(classes) {
        return Ok(read_legend(&path, encoding)?);
    }
    if let [one] = classes
        && Path::new(one).is_file()
    {
        tracing::warn!(
            "--classes {one} is the name of a class; for the legend in the file of this name pass --classes .{MAIN_SEPARATOR}{one}"
        );
    }
    Ok(classes.iter().map(|class| class.parse()).collect::<Result<_, _>>()?)
}
