//! No output over an input.

use std::path::{Path, PathBuf};

use crate::FileError;

/// Refuses an output that is one of the job's inputs, or lies within one, or holds one.
///
/// # Errors
/// [`FileError::OverInput`] with both.
pub fn check_output(output: &Path, inputs: &[PathBuf]) -> Result<(), FileError> {
    let whole = |path: &Path| {
        // The output need not exist: its nearest folder that does is resolved, and the rest kept.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let there = absolute.ancestors().find(|p| p.exists()).unwrap_or(&absolute).to_path_buf();
        let rest = absolute.strip_prefix(&there).map(Path::to_path_buf).unwrap_or_default();
        let resolved = there.canonicalize().unwrap_or(there);
        if rest.as_os_str().is_empty() { resolved } else { resolved.join(rest) }
    };
    let out = whole(output);
    for input in inputs {
        let path = whole(input);
        if out.starts_with(&path) || path.starts_with(&out) {
            return Err(FileError::OverInput { output: output.to_path_buf(), input: input.clone() });
        }
    }
    Ok(())
}
