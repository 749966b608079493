//! Reports an error with advice, instead of a panic, when the system cannot create a thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::errors::{CliError, Exit};

/// True once a thread was refused.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The panic messages of the standard library and of rayon when a thread cannot be created.
const REFUSALS: [&str; 2] = ["failed to spawn thread", "ThreadPoolBuildError"];

/// Runs a command and returns an error if the system cannot create a thread.
pub fn with_refusals<T>(command: impl FnOnce() -> Result<T, CliError>) -> Result<T, CliError> {
    let usual = take_hook();
    set_hook(Box::new(move |info| {
        if is_refusal(info) {
            REFUSED.store(true, Ordering::Relaxed);
        }
        // Later panics in any thread are consequences of the first refusal and are not reported.
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
    CliError::new(Exit::Failure, "the system cannot create more threads").help(
        "raise the limits on memory and processes (`ulimit -v`, `ulimit -u`); each thread needs some address space",
    )
}
