//! `evaluation.json`: the measures of a model on one split of a patch store.

/// Format of `evaluation.json`. The document itself is `areal_train::Evaluation`, whose measures belong to that crate.
pub const EVALUATION_FORMAT: &str = "areal-evaluation/1";
