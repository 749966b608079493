//! Chunks of a panel on their way from the reading threads, in row order.

use std::collections::VecDeque;
use std::ops::Range;

use areal_grid::{PixelBlock, Window};
use areal_job::Job;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::PredictError;
use crate::patch_order::Chunk;
use crate::stream::{LOOK_UP, ReadResult};

/// The chunks of a panel on their way from the reading threads, in rows from the top: each is read once.
pub struct Chunks<'a> {
    ask: &'a Sender<Chunk>,
    reads: &'a Receiver<ReadResult>,
    windows: Vec<Window>,
    per_row: usize,
    /// Chunks that may be asked for beyond a row of them.
    ahead: usize,
    /// Serial of the first window, so that no two panels' are the same.
    first_serial: u64,
    asked: usize,
    /// Index of the first window that is held or on its way.
    first: usize,
    held: VecDeque<Option<PixelBlock>>,
}

impl<'a> Chunks<'a> {
    /// None asked for yet.
    pub fn new(
        (ask, reads): (&'a Sender<Chunk>, &'a Receiver<ReadResult>),
        (windows, per_row): (Vec<Window>, usize),
        ahead: usize,
        first_serial: u64,
    ) -> Self {
        Self { ask, reads, windows, per_row, ahead, first_serial, asked: 0, first: 0, held: VecDeque::new() }
    }

    /// Serial after the last window.
    pub fn end_serial(&self) -> u64 {
        self.first_serial + self.windows.len() as u64
    }

    /// The chunks that hold rows of pixels, as far as there are any. Waits for them, and asks for those after them.
    pub fn rows(&mut self, rows: &Range<usize>, job: &Job<'_>) -> Result<Vec<&PixelBlock>, PredictError> {
        let before = |row: usize| self.windows.partition_point(|w| w.row < row);
        // Windows come in rows: those that begin before the last wanted row.
        let needed = before(rows.end);
        let wanted = needed.max((self.first + self.per_row + self.ahead).min(self.windows.len()));
        while self.asked < wanted {
            let chunk = Chunk { serial: self.first_serial + self.asked as u64, window: self.windows[self.asked] };
            self.ask.send(chunk).map_err(|_| PredictError::ThreadStopped)?;
            self.held.push_back(None);
            self.asked += 1;
        }
        while self.held.iter().take(needed.saturating_sub(self.first)).any(Option::is_none) {
            self.receive(job)?;
        }
        let here = |block: &&PixelBlock| block.window.row < rows.end && block.window.row_end() > rows.start;
        Ok(self.held.iter().flatten().filter(here).collect())
    }

    fn receive(&mut self, job: &Job<'_>) -> Result<(), PredictError> {
        loop {
            job.check()?;
            let (serial, block) = match self.reads.recv_timeout(LOOK_UP) {
                Ok(read) => read,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return Err(PredictError::ThreadStopped),
            };
            let place = usize::try_from(serial - self.first_serial).unwrap_or(usize::MAX).wrapping_sub(self.first);
            if let Some(held) = self.held.get_mut(place) {
                *held = Some(block?);
            }
            return Ok(());
        }
    }

    /// Drops the chunks that end before a row of pixels.
    pub fn release(&mut self, before: usize) {
        while self.held.front().is_some_and(|held| held.as_ref().is_some_and(|b| b.window.row_end() <= before)) {
            self.held.pop_front();
            self.first += 1;
        }
    }
}
