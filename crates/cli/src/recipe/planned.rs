//! The expected outputs of the stages of a recipe, as far as they are known before any stage runs.

use std::path::{Component, Path, PathBuf};

use areal_grid::Target;
use areal_model::DataKind;
use areal_tables::{ClassKeys, ClassLabels, ClassNaming};

use crate::errors::{CliError, Exit};

/// The outputs that earlier stages will have created when a stage runs.
#[derive(Debug, Default)]
pub struct Planned {
    outputs: Vec<PathBuf>,
    /// Whether the output of the stage that is checked is there: the stage may be skipped, on a machine without its device.
    pub is_made: bool,
    /// The training data of the recipe; `None` without [tile].
    pub training: Option<Training>,
    /// The target of the prediction; `None` if it is not known.
    pub mapped: Option<Target>,
}

/// What a model is trained on.
#[derive(Debug, Clone)]
pub struct Training {
    pub kind: DataKind,
    pub patch_size: usize,
    /// `None` if the classes are only known after the label pixels are read.
    pub target: Option<Target>,
}

impl Planned {
    /// Notes that a stage makes a file or folder.
    pub fn add(&mut self, output: &Path) {
        self.outputs.push(plain(output));
    }

    /// Whether an earlier stage creates the file or folder, or a folder that contains it.
    pub fn makes(&self, path: &Path) -> bool {
        let path = plain(path);
        self.outputs.iter().any(|output| path.starts_with(output))
    }

    /// The path, if it is given and no earlier stage will create it, so that it can be checked now.
    pub fn ready<'p>(&self, path: Option<&'p Path>) -> Option<&'p Path> {
        path.filter(|path| !self.makes(path))
    }

    /// Refuses names of classes that the prediction will not have.
    pub fn check_classes<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
        by: Option<ClassNaming>,
    ) -> Result<(), CliError> {
        let Some(target) = &self.mapped else { return Ok(()) };
        let keys = ClassKeys::from(target.classes());
        let unknown = names.into_iter().find(|name| ClassLabels::read(&keys, [*name], by).is_err());
        unknown.map_or(Ok(()), |name| Err(no_class(name, target)))
    }
}

/// The error for a class that a model will not have.
pub fn no_class(name: &str, target: &Target) -> CliError {
    let known = match target {
        Target::Classes { classes } => classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
        Target::Value { name, .. } => format!("none, because it predicts a value ({name})"),
    };
    CliError::new(Exit::Usage, format!("class \"{name}\" is not a class of the model"))
        .help(format!("the classes are: {known}"))
}

/// The same path written in one way: absolute, without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_however_it_is_written() {
        let mut planned = Planned::default();
        planned.add(Path::new("./out/bundle"));
        let absolute = std::env::current_dir().unwrap().join("out/bundle/model.json");
        for path in [Path::new("out/bundle"), Path::new("x/../out/bundle"), &absolute] {
            assert!(planned.makes(path), "{}", path.display());
        }
        assert!(!planned.makes(Path::new("out/bundles")));
    }
}
