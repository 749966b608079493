//! The stages of a recipe: their order, and what each takes from those before it.
//!
//! A new stage is a name in [`stages!`] and its place in [`RecipeRun::run`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use areal_model::Precision;
use serde::Deserialize;
use toml::{Table, Value};

use super::run::{RecipeRun, table};
use crate::commands::{aggregate, estimate, evaluate, explain, predict, report, sample, tile, train};
use crate::errors::{CliError, Exit};
use crate::scene_options::SceneOptions;

/// Declares a recipe with these stages, in the order in which they run; each section is named as its command.
macro_rules! stages {
    ($($stage:ident),+) => {
        /// Names of the sections that are stages.
        pub const STAGES: &[&str] = &[$(stringify!($stage)),+];

        /// A recipe as it is written. The sections are the options of the commands: a key is a flag without its dashes.
        ///
        /// It is parsed in full only to be checked; the stages are then made from the table, because an absent key must
        /// stay absent when layers are laid over each other.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        #[expect(dead_code, reason = "parsed to check every key and type against the options that the stages will take")]
        pub struct Schema {
            pub format: String,
            #[serde(default)]
            workdir: Option<PathBuf>,
            #[serde(default)]
            seed: Option<u64>,
            #[serde(default)]
            device: Option<String>,
            pub scenes: BTreeMap<String, Vec<PathBuf>>,
            #[serde(default)]
            pub tile_scenes: Vec<String>,
            #[serde(default)]
            pub predict_scenes: Vec<String>,
            #[serde(default)]
            scene: SceneOptions,
            $($stage: Option<$stage::Options>,)+
        }
    };
}

stages!(tile, train, evaluate, predict, explain, aggregate, sample, estimate, report);

/// The sections of all stages, for messages: `[tile] [train] ...`.
pub fn stage_sections() -> String {
    let sections: Vec<String> = STAGES.iter().map(|stage| format!("[{stage}]")).collect();
    sections.join(" ")
}

impl RecipeRun<'_> {
    /// Checks every stage that the recipe has, then runs them in order. A stage without a section is left out.
    pub fn run(mut self) -> Result<(), CliError> {
        self.walk()?;
        self.planned = None;
        self.walk()
    }

    /// Goes through the stages: checks them as long as they are planned, else runs them.
    fn walk(&mut self) -> Result<(), CliError> {
        if !STAGES.iter().any(|stage| self.recipe.table.contains_key(*stage)) {
            let stages = stage_sections();
            return Err(CliError::new(Exit::Usage, "the recipe has no stages to run")
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

    /// Draws a sample from the prediction of one scene and estimates when its labels exist. True if it did or will estimate.
    fn survey_scene(&mut self, scene: &str) -> Result<bool, CliError> {
        let prediction = self.path(&format!("predictions/{scene}"));
        let drawn = self.workdir.join("samples").join(scene);
        let design = self.path(&format!("samples/{scene}"));
        if self.section("sample").is_some() {
            let name = format!("sample {scene}");
            if drawn.exists() && self.planned.is_none() {
                // Someone may be labelling it, so it is never replaced, even if its inputs changed.
                tracing::info!("{name}: the sample is kept as drawn; remove {} to draw a new one", drawn.display());
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
            if let Some(planned) = &mut self.planned {
                // Settings are checked even if the labels do not exist yet.
                planned.add(Path::new(&labels));
                if let Some(second) = own.get("second-look").and_then(Value::as_str) {
                    planned.add(Path::new(second));
                }
            } else if !Path::new(&labels).exists() {
                let awaited = format!(
                    "{name}: waiting for {labels}: label the units of {} and save them there",
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

    /// A label file belongs to one scene.
    fn check_labels(&self, mapped: &Table) -> Result<(), CliError> {
        let named = self.section("estimate").is_some_and(|own| own.contains_key("sample"));
        if !named || mapped.len() == 1 {
            return Ok(());
        }
        let message = format!("[estimate] names one sample, but {} scenes are predicted", mapped.len());
        Err(CliError::new(Exit::Usage, message)
            .help("save the labels of each scene in labels/SCENE.csv instead, or list one scene in predict-scenes"))
    }

    /// Whether the recipe predicts in reduced precision and creates the patch store that its effect is measured on.
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
        // Without training, the bundle is at the default path or is named in [predict].
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
                let given = self.section(section).and_then(|own| own.get(key)).filter(|_| key == "bundle");
                defaults.insert(key.into(), given.cloned().unwrap_or(value));
            }
        }
        self.stage::<report::Options>("report", "report", defaults)
    }
}
