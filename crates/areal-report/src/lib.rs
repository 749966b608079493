//! The self-contained HTML report: maps, area tables, estimates with their errors, learning curves, confusion matrices,
//! saliency, provenance.
//!
//! Takes plain tables, pixels and outlines; [`render`] gives one HTML document that loads nothing from anywhere. All text
//! is escaped: nothing that stands in an input file can become markup.

mod areas;
mod choropleth;
mod colour;
mod confusion;
mod curve;
mod error;
mod estimates;
mod map;
mod notes;
mod number;
mod provenance;
mod render;
mod saliency;
mod scale_bar;

#[cfg(test)]
mod tests;

pub use areas::{AreaColumn, AreaSection, Zone};
pub use confusion::Confusion;
pub use curve::LearningCurve;
pub use error::ReportError;
pub use estimates::{AccuracyLine, EstimateLine, EstimateSection};
pub use map::MapFigure;
pub use notes::Note;
pub use provenance::ProvenanceEntry;
pub use render::{Report, render};
pub use saliency::{SaliencyFigure, SaliencyMap};

use notes::NoteKind;
