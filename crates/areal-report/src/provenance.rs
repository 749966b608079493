use areal_job::Provenance;

use crate::number::number;

/// How one of the report's parts was made.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The file or folder that says so.
    pub path: String,
    /// What it says.
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

impl Stage {
    pub(crate) fn view(&self) -> StageView {
        let p = &self.provenance;
        let input = |i: &areal_job::InputFile| InputView {
            path: i.path.display().to_string(),
            sha256: i.sha256.to_string(),
            short: i.sha256.short().to_owned(),
            bytes: number(i.bytes as f64, 0),
        };
        StageView {
            path: self.path.clone(),
            command: p.command.clone(),
            made_by: p.made_by.clone(),
            seed: p.seed.map_or_else(|| "none".to_owned(), |s| s.to_string()),
            inputs: p.inputs.iter().flat_map(|i| std::iter::once(i).chain(&i.companions)).map(input).collect(),
            settings: format!("{:#}", p.settings),
        }
    }
}
