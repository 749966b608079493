//! What every command is handed besides its options: progress and interruption.

use std::time::Duration;

use areal_job::{Interrupt, Interrupted, Job, Progress};

use crate::args::Global;
use crate::errors::{CliError, Exit};
use crate::terminal::{Bars, LogLines};

/// How long a job may take to end by itself when it is asked to.
const GRACE: Duration = Duration::from_millis(700);

/// Ends the program in the midst of its work, and removes what it was writing. What is kept to continue with stays.
fn end_now() -> ! {
    areal_job::abandon();
    let _ = CliError::from(Interrupted)
        .help("run the same command again; `areal predict` continues with --resume")
        .report();
    // Not `std::process::exit`: the libraries' own clearing up would take the ground from under threads at work.
    signal_hook::low_level::exit(i32::from(Exit::Interrupted.code()))
}

/// What every command is handed besides its options.
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
            // Where no thread can be had, the job ends by itself when it looks at the request.
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

    /// What a library's long-running function is handed.
    pub fn job(&self) -> Job<'_> {
        Job { progress: self.progress.as_ref(), interrupt: &self.interrupt }
    }
}
