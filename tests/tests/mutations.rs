//! Damaged inputs: every kind of file that areal reads, mutated at random with a fixed seed.
//!
//! Whatever is in a file, the program ends within seconds with a documented exit code, without a panic and without blaming
//! itself, and leaves nothing under the output's final name unless it succeeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{JOB, Random, binary, run};

/// Texts that break readers of numbers, names and structures.
const AWKWARD: [&[u8]; 14] = [
    b"NaN",
    b"-1",
    b"1e999",
    b"99999999999999999999",
    b"\"",
    b"[",
    b"{}",
    b"null",
    b",,",
    b"\n",
    b"\0",
    b"\xff\xfe",
    b"=1+1",
    b"../..",
];

/// One change: a flipped byte, a cut end, a span that is removed, doubled or overwritten, an awkward text put in.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(40)).min(bytes.len());
    match random.below(6) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        1 => bytes.truncate(at),
        2 => drop(bytes.drain(at..end)),
        3 => {
            let span = bytes[at..end].to_vec();
            drop(bytes.splice(at..at, span));
        }
        4 => {
            for byte in &mut bytes[at..end] {
                *byte = random.number() as u8;
            }
        }
        _ => {
            let text = AWKWARD[random.below(AWKWARD.len())];
            drop(bytes.splice(at..at, text.iter().copied()));
        }
    }
}

/// One kind of file: where it lies in the job, and the command that reads it. `@` in an argument stands for the copy of the
/// folder or file.
struct Kind {
    /// What is copied: a folder, or a file.
    copied: &'static str,
    /// The file in it that is damaged; empty where it is the file itself.
    file: &'static str,
    command: &'static [&'static str],
}

const KINDS: [Kind; 18] = [
    Kind {
        copied: "out/patches",
        file: "store.json",
        command: &["evaluate", "--bundle", "out/bundle", "--store", "@"],
    },
    Kind {
        copied: "out/patches",
        file: "pixels.npy",
        command: &["evaluate", "--bundle", "out/bundle", "--store", "@"],
    },
    Kind {
        copied: "out/patches",
        file: "patches.gpkg",
        command: &["evaluate", "--bundle", "out/bundle", "--store", "@"],
    },
    Kind {
        copied: "out/bundle",
        file: "model.json",
        command: &["evaluate", "--bundle", "@", "--store", "out/patches"],
    },
    Kind {
        copied: "out/bundle",
        file: "weights.safetensors",
        command: &["evaluate", "--bundle", "@", "--store", "out/patches"],
    },
    Kind { copied: "out/predictions/landscape", file: "prediction.json", command: AGGREGATE },
    Kind { copied: "out/predictions/landscape", file: "classes.tif", command: AGGREGATE },
    Kind { copied: "out/predictions/landscape", file: "shares.tif", command: AGGREGATE },
    Kind {
        copied: "districts.gpkg",
        file: "",
        command: &[
            "aggregate",
            "--prediction",
            "out/predictions/landscape",
            "--zones",
            "@",
            "--zone-id",
            "district_id",
        ],
    },
    Kind {
        copied: concat!(env!("CARGO_MANIFEST_DIR"), "/../models/sentinel2-amazon-quarters.geojson"),
        file: "",
        command: &["aggregate", "--prediction", "out/predictions/landscape", "--zones", "@"],
    },
    Kind {
        copied: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/legend.csv"),
        file: "",
        command: &[
            "aggregate",
            "--raster",
            "truth.tif",
            "--legend",
            "@",
            "--zones",
            "districts.gpkg",
            "--zone-id",
            "district_id",
        ],
    },
    Kind { copied: "out/samples/landscape", file: "design.json", command: ESTIMATE },
    Kind { copied: "out/samples/landscape", file: "units.csv", command: ESTIMATE },
    Kind {
        copied: "labels/landscape.csv",
        file: "",
        command: &[
            "estimate",
            "--prediction",
            "out/predictions/landscape",
            "--design",
            "out/samples/landscape",
            "--sample",
            "@",
        ],
    },
    Kind {
        copied: "out/estimates/landscape",
        file: "estimates.csv",
        command: &["compare", "@", "out/estimates/landscape"],
    },
    Kind { copied: "out/estimates/landscape", file: "estimates.json", command: &["report", "--estimates", "@"] },
    Kind { copied: "out/areas/landscape", file: "areas.csv", command: &["report", "--areas", "@"] },
    Kind { copied: "recipe.toml", file: "", command: &["run", "--dry-run", "@"] },
];

const AGGREGATE: &[&str] = &["aggregate", "--prediction", "@", "--zones", "districts.gpkg", "--zone-id", "district_id"];
const ESTIMATE: &[&str] =
    &["estimate", "--prediction", "out/predictions/landscape", "--design", "@", "--sample", "labels/landscape.csv"];

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Runs the command on a damaged copy and checks how it ends.
fn check(kind: &Kind, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let name = Path::new(kind.copied).file_name().expect("a file or folder of the job");
    let copied = folder.path().join(name);
    copy(&JOB.demo().join(kind.copied), &copied);
    // With a manifest the damage would be seen before anything reads the file.
    let _ = fs::remove_file(copied.join(areal_job::MANIFEST));
    let damaged: PathBuf = if kind.file.is_empty() { copied.clone() } else { copied.join(kind.file) };
    let mut bytes = fs::read(&damaged).unwrap();
    let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..=random.below(3) {
        mutate(&mut bytes, &mut random);
    }
    fs::write(&damaged, &bytes).unwrap();

    let out = folder.path().join("out.html");
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "20"]).arg(binary()).current_dir(JOB.demo());
    for argument in kind.command {
        command.arg(if *argument == "@" { copied.as_os_str() } else { argument.as_ref() });
    }
    if !["run", "compare"].contains(&kind.command[0]) {
        command.arg("--out").arg(&out);
    }
    let start = Instant::now();
    let ended = run(&mut command);
    let what = format!("{}/{}, seed {seed}: exit {}\n{}", kind.copied, kind.file, ended.code, ended.stderr);
    assert!(matches!(ended.code, 0..=4), "{what}");
    assert!(start.elapsed() < Duration::from_secs(20), "{what}");
    assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("bug in areal"), "{what}");
    assert!(ended.code == 0 || !out.exists(), "it failed and left its output: {what}");
}

/// Every kind, this many times each.
fn check_all(rounds: u64) {
    for (k, kind) in KINDS.iter().enumerate() {
        for round in 0..rounds {
            check(kind, 1 + round * KINDS.len() as u64 + k as u64);
        }
    }
}

#[test]
fn damaged_inputs_end_in_an_error_or_a_result() {
    check_all(6);
}

#[test]
#[ignore = "takes minutes: run it with --ignored"]
fn many_damaged_inputs_end_in_an_error_or_a_result() {
    check_all(300);
}
