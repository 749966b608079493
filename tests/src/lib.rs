//! What tests share: the program, the real data, tables, and what is skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::return_self_not_must_use, clippy::new_without_default)]

mod attack;
pub mod bench;
mod copies;
mod job;
pub mod long_commands;
pub mod maps;
pub mod model_bundle;
pub mod mutated_kinds;
mod mutated_work;
mod oracle;
pub mod place;
pub mod prediction_folder;
mod program;
pub mod published_weights;
mod random;
pub mod scenes;
mod skip;
pub mod stars;
pub mod stores;
pub mod survey_world;
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
