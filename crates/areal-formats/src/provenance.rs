//! How a result came to be: program version, command, inputs, settings, seed.

use std::path::Path;

use areal_job::Sha256;
use serde::{Deserialize, Serialize};

use crate::InputRef;

/// The program's name and version, as documents state it: `areal 0.1.0`.
pub const MADE_BY: &str = concat!("areal ", env!("CARGO_PKG_VERSION"));

/// How a result came to be: what made it, from what, with which settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program's name and version: `areal 0.1.0`.
    pub made_by: String,
    /// The command that ran: `tile`, `train` ...
    pub command: String,
    /// Every input, with its digest.
    pub inputs: Vec<InputRef>,
    /// The resolved settings of the command, defaults filled in.
    pub settings: serde_json::Value,
    /// The seed of every random choice, where there is one.
    pub seed: Option<u64>,
}

impl Provenance {
    /// Provenance of a result that this version of the program makes.
    pub fn new(command: &str, inputs: Vec<InputRef>, settings: serde_json::Value, seed: Option<u64>) -> Self {
        Self { made_by: MADE_BY.to_owned(), command: command.to_owned(), inputs, settings, seed }
    }

    /// Digest of the local input that a setting names; `None` where there is none.
    pub fn digest_of_setting(&self, setting: &str) -> Option<Sha256> {
        let path = Path::new(self.settings.get(setting)?.as_str()?);
        self.inputs.iter().find_map(|input| match input {
            InputRef::Local(file) if file.path == path => Some(file.digest()),
            _ => None,
        })
    }
}
