//! Saliency maps and the measures of their faithfulness.
//!
//! Methods: Grad-CAM (Selvaraju et al. 2017), `HiResCAM` (Draelos and Carin 2020), occlusion (Zeiler and Fergus 2014).
//! Measures: deletion and insertion areas (Petsiuk et al. 2018), completeness, and rank correlation under random weights
//! (Adebayo et al. 2018). Maps are `[row, col]`, in units of the logit.

mod cam;
mod error;
mod explainer;
#[cfg(test)]
mod identity_tests;
mod image;
mod measure;
mod method;
mod run;
mod settings;
mod subject;

pub use error::ExplainError;
pub use method::Method;
pub use run::{SaliencyRow, explain};
pub use settings::{DEFAULT_TOP, ExplainSettings, PatchSelection};
pub use subject::{PatchPlace, Subject, of_places, of_prediction, of_store, pixels_of_places};
