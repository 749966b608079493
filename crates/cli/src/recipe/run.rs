//! Running a recipe: a stage whose inputs and settings are unchanged is skipped, in a dry run all are.

use std::path::{Path, PathBuf};

use areal_job::FileError;
use areal_raster::companions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};
use tracing::subscriber::NoSubscriber;

use super::ledger::{Ledger, Verdict};
use super::{Planned, Recipe};
use crate::commands::{Stage, start};
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::layers::{from_table, overlay, to_table};

/// Settings of a recipe run.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Where results go; a relative one is relative to the recipe.
    pub workdir: Option<PathBuf>,
    /// Run every stage, changed or not.
    pub force: bool,
    /// Say what would run, and run nothing.
    pub dry_run: bool,
}

/// A recipe that is being run.
pub struct RecipeRun<'a> {
    pub(super) recipe: &'a Recipe,
    context: &'a Context,
    pub(super) settings: RunSettings,
    pub(super) workdir: PathBuf,
    ledger: Ledger,
    /// While the stages are checked, before the first of them runs: what they will make.
    pub(super) planned: Option<Planned>,
    /// Set when a stage would run in a dry run: the stages after it cannot be compared.
    stale: bool,
}

impl<'a> RecipeRun<'a> {
    /// Makes ready to run a recipe.
    pub fn new(recipe: &'a Recipe, settings: RunSettings, context: &'a Context) -> Self {
        let from_recipe = || recipe.table.get("workdir").and_then(Value::as_str).map(PathBuf::from);
        let workdir = settings.workdir.clone().or_else(from_recipe).unwrap_or_else(|| PathBuf::from("out"));
        let ledger = Ledger::open(&workdir);
        Self { recipe, context, settings, workdir, ledger, planned: Some(Planned::default()), stale: false }
    }

    /// Runs one stage, or skips it and says so. Its options are its section of the recipe laid over `defaults`, what the
    /// stages before it made.
    pub(super) fn stage<S: Stage + Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        section: &str,
        defaults: Table,
    ) -> Result<(), CliError> {
        let Some(own) = self.section(section) else { return Ok(()) };
        let table = overlay(defaults, own.clone());
        let stage: S = from_table(overlay(table, overwrite()), section)?;
        let (inputs, output) = (stage.inputs(), stage.output().expect(HAS_OUTPUT));
        if let Some(planned) = &mut self.planned {
            return check(&stage, planned, section);
        }
        if !self.settings.dry_run {
            areal_job::recover_input(&output)?;
        }
        let missing = self.settings.dry_run && (self.stale || inputs.iter().any(|p| not_made(p)));
        if missing {
            self.stale = true;
            outln!("{name}: would run (an input does not exist yet)");
            return Ok(());
        }
        let entry = self.ledger.entry(to_table(&stage)?, inputs, output.clone())?;
        let verdict = if self.settings.force { Verdict::New } else { self.ledger.verdict(name, &entry) };
        if verdict == Verdict::Unchanged {
            tracing::info!("{name}: inputs and settings unchanged, skipped ({})", output.display());
            return Ok(());
        }
        if self.settings.dry_run {
            self.stale = true;
            outln!("{name}: would run ({})", verdict.reason());
            return Ok(());
        }
        tracing::info!("{name}: {}, running", if self.settings.force { "forced" } else { verdict.reason() });
        // Tables of several scenes follow each other on stdout.
        outln!("{name}:");
        // A folder is replaced only if areal made it; of a file only the ledger knows.
        if verdict == Verdict::New && !self.settings.force && output.is_file() {
            return Err(FileError::Exists { path: output }.into());
        }
        self.ledger.hold()?;
        start(stage, self.context)?;
        self.ledger.record(name, entry)?;
        Ok(())
    }

    pub(super) fn section(&self, name: &str) -> Option<&'a Table> {
        self.recipe.table.get(name).and_then(Value::as_table)
    }

    pub(super) fn path(&self, name: &str) -> Value {
        Value::String(self.workdir.join(name).to_string_lossy().into_owned())
    }

    /// The scenes that the recipe's list `key` names; all of them without such a list.
    pub(super) fn chosen(&self, key: &str, scenes: &Table) -> Table {
        match self.recipe.table.get(key).and_then(Value::as_array) {
            Some(names) => {
                let named = |name: &str| names.iter().any(|n| n.as_str() == Some(name));
                scenes.iter().filter(|(name, _)| named(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
            }
            None => scenes.clone(),
        }
    }

    pub(super) fn with_seed(&self, defaults: Table) -> Table {
        self.with_common(defaults, "seed")
    }

    pub(super) fn with_device(&self, defaults: Table) -> Table {
        self.with_common(defaults, "device")
    }

    pub(super) fn with_scene(&self, defaults: Table) -> Table {
        self.with_common(defaults, "scene")
    }

    fn with_common(&self, mut defaults: Table, key: &str) -> Table {
        if let Some(value) = self.recipe.table.get(key) {
            defaults.insert(key.to_owned(), value.clone());
        }
        defaults
    }
}

const HAS_OUTPUT: &str = "`out` is in the defaults of every stage of a recipe";

/// Checks a stage before any runs: what it reads must be there or be made by a stage before it.
fn check<S: Stage>(stage: &S, planned: &mut Planned, section: &str) -> Result<(), CliError> {
    let missing = stage.inputs().into_iter().find(|input| !planned.makes(input) && not_made(input));
    if let Some(input) = missing {
        let message = format!("[{section}]: {} does not exist, and no earlier stage creates it", input.display());
        return Err(CliError::new(Exit::Input, message).help("correct the path; paths are relative to the recipe"));
    }
    let output = stage.output().expect(HAS_OUTPUT);
    planned.is_made = output.exists();
    // What is worth a warning is said when the stage runs.
    tracing::subscriber::with_default(NoSubscriber::default(), || stage.check(planned))
        .map_err(|error| error.in_section(section))?;
    planned.add(&output);
    Ok(())
}

/// A table of these entries.
pub(super) fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// True for an input that is not there. A raster inside a file (`NETCDF:"x.nc":v`) is there when that file is.
fn not_made(input: &Path) -> bool {
    !input.exists() && companions(input).is_ok_and(|files| files.iter().any(|file| !file.exists()))
}

/// A run owns its working folder. The output of an earlier run is replaced when the new output is complete.
fn overwrite() -> Table {
    table([("overwrite", Value::Boolean(true))])
}

/// Makes the recipe's folder the current one, so that its paths mean the same wherever it is run from.
pub fn enter_folder(recipe: &Path) -> Result<(), CliError> {
    match recipe.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::env::set_current_dir(folder)
            .map_err(|e| CliError::new(Exit::Input, format!("cannot enter {}: {e}", folder.display()))),
        _ => Ok(()),
    }
}
