//! Processes that are killed at any moment, and disks that fail: nothing half-written under a final name, nothing lost, nothing
//! stale, and the same bytes when the command is run again.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::{Attacked, JOB, JobCopy, Random, areal, contents, fault_library, interruptible, run};

/// Kills each stage so many times at random moments, in half of the rounds while it replaces an output, and runs it again.
fn kill_and_continue(stages: &[Attacked], rounds: usize, seed: u64) {
    let mut random = Random::new(seed);
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for round in 0..rounds {
        let stage = &stages[round % stages.len()];
        let folder = tempfile::tempdir().unwrap();
        let placed = random.below(2) == 1;
        if placed {
            stage.place(folder.path());
        }
        // Several in a row: what one leaves is the next one's start.
        for _ in 0..=random.below(2) {
            let delay = stage.duration.mul_f64(random.fraction());
            let killed = stage.kill_after(folder.path(), placed, delay);
            let count = counts.entry(&stage.name).or_default();
            count[0] += 1;
            count[1] += usize::from(killed);
            stage.check_whole(folder.path(), placed, &format!("round {round}, killed after {delay:?}"));
        }
        stage.check_again(folder.path(), placed, &format!("round {round}"));
    }
    eprintln!("starts and kills by stage: {counts:?}");
}

#[test]
fn kills_at_random_moments_lose_nothing() {
    kill_and_continue(&Attacked::stages(&["aggregate", "predict", "sample", "report"]), 8, 1);
}

#[test]
#[ignore = "minutes: 200 kills over every stage"]
fn kills_at_random_moments_lose_nothing_long() {
    kill_and_continue(&Attacked::stages(&[]), 150, 2);
}

/// Kills a whole recipe at random moments, and runs it to its end.
fn kill_runs(rounds: usize, seed: u64) {
    let mut random = Random::new(seed);
    let right = contents(&JOB.out());
    let (mut kills, begin) = (0, Instant::now());
    let whole = JobCopy::new();
    fs::remove_dir_all(whole.file("out")).unwrap();
    areal(["run", &whole.file("recipe.toml")]).expect(0);
    let duration = begin.elapsed();
    for round in 0..rounds {
        let job = JobCopy::new();
        fs::remove_dir_all(job.file("out")).unwrap();
        for _ in 0..=random.below(3) {
            let mut child = Command::new(crate::common::binary())
                .args(["run", &job.file("recipe.toml")])
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(duration.mul_f64(random.fraction() * 0.7));
            kills += usize::from(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
        areal(["run", &job.file("recipe.toml")]).expect(0);
        let found = contents(job.demo().join("out").as_path());
        assert_eq!(found.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>(), "round {round}");
        for (name, bytes) in &right {
            assert!(found[name] == *bytes, "round {round}: {} has other bytes", name.display());
        }
    }
    eprintln!("{kills} kills in {rounds} rounds of a whole recipe");
}

#[test]
#[ignore = "minutes: whole recipes"]
fn fault_31_a_recipe_that_was_killed_ends_with_the_same_bytes_long() {
    kill_runs(12, 3);
}

/// Calls that fail, with `errno` of Linux: 4 EINTR, 5 EIO, 28 ENOSPC, 22 EINVAL (a file system that cannot exchange names), 18
/// EXDEV and 1 EPERM (one without links).
const FAULTS: [(&str, i32, &str); 12] = [
    ("write", 28, "on"),
    ("write", 5, "once"),
    ("create", 28, "on"),
    ("create", 5, "once"),
    ("fsync", 5, "once"),
    ("fsync", 28, "on"),
    ("rename", 5, "once"),
    ("rename", 28, "on"),
    ("renameat2", 5, "once"),
    ("mkdir", 28, "once"),
    ("read", 5, "once"),
    ("unlink", 5, "once"),
];

/// Calls that fail in a way that has to be borne.
const BORNE: [(&str, i32, &str); 8] = [
    ("write", 4, "every"),
    ("read", 4, "every"),
    ("write", 4, "once"),
    ("write", 0, "on"),
    ("read", 4, "once"),
    ("read", 0, "on"),
    ("renameat2", 22, "on"),
    ("link", 1, "on"),
];

fn fail_and_continue(stages: &[Attacked], tries: usize, seed: u64) {
    let tools = tempfile::tempdir().unwrap();
    let Some(library) = fault_library(tools.path()) else { return };
    let mut random = Random::new(seed);
    let (mut failed, mut unaffected) = (0, 0);
    for stage in stages {
        for (kind, (call, errno, how)) in FAULTS.iter().chain(&BORNE).enumerate() {
            for _ in 0..tries {
                // Early calls are as telling as late ones.
                let magnitude = random.below(8);
                let nth = 1 + random.below(1 << magnitude);
                let placed = random.below(2) == 1;
                let fault = format!("{call}:{errno}:{nth}:{how}");
                let folder = tempfile::tempdir().unwrap();
                if placed {
                    stage.place(folder.path());
                }
                let ran = stage.run_with_fault(folder.path(), placed, &library, &fault);
                let said = format!("{fault}, exit {}: {}", ran.code, ran.stderr);
                assert!([0, 1, 2, 3, 4].contains(&ran.code), "{}: {said}", stage.name);
                assert!(
                    !ran.stderr.contains("panicked") && !ran.stderr.contains("bug in areal"),
                    "{}: {said}",
                    stage.name
                );
                assert!(ran.code == 0 || kind < FAULTS.len(), "{}: {said}", stage.name);
                assert!(ran.code != 0 || stage.out(folder.path()).exists(), "{}: {said}", stage.name);
                stage.check_whole(folder.path(), placed, &said);
                stage.check_again(folder.path(), placed, &said);
                *(if ran.code == 0 { &mut unaffected } else { &mut failed }) += 1;
            }
        }
    }
    eprintln!("{failed} runs failed and {unaffected} were whole");
}

#[test]
fn a_disk_that_fails_loses_nothing() {
    fail_and_continue(&Attacked::stages(&["aggregate"]), 1, 4);
}

#[test]
#[ignore = "minutes: every stage with every fault"]
fn a_disk_that_fails_loses_nothing_long() {
    fail_and_continue(&Attacked::stages(&[]), 2, 5);
}

#[test]
fn reads_that_signals_interrupt_are_made_again_by_every_stage() {
    let tools = tempfile::tempdir().unwrap();
    let Some(library) = fault_library(tools.path()) else { return };
    for stage in Attacked::stages(&[]) {
        let folder = tempfile::tempdir().unwrap();
        let ran = stage.run_with_fault(folder.path(), false, &library, "read:4:1:every");
        assert_eq!(ran.code, 0, "{}: {}", stage.name, ran.stderr);
        stage.check_whole(folder.path(), false, "every second read was interrupted");
    }
}

#[test]
fn what_could_not_be_removed_is_removed_by_the_next_command() {
    let tools = tempfile::tempdir().unwrap();
    let Some(library) = fault_library(tools.path()) else { return };
    let mut failed = 0;
    for stage in Attacked::stages(&["train", "predict"]) {
        for nth in [1, 2, 3, 5, 8] {
            let (folder, fault) = (tempfile::tempdir().unwrap(), format!("unlink:5:{nth}:once"));
            let ran = stage.run_with_fault(folder.path(), false, &library, &fault);
            failed += usize::from(ran.code == 4);
            let said = format!("{fault}, exit {}: {}", ran.code, ran.stderr);
            stage.check_whole(folder.path(), false, &said);
            stage.check_again(folder.path(), false, &said);
        }
    }
    assert!(failed > 0, "no removal failed");
}

/// Processor time that a process has taken, all its threads together; `None` once it is gone.
fn processor_time(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc_pid_stat(5): fields 14 and 15, in hundredths of a second; the name in brackets is the second.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |field: usize| fields[field - 3].parse::<u64>().unwrap();
    Some(Duration::from_millis(10 * (ticks(14) + ticks(15))))
}

/// SIGTERM once it has worked for so long; how long the program then takes to end, and its exit code.
fn end(command: &mut Command, after: Duration) -> (Duration, Option<i32>) {
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() && processor_time(child.id()).is_some_and(|taken| taken < after) {
        assert!(started.elapsed() < Duration::from_mins(2), "it does not work");
        std::thread::sleep(Duration::from_millis(5));
    }
    let begin = Instant::now();
    if child.try_wait().unwrap().is_none() {
        run(Command::new("kill").args(["-TERM", &child.id().to_string()])).expect(0);
    }
    let code = child.wait().unwrap().code();
    (begin.elapsed(), code)
}

#[test]
fn fault_40_every_stage_ends_within_a_second_of_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (k, arguments) in crate::common::long_commands::long_commands(folder.path()).iter().enumerate() {
        let (took, code) = end(interruptible().args(arguments).arg("--out").arg(&out), Duration::from_millis(1500));
        // 0.7 s are given to the job, and a loaded machine is slow.
        assert!(took < Duration::from_secs(2), "command {k} ended after {took:?}");
        assert!(matches!(code, Some(0 | 130)), "command {k}: {code:?}");
        if code == Some(130) {
            assert!(!out.exists(), "command {k} left its output");
        }
        let partial = |name: &std::ffi::OsStr| name.to_string_lossy().contains("partial");
        assert!(!fs::read_dir(folder.path()).unwrap().any(|e| partial(&e.unwrap().file_name())), "command {k}");
        let _ = if out.is_dir() { fs::remove_dir_all(&out) } else { fs::remove_file(&out) };
    }
}

#[test]
fn fault_41_a_thread_that_the_system_refuses_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (JOB.out().join("patches"), folder.path().join("out"));
    for kilobytes in [300_000, 350_000, 400_000, 450_000] {
        let script = format!("ulimit -v {kilobytes}; exec \"$@\"");
        let mut command = Command::new("bash");
        command.args(["-c", &script, "bash"]).arg(crate::common::binary());
        command.args(["train", "--epochs", "1", "--overwrite", "--store"]).arg(&store).arg("--out").arg(&out);
        let ran = run(&mut command);
        // Where memory itself ends, the program is aborted: 134.
        assert!([0, 1, 3, 4, 134].contains(&ran.code), "{kilobytes}: exit {}: {}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{kilobytes}: {}", ran.stderr);
        if ran.code == 1 {
            assert!(
                ran.stderr.contains("cannot create more threads") || ran.stderr.contains("memory"),
                "{}",
                ran.stderr
            );
        }
    }
}

/// Runs each stage in address spaces of random sizes, from one in which it hardly starts: it is done, or it fails with an error and
/// leaves nothing. Where the allocator itself has nothing left, the program is aborted (134).
fn starve(stages: &[Attacked], tries: usize, seed: u64) {
    let mut random = Random::new(seed);
    let (mut whole, mut refused, mut aborted) = (0, 0, 0);
    for stage in stages {
        for _ in 0..tries {
            let kilobytes = 150_000 + random.below(700_000);
            let folder = tempfile::tempdir().unwrap();
            let ran = run(&mut stage.command_within(kilobytes, folder.path()));
            let said = format!("{kilobytes} kB, exit {}: {}", ran.code, ran.stderr);
            // PROJ's database may not open: then a CRS is not known, which in an option is wrong usage.
            let is_crs = ran.code == 2 && ran.stderr.contains("out of memory");
            assert!(is_crs || [0, 1, 3, 4, 127, 134].contains(&ran.code), "{}: {said}", stage.name);
            assert!(!ran.stderr.contains("panicked") && !ran.stderr.contains("bug in areal"), "{}: {said}", stage.name);
            assert_eq!(ran.code == 0, stage.out(folder.path()).exists(), "{}: {said}", stage.name);
            *(match ran.code {
                0 => &mut whole,
                134 => &mut aborted,
                _ => &mut refused,
            }) += 1;
            stage.check_whole(folder.path(), false, &said);
            stage.check_again(folder.path(), false, &said);
        }
    }
    eprintln!("{whole} runs were whole, {refused} refused, {aborted} were aborted");
}

#[test]
fn little_memory_leaves_nothing_half_done() {
    starve(&Attacked::stages(&["aggregate", "report"]), 3, 6);
}

#[test]
#[ignore = "minutes: every stage"]
fn little_memory_leaves_nothing_half_done_long() {
    starve(&Attacked::stages(&[]), 12, 7);
}
