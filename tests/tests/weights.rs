//! `areal train --weights`: weights of other trainings, each by its own rule.

use std::io::Write;
use std::path::{Path, PathBuf};

use areal_formats::{Architecture, Padding};
use areal_model::{DeviceChoice, Network, NetworkConfig, StateDict, TensorValues};

use crate::common::stores::{COUNTS, store};
use crate::common::{ProgramRun, areal, workspace};

/// Weights of the compact network for red, green and blue, as a program would save them that puts the network under `encoder`.
fn photographs(folder: &Path, name: &str) -> PathBuf {
    let config = NetworkConfig { architecture: Architecture::Compact, padding: Padding::Same, bands: 3, outputs: 1000 };
    let network = Network::new(&config, 3, &DeviceChoice::Cpu.open().unwrap()).unwrap();
    let mut tensors = StateDict::of(&network).tensors;
    tensors = tensors.into_iter().map(|(name, tensor)| (format!("encoder.{name}"), tensor)).collect();
    tensors.insert("criterion.weight".into(), TensorValues { shape: vec![1], values: vec![1.0] });
    let path = folder.join(name);
    StateDict { tensors }.write(&path).unwrap();
    path
}

fn train(store: &Path, weights: &Path, out: &Path, more: &[&str]) -> ProgramRun {
    let mut args = vec!["train", "--store", store.to_str().unwrap(), "--out", out.to_str().unwrap()];
    args.extend(["--weights", weights.to_str().unwrap(), "--epochs", "1", "--batch-size", "16"]);
    args.extend(more);
    areal(args)
}

/// Weights for three bands on a store of two were once repeated in turn, whatever the bands were.
#[test]
fn weights_are_taken_by_the_names_of_their_bands() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (store(folder.path(), "store", COUNTS), folder.path().join("bundle"));
    let weights = photographs(folder.path(), "photographs.safetensors");
    let run = |more: &[&str]| train(&store, &weights, &out, more);
    // Nothing says what they are, and no published compact network has three bands.
    run(&[]).expect(2).says(&["photographs.safetensors", "--weights-kind"]);
    run(&["--weights-kind", "torchvison"]).expect(2).says(&["torchvison", "torchvision"]);
    let kind = ["--weights-kind", "torchvision"];
    let with = |more: &[&str]| run(&[&kind, more].concat());
    with(&[]).expect(2).says(&["torchvision", "GREEN, BLUE", "--missing-band"]);
    with(&["--weights-bands", "red"]).expect(2).says(&["1 names are given for 2 bands"]);
    with(&["--weights-bands", "red,infrared"]).expect(2).says(&["infrared is no band of the weights"]);
    // Clap took it for an option.
    with(&["--weights-bands", "-,infrared"]).expect(2).says(&["infrared is no band of the weights"]);
    run(&["--weights-kind", "same-bands", "--missing-band", "mean"]).expect(2).says(&["missing-band is mean"]);
    run(&["--weights-kind", "same-bands", "--weights-bands", "-,red"]).expect(2).says(&["weights-bands is -,red"]);
    // The store holds 1000 to 1350, photographs 0 to 255.
    with(&["--missing-band", "mean"]).expect(3).says(&[
        "read bytes, 0 to 255, but the training pixels of red are u16 between 10",
        "were trained on other numbers",
        "--normalisation store",
    ]);
    assert!(!out.exists());
    with(&["--missing-band", "mean", "--normalisation", "store"]).expect(0).says(&[
        "taken for torchvision (as said)",
        "found under the name encoder",
        "1 tensor was left out because the network has no such: criterion.weight",
        "GREEN, BLUE: the store lacks it; rule for missing bands: mean",
        "nir: the weights lack it; its filters begin at 0",
        "the head is initialised anew with 2 outputs",
    ]);
    let card = std::fs::read_to_string(out.join("card.md")).unwrap();
    let begins =
        "## Initial weights\n\nTraining began from weights of the kind `torchvision`.\n\n- taken for torchvision";
    assert!(card.contains(begins) && card.contains("- nir: the weights lack it; its filters begin at 0\n"), "{card}");
}

/// A bundle says its bands and normalisation itself: training that begins from it takes both over.
#[test]
fn a_bundle_is_a_place_to_begin() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = store(folder.path(), "store", COUNTS);
    let first = at("first");
    areal(["train", "--store", store.to_str().unwrap(), "--out", first.to_str().unwrap(), "--epochs", "1"]).expect(0);
    train(&store, &first, &at("second"), &[]).expect(0).says(&["taken for bundle (by its model.json)"]);
    let model = |name: &str| -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(at(name).join("model.json")).unwrap()).unwrap()
    };
    assert_eq!(model("first")["normalisation"], model("second")["normalisation"]);
    assert_eq!(model("second")["initial_weights"]["kind"], "bundle");
    assert_eq!(model("first").get("initial_weights"), None);
    let said = train(&store, &first, &at("third"), &["--normalisation", "store"]).expect(0);
    said.says(&["the head was kept: what it predicts is the same", "by the statistics of the store, as asked for"]);
    // A head of as many outputs was kept for other classes.
    let text = std::fs::read_to_string(first.join("model.json")).unwrap();
    std::fs::write(first.join("model.json"), text.replace("\"rubber\"", "\"water\"")).unwrap();
    areal(["verify", "--accept", first.to_str().unwrap()]).expect(0);
    let words = ["the head is initialised anew with 2 outputs: it predicted something else"];
    train(&store, &first, &at("fourth"), &[]).expect(0).says(&words);
}

/// The end of a file's name decided how it was read, and a folder was said to be a damaged file.
#[test]
fn files_are_read_by_what_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (store(folder.path(), "store", COUNTS), folder.path().join("bundle"));
    let run = |weights: &Path| {
        train(&store, weights, &out, &["--weights-kind", "torchvision", "--normalisation", "store", "--overwrite"])
    };
    run(&photographs(folder.path(), "photographs.pth")).expect(2).says(&["GREEN, BLUE, which the store lacks"]);
    let pickled = folder.path().join("tiny.safetensors");
    std::fs::copy(workspace().join("tests/oracles/tiny_state_dict.pth"), &pickled).unwrap();
    // Its tensors are those of no network.
    train(&store, &pickled, &out, &["--weights-kind", "same-bands"]).expect(3).says(&["the weights have no tensor"]);
    run(&store)
        .expect(3)
        .says(&["store is a folder, but no bundle: it has no model.json", "pass the file of the weights"]);
}

/// Pickles are programs. This one would make a file; no code of it may run, in either layout.
#[test]
fn a_hostile_pickle_is_refused_and_its_code_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "store", COUNTS);
    let mark = folder.path().join("it-ran");
    let pickle = format!("cos\nsystem\n(S'touch {}'\ntR.", mark.display());
    let old = folder.path().join("old.pth");
    std::fs::write(&old, &pickle).unwrap();
    let new = folder.path().join("new.pth");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&new).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("archive/data.pkl", pickle.as_bytes()), ("archive/version", b"3\n")] {
        archive.start_file(name, stored).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap();
    for weights in [&old, &new] {
        let out = folder.path().join("bundle");
        train(&store, weights, &out, &["--weights-kind", "same-bands"]).expect(3).says(&[weights.to_str().unwrap()]);
        assert!(!out.exists());
    }
    assert!(!mark.exists(), "code of a pickle was run");
}
