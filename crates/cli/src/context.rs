//! What every command is handed besides its options: progress and interruption.

use areal_job::{Interrupt, Job, Progress};

use crate::args::Global;
use crate::errors::{CliError, Exit};
use crate::terminal::{Bars, LogLines};

/// What every command is handed besides its options.
pub struct Context {
    progress: Box<dyn Progress>,
    interrupt: Interrupt,
}

impl Context {
    /// Sets up logging, progress and the Ctrl-C handler. The first Ctrl-C asks the job to stop and clean up; the
    /// second ends the program at once.
    pub fn new(global: &Global) -> Result<Self, CliError> {
        let bars = crate::terminal::init_logging(global);
        let interrupt = Interrupt::default();
        let handler = interrupt.clone();
        ctrlc::set_handler(move || {
            if handler.requested() {
                std::process::exit(i32::from(Exit::Interrupted.code()));
            }
            handler.request();
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
