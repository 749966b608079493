//! What the benchmarks share.

mod bundle;

pub use bundle::random_bundle;
