//! Tests of importing weights.

mod bands;

use std::path::{Path, PathBuf};

use areal_formats::{Architecture, BandQuantiles, Padding};
use areal_grid::{PixelType, Scaling};
use burn::tensor::Device;

use super::*;
use crate::{Network, TensorValues};

const CONFIG: NetworkConfig =
    NetworkConfig { architecture: Architecture::Compact, padding: Padding::Same, bands: 2, outputs: 3 };

fn statistics(bands: usize) -> Normalisation {
    Normalisation { mean: vec![7.0; bands], std: vec![2.0; bands] }
}

fn first(config: &NetworkConfig) -> StateDict {
    StateDict::of(&Network::new(config, 5, &Device::flex()).unwrap())
}

fn written(folder: &Path, config: &NetworkConfig, change: impl Fn(&str) -> String) -> PathBuf {
    let path = folder.join("first.safetensors");
    let tensors = first(config).tensors.into_iter().map(|(name, tensor)| (change(&name), tensor)).collect();
    StateDict { tensors }.write(&path).unwrap();
    path
}

fn add(path: &Path, name: &str, tensor: TensorValues) {
    let mut state = StateDict::read(path).unwrap();
    state.tensors.insert(name.to_owned(), tensor);
    state.write(path).unwrap();
}

fn import<'a>(path: &'a Path, kind: WeightsKind, config: &'a NetworkConfig, names: &'a [String]) -> Import<'a> {
    let store = StoreBands { names, named_as: &[] };
    Import { path, kind: Some(kind), config, store, numbers: None, target: &VALUE, missing_band: None, seed: 1 }
}

static VALUE: Target = Target::Value { name: String::new(), unit: String::new() };

/// Training pixels whose middle nine tenths lie between two numbers in each band, as they come from a file without a scale.
fn between(pixel_type: PixelType, of_bands: &[(f64, f64)]) -> (PixelType, Vec<BandQuantiles>) {
    let quantiles = |&(p05, p95): &(f64, f64)| {
        let p50 = f64::midpoint(p05, p95);
        BandQuantiles { p05, p25: f64::midpoint(p05, p50), p50, p75: f64::midpoint(p50, p95), p95 }
    };
    (pixel_type, of_bands.iter().map(quantiles).collect())
}

fn numbers(of: &(PixelType, Vec<BandQuantiles>)) -> StoreNumbers<'_> {
    StoreNumbers { pixel_type: of.0, scaling: None, quantiles: &of.1 }
}

fn names(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn the_network_is_found_wherever_other_programs_put_it() {
    let folder = tempfile::tempdir().unwrap();
    let bands = names("a b");
    for place in ["", "state_dict.module.", "module.encoder_q.", "backbone.resnet.", "net.", "model.encoder."] {
        let path = written(folder.path(), &CONFIG, |name| format!("{place}{name}"));
        let counter = TensorValues { shape: vec![1], values: vec![7.0] };
        add(&path, &format!("{place}bn1.num_batches_tracked"), counter.clone());
        add(&path, "criterion.weight", counter);
        let imported = import(&path, WeightsKind::SameBands, &CONFIG, &bands).run(&statistics(2)).unwrap();
        assert_eq!((&imported.state, &imported.normalisation), (&first(&CONFIG), &None), "{place}");
        let left_out = "1 tensor was left out because the network has no such: criterion.weight";
        assert!(imported.notes.iter().any(|n| n == left_out), "{:?}", imported.notes);
    }
}

#[test]
fn of_two_networks_the_one_that_is_used_afterwards_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let bands = names("a b");
    let both = |best: &str, other: &str| {
        let path = written(folder.path(), &CONFIG, |name| format!("{best}.{name}"));
        for (name, mut tensor) in first(&CONFIG).tensors {
            tensor.values.iter_mut().for_each(|v| *v += 1.0);
            add(&path, &format!("{other}.{name}"), tensor);
        }
        import(&path, WeightsKind::SameBands, &CONFIG, &bands).run(&statistics(2))
    };
    for (best, other) in [("teacher.backbone", "student.backbone"), ("module.encoder_q", "module.encoder_k")] {
        assert_eq!(both(best, other).unwrap().state, first(&CONFIG), "{best}");
    }
    let said = both("one", "two").unwrap_err().to_string();
    assert!(said.ends_with("first.safetensors holds several networks that fit: one, two"), "{said}");
}

#[test]
fn weights_that_read_other_bands_are_never_taken_by_position() {
    let folder = tempfile::tempdir().unwrap();
    let thirteen = NetworkConfig { bands: 13, ..CONFIG };
    let path = written(folder.path(), &thirteen, str::to_owned);
    let config = NetworkConfig { bands: 3, ..CONFIG };
    let kind = WeightsKind::TorchGeo(TorchGeo::Sentinel2AllMoco);
    // Red, green and blue of the store are bands 4, 3 and 2 of the weights.
    let rgb = names("B04 B3 b2");
    let refused = import(&path, kind, &config, &rgb).run(&statistics(3)).unwrap_err().to_string();
    assert_eq!(
        refused,
        "weights torchgeo:SENTINEL2_ALL_MOCO read B1, B5, B6, B7, B8, B8A, B9, B10, B11, B12, which the store lacks"
    );
    let pixels = between(PixelType::U16, &[(200.0, 2500.0); 3]);
    let plain = Import { numbers: Some(numbers(&pixels)), ..import(&path, kind, &config, &rgb) };
    let with_rule = Import { missing_band: Some(MissingBand::Zero), ..plain };
    let imported = with_rule.run(&statistics(3)).unwrap();
    let (old, new) = (&first(&thirteen).tensors["conv1.weight"], &imported.state.tensors["conv1.weight"]);
    assert_eq!(new.shape, [32, 3, 3, 3]);
    // Filter 4, its band 0 comes from band 4 of the weights, at place 3 of 13.
    assert_eq!(new.values[4 * 27..4 * 27 + 9], old.values[4 * 117 + 3 * 9..4 * 117 + 4 * 9]);
    assert_eq!(imported.normalisation.unwrap(), Normalisation { mean: vec![0.0; 3], std: vec![10_000.0; 3] });
    // A mean that nobody published is not invented.
    let with_mean = Import { missing_band: Some(MissingBand::Mean), ..import(&path, kind, &config, &rgb) };
    let said = with_mean.run(&statistics(3)).unwrap_err().to_string();
    assert!(said.ends_with("the mean of B1 was not published with them"), "{said}");
    let others = names("x y z");
    let said = import(&path, kind, &config, &others).run(&statistics(3)).unwrap_err().to_string();
    assert!(said.ends_with("but the store has x, y, z: none of the names is the same"), "{said}");
}

#[test]
fn bands_named_as_the_publisher_does_and_a_band_that_only_the_store_has() {
    let folder = tempfile::tempdir().unwrap();
    let three = NetworkConfig { bands: 3, ..CONFIG };
    let path = written(folder.path(), &three, str::to_owned);
    let config = NetworkConfig { bands: 4, ..CONFIG };
    let (bands, named_as) = (names("B8 B2 B3 B4"), names("- blue green red"));
    let pixels = between(PixelType::U8, &[(10.0, 200.0); 4]);
    let plain = Import { numbers: Some(numbers(&pixels)), ..import(&path, WeightsKind::Torchvision, &config, &bands) };
    let imported =
        Import { store: StoreBands { named_as: &named_as, ..plain.store }, ..plain }.run(&statistics(4)).unwrap();
    let (old, new) = (&first(&three).tensors["conv1.weight"], &imported.state.tensors["conv1.weight"]);
    assert_eq!(new.values[..9], [0.0; 9]);
    assert_eq!(new.values[9..18], old.values[18..27]);
    let normalisation = imported.normalisation.unwrap();
    // The store's own for the new band; 255 * .406 and 255 * .225 for blue.
    assert_eq!((normalisation.mean[0], normalisation.std[0]), (7.0, 2.0));
    assert!((normalisation.mean[1] - 103.53).abs() < 1e-4 && (normalisation.std[1] - 57.375).abs() < 1e-4);
    assert!(
        imported.notes.iter().any(|n| n == "B8: the weights lack it; its filters begin at 0"),
        "{:?}",
        imported.notes
    );
}

/// A band that is missing and taken as 0 gives the feature maps of a network that reads a band of zeros; where the mean is not 0,
/// away from the border.
#[test]
fn a_missing_band_counts_as_a_band_of_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let two = NetworkConfig { bands: 2, ..CONFIG };
    let path = written(folder.path(), &two, str::to_owned);
    let config = NetworkConfig { bands: 1, ..CONFIG };
    let vv = names("VV");
    let kind = WeightsKind::TorchGeo(TorchGeo::Sentinel1AllMoco);
    let of =
        |rule| Import { missing_band: Some(rule), ..import(&path, kind, &config, &vv) }.run(&statistics(1)).unwrap();
    let old = first(&two);
    let [zero, mean, drop] = [MissingBand::Zero, MissingBand::Mean, MissingBand::Drop].map(of);
    // Filter 5 at a position inside, where VV is normalised to 1 and VH, 0 dB, to (0 + 20.26) / 5.91.
    let sums = |values: &[f32]| values.iter().map(|v| f64::from(*v)).sum::<f64>();
    let filter = &old.tensors["conv1.weight"].values[5 * 18..6 * 18];
    let before = sums(&filter[..9]) + 20.26 / 5.91 * sums(&filter[9..]);
    let running = |state: &StateDict| f64::from(state.tensors["bn1.running_mean"].values[5]);
    let of_one = |state: &StateDict| sums(&state.tensors["conv1.weight"].values[5 * 9..6 * 9]);
    assert!((before - running(&old) - (of_one(&zero.state) - running(&zero.state))).abs() < 1e-5);
    assert_eq!((of_one(&mean.state), running(&mean.state)), (sums(&filter[..9]), running(&old)));
    assert!((of_one(&drop.state) - 2.0 * sums(&filter[..9])).abs() < 1e-6);
}

/// Stored numbers of a bundle with a scale of .0001 and an offset of -.1 mean 0 at 1000; a missing band was taken to be 0 as stored.
#[test]
fn a_missing_band_of_zeros_is_zero_in_what_the_numbers_of_a_bundle_mean() {
    let rule = InputRule {
        bands: vec!["red".into(), "nir".into()],
        normalisation: vec![(0.0, 1.0), (1500.0, 500.0)],
        numbers: numbers::Numbers::Own(Some(vec![Scaling { scale: 0.0001, offset: -0.1 }; 2])),
        has_means: true,
        surface_prefix: false,
    };
    let tensor = |shape: &[usize], values: &[f32]| TensorValues { shape: shape.to_vec(), values: values.to_vec() };
    let tensors = [("conv1.weight", tensor(&[1, 2, 1, 1], &[1.0, 3.0])), ("bn1.running_mean", tensor(&[1], &[10.0]))];
    let mut state = StateDict { tensors: tensors.into_iter().map(|(name, t)| (name.to_owned(), t)).collect() };
    let matched = Matched { of_store: vec![Some(0)], missing: vec![1] };
    state.adapt_bands(&rule, &matched, MissingBand::Zero).unwrap();
    // The band would add (1000 - 1500) / 500 times the filter of 3, that is -3, before the running mean of 10 is taken off: without
    // it, 13 is taken off. Of a stored 0 it would be 10 + 3 * 3 = 19.
    let mean = state.tensors["bn1.running_mean"].values[0];
    assert!((mean - 13.0).abs() < 1e-4, "{mean}");
}

#[test]
fn what_weights_are_is_told_by_one_published_name_and_never_by_their_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let config = NetworkConfig { architecture: Architecture::Resnet18, bands: 3, ..CONFIG };
    let path = written(folder.path(), &config, str::to_owned);
    let rgb = names("red green blue");
    let guess =
        |path: &Path| Import { kind: None, ..import(path, WeightsKind::SameBands, &config, &rgb) }.run(&statistics(3));
    let said = guess(&path).unwrap_err().to_string();
    let choices = "it may be torchvision or torchgeo:SENTINEL2_RGB_MOCO or torchgeo:SENTINEL2_RGB_SECO or same-bands";
    assert!(said.ends_with(choices), "{said}");
    let named = |name: &str| {
        let copy = folder.path().join(name);
        std::fs::copy(&path, &copy).unwrap();
        guess(&copy)
    };
    let imported = named("resnet18-f37072fd.safetensors").unwrap();
    assert_eq!(imported.notes[0], "taken for torchvision (by the name of the file)");
    let said = named("sentinel2_rgb_moco_b627a593.safetensors").unwrap_err().to_string();
    assert!(said.ends_with("it may be torchvision or torchgeo:SENTINEL2_RGB_MOCO"), "{said}");
    // The digest of torchvision's resnet34.
    let said = named("copy-b627a593.safetensors").unwrap_err().to_string();
    assert!(
        said.ends_with("copy-b627a593.safetensors is that of published weights of resnet34, not of resnet18"),
        "{said}"
    );
    // The only published resnet18 for seven bands is Landsat's, but anyone may train on seven.
    let seven = NetworkConfig { bands: 7, ..config };
    let path = written(folder.path(), &seven, str::to_owned);
    let bands = names("SR_B1 SR_B2 SR_B3 SR_B4 SR_B5 SR_B6 SR_B7");
    let plain = import(&path, WeightsKind::SameBands, &seven, &bands);
    let said = Import { kind: None, ..plain }.run(&statistics(7)).unwrap_err().to_string();
    assert!(said.ends_with("it may be torchgeo:LANDSAT_OLI_SR_MOCO or same-bands"), "{said}");
    let kind = Some(WeightsKind::TorchGeo(TorchGeo::LandsatOliSrMoco));
    assert!(
        Import { kind, ..plain }
            .run(&statistics(7))
            .unwrap()
            .notes
            .contains(&"7 of 7 bands were matched by name".to_owned())
    );
}

#[test]
fn a_head_of_other_classes_begins_afresh_and_another_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bands = names("a b");
    let path = written(folder.path(), &CONFIG, str::to_owned);
    let config = NetworkConfig { outputs: 5, ..CONFIG };
    let imported = import(&path, WeightsKind::SameBands, &config, &bands).run(&statistics(2)).unwrap();
    assert!(imported.notes.contains(&"the head is initialised anew with 5 outputs".to_owned()));
    assert_eq!(imported.state.tensors["fc.weight"].shape, [5, 96]);
    assert_eq!(imported.state.tensors["layer3.0.conv2.weight"], first(&CONFIG).tensors["layer3.0.conv2.weight"]);
    let other = NetworkConfig { architecture: Architecture::Resnet18, ..CONFIG };
    let refused = import(&path, WeightsKind::SameBands, &other, &bands).run(&statistics(2)).unwrap_err().to_string();
    assert_eq!(refused, "tensor bn1.bias has shape [32] in the weights, but resnet18 needs [64]");
    // A deeper network is not cut down to a shallower one.
    let tensor = TensorValues { shape: vec![1], values: vec![1.0] };
    add(&path, "layer3.1.conv1.weight", tensor);
    let refused = import(&path, WeightsKind::SameBands, &CONFIG, &bands).run(&statistics(2)).unwrap_err().to_string();
    let said = "the weights have tensor layer3.1.conv1.weight of shape [1], which compact does not have";
    assert_eq!(refused, said);
}
