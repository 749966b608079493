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
