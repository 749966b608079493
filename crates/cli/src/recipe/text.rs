//! The recipe that `areal init` writes.

pub const TEMPLATE: &str = include_str!("template.toml");
