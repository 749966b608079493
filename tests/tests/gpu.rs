//! GPUs beside the CPU, through the program. `scripts/test --gpu` builds it with the feature `gpu`, installs a software GPU, and
//! runs these tests on it. Without `AREAL_TESTS_GPU` they are skipped.

use std::path::Path;

use areal_formats::Architecture;
use areal_grid::{Pixels, Target};
use tempfile::TempDir;

use crate::common::model_bundle::{classes, spec_for, value, write};
use crate::common::scenes::{args, made, read, scene};
use crate::common::stores::{COUNTS, store};
use crate::common::{ProgramRun, areal, number, rows, skipped};

/// True where there are a program with the feature `gpu` and a device for it.
fn gpu() -> bool {
    let there = std::env::var_os("AREAL_TESTS_GPU").is_some();
    if !there {
        skipped("scripts/test --gpu runs it");
    }
    there
}

/// A scene of one band and a bundle with random weights for it, in patches of 16 px.
fn scene_and_bundle(target: Target, architecture: Architecture) -> (std::path::PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    // Brightness by block of 16 px, with a pattern inside it.
    made(&path, 64, 96, |k| {
        let (row, col) = (k / 96, k % 96);
        (200 + 900 * ((row / 16 + 2 * (col / 16)) % 4) + (row * 37 + col * 101) % 251) as u16
    });
    let spec = spec_for(&scene(&path), target, 16);
    write(&folder.path().join("bundle"), areal_formats::ModelSpec { architecture, ..spec });
    (path, folder)
}

/// The command on each device, with its output folder last.
fn on_both(folder: &Path, run: impl Fn(&str, &Path) -> ProgramRun) -> [std::path::PathBuf; 2] {
    ["cpu", "gpu"].map(|device| {
        let out = folder.join(format!("on-{device}"));
        run(device, &out).expect(0);
        out
    })
}

fn numbers(path: &Path, band: usize) -> Vec<f64> {
    let pixels: Pixels = read(path, band).0;
    (0..pixels.len()).map(|k| pixels.get(k)).collect()
}

fn greatest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Greatest and least of some numbers apart.
fn range(a: &[f64]) -> f64 {
    a.iter().copied().fold(f64::MIN, f64::max) - a.iter().copied().fold(f64::MAX, f64::min)
}

#[test]
fn a_gpu_is_listed_by_its_name_with_its_driver() {
    if !gpu() {
        return;
    }
    let devices = areal(["devices", "--json"]).expect(0).json();
    let device = &devices[1];
    assert_eq!(device["choice"], "gpu:0");
    assert!(["gpu", "software-gpu"].contains(&device["kind"].as_str().unwrap()), "{device}");
    assert!(!device["name"].as_str().unwrap().contains("Device<"), "{device}");
    assert!(device["driver"].as_str().unwrap().len() > 3, "{device}");
    let listed = areal(["devices"]).expect(0).stdout;
    assert!(listed.contains(device["name"].as_str().unwrap()) && listed.contains("driver"), "{listed}");
}

#[test]
fn a_gpu_that_is_not_there_is_refused() {
    if !gpu() {
        return;
    }
    let (file, folder) = scene_and_bundle(classes(), Architecture::Compact);
    let refused = areal(args(&file, &folder, "out", &["--device", "gpu:40"])).expect(2);
    refused.says(&["gpu:40", "this machine has no such device", "areal devices"]);
    assert!(!folder.path().join("out").exists());
}

/// The driver was unloaded while the device freed its memory: a crash in place of the exit code.
#[test]
fn a_command_that_fails_with_an_open_gpu_ends_with_its_code() {
    if !gpu() {
        return;
    }
    let (file, folder) = scene_and_bundle(classes(), Architecture::Compact);
    std::fs::create_dir(folder.path().join("out")).unwrap();
    areal(args(&file, &folder, "out", &["--device", "gpu"])).expect(4).says(&["already exists"]);
}

#[test]
fn every_architecture_predicts_on_a_gpu_as_on_the_cpu() {
    if !gpu() {
        return;
    }
    for architecture in [Architecture::Compact, Architecture::Resnet18, Architecture::Resnet34, Architecture::Resnet50]
    {
        let (file, folder) = scene_and_bundle(classes(), architecture);
        let [cpu, gpu] = on_both(folder.path(), |device, out| {
            areal(args(&file, &folder, out.to_str().unwrap(), &["--device", device]))
        });
        for band in 1..=3 {
            let [cpu, gpu] = [&cpu, &gpu].map(|out| numbers(&out.join("probabilities.tif"), band));
            assert!(range(&cpu) > 0.0);
            let apart = greatest_difference(&cpu, &gpu);
            assert!(apart < 1e-3 && apart < 0.02 * range(&cpu), "{architecture}: {apart} of {}", range(&cpu));
        }
    }
}

#[test]
fn one_value_of_one_band_in_batches_of_one_is_predicted_on_a_gpu_as_on_the_cpu() {
    if !gpu() {
        return;
    }
    let (file, folder) = scene_and_bundle(value(), Architecture::Compact);
    let [cpu, gpu] = on_both(folder.path(), |device, out| {
        let flags = ["--device", device, "--batch-size", "1"];
        areal(args(&file, &folder, out.to_str().unwrap(), &flags))
    });
    let [cpu, gpu] = [cpu, gpu].map(|out| numbers(&out.join("value.tif"), 1));
    assert!(greatest_difference(&cpu, &gpu) < 0.02 * range(&cpu), "{cpu:?} {gpu:?}");
}

#[test]
fn every_architecture_takes_a_step_of_training_on_a_gpu_as_on_the_cpu() {
    if !gpu() {
        return;
    }
    for architecture in ["compact", "resnet18", "resnet34", "resnet50"] {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path(), "store", COUNTS);
        let outs = on_both(folder.path(), |device, out| {
            let (store, out) = (store.to_str().unwrap(), out.to_str().unwrap());
            // All 48 patches at once: one step.
            let size = ["--epochs", "1", "--batch-size", "48", "--learning-rate", "0.001", "--seed", "4"];
            let what = ["--store", store, "--out", out, "--architecture", architecture, "--device", device];
            areal(["train"].into_iter().chain(what).chain(size))
        });
        let [cpu, gpu] = outs.map(|out| {
            let row = &rows(&out.join("metrics.csv"))[0];
            ["train_loss", "validation_loss"].map(|name| number(row, name))
        });
        for (cpu, gpu) in cpu.iter().zip(&gpu) {
            assert!((cpu - gpu).abs() < 0.01 * cpu, "{architecture}: {cpu} {gpu}");
        }
    }
}

#[test]
fn a_short_training_on_a_gpu_learns_and_is_measured_and_explained_as_on_the_cpu() {
    if !gpu() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "store", COUNTS);
    let (store, bundle) = (store.to_str().unwrap(), folder.path().join("bundle"));
    let bundle = bundle.to_str().unwrap();
    let size = ["--epochs", "6", "--batch-size", "16", "--learning-rate", "0.005", "--seed", "4"];
    areal(["train", "--store", store, "--out", bundle, "--device", "gpu"].into_iter().chain(size)).expect(0);
    let [cpu, gpu] = ["cpu", "gpu"].map(|device| {
        let json =
            areal(["evaluate", "--json", "--bundle", bundle, "--store", store, "--device", device]).expect(0).json();
        let classes = &json["metrics"]["classes"];
        ["accuracy", "log_loss"].map(|name| classes[name].as_f64().unwrap_or_else(|| panic!("{name}: {json}")))
    });
    assert!(gpu[0] > 0.9, "accuracy {}", gpu[0]);
    assert!(cpu[0] == gpu[0] && (cpu[1] - gpu[1]).abs() < 1e-3, "{cpu:?} {gpu:?}");
    let saliency = on_both(folder.path(), |device, out| {
        let out = out.to_str().unwrap();
        areal(["explain", "--bundle", bundle, "--store", store, "--patch", "0", "--out", out, "--device", device])
    });
    let [cpu, gpu] = saliency.map(|out| number(&rows(&out.join("saliency.csv"))[0], "logit"));
    assert!((cpu - gpu).abs() < 0.01 * cpu.abs().max(1.0), "{cpu} {gpu}");
}
