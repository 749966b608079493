//! The bundle: a trained model in a folder.

use std::path::Path;

use areal_formats::{BUNDLE_FORMATS, ModelSpec};
use areal_job::{StagedDir, hash_file, read_json_of, write_json};
use burn::tensor::Device;

use crate::{ModelError, Network, NetworkConfig, StateDict, StoredProbe, check_spec};

/// Name of the weights in a bundle.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// Name of the model's description in a bundle.
const MODEL_FILE: &str = "model.json";

/// A trained model and all that is needed to use it.
#[derive(Debug)]
pub struct Bundle {
    /// All about it but its weights.
    pub spec: ModelSpec,
    /// The network, on the device it was loaded to.
    pub network: Network,
}

impl Bundle {
    /// Loads a bundle's folder and checks it: the format, the digest of the weights, every tensor's name and shape.
    ///
    /// # Errors
    /// When a file is missing, truncated or swapped, or the parts do not fit together.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, ModelError> {
        let (spec, weights) = Self::read(folder)?;
        let network = Network::from_state(&NetworkConfig::of(&spec), &weights, device)?;
        Ok(Self { spec, network })
    }

    /// The model's description and its weights, before they are on a device.
    pub(crate) fn read(folder: &Path) -> Result<(ModelSpec, StateDict), ModelError> {
        let spec = Self::load_spec(folder)?;
        let path = folder.join(WEIGHTS_FILE);
        let found = hash_file(&path)?;
        if found != spec.weights_sha256 {
            return Err(ModelError::WeightsHash { path, expected: spec.weights_sha256, found });
        }
        Ok((spec, StateDict::read(&path)?))
    }

    /// Loads and checks `model.json` alone.
    ///
    /// # Errors
    /// When it is missing, of another format or contradicts itself.
    pub fn load_spec(folder: &Path) -> Result<ModelSpec, ModelError> {
        let spec: ModelSpec = read_json_of(&folder.join(MODEL_FILE), &BUNDLE_FORMATS)?;
        check_spec(&spec)?;
        Ok(spec)
    }

    /// Writes the weights, `model.json` with the digest of the weights filled in, and `probe.json`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &StagedDir) -> Result<(), ModelError> {
        save(&self.spec, &StateDict::of(&self.network), folder)
    }
}

/// The same for weights that lie in the computer's memory.
fn save(spec: &ModelSpec, state: &StateDict, folder: &StagedDir) -> Result<(), ModelError> {
    let path = folder.file(WEIGHTS_FILE);
    state.write(&path)?;
    let spec = ModelSpec { weights_sha256: hash_file(&path)?, ..spec.clone() };
    write_json(&folder.file(MODEL_FILE), &spec)?;
    StoredProbe::compute(&spec, state)?.write(&folder.file(StoredProbe::FILE))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use areal_formats::{Calibration, Normalisation, Padding};
    use areal_grid::{Class, GroundResolution, PixelState, PixelType, Pixels, Scaling, Target};
    use ndarray::arr2;

    use super::*;
    use crate::{BurnInference, DataKind, DeviceChoice, Inference, PatchBatch, probabilities};

    fn spec() -> ModelSpec {
        let class = |code, name: &str| Class { code, name: name.into(), colour: [code, 0, 0] };
        let target = Target::Classes { classes: vec![class(1, "forest"), class(4, "water")] };
        ModelSpec {
            normalisation: Normalisation { mean: vec![100.0, 200.0], std: vec![10.0, 20.0] },
            ground_resolution: Some(GroundResolution { x: 10.0, y: 10.0 }),
            calibration: Calibration { temperature: 2.0 },
            class_counts: vec![3, 3],
            ..ModelSpec::untrained(vec!["red".into(), "nir".into()], target, 8)
        }
    }

    fn write(root: &Path) -> std::path::PathBuf {
        let spec = spec();
        let network = Network::new(&NetworkConfig::of(&spec), 4, &Device::flex()).unwrap();
        let path = root.join("bundle");
        let staged = StagedDir::new(&path, true).unwrap();
        Bundle { spec, network }.save(&staged).unwrap();
        staged.commit().unwrap();
        path
    }

    fn batch(n: usize) -> PatchBatch {
        let values = (0..n * 2 * 64).map(|i| 90 + (i * 7 % 50) as u16).collect();
        PatchBatch { shape: [n, 2, 8, 8], pixels: Pixels::U16(values), states: vec![PixelState::Observed; n * 64] }
    }

    #[test]
    fn a_bundle_comes_back_whole() {
        let root = tempfile::tempdir().unwrap();
        let path = write(root.path());
        let bundle = Bundle::load(&path, &Device::flex()).unwrap();
        let network = Network::new(&NetworkConfig::of(&spec()), 4, &Device::flex()).unwrap();
        assert_eq!(StateDict::of(&bundle.network), StateDict::of(&network));
        assert_eq!(bundle.spec, ModelSpec { weights_sha256: bundle.spec.weights_sha256.clone(), ..spec() });
        let mut inference = BurnInference::load(&path, DeviceChoice::Cpu).unwrap();
        let logits = inference.infer(&batch(3)).unwrap();
        assert_eq!(logits.dim(), (3, 2));
        // A patch's logits do not depend on its neighbours in the batch.
        let alone = inference.infer(&batch(1)).unwrap();
        assert!((logits[[0, 0]] - alone[[0, 0]]).abs() < 1e-5);
        assert_eq!(inference.infer(&batch(0)).unwrap().dim(), (0, 2));
    }

    #[test]
    fn a_description_without_padding_is_of_a_padded_network() {
        let root = tempfile::tempdir().unwrap();
        let path = write(root.path()).join(MODEL_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        let older = text.replace("  \"padding\": \"same\",\n", "");
        assert_ne!(older, text);
        std::fs::write(&path, older).unwrap();
        assert_eq!(Bundle::load_spec(path.parent().unwrap()).unwrap().padding, Padding::Same);
        std::fs::write(&path, text.replace("\"same\"", "\"valid\"")).unwrap();
        let small = Bundle::load_spec(path.parent().unwrap()).unwrap_err().to_string();
        assert!(small.starts_with("the receptive field of compact with padding = valid is 47 px"), "{small}");
    }

    #[test]
    fn inference_that_takes_patches_only_says_so() {
        let root = tempfile::tempdir().unwrap();
        let inference = BurnInference::load(&write(root.path()), DeviceChoice::Cpu).unwrap();
        let refused = inference.dense(&areal_grid::PatchLayout::new(64, 64, 8, 4).unwrap()).err().unwrap().to_string();
        assert_eq!(refused, "burn inference supports patches only, not whole scenes");
    }

    #[test]
    fn a_pixel_that_is_not_observed_has_no_say() {
        let root = tempfile::tempdir().unwrap();
        let mut inference = BurnInference::load(&write(root.path()), DeviceChoice::Cpu).unwrap();
        let mut masked = batch(1);
        masked.states[5] = PixelState::Masked;
        let mut other = masked.clone();
        let Pixels::U16(values) = &mut other.pixels else { panic!() };
        values[5] = 60_000;
        assert_eq!(inference.infer(&masked).unwrap(), inference.infer(&other).unwrap());
        assert_ne!(inference.infer(&masked).unwrap(), inference.infer(&batch(1)).unwrap());
    }

    #[test]
    fn weights_that_are_missing_cut_or_swapped_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = write(root.path());
        let weights = path.join(WEIGHTS_FILE);
        let whole = std::fs::read(&weights).unwrap();
        let refusal = || Bundle::load(&path, &Device::flex()).unwrap_err().to_string();
        std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
        assert!(refusal().contains("has SHA-256"), "{}", refusal());
        let cut = StateDict::read(&weights).unwrap_err().to_string();
        assert!(cut.contains("not a complete safetensors file"), "{cut}");
        std::fs::remove_file(&weights).unwrap();
        assert!(refusal().contains("cannot read"), "{}", refusal());
        // The weights of a network of three bands, with a digest to match.
        let config = NetworkConfig { bands: 3, ..NetworkConfig::of(&spec()) };
        let other = Network::new(&config, 1, &Device::flex()).unwrap();
        StateDict::of(&other).write(&weights).unwrap();
        let swapped = ModelSpec { weights_sha256: hash_file(&weights).unwrap(), ..spec() };
        write_json(&path.join(MODEL_FILE), &swapped).unwrap();
        let expected = "tensor conv1.weight has shape [32, 3, 3, 3] in the weights, but compact needs [32, 2, 3, 3]";
        assert_eq!(refusal(), expected);
    }

    #[test]
    fn data_that_do_not_fit_are_refused_with_both_sides() {
        let spec = spec();
        let bands = ["red".to_owned(), "nir".to_owned()];
        let at = |x| Some(GroundResolution { x, y: x });
        let check = |spec: &ModelSpec, data: DataKind| DataKind::of_model(spec).check(&data);
        let kind = DataKind {
            bands: bands.to_vec(),
            pixel_type: PixelType::U16,
            scaling: None,
            ground_resolution: None,
            by_number: false,
            is_converted: false,
        };
        check(&spec, DataKind { ground_resolution: at(10.3), ..kind.clone() }).unwrap();
        check(&spec, kind.clone()).unwrap();
        check(&spec, DataKind { bands: vec![" Red".into(), "NIR".into()], ..kind.clone() }).unwrap();
        let numbered = DataKind { bands: vec!["B4".into(), "B8".into()], by_number: true, ..kind.clone() };
        check(&spec, numbered.clone()).unwrap();
        let note = DataKind::of_model(&spec).note(&numbered).unwrap();
        assert!(note.contains("\"B4\" as \"red\", \"B8\" as \"nir\" (they are chosen by number)"), "{note}");
        assert!(check(&spec, DataKind { bands: vec!["B4".into()], ..numbered.clone() }).is_err());
        assert!(check(&spec, DataKind { bands: vec!["nir".into(), "red".into()], ..numbered }).is_err());
        check(&spec, DataKind { pixel_type: PixelType::F32, is_converted: true, ..kind.clone() }).unwrap();
        let said = |result: Result<(), ModelError>| result.unwrap_err().to_string();
        let swapped = said(check(&spec, DataKind { bands: vec!["nir".into(), "red".into()], ..kind.clone() }));
        assert_eq!(swapped, "the model reads bands [red, nir], but the data have [nir, red]");
        let other_type = said(check(&spec, DataKind { pixel_type: PixelType::F32, ..kind.clone() }));
        assert_eq!(other_type, "the model was trained on u16 pixels, but the data are f32");
        let coarse = said(check(&spec, DataKind { ground_resolution: at(30.0), ..kind.clone() }));
        assert_eq!(coarse, "the model was trained at 10.000 m per pixel, but the data have 30.000 m");
        // Sentinel-2 before and since baseline 04.00.
        let (old, new) = (Scaling { scale: 1e-4, offset: 0.0 }, Scaling { scale: 1e-4, offset: -0.1 });
        let older = ModelSpec { scaling: Some(vec![old; 2]), ..spec.clone() };
        older.check().unwrap();
        let scaled = |scaling| DataKind { scaling: Some(vec![scaling; 2]), ..kind.clone() };
        check(&older, scaled(old)).unwrap();
        check(&spec, scaled(new)).unwrap();
        let other = said(check(&older, scaled(new)));
        assert!(other.contains("stored x 0.0001 + 0 in every band") && other.contains("x 0.0001 - 0.1"), "{other}");
        assert!(said(check_spec(&ModelSpec { scaling: Some(vec![old]), ..spec.clone() })).contains("the scaling of 1"));
        let mut three = batch(1);
        three.shape = [1, 3, 8, 8];
        assert!(said(three.check(2)).contains("does not fit a model of 2 bands"));
        let mut short = batch(1);
        short.states.pop();
        assert!(said(short.check(2)).contains("has 63 pixel states"));
    }

    #[test]
    fn a_description_that_contradicts_itself_is_refused() {
        let said = |spec: ModelSpec| spec.check().unwrap_err().to_string();
        assert!(said(ModelSpec { training_prior: vec![1.0], ..spec() }).contains("1 training priors"));
        for prior in [[0.0, 0.0], [f64::NAN, 1.0], [f64::INFINITY, 0.0], [-0.5, 1.5], [0.5, 0.6]] {
            let said = said(ModelSpec { training_prior: prior.to_vec(), ..spec() });
            assert!(said.contains("training_prior is [") && said.contains("add up to 1"), "{said}");
        }
        let flat = Normalisation { mean: vec![1.0, 2.0], std: vec![1.0, 0.0] };
        assert!(said(ModelSpec { normalisation: flat, ..spec() }).contains("band 2 has mean 2"));
        assert!(said(ModelSpec { calibration: Calibration { temperature: 0.0 }, ..spec() }).contains("temperature 0"));
        for patch_size in [0, 4097, 1_000_000_000, usize::MAX] {
            assert!(said(ModelSpec { patch_size, ..spec() }).contains(&format!("patch_size is {patch_size}")));
        }
    }

    /// softmax((2 ln 3, 0) / 2) = (3/4, 1/4), and great logits do not overflow.
    #[test]
    fn probabilities_by_hand() {
        let p = probabilities(&spec(), arr2(&[[2.0 * 3f32.ln(), 0.0], [2000.0, -2000.0]]).view());
        assert!((p[[0, 0]] - 0.75).abs() < 1e-6 && (p[[0, 1]] - 0.25).abs() < 1e-6, "{p}");
        assert_eq!((p[[1, 0]], p[[1, 1]]), (1.0, 0.0));
        let value = ModelSpec { value_scale: Some(areal_formats::ValueScale { mean: 50.0, std: 4.0 }), ..spec() };
        assert_eq!(probabilities(&value, arr2(&[[0.0], [-1.5]]).view()), arr2(&[[50.0], [44.0]]));
    }
}
