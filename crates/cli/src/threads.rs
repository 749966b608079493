//! A system that gives no more threads: an error with advice, and no panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::errors::{CliError, Exit};

/// True once a thread was refused.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// How the standard library and rayon say it: both panic where a thread cannot be had.
const REFUSALS: [&str; 2] = ["failed to spawn thread", "ThreadPoolBuildError"];

/// Runs a command, and gives an error where the system refuses it a thread.
pub fn with_refusals<T>(command: impl FnOnce() -> Result<T, CliError>) -> Result<T, CliError> {
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        if is_refusal(info) {
            REFUSED.store(true, Ordering::Relaxed);
        }
        // What follows from a refusal, in whichever thread, is no fault of its own.
        if !REFUSED.load(Ordering::Relaxed) {
            usual(info);
        }
    }));
    catch_unwind(AssertUnwindSafe(command)).unwrap_or_else(|panic| Err(refusal(panic)))
}

fn is_refusal(info: &PanicHookInfo<'_>) -> bool {
    info.payload_as_str().is_some_and(|text| REFUSALS.iter().any(|refusal| text.contains(refusal)))
}

fn refusal(panic: Box<dyn Any + Send>) -> CliError {
    if !REFUSED.load(Ordering::Relaxed) {
        resume_unwind(panic);
    }
    CliError::new(Exit::Failure, "the system gives no more threads").help(
        "raise the limits on memory and processes (`ulimit -v`, `ulimit -u`); each thread needs some address space",
    )
}
