//! Compiled inference on CPUs: a bundle's network as a program of fused kernels.
//!
//! Batch normalisation is folded into the convolutions, `ReLU` and residual additions happen where a convolution stores
//! its sums, buffers are planned once and reused, and pixels are normalised while they are converted from the scene's
//! own type. [`areal_model::Inference::dense`] runs a plan over a whole scene, so that what patches share is computed once. A plan is compared
//! with Burn when it is loaded and refuses to load where the two differ.
//!
//! In bf16 and int8 ([`areal_model::Precision`]) a plan's maps and weights are of reduced precision; the head, and the sums of bf16, are in
//! single precision. The ranges that int8 needs are measured on patches of the training store ([`Calibrator`]).

mod comparison;
mod compile;
mod crop;
mod dense;
mod error;
mod fold;
mod histogram;
mod inference;
mod input;
mod probe;
mod program;
mod ranges;
mod stream;

pub use comparison::precision_change;
pub use error::PlanError;
pub use inference::{PlanInference, load};
pub use probe::tolerance;
pub use program::{Program, ProgramBuilder, Value};
pub use ranges::{Calibrator, Ranges};
