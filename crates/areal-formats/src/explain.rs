//! `explain.json`: which patches were explained, and how.

use areal_grid::Target;
use serde::{Deserialize, Serialize};

use crate::Provenance;

/// `explain.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainMeta {
    /// Always [`ExplainMeta::FORMAT`].
    pub format: String,
    /// What the model predicts.
    pub target: Target,
    /// Names of the patches explained.
    pub patches: Vec<String>,
    pub provenance: Provenance,
}

impl ExplainMeta {
    pub const FORMAT: &'static str = "areal-explain/1";
    /// Name of the file in the folder.
    pub const FILE: &'static str = "explain.json";
    /// Name of the table in the folder.
    pub const TABLE: &'static str = "saliency.csv";
}
