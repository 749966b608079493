//! What would be left if the process ended now, so that it can be removed first.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Half-written outputs and leases of this process. It is locked while an output is put in its place.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes what has to be removed should the process end.
pub(crate) fn note(path: &Path) {
    live().push(path.to_path_buf());
}

pub(crate) fn forget(path: &Path) {
    live().retain(|other| other != path);
}

/// Does what must not be cut off by [`abandon`]. If it succeeds, the path is forgotten.
pub(crate) fn whole<T, E>(path: &Path, action: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let mut live = live();
    let done = action()?;
    live.retain(|other| other != path);
    Ok(done)
}

/// Removes what this process has half-written, and keeps any further output from being put in its place. To be called just
/// before the process ends, while other threads may still be at work.
pub fn abandon() {
    let mut live = live();
    // Leases were noted first; they go last.
    for path in live.drain(..).rev() {
        // Another thread may just have made a file in it.
        for _ in 0..3 {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            if removed.is_ok() {
                break;
            }
        }
    }
    // No other thread gets past `whole` any more.
    std::mem::forget(live);
}
