//! Settings of an explanation.

use areal_formats::{BandRef, SceneSettings};
use areal_model::DeviceChoice;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::{ExplainError, Method};

/// Settings of an explanation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExplainSettings {
    /// Methods, in the order of the rows and bands.
    pub methods: Vec<Method>,
    /// Class to explain, by name; `None` for the predicted class of each patch.
    pub class: Option<String>,
    /// Side of the hidden square of occlusion, in pixels; `None` for an eighth of the patch.
    pub window: Option<usize>,
    /// Steps of the deletion and insertion curves.
    pub steps: usize,
    /// Model bands shown as red, green and blue: by number among the model's, from 1, or by description. Empty to
    /// choose by description, or the first ones.
    pub rgb: Vec<BandRef>,
    /// How the patches were chosen, for the record.
    pub chosen: PatchSelection,
    /// Seed of the random weights that maps are compared with.
    pub seed: u64,
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Replace an output that exists.
    #[serde(skip)]
    pub overwrite: bool,
}

/// How the patches that are explained were chosen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PatchSelection {
    /// Patches of a store, by number.
    pub patches: Vec<u64>,
    /// Places in the scene: longitude and latitude, degrees.
    pub places: Vec<[f64; 2]>,
    /// How many of the most certain patches of each class of a prediction; `None` without one.
    pub top: Option<usize>,
    /// How the scene was read; `None` without one.
    pub scene: Option<SceneSettings>,
}

/// How many of the most certain patches of each class of a prediction are explained where no number is given.
pub const DEFAULT_TOP: usize = 2;

impl Default for ExplainSettings {
    fn default() -> Self {
        Self {
            methods: Method::VARIANTS.to_vec(),
            class: None,
            window: None,
            steps: 16,
            rgb: Vec::new(),
            chosen: PatchSelection::default(),
            seed: 1,
            device: DeviceChoice::Cpu,
            overwrite: false,
        }
    }
}

impl ExplainSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`ExplainError::Setting`] with the value that is out of range.
    pub fn check(&self, patch_size: usize) -> Result<(), ExplainError> {
        let fault = |what, value: String, expected| Err(ExplainError::Setting { what, value, expected });
        if self.methods.is_empty() {
            return fault("the list of methods", "empty".to_owned(), "name at least one");
        }
        let twice = self.methods.iter().enumerate().find(|(i, method)| self.methods[..*i].contains(method));
        if let Some((_, method)) = twice {
            return fault("the list of methods (--methods)", format!("with {method} twice"), "give each method once");
        }
        if self.steps == 0 || self.steps > patch_size.saturating_mul(patch_size) {
            let expected = "it must be at least 1 and at most the pixels of a patch";
            return fault("the number of steps (--steps)", self.steps.to_string(), expected);
        }
        if let Some(window) = self.window.filter(|w| *w == 0 || *w > patch_size) {
            return fault(
                "the occlusion window (--window)",
                format!("{window} px"),
                "it must be at least 1 and at most the patch",
            );
        }
        if !matches!(self.rgb.len(), 0 | 3) {
            return fault("the list of bands to show", format!("{} long", self.rgb.len()), "it must have three");
        }
        Ok(())
    }

    /// Side of the hidden square for patches of a size.
    pub fn window_of(&self, patch_size: usize) -> usize {
        self.window.unwrap_or(patch_size / 8).max(1)
    }
}
