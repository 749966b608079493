//! The Python interpreter with the programs that results are compared with.

use std::path::PathBuf;
use std::process::Command;

use crate::{skipped, workspace};

/// The interpreter that has these modules: the one that `AREAL_ORACLES` names, or the one that `scripts/setup` made; none,
/// and the test is counted as skipped, where there is none.
pub fn oracle(modules: &str) -> Option<PathBuf> {
    let made = || workspace().join("target/oracles/bin/python");
    let python = std::env::var_os("AREAL_ORACLES").map_or_else(made, PathBuf::from);
    let has = Command::new(&python).args(["-c", &format!("import {modules}")]).output();
    if has.is_ok_and(|o| o.status.success()) {
        return Some(python);
    }
    skipped(&format!("{} has no {modules}", python.display()));
    None
}
