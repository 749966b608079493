//! The context of a command: progress reporting and interruption.

use std::time::Duration;

use areal_job::{Interrupt, Interrupted, Job, Progress};

use crate::args::Global;
use crate::errors::{CliError, Exit};
use crate::terminal::{Bars, LogLines};

/// Time that a job has to stop by itself after an interrupt.
const GRACE: Duration = Duration::from_millis(700);

/// Exits at once and removes unfinished outputs. Files needed to resume are kept.
fn end_now() -> ! {
    areal_job::abandon();
    let _ = CliError::from(Interrupted)
        .help("run the same command again; `areal predict` and `areal train` continue where they stopped")
        .report();
    // Not `std::process::exit`: its exit handlers would free library state that running threads still use.
    signal_hook::low_level::exit(i32::from(Exit::Interrupted.code()))
}

/// Context that every command receives in addition to its options.
pub struct Context {
    progress: Box<dyn Progress>,
    interrupt: Interrupt,
}

impl Context {
    /// Sets up logging, progress and the handler of Ctrl-C and SIGTERM. The first asks the job to stop and clean up; after a
    /// moment, or at the second, the program ends wherever it is.
    pub fn new(global: &Global) -> Result<Self, CliError> {
        let bars = crate::terminal::init_logging(global);
        let interrupt = Interrupt::default();
        let handler = interrupt.clone();
        ctrlc::set_handler(move || {
            if handler.requested() {
                end_now();
            }
            handler.request();
            // If no thread can be started, the job still stops at its next interrupt check.
            let _ = std::thread::Builder::new().name("end".to_owned()).spawn(|| {
                std::thread::sleep(GRACE);
                end_now();
            });
        })
        .map_err(|e| CliError::new(Exit::Failure, format!("cannot handle Ctrl-C: {e}")))?;
        let progress: Box<dyn Progress> = match bars {
            Some(bars) => Box::new(Bars::new(bars)),
            None => Box::new(LogLines),
        };
        Ok(Self { progress, interrupt })
    }

    /// The context passed to long-running library functions.
    pub fn job(&self) -> Job<'_> {
        Job { progress: self.progress.as_ref(), interrupt: &self.interrupt }
    }
}
