//! A generated landscape with known truth: scenes, districts, labels, wealth.
//!
//! The landscape is a set of functions of position (land use, what is built, what the ground reflects), so two scenes
//! in different UTM zones show the same ground, and the truth can be counted at any point. It lies on the border of
//! UTM zones 47 and 48 in Peninsular Malaysia; its places and names are invented. Planting distances are wider than on
//! real plantations (34 to 54 m), so that rows and lattices are resolved at 10 m as they are in real imagery of 2 m.

mod blob;
mod dimensions;
mod districts;
mod error;
mod generate;
mod inhabitants;
mod interpreter;
mod labels;
mod land_use;
mod noise;
mod plane;
mod recipes;
mod scene;
mod surface;
mod tables;
mod truth;
mod world;

#[cfg(test)]
mod tests;

pub use dimensions::{DemoSettings, DemoSize};
pub use error::DemoError;
pub use generate::{DemoSummary, generate};
pub use interpreter::label;
pub use land_use::LandUse;
