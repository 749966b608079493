//! Dense mode: the network runs over the scene, and what patches share is computed once.

mod cell_states;
mod chunks;
mod difference;
mod order;
mod sample;
mod stream;
#[cfg(test)]
mod tests;

pub use difference::ModeDifference;
pub use order::DenseOrder;
pub use stream::{Networks, dense_stream};
