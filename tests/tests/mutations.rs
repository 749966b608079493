//! Damaged inputs: every kind of file that areal reads, mutated at random with a fixed seed.
//!
//! Whatever is in a file, the program ends within seconds with a documented exit code, without a panic and without blaming
//! itself, and leaves nothing under the output's final name unless it succeeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::mutated_kinds::{DamagedInput, Manifests, kinds};
use crate::common::{JOB, Random, binary, contents, copy_folder, run};

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

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        fs::copy(from, to).unwrap();
    } else {
        copy_folder(from, to);
    }
}

/// How a command on a damaged file ended.
enum Ended {
    Refused,
    Done,
    /// Against the rules, with what it said.
    Wrong(String),
}

/// Seconds after which a command hangs, and the memory that it may take, in kilobytes.
const LONGEST: u64 = 20;
const MOST_MEMORY: usize = 4_000_000;

/// Runs the command on a damaged copy and looks how it ends.
fn try_damaged(kind: &DamagedInput, seed: u64) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let name = kind.copied.file_name().expect("a file or folder of the job");
    let copied = folder.path().join(name);
    copy(&kind.copied, &copied);
    if kind.manifest == Manifests::Removed {
        let _ = fs::remove_file(copied.join(areal_job::MANIFEST));
    }
    let damaged: PathBuf = if kind.file.is_empty() { copied.clone() } else { copied.join(kind.file) };
    let mut bytes = fs::read(&damaged).unwrap();
    let mut random = Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    for _ in 0..=random.below(3) {
        mutate(&mut bytes, &mut random);
    }
    fs::write(&damaged, &bytes).unwrap();

    let out = folder.path().join("out.html");
    let script = format!("ulimit -v {MOST_MEMORY}; exec timeout -k 1 {LONGEST} \"$@\"");
    let mut command = Command::new("bash");
    command.args(["-c", &script, "bash"]).arg(binary()).current_dir(JOB.demo());
    for word in kind.command.split_whitespace() {
        match word.strip_prefix('@') {
            Some("") => command.arg(&copied),
            Some(within) => command.arg(copied.join(within.trim_start_matches('/'))),
            None => command.arg(word),
        };
    }
    let without_output = ["run", "compare", "inspect", "verify"].iter().any(|name| kind.command.starts_with(name));
    if !without_output && !kind.command.contains("--out ") {
        command.arg("--out").arg(&out);
    }
    let start = Instant::now();
    let ended = run(&mut command);
    let what =
        || format!("{}/{}, seed {seed}: exit {}\n{}", kind.copied.display(), kind.file, ended.code, ended.stderr);
    // 5 is said of an output that another process writes.
    let codes = if name.to_string_lossy().ends_with(".lock") { 0..=5 } else { 0..=4 };
    let other_result =
        ended.code == 0 && kind.same_as.as_ref().is_some_and(|same| contents(&out) != contents(&same.join("out.html")));
    let is_wrong = !codes.contains(&ended.code)
        || other_result
        || start.elapsed() > Duration::from_secs(LONGEST)
        || ended.stderr.contains("panicked")
        || ended.stderr.contains("bug in areal");
    match ended.code {
        _ if is_wrong => Ended::Wrong(what()),
        0 => Ended::Done,
        _ if out.exists() => Ended::Wrong(format!("it failed and left its output: {}", what())),
        _ => Ended::Refused,
    }
}

/// Every kind, with so many seeds each.
fn check_all(rounds: std::ops::Range<u64>) {
    let kinds = kinds();
    let (mut refused, mut done, mut wrong) = (0, 0, Vec::new());
    for (k, kind) in kinds.iter().enumerate() {
        for round in rounds.clone() {
            match try_damaged(kind, 1 + round * kinds.len() as u64 + k as u64) {
                Ended::Refused => refused += 1,
                Ended::Done => done += 1,
                Ended::Wrong(what) => {
                    eprintln!("{what}");
                    wrong.push(what);
                }
            }
        }
    }
    let tried = refused + done + wrong.len();
    eprintln!("{tried} damaged files of {} kinds: {refused} refused, {done} read, {} wrong", kinds.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn damaged_inputs_end_in_an_error_or_a_result() {
    check_all(0..2);
}

/// A flipped digit in the history of a checkpoint went into `metrics.csv` of the bundle, because `.toml` counted as open to edits.
#[test]
fn fault_39_seed_8019_a_damaged_history_of_a_checkpoint_is_seen() {
    let kinds = kinds();
    let history = kinds.iter().find(|kind| kind.file == "history.json" && kind.manifest == Manifests::Kept).unwrap();
    for seed in [8019, 11539, 15664] {
        match try_damaged(history, seed) {
            Ended::Refused => {}
            Ended::Done => panic!("seed {seed}: the damage was not seen"),
            Ended::Wrong(what) => panic!("{what}"),
        }
    }
}

/// Together more than 10,000 damaged files.
#[test]
#[ignore = "minutes: run it with --ignored"]
fn many_damaged_inputs_end_in_an_error_or_a_result_1() {
    check_all(100..150);
}

#[test]
#[ignore = "minutes: run it with --ignored"]
fn many_damaged_inputs_end_in_an_error_or_a_result_2() {
    check_all(150..200);
}

#[test]
#[ignore = "minutes: run it with --ignored"]
fn many_damaged_inputs_end_in_an_error_or_a_result_3() {
    check_all(200..250);
}

#[test]
#[ignore = "minutes: run it with --ignored"]
fn many_damaged_inputs_end_in_an_error_or_a_result_4() {
    check_all(250..300);
}
