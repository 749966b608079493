//! Arguments of `areal tile`.

use std::path::Path;

/// Arguments for `scenes` (or what else comes first) with labels whose classes are in the field `class`; `more` are flags
/// without spaces in their values.
pub fn labelled(scenes: &[&str], labels: &Path, more: &str) -> Vec<String> {
    let labels = labels.to_str().unwrap();
    let fixed = scenes.iter().copied().chain(["--labels", labels, "--label-field", "class"]);
    fixed.chain(more.split_whitespace()).map(str::to_owned).collect()
}
