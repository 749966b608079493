//! Streaming a scene through a bundle into a prediction raster.
//!
//! A scene is divided into chunks of whole blocks, steps and strips ([`patch_order::PatchOrder`]); reading threads decode chunks, one
//! thread cuts patches, the calling thread runs the network ([`predict`]). Finished strips are kept beside the output,
//! so that an interrupted job can go on where it stopped.

mod assemble;
mod cells;
mod chunk_layout;
mod dense;
mod error;
mod features;
mod journal;
mod output;
mod patch_order;
mod run;
mod settings;
mod source;
mod stream;
#[cfg(test)]
mod stream_fixtures;
#[cfg(test)]
mod stream_tests;
mod strip;
mod training_like;

pub use error::{MemoryPart, PredictError};
pub use features::{SceneFeatures, scene_features};
pub use run::{ClassCount, PredictReport, data_kind, predict};
pub use settings::{MAX_BATCH_SIZE, MAX_DEFAULT_THREADS, MAX_THREADS, PredictSettings};
pub use training_like::check_scene;
