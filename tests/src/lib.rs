//! What tests share: the program, the real data, tables, and what is skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::return_self_not_must_use)]

mod attack;
mod copies;
mod job;
mod oracle;
mod program;
mod random;
mod skip;
mod tables;
mod tile;

pub use attack::{Attacked, fault_library};
pub use copies::{JobCopy, contents, copy_folder, damage};
pub use job::{JOB, Job};
pub use oracle::oracle;
pub use program::{
    ProgramRun, areal, binary, has_tool, interrupt_after_lines, interrupt_when_work_is_kept, interruptible, run,
};
pub use random::Random;
pub use skip::{data, skipped, workspace};
pub use tables::{Row, number, rows};
pub use tile::labelled;
