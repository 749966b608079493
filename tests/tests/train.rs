//! Training and measuring through the program, on a small made-up store.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::stores::{COUNTS, store};
use crate::common::{areal, interruptible};

fn args<'a>(store: &'a Path, out: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["train", "--store", store.to_str().unwrap(), "--out", out.to_str().unwrap()];
    for default in [["--epochs", "3"], ["--batch-size", "16"], ["--learning-rate", "0.005"], ["--seed", "4"]] {
        if !more.contains(&default[0]) {
            args.extend(default);
        }
    }
    args.extend(more);
    args
}

#[test]
fn a_bundle_is_trained_measured_and_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (store(folder.path(), "store", COUNTS), folder.path().join("bundle"));
    let run = areal(args(&store, &out, &[])).expect(0);
    assert!(run.stdout.contains("macro-F1") && run.stdout.contains("3 rubber"), "{}", run.stdout);
    let card = std::fs::read_to_string(out.join("card.md")).unwrap();
    assert!(card.contains("one of 2 classes: forest, rubber") && card.contains("## Limits"), "{card}");
    let metrics = std::fs::read_to_string(out.join("metrics.csv")).unwrap();
    assert!(metrics.starts_with("epoch,learning_rate,train_loss,validation_loss,accuracy,"), "{metrics}");
    assert_eq!(metrics.lines().count(), 4);

    let measured = folder.path().join("evaluation");
    let evaluate = ["evaluate", "--json", "--bundle", out.to_str().unwrap(), "--store", store.to_str().unwrap()];
    let run = areal(evaluate.into_iter().chain(["--out", measured.to_str().unwrap()])).expect(0);
    let json = run.json();
    assert_eq!((json["split"].as_str(), json["patches"].as_u64()), (Some("test"), Some(12)));
    assert!(json["metrics"]["classes"]["accuracy"].as_f64().unwrap() > 0.9, "{json}");
    let confusion = std::fs::read_to_string(measured.join("confusion.csv")).unwrap();
    let sum: u64 = confusion.lines().skip(1).map(|l| l.rsplit(',').next().unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(sum, 12);

    areal(args(&store, &out, &[])).expect(4).says(&["already exists", "--overwrite"]);
    areal(args(&store, &out, &["--overwrite", "--json"])).expect(0).json();
}

#[test]
fn stores_and_settings_that_cannot_be_used_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let refused = |name, counts, more: &[&str], code, words: &[&str]| {
        let store = store(folder.path(), name, counts);
        areal(args(&store, &out, more)).expect(code).says(words);
        assert!(!out.exists());
    };
    refused("one", [[9, 0], [3, 0], [0, 0]], &[], 3, &["have the class forest", "label at least two classes"]);
    refused("unseen", [[9, 0], [3, 3], [0, 0]], &[], 3, &["class rubber, but no training patch has it"]);
    refused("empty", [[9, 9], [0, 0], [3, 3]], &[], 3, &["has no validation patches"]);
    refused("rate", COUNTS, &["--learning-rate", "0"], 2, &["learning-rate is 0; it must be above 0"]);
    refused("loss", COUNTS, &["--loss", "huber(1)"], 2, &["cannot be used for a target of classes"]);
    refused("cuda", COUNTS, &["--device", "cuda:9"], 2, &["device cuda:9 is not available", "areal devices"]);
    let least = ["--padding", "valid", "--architecture", "resnet18"];
    refused(
        "padding",
        COUNTS,
        &least,
        2,
        &["the receptive field of resnet18 with padding = valid is 435 px", "--patch-size"],
    );
    let wild = ["--learning-rate", "1e30", "--optimiser", "sgd", "--clip-norm", "1e30", "--warmup-epochs", "0"];
    refused("wild", COUNTS, &wild, 1, &["training diverged in epoch 1", "lower --learning-rate"]);
    // One step, whose loss is finite; a checkpoint with null for the loss was damaged when it was read.
    let once = [&wild[..], &["--batch-size", "64"]].concat();
    refused(
        "once",
        COUNTS,
        &once,
        1,
        &["diverged in epoch 1: the loss of the validation patches is", "lower --learning-rate"],
    );
    for loss in ["focal(inf)", "focal(1e300)", "focal(1,inf)", "huber(inf)"] {
        areal(["train", "--loss", loss]).expect(2).says(&[
            loss,
            "GAMMA from 0 to 100",
            "DELTA from 0.000001 to 1000000",
        ]);
    }
    refused(
        "noise",
        COUNTS,
        &["--noise", "1e30"],
        2,
        &["noise is 1000000000000000000000000000000; it must be 0 to 100"],
    );
    areal(["train", "--loss", "hinge"]).expect(2).says(&["cross-entropy"]);
    areal(["train", "--out", "x"]).expect(2).says(&["pass --store"]);
}

/// Stops a run with a signal after its first checkpoint, then runs the same command again.
fn stopped_and_continued(signal: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "store", [[200, 200], [8, 8], [0, 0]]);
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let more = ["--epochs", "4"];
    areal(args(&store, &whole, &more)).expect(0);

    let mut child =
        interruptible().args(args(&store, &parts, &more)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let checkpoint = folder.path().join(".parts.checkpoint/state.json");
    while !checkpoint.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(2));
    }
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success() && !parts.exists(), "the run was over before it was stopped: {status}");

    let run = areal(args(&store, &parts, &more)).expect(0).says(&["continuing after epoch"]);
    assert!(run.stdout.contains("macro-F1"));
    for file in ["weights.safetensors", "metrics.csv", "model.json"] {
        assert_eq!(std::fs::read(whole.join(file)).unwrap(), std::fs::read(parts.join(file)).unwrap(), "{file}");
    }
    assert!(!folder.path().join(".parts.checkpoint").exists());
}

#[test]
fn a_run_that_is_interrupted_continues_to_the_same_bytes() {
    stopped_and_continued("-INT");
}

#[test]
fn a_run_that_is_killed_continues_to_the_same_bytes() {
    stopped_and_continued("-KILL");
}

#[test]
fn devices_are_listed() {
    let run = areal(["devices", "--json"]).expect(0);
    assert_eq!(run.json()[0]["choice"], "cpu");
    assert!(areal(["devices"]).expect(0).stdout.contains("threads"));
}
