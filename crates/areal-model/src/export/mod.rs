//! Models as files that other programs read.

mod onnx;
mod torch;

pub use onnx::{OPSET, OnnxOutput, write_onnx};
pub use torch::write_safetensors;
