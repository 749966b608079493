//! From a recipe to stages: each stage's options are its section of the recipe over what the stages before it made.

use std::path::{Path, PathBuf};

use areal_job::FileError;
use areal_model::Precision;
use areal_raster::companions;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::Recipe;
use super::ledger::{Ledger, Verdict};
use crate::commands::{Stage, aggregate, estimate, evaluate, explain, predict, report, sample, start, tile, train};
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::layers::{from_table, overlay, to_table};

/// How a recipe is run.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Where results go; a relative one is relative to the recipe.
    pub workdir: Option<PathBuf>,
    /// Run every stage, changed or not.
    pub force: bool,
    /// Say what would run, and run nothing.
    pub dry_run: bool,
}

/// Sections that are stages, in the order in which they run.
const STAGES: [&str; 9] =
    ["tile", "train", "evaluate", "predict", "explain", "aggregate", "sample", "estimate", "report"];

/// A recipe that is being run.
pub struct Plan<'a> {
    recipe: &'a Recipe,
    context: &'a Context,
    settings: RunSettings,
    workdir: PathBuf,
    ledger: Ledger,
    /// Set once a stage runs in a dry run: what comes after it cannot be compared.
    stale: bool,
}

impl<'a> Plan<'a> {
    /// Makes ready to run a recipe.
    pub fn new(recipe: &'a Recipe, settings: RunSettings, context: &'a Context) -> Self {
        let from_recipe = || recipe.table.get("workdir").and_then(Value::as_str).map(PathBuf::from);
        let workdir = settings.workdir.clone().or_else(from_recipe).unwrap_or_else(|| PathBuf::from("out"));
        let ledger = Ledger::open(&workdir);
        Self { recipe, context, settings, workdir, ledger, stale: false }
    }

    /// Runs every stage that the recipe has, in order. A stage without a section is left out.
    pub fn run(mut self) -> Result<(), CliError> {
        if !STAGES.iter().any(|stage| self.recipe.table.contains_key(*stage)) {
            let stages = STAGES.map(|s| format!("[{s}]")).join(" ");
            return Err(CliError::new(Exit::Usage, "the recipe has no stage, so there is nothing to run")
                .help(format!("give it one of the sections {stages}; 'areal init' writes them all")));
        }
        let scenes = self.recipe.table.get("scenes").and_then(Value::as_table).cloned().unwrap_or_default();
        let store = self.path("patches");
        let bundle = self.path("bundle");
        let evaluation = self.path("evaluation");

        let labelled = self.chosen("tile-scenes", &scenes);
        let tile = table([("scenes", Value::Table(labelled)), ("out", store.clone())]);
        self.stage::<tile::Options>("tile", "tile", self.with_scene(self.with_seed(tile)))?;
        let train = table([("store", store.clone()), ("out", bundle.clone())]);
        self.stage::<train::Options>("train", "train", self.with_device(self.with_seed(train)))?;
        let evaluate = table([("bundle", bundle.clone()), ("store", store.clone()), ("out", evaluation.clone())]);
        self.stage::<evaluate::Options>("evaluate", "evaluate", self.with_device(evaluate))?;

        let mapped = self.chosen("predict-scenes", &scenes);
        self.check_labels(&mapped)?;
        let mut estimated = Vec::new();
        for (scene, files) in &mapped {
            self.map_scene(scene, files, &bundle, &store)?;
            if self.survey_scene(scene)? {
                estimated.push(self.path(&format!("estimates/{scene}")));
            }
        }
        self.report(&mapped, &estimated, store, bundle, evaluation)
    }

    /// Predict, explain and aggregate one scene.
    fn map_scene(&mut self, scene: &str, files: &Value, bundle: &Value, store: &Value) -> Result<(), CliError> {
        let name = |stage: &str| format!("{stage} {scene}");
        let prediction = self.path(&format!("predictions/{scene}"));
        let saliency = self.path(&format!("saliency/{scene}"));
        let areas = self.path(&format!("areas/{scene}"));

        let mut predict = table([("files", files.clone()), ("bundle", bundle.clone()), ("out", prediction.clone())]);
        if self.reduced_precision() {
            predict.insert("store".into(), store.clone());
        }
        self.stage::<predict::Options>(&name("predict"), "predict", self.with_device(self.with_scene(predict)))?;
        let explain = table([
            ("files", files.clone()),
            ("bundle", bundle.clone()),
            ("prediction", prediction.clone()),
            ("out", saliency),
        ]);
        let explain = self.with_device(self.with_scene(self.with_seed(explain)));
        self.stage::<explain::Options>(&name("explain"), "explain", explain)?;
        let aggregate = table([("prediction", prediction), ("out", areas)]);
        self.stage::<aggregate::Options>(&name("aggregate"), "aggregate", aggregate)
    }

    /// Draw a sample of one scene's prediction, and estimate once people have labelled it: true where that is so.
    fn survey_scene(&mut self, scene: &str) -> Result<bool, CliError> {
        let prediction = self.path(&format!("predictions/{scene}"));
        let drawn = self.workdir.join("samples").join(scene);
        let design = self.path(&format!("samples/{scene}"));
        if self.section("sample").is_some() {
            let name = format!("sample {scene}");
            if drawn.exists() {
                // People may be filling it in: it is never replaced, whatever changed since.
                tracing::info!("{name}: kept as it was drawn; remove {} to draw anew", drawn.display());
            } else {
                let defaults = table([("prediction", prediction.clone()), ("out", design.clone())]);
                self.stage::<sample::Options>(&name, "sample", self.with_seed(defaults))?;
            }
        }
        let Some(own) = self.section("estimate") else { return Ok(false) };
        let name = format!("estimate {scene}");
        let mut defaults = table([("prediction", prediction), ("out", self.path(&format!("estimates/{scene}")))]);
        if !own.contains_key("quantify") {
            let labels = own.get("sample").and_then(Value::as_str).map_or(format!("labels/{scene}.csv"), str::to_owned);
            if !Path::new(&labels).exists() {
                let awaited = format!(
                    "{name}: awaits {labels}: label the units of {} and save them there",
                    drawn.join("sample.csv").display()
                );
                if self.settings.dry_run {
                    outln!("{awaited}");
                } else {
                    tracing::warn!("{awaited}");
                }
                return Ok(false);
            }
            defaults.insert("sample".into(), labels.into());
            if self.section("tile").is_some() {
                defaults.insert("store".into(), self.path("patches"));
            }
            if self.section("sample").is_some() {
                defaults.insert("design".into(), design);
            }
        }
        self.stage::<estimate::Options>(&name, "estimate", defaults)?;
        Ok(true)
    }

    /// One file of labels is of one scene.
    fn check_labels(&self, mapped: &Table) -> Result<(), CliError> {
        let named = self.section("estimate").is_some_and(|own| own.contains_key("sample"));
        if !named || mapped.len() == 1 {
            return Ok(());
        }
        let message = format!("[estimate] names one sample, and {} scenes are predicted", mapped.len());
        Err(CliError::new(Exit::Usage, message)
            .help("leave sample out, and save the labels of each scene in labels/SCENE.csv; or list one scene in predict-scenes"))
    }

    /// Whether the recipe predicts in other than single precision and makes the store that this is measured on.
    fn reduced_precision(&self) -> bool {
        let precision = self.section("predict").and_then(|own| own.get("precision")).and_then(Value::as_str);
        self.section("tile").is_some() && precision.is_some_and(|p| p != Precision::F32.to_string())
    }

    fn report(
        &mut self,
        mapped: &Table,
        estimated: &[Value],
        store: Value,
        bundle: Value,
        evaluation: Value,
    ) -> Result<(), CliError> {
        let made = |folder: &str| -> Value {
            mapped.keys().map(|scene| self.path(&format!("{folder}/{scene}"))).collect::<Vec<_>>().into()
        };
        let mut defaults = table([("out", self.path("report.html"))]);
        // Whoever predicts without training has put the bundle there, or names it.
        let bundled = if self.section("predict").is_some() { "predict" } else { "train" };
        for (section, key, value) in [
            (bundled, "bundle", bundle),
            ("tile", "store", store),
            ("evaluate", "evaluation", evaluation),
            ("predict", "prediction", made("predictions")),
            ("aggregate", "areas", made("areas")),
            ("estimate", "estimates", estimated.to_vec().into()),
            ("explain", "explain", made("saliency")),
        ] {
            if self.recipe.table.contains_key(section) {
                defaults.insert(key.into(), value);
            }
        }
        self.stage::<report::Options>("report", "report", defaults)
    }

    /// Runs one stage, or skips it and says so.
    fn stage<S: Stage + Serialize + DeserializeOwned>(
        &mut self,
        name: &str,
        section: &str,
        defaults: Table,
    ) -> Result<(), CliError> {
        let Some(own) = self.section(section) else { return Ok(()) };
        let table = overlay(defaults, own.clone());
        let stage: S = from_table(overlay(table, overwrite()), section)?;
        let (inputs, output) = (stage.inputs(), stage.output());
        let missing = self.settings.dry_run && (self.stale || inputs.iter().any(|p| not_made(p)));
        if missing {
            self.stale = true;
            outln!("{name}: would run (an input is yet to be made)");
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
        start(stage, self.context)?;
        self.ledger.record(name, entry)?;
        Ok(())
    }

    fn section(&self, name: &str) -> Option<&'a Table> {
        self.recipe.table.get(name).and_then(Value::as_table)
    }

    fn path(&self, name: &str) -> Value {
        Value::String(self.workdir.join(name).to_string_lossy().into_owned())
    }

    /// The scenes that the recipe's list `key` names; all of them without such a list.
    fn chosen(&self, key: &str, scenes: &Table) -> Table {
        match self.recipe.table.get(key).and_then(Value::as_array) {
            Some(names) => {
                let named = |name: &str| names.iter().any(|n| n.as_str() == Some(name));
                scenes.iter().filter(|(name, _)| named(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
            }
            None => scenes.clone(),
        }
    }

    fn with_seed(&self, defaults: Table) -> Table {
        self.with_common(defaults, "seed")
    }

    fn with_device(&self, defaults: Table) -> Table {
        self.with_common(defaults, "device")
    }

    fn with_scene(&self, defaults: Table) -> Table {
        self.with_common(defaults, "scene")
    }

    fn with_common(&self, mut defaults: Table, key: &str) -> Table {
        if let Some(value) = self.recipe.table.get(key) {
            defaults.insert(key.to_owned(), value.clone());
        }
        defaults
    }
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// True for an input that is not there. A raster inside a file (`NETCDF:"x.nc":v`) is there when that file is.
fn not_made(input: &Path) -> bool {
    !input.exists() && companions(input).is_ok_and(|files| files.iter().any(|file| !file.exists()))
}

/// A run owns its working folder: what stands there from a run before is replaced once the new one is whole.
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
