//! Weights as PyTorch's models load them.

use std::path::Path;

use areal_formats::Architecture;
use areal_job::FileError;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::{Bundle, ModelError, StateDict};

/// Writes a bundle's weights as safetensors. Those of a ResNet have all names and shapes of torchvision's model, so that they load
/// with `strict=True` where its `conv1` takes as many bands and its `fc` gives as many outputs: `num_batches_tracked`, of which
/// areal keeps no count, is 0. Those of other architectures have areal's own names.
///
/// # Errors
/// When the file cannot be written.
pub fn write_safetensors(bundle: &Bundle, path: &Path) -> Result<(), ModelError> {
    let fault = |e: safetensors::SafeTensorError| ModelError::Weights {
        path: path.to_path_buf(),
        reason: format!("cannot be laid out ({e})"),
    };
    let state = StateDict::of(&bundle.network);
    let counts = if bundle.spec.architecture == Architecture::Compact { Vec::new() } else { batch_counts(&state) };
    let floats: Vec<(&String, &[usize], Vec<u8>)> = state
        .tensors
        .iter()
        .map(|(name, t)| (name, t.shape.as_slice(), t.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let zero = 0i64.to_le_bytes();
    let mut views = Vec::with_capacity(floats.len() + counts.len());
    for (name, shape, bytes) in &floats {
        views.push(((*name).clone(), TensorView::new(Dtype::F32, shape.to_vec(), bytes).map_err(fault)?));
    }
    for name in counts {
        views.push((name, TensorView::new(Dtype::I64, Vec::new(), &zero).map_err(fault)?));
    }
    let metadata = [("format".to_owned(), "pt".to_owned())].into();
    let file = safetensors::serialize(views, Some(metadata)).map_err(fault)?;
    debug_assert!(SafeTensors::deserialize(&file).is_ok());
    std::fs::write(path, file).map_err(FileError::io("write", path))?;
    Ok(())
}

/// Names of the counts of batches, one for each batch normalisation.
fn batch_counts(state: &StateDict) -> Vec<String> {
    let layer = |name: &String| name.strip_suffix("running_mean").map(|layer| format!("{layer}num_batches_tracked"));
    state.tensors.keys().filter_map(layer).collect()
}
