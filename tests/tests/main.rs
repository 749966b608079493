//! The areal program as its users run it: one module a topic.

mod awkward_files;
mod common;
mod demo;
mod inspect;
mod report;
