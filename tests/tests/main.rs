//! The areal program as its users run it: one module a topic.

mod common;
mod demo;
mod report;

