//! The network among the tensors of a file: other programs put it below names of their own, beside what only training needs.

use areal_formats::counted_do;
use std::collections::BTreeMap;
use std::path::Path;

use super::first_names;
use super::read::{Listed, Listing};
use crate::{ModelError, NetworkConfig, StateDict};

/// Where two networks of one training are kept, the one that is used afterwards comes first: the teacher of self-distillation
/// (Caron et al. 2021), the query encoder of momentum contrast (He et al. 2020).
const PREFERRED: [(&str, &str); 3] =
    [("teacher", "student"), ("encoder_q", "encoder_k"), ("base_encoder", "momentum_encoder")];

/// The tensors of the network under their plain names. `shapes` are those that the architecture needs.
pub(super) fn locate(
    path: &Path,
    listing: Listing,
    config: &NetworkConfig,
    shapes: &BTreeMap<String, Vec<usize>>,
    notes: &mut Vec<String>,
) -> Result<StateDict, ModelError> {
    let prefix = find_prefix(path, &listing.tensors, shapes)?;
    let mut of_network = BTreeMap::new();
    let mut others = Vec::new();
    for (name, listed) in &listing.tensors {
        match name.strip_prefix(&prefix) {
            Some(plain) if shapes.contains_key(plain) => {
                of_network.insert(name.clone(), plain.to_owned());
            }
            Some(plain) if plain.ends_with("num_batches_tracked") => {}
            // A deeper network holds all tensors of a shallower one, and more.
            Some(plain) if is_of_body(plain) => {
                let (architecture, shape) = (config.architecture.to_string(), listed.shape.clone());
                return Err(ModelError::TensorUnknown { name: name.clone(), architecture, shape });
            }
            _ => others.push(name.clone()),
        }
    }
    if !prefix.is_empty() {
        notes.push(format!("the network was found under the name {}", prefix.trim_end_matches('.')));
    }
    others.retain(|name| !name.ends_with("num_batches_tracked"));
    if !others.is_empty() {
        notes.push(format!(
            "{} left out because the network has no such: {}",
            counted_do(others.len(), "tensor", ["was", "were"]),
            first_names(&others)
        ));
    }
    Ok(StateDict { tensors: listing.read(&of_network)? })
}

/// True for the names of convolutions and normalisations of a residual network, as opposed to its heads.
fn is_of_body(name: &str) -> bool {
    ["conv1.", "bn1.", "layer"].iter().any(|start| name.starts_with(start))
}

fn find_prefix(
    path: &Path,
    tensors: &BTreeMap<String, Listed>,
    shapes: &BTreeMap<String, Vec<usize>>,
) -> Result<String, ModelError> {
    // Every block has a first convolution too; only the network has a first layer.
    let is_network = |prefix: &&str| tensors.contains_key(&format!("{prefix}layer1.0.conv1.weight"));
    let all: Vec<&str> = tensors.keys().filter_map(|n| n.strip_suffix("conv1.weight")).filter(is_network).collect();
    let fits = |prefix: &&str| {
        shapes.iter().filter(|(name, _)| is_of_body(name)).all(|(name, shape)| {
            let found = tensors.get(&format!("{prefix}{name}")).map(|t| &t.shape[..]);
            // The first convolution may read other bands.
            found.is_some_and(|f| {
                f == &shape[..] || name == "conv1.weight" && f.len() == 4 && f[0] == shape[0] && f[2..] == shape[2..]
            })
        })
    };
    let fitting: Vec<&str> = all.iter().copied().filter(fits).collect();
    match fitting[..] {
        [] => Ok(all.first().copied().unwrap_or_default().to_owned()),
        [only] => Ok(only.to_owned()),
        _ => {
            let preferred = PREFERRED.iter().find_map(|(best, other)| {
                let of = |word: &str| fitting.iter().copied().filter(|p| p.contains(word)).collect::<Vec<_>>();
                match (&of(best)[..], of(other).len()) {
                    ([one], 1..) => Some((*one).to_owned()),
                    _ => None,
                }
            });
            preferred.ok_or_else(|| ModelError::WeightsSeveral {
                path: path.to_path_buf(),
                names: fitting.iter().map(|p| p.trim_end_matches('.').to_owned()).collect(),
            })
        }
    }
}
