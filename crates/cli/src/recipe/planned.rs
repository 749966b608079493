//! What the stages of a recipe will make, as far as it is known before any of them runs.

use std::path::{Path, PathBuf};

use areal_grid::Target;
use areal_model::DataKind;

use crate::errors::{CliError, Exit};

/// What the stages before one will have made when it runs.
#[derive(Debug, Default)]
pub struct Planned {
    outputs: Vec<PathBuf>,
    /// What the model will have been trained on; none where a bundle is given.
    pub training: Option<Training>,
}

/// What a patch store will hold.
#[derive(Debug)]
pub struct Training {
    pub kind: DataKind,
    pub patch_size: usize,
    /// Without classes where these are found in the pixels of the labels only.
    pub target: Option<Target>,
}

impl Planned {
    /// Notes that a stage makes a file or folder.
    pub fn add(&mut self, output: PathBuf) {
        self.outputs.push(output);
    }

    /// Whether a stage before makes a file or folder, or the folder that it lies in.
    pub fn makes(&self, path: &Path) -> bool {
        self.outputs.iter().any(|output| path.starts_with(output))
    }

    /// A file or folder that can be looked at now: it is given, and no stage will make it anew.
    pub fn ready<'p>(&self, path: Option<&'p Path>) -> Option<&'p Path> {
        path.filter(|path| !self.makes(path))
    }

    /// The target of the model that the recipe trains, where it is known.
    pub fn target(&self) -> Option<&Target> {
        self.training.as_ref().and_then(|training| training.target.as_ref())
    }

    /// Refuses the name of a class that the labels do not have.
    pub fn check_class(&self, name: &str, key: &str) -> Result<(), CliError> {
        let Some(target) = self.target() else { return Ok(()) };
        let classes = target.classes();
        if classes.iter().any(|class| class.name == name || class.code.to_string() == name) {
            return Ok(());
        }
        let known = match target {
            Target::Classes { .. } => classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
            Target::Value { name, .. } => format!("none, because they are values ({name})"),
        };
        Err(CliError::new(Exit::Usage, format!("{key} \"{name}\" is not a class of the labels"))
            .help(format!("the labels have: {known}")))
    }
}
