//! Bundles that are not whole or do not fit.

use std::path::Path;

use crate::common::stores::{COUNTS, store};
use crate::common::{ProgramRun, areal};

fn evaluate(bundle: &Path, store: &Path) -> ProgramRun {
    areal(["evaluate", "--bundle", bundle.to_str().unwrap(), "--store", store.to_str().unwrap()])
}

#[test]
fn a_bundle_with_missing_cut_or_swapped_weights_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bundle) = (store(folder.path(), "store", COUNTS), folder.path().join("bundle"));
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    let train = |out: &Path, seed: &str| {
        let (store, out) = (at(&store), at(out));
        areal(["train", "--store", &store, "--out", &out, "--epochs", "1", "--seed", seed]).expect(0);
    };
    train(&bundle, "1");
    evaluate(&bundle, &store).expect(0);

    let weights = bundle.join("weights.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &whole[..whole.len() - 4]).unwrap();
    evaluate(&bundle, &store).expect(3).says(&["weights.safetensors has SHA-256", "copy the whole bundle again"]);

    let other = folder.path().join("other");
    train(&other, "2");
    std::fs::copy(other.join("weights.safetensors"), &weights).unwrap();
    evaluate(&bundle, &store).expect(3).says(&["model.json records", "replaced"]);

    std::fs::remove_file(&weights).unwrap();
    evaluate(&bundle, &store).expect(3).says(&["cannot read", "weights.safetensors"]);

    std::fs::write(&weights, &whole).unwrap();
    let model = std::fs::read_to_string(bundle.join("model.json")).unwrap();
    std::fs::write(bundle.join("model.json"), model.replace("\"nir\"", "\"swir\"")).unwrap();
    evaluate(&bundle, &store).expect(3).says(&["bands [red, swir], but the data have [red, nir]"]);
    std::fs::write(bundle.join("model.json"), model.replace("areal-bundle/2", "areal-bundle/9")).unwrap();
    evaluate(&bundle, &store)
        .expect(3)
        .says(&["\"areal-bundle/9\", expected \"areal-bundle/2\" or \"areal-bundle/1\"", "made_by"]);

    // Version 0.1.0 wrote areal-bundle/1, without quantiles of the bands.
    let mut old: serde_json::Value = serde_json::from_str(&model).unwrap();
    old["format"] = "areal-bundle/1".into();
    old.as_object_mut().unwrap().remove("band_quantiles").expect("a new bundle has quantiles");
    std::fs::write(bundle.join("model.json"), old.to_string()).unwrap();
    std::fs::remove_file(bundle.join("areal-manifest.json")).unwrap();
    evaluate(&bundle, &store).expect(0);
}

#[test]
fn a_bundle_is_inspected_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bundle) = (store(folder.path(), "store", COUNTS), folder.path().join("bundle"));
    let at = bundle.to_str().unwrap();
    areal(["train", "--store", store.to_str().unwrap(), "--out", at, "--epochs", "1", "--seed", "3"]).expect(0);

    let run = areal(["inspect", at]).expect(0);
    for fact in
        ["compact, padding same", "red", "nir", "forest", "rubber", "train", "SHA-256", "validation split, 16 patches"]
    {
        assert!(run.stdout.contains(fact), "{fact} is missing:\n{}", run.stdout);
    }
    let json = areal(["inspect", at, "--json"]).expect(0).json();
    assert_eq!(json["model"]["bands"], serde_json::json!(["red", "nir"]));
    // Learnt numbers of compact for 2 bands and 2 classes: weights and biases, without running statistics.
    let own = areal_model::StateDict::read(&bundle.join("weights.safetensors")).unwrap();
    let learnt = own.tensors.iter().filter(|(name, _)| !name.contains("running"));
    assert_eq!(json["parameters"].as_u64().unwrap() as usize, learnt.map(|(_, t)| t.values.len()).sum::<usize>());

    let run = areal(["bundle", "verify", at]).expect(0);
    assert!(
        run.stdout.contains("logits by burn: 0e0") || run.stdout.contains("logits by burn: 0.0e0"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("logits by plan"), "{}", run.stdout);
    areal(["bundle", "verify", at, "--json"]).expect(0).json();

    // One weight is another, and the digest with it: only what it computes shows that.
    let mut other = own.clone();
    other.tensors.get_mut("fc.bias").unwrap().values[0] += 1.0;
    other.write(&bundle.join("weights.safetensors")).unwrap();
    areal(["bundle", "verify", at]).expect(3);
    let model = std::fs::read_to_string(bundle.join("model.json")).unwrap();
    let digest = |path: &Path| areal_job::hash_file(path).unwrap().as_str().to_owned();
    let mut document: serde_json::Value = serde_json::from_str(&model).unwrap();
    document["weights_sha256"] = digest(&bundle.join("weights.safetensors")).into();
    std::fs::write(bundle.join("model.json"), document.to_string()).unwrap();
    std::fs::remove_file(bundle.join("areal-manifest.json")).unwrap();
    areal(["bundle", "verify", at])
        .expect(3)
        .says(&["does not compute what it did when it was written", "no manifest"]);

    // Another temperature or normalisation changes what is predicted, and neither the weights nor, by its own normalisation, the logits.
    own.write(&bundle.join("weights.safetensors")).unwrap();
    for (pointer, factor) in
        [("/calibration/temperature", 2.0), ("/normalisation/mean/0", 1.5), ("/normalisation/std/1", 3.0)]
    {
        let mut document: serde_json::Value = serde_json::from_str(&model).unwrap();
        let value = document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}"));
        *value = (value.as_f64().unwrap() * factor).into();
        std::fs::write(bundle.join("model.json"), document.to_string()).unwrap();
        areal(["bundle", "verify", at]).expect(3).says(&["does not compute what it did"]);
    }
    std::fs::write(bundle.join("model.json"), &model).unwrap();
    areal(["bundle", "verify", at]).expect(0);

    // A bundle of 0.1.0 keeps no logits.
    std::fs::remove_file(bundle.join("probe.json")).unwrap();
    areal(["bundle", "verify", at]).expect(0).says(&["has no probe.json"]);
    areal(["bundle", "verify", store.to_str().unwrap()]).expect(3);
}
