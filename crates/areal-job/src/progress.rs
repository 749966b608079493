//! Progress of a job, as a trait that the caller implements.

use crate::{Interrupt, Interrupted};

/// What a task counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Patches,
    /// Rows of pixels or cells.
    Rows,
    /// Cells of a prediction.
    Cells,
    /// Blocks of a raster.
    Blocks,
    Zones,
    Epochs,
    /// Steps (batches) of training.
    Steps,
    Files,
}

impl Unit {
    /// The word for people, plural.
    pub fn word(self) -> &'static str {
        match self {
            Self::Patches => "patches",
            Self::Rows => "rows",
            Self::Cells => "cells",
            Self::Blocks => "blocks",
            Self::Zones => "zones",
            Self::Epochs => "epochs",
            Self::Steps => "steps",
            Self::Files => "files",
        }
    }
}

/// Someone who watches tasks start: a terminal, a log, nobody. Libraries report; only the program draws.
pub trait Progress: Send + Sync {
    /// A task begins; `total` units are to be done, if known.
    fn task(&self, name: &str, total: Option<u64>, unit: Unit) -> Box<dyn Task>;
}

/// One running task. Dropping it ends it.
pub trait Task: Send + Sync {
    /// So many more units are done.
    fn advance(&self, units: u64);
    /// A short remark beside the bar: the loss of an epoch, say.
    fn remark(&self, text: &str);
}

#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn task(&self, _: &str, _: Option<u64>, _: Unit) -> Box<dyn Task> {
        Box::new(Self)
    }
}

impl Task for NoProgress {
    fn advance(&self, _: u64) {}
    fn remark(&self, _: &str) {}
}

/// What a library's long-running function is handed: who watches it and who may stop it.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    pub progress: &'a dyn Progress,
    /// Who may stop it.
    pub interrupt: &'a Interrupt,
}

impl Job<'_> {
    pub fn task(&self, name: &str, total: Option<u64>, unit: Unit) -> Box<dyn Task> {
        self.progress.task(name, total, unit)
    }

    /// For use with `?` between units of work.
    ///
    /// # Errors
    /// [`Interrupted`] once the job was asked to stop.
    pub fn check(&self) -> Result<(), Interrupted> {
        self.interrupt.check()
    }
}
