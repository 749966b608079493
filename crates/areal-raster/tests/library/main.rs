//! The crate as its callers use it, on files made for the test and on real ones.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

mod cells;
mod cells_of_crs;
mod cog;
mod files;
mod interpolated_cells;
mod projections;
mod scenes;
mod vectors;
mod warping;
mod warping_refusals;
