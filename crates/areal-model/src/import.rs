//! Weights of other trainings to begin from.

use std::collections::BTreeMap;
use std::path::Path;

use areal_job::FileError;
use burn::store::pytorch_reader::PytorchReader;
use burn::store::{bridge, burn_pack};
use rand::SeedableRng;

use crate::weights::{initial_state, shapes};
use crate::{ModelError, NetworkConfig, StateDict, TensorValues};

/// Prefixes that training programs put before a network's own names.
const PREFIXES: [&str; 6] = ["state_dict.", "model_state_dict.", "module.", "model.", "backbone.", "network."];

/// Weights to begin from, and what was changed to make them fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The weights, fit for the network.
    pub state: StateDict,
    /// What was changed, a sentence each.
    pub notes: Vec<String>,
}

impl StateDict {
    /// Weights of another training to begin from: a safetensors file or a PyTorch state dict (`.pth`, `.pt`) of a
    /// residual network with the names of published weights.
    ///
    /// - The usual prefixes (`module.`, `backbone.`, ...) and the counters `num_batches_tracked` are dropped.
    /// - **First convolution**: for other bands than the weights', band `c` takes the weights of band `c mod B` of the
    ///   `B` there are, times `B` / bands, so that activations keep their scale.
    /// - **Head**: a linear layer for other classes (or none) is initialised from `seed`.
    ///
    /// # Errors
    /// When the file cannot be read or its other tensors do not fit the architecture.
    pub fn import(path: &Path, config: &NetworkConfig, seed: u64) -> Result<Imported, ModelError> {
        let raw =
            if path.extension().is_some_and(|e| e == "safetensors") { Self::read(path)? } else { read_pth(path)? };
        let tensors: BTreeMap<String, TensorValues> = raw
            .tensors
            .into_iter()
            .map(|(name, tensor)| (plain_name(&name).to_owned(), tensor))
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .collect();
        let mut state = Self { tensors };
        let mut notes = Vec::new();
        state.adapt_bands(config, &mut notes);
        state.adapt_head(config, seed, &mut notes);
        state.check(config)?;
        Ok(Imported { state, notes })
    }

    fn adapt_bands(&mut self, config: &NetworkConfig, notes: &mut Vec<String>) {
        let Some(conv) = self.tensors.get_mut("conv1.weight") else { return };
        let [out, bands, height, width] = conv.shape[..] else { return };
        if bands == config.bands || bands == 0 {
            return;
        }
        let (plane, scale) = (height * width, bands as f32 / config.bands as f32);
        let mut values = Vec::with_capacity(out * config.bands * plane);
        for filter in conv.values.chunks_exact(bands * plane) {
            for band in 0..config.bands {
                let from = band % bands * plane;
                values.extend(filter[from..from + plane].iter().map(|v| v * scale));
            }
        }
        *conv = TensorValues { shape: vec![out, config.bands, height, width], values };
        notes.push(format!("the first convolution's {bands} bands were repeated in turn for {} bands", config.bands));
    }

    fn adapt_head(&mut self, config: &NetworkConfig, seed: u64, notes: &mut Vec<String>) {
        let expected = shapes(config);
        let fits = |name: &str| self.tensors.get(name).map(|t| &t.shape) == expected.get(name);
        if fits("fc.weight") && fits("fc.bias") {
            return;
        }
        self.tensors.retain(|name, _| !name.starts_with("fc."));
        let fresh = initial_state(config, &mut rand_chacha::ChaCha8Rng::seed_from_u64(seed));
        self.tensors.extend(fresh.tensors.into_iter().filter(|(name, _)| name.starts_with("fc.")));
        notes.push(format!("the head is initialised anew with {} outputs", config.outputs));
    }
}

fn plain_name(name: &str) -> &str {
    let mut name = name;
    while let Some(rest) = PREFIXES.iter().find_map(|p| name.strip_prefix(p)) {
        name = rest;
    }
    name
}

fn read_pth(path: &Path) -> Result<StateDict, ModelError> {
    // Opened first so that a file that is not there is said to be so.
    std::fs::File::open(path).map_err(FileError::io("read", path))?;
    let fault = |reason: String| ModelError::Weights { path: path.to_path_buf(), reason };
    check_claims(path).map_err(fault)?;
    let reader = PytorchReader::new(path).map_err(|e| fault(e.to_string()))?;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.into_tensors() {
        let read = |e: burn_pack::Error| fault(format!("tensor {name}: {e}"));
        let data = bridge::into_data(bridge::from_pytorch(tensor)).map_err(read)?;
        let (shape, values) = (data.shape().to_vec(), data.iter::<f32>().collect());
        tensors.insert(name, TensorValues { shape, values });
    }
    Ok(StateDict { tensors })
}

/// How many times as large as its archive the content of a file may be: PyTorch does not compress, and weights hardly can be.
const MOST_COMPRESSED: u64 = 4;

/// Checks what an archive claims to hold against its size, before memory is taken for it. Files that are no archives pass.
fn check_claims(path: &Path) -> Result<(), String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let bytes = file.metadata().map_err(|e| e.to_string())?.len();
    let Ok(mut archive) = zip::ZipArchive::new(std::io::BufReader::new(file)) else { return Ok(()) };
    let mut claimed = 0u64;
    for index in 0..archive.len() {
        claimed = claimed.saturating_add(archive.by_index_raw(index).map_err(|e| e.to_string())?.size());
    }
    if claimed > bytes.saturating_mul(MOST_COMPRESSED) {
        return Err(format!("it has {bytes} bytes but claims to hold {claimed}: it was not written by PyTorch"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use areal_formats::{Architecture, Padding};
    use burn::tensor::Device;

    use super::*;
    use crate::Network;

    const CONFIG: NetworkConfig =
        NetworkConfig { architecture: Architecture::Compact, padding: Padding::Same, bands: 2, outputs: 3 };

    fn first() -> StateDict {
        StateDict::of(&Network::new(&CONFIG, 5, &Device::flex()).unwrap())
    }

    fn written(folder: &Path, change: impl Fn(&str) -> String) -> std::path::PathBuf {
        let path = folder.join("first.safetensors");
        let tensors = first().tensors.into_iter().map(|(name, tensor)| (change(&name), tensor)).collect();
        StateDict { tensors }.write(&path).unwrap();
        path
    }

    #[test]
    fn prefixes_and_counters_are_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), |name| format!("state_dict.module.{name}"));
        let mut with_counter = StateDict::read(&path).unwrap();
        let counter = TensorValues { shape: vec![1], values: vec![7.0] };
        with_counter.tensors.insert("state_dict.module.bn1.num_batches_tracked".into(), counter);
        with_counter.write(&path).unwrap();
        let imported = StateDict::import(&path, &CONFIG, 1).unwrap();
        assert_eq!((imported.state, imported.notes), (first(), Vec::new()));
    }

    #[test]
    fn other_bands_are_repeated_in_turn_and_scaled() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), str::to_owned);
        let config = NetworkConfig { bands: 3, ..CONFIG };
        let imported = StateDict::import(&path, &config, 1).unwrap();
        assert_eq!(imported.notes, ["the first convolution's 2 bands were repeated in turn for 3 bands"]);
        let (old, new) = (&first().tensors["conv1.weight"], &imported.state.tensors["conv1.weight"]);
        assert_eq!(new.shape, [32, 3, 3, 3]);
        // Filter 4, band 2 comes from band 0, times 2/3.
        for k in 0..9 {
            let expected = old.values[4 * 18 + k] * (2.0 / 3.0);
            assert!((new.values[4 * 27 + 2 * 9 + k] - expected).abs() < 1e-7);
        }
    }

    #[test]
    fn a_head_of_other_classes_begins_afresh_and_another_network_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = written(folder.path(), str::to_owned);
        let config = NetworkConfig { outputs: 5, ..CONFIG };
        let imported = StateDict::import(&path, &config, 1).unwrap();
        assert_eq!(imported.notes, ["the head is initialised anew with 5 outputs"]);
        assert_eq!(imported.state.tensors["fc.weight"].shape, [5, 96]);
        assert_eq!(imported.state.tensors["layer3.0.conv2.weight"], first().tensors["layer3.0.conv2.weight"]);
        let other = NetworkConfig { architecture: Architecture::Resnet18, ..CONFIG };
        let refused = StateDict::import(&path, &other, 1).unwrap_err().to_string();
        assert_eq!(refused, "tensor bn1.bias has shape [32] in the weights, but resnet18 needs [64]");
    }

    /// `tests/oracles/tiny_state_dict.py` wrote the file with PyTorch.
    #[test]
    fn a_pytorch_file_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/tiny_state_dict.pth");
        let state = read_pth(Path::new(path)).unwrap();
        let tensor = |name: &str| &state.tensors[plain_name(name)];
        assert_eq!(tensor("conv1.weight").shape, [2, 1, 2, 2]);
        assert_eq!(tensor("conv1.weight").values, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
        // Stored transposed and in half precision.
        assert_eq!(
            (&tensor("fc.weight").shape[..], &tensor("fc.weight").values[..]),
            (&[2, 3][..], &[0.0, 2.0, 4.0, 1.0, 3.0, 5.0][..])
        );
        let missing = read_pth(Path::new("/nowhere/x.pth")).unwrap_err().to_string();
        assert!(missing.contains("cannot read /nowhere/x.pth"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        let cut = folder.path().join("cut.pth");
        let whole = std::fs::read(path).unwrap();
        std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(read_pth(&cut), Err(ModelError::Weights { .. })));
    }

    #[test]
    fn fault_40_an_archive_that_claims_more_than_weights_can_is_refused() {
        use std::io::Write;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bomb.pth");
        let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        // As PyTorch writes: not compressed.
        let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        archive.start_file("archive/data.pkl", stored).unwrap();
        archive.write_all(&[0; 1000]).unwrap();
        archive.finish().unwrap();
        check_claims(&path).unwrap();
        // The uncompressed size in the directory of the archive: 24 bytes after its mark (APPNOTE.TXT, 4.3.12).
        let mut bytes = std::fs::read(&path).unwrap();
        let directory = bytes.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
        bytes[directory + 24..directory + 28].copy_from_slice(&0x7fff_ffffu32.to_le_bytes());
        std::fs::write(&path, &bytes).unwrap();
        let said = StateDict::import(&path, &CONFIG, 1).unwrap_err().to_string();
        assert!(said.contains("claims to hold 2147483647: it was not written by PyTorch"), "{said}");
    }
}
