//! How each part of the report was made.

use areal_formats::{InputFile, InputRef, Provenance};

use crate::number::number;

/// How one of the report's parts was made.
#[derive(Debug, Clone)]
pub struct ProvenanceEntry {
    /// The file or folder that says so.
    pub path: String,
    pub provenance: Provenance,
}

pub(crate) struct StageView {
    pub path: String,
    pub command: String,
    pub made_by: String,
    pub seed: String,
    pub inputs: Vec<InputView>,
    pub settings: String,
}

pub(crate) struct InputView {
    pub path: String,
    pub sha256: String,
    pub short: String,
    pub bytes: String,
}

impl ProvenanceEntry {
    pub(crate) fn view(&self) -> StageView {
        let p = &self.provenance;
        StageView {
            path: self.path.clone(),
            command: p.command.clone(),
            made_by: p.made_by.clone(),
            seed: p.seed.map_or_else(|| "none".to_owned(), |s| s.to_string()),
            inputs: p.inputs.iter().flat_map(InputView::all).collect(),
            settings: format!("{:#}", p.settings),
        }
    }
}

impl InputView {
    /// An input, and the files that are read with it.
    fn all(input: &InputRef) -> Vec<Self> {
        match input {
            InputRef::Local(file) => std::iter::once(file).chain(&file.companions).map(Self::of_file).collect(),
            InputRef::Remote(object) => vec![Self {
                path: object.url.clone(),
                sha256: format!("ETag {}", object.etag),
                short: object.etag.clone(),
                bytes: number(object.bytes as f64, 0),
            }],
        }
    }

    fn of_file(file: &InputFile) -> Self {
        Self {
            path: file.path.display().to_string(),
            sha256: file.sha256.to_string(),
            short: file.sha256.short().to_owned(),
            bytes: number(file.bytes as f64, 0),
        }
    }
}
