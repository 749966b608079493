//! Tests that cannot run here, counted: `scripts/test` lists them at its end.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The variable that names the file in which skipped tests are kept, one line each.
const KEPT: &str = "AREAL_TESTS_SKIPPED";

/// Says why a test, or a part of one, does not run here.
///
/// # Panics
/// If the file that `AREAL_TESTS_SKIPPED` names cannot be written.
#[track_caller]
pub fn skipped(reason: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    eprintln!("skipped: {test}: {reason}");
    if let Some(path) = std::env::var_os(KEPT) {
        let mut file =
            OpenOptions::new().create(true).append(true).open(path).expect("the list of skipped tests opens");
        // One write a line: tests run side by side.
        file.write_all(format!("{test}: {reason}\n").as_bytes()).expect("the list of skipped tests can be written");
    }
}

/// The workspace's folder.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file or folder of the real data; none, and the test is counted as skipped, where the data is not there.
pub fn data(name: &str) -> Option<PathBuf> {
    let path = workspace().join("../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("{} is not there", path.display()));
    None
}
