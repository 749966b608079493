//! Stages of the finished job as commands of their own, to be killed, starved and continued.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{JOB, ProgramRun, binary, contents, run};

/// A command with one output, what it makes undisturbed, and how long that takes.
pub struct Attacked {
    pub name: String,
    arguments: Vec<String>,
    made: BTreeMap<PathBuf, Vec<u8>>,
    pub duration: Duration,
}

/// A file of somebody's in an output.
const NOTES: (&str, &str) = ("notes.txt", "nobody's but mine");

impl Attacked {
    /// The stages of a job on the generated landscape, small enough for many rounds.
    pub fn stages(names: &[&str]) -> Vec<Self> {
        let out = |name: &str| JOB.out().join(name).to_str().unwrap().to_owned();
        let demo = |name: &str| JOB.demo().join(name).to_str().unwrap().to_owned();
        let (store, bundle, map) = (out("patches"), out("bundle"), out("predictions/landscape"));
        let (scene, zones) = (demo("scene_west.tif"), demo("districts.gpkg"));
        let zoned = format!("--prediction {map} --zones {zones} --zone-id district_id");
        [
            "demo --size small".to_owned(),
            format!("tile {scene} --labels {} --label-field class --patch-size 16 --stride 8", demo("labels.gpkg")),
            format!("train --store {store} --epochs 2"),
            format!("evaluate --store {store} --bundle {bundle}"),
            format!("predict {scene} --bundle {bundle} --bands blue,green,red,nir,swir --stride 8 --memory 1 --batch-size 16"),
            format!("explain --store {store} --bundle {bundle} --patch 1,2,3 --steps 2"),
            format!("aggregate {zoned}"),
            format!("sample --prediction {map} --size 200"),
            format!("estimate {zoned} --design {} --sample {}", out("samples/landscape"), demo("labels/landscape.csv")),
            format!("report --prediction {map} --bundle {bundle} --areas {}", out("areas/landscape")),
        ]
        .iter()
        .filter(|line| names.is_empty() || names.contains(&line.split(' ').next().unwrap()))
        .map(|line| Self::new(line))
        .collect()
    }

    fn new(line: &str) -> Self {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let folder = tempfile::tempdir().unwrap();
        let name = arguments[0].clone();
        let mut new = Self { name, arguments, made: BTreeMap::new(), duration: Duration::ZERO };
        let begin = Instant::now();
        run(&mut new.command(folder.path(), false)).expect(0);
        new.duration = begin.elapsed();
        new.made = contents(folder.path());
        new
    }

    /// Its output in a folder.
    pub fn out(&self, folder: &Path) -> PathBuf {
        folder.join(if self.name == "report" { "out.html" } else { "out" })
    }

    /// The command; `again` after one that was disturbed.
    pub fn command(&self, folder: &Path, again: bool) -> Command {
        let mut command = Command::new(binary());
        // Some documents name their output: it is the same in all folders.
        command.current_dir(folder).args(&self.arguments).arg("--out").arg(self.out(Path::new("")));
        if again {
            command.arg("--overwrite");
            if self.name == "predict" {
                command.arg("--resume");
            }
        }
        command
    }

    /// The command in an address space of so many kilobytes.
    pub fn command_within(&self, kilobytes: usize, folder: &Path) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -v {kilobytes}; exec \"$@\""), "bash"]);
        command.arg(binary()).current_dir(folder).args(&self.arguments).arg("--out").arg(self.out(Path::new("")));
        command
    }

    /// Puts a whole output, with somebody's notes in it, into a folder.
    pub fn place(&self, folder: &Path) {
        for (name, bytes) in &self.made {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        if self.out(folder).is_dir() {
            fs::write(self.out(folder).join(NOTES.0), NOTES.1).unwrap();
        }
    }

    /// Fails the test unless an output is whole, with the bytes of an undisturbed run, or not there. With `placed`, it has to
    /// be there, with the notes.
    #[track_caller]
    pub fn check_whole(&self, folder: &Path, placed: bool, said: &str) {
        let out = self.out(folder);
        if !out.exists() {
            // Between two renames an output may be aside; the next command puts it back.
            let aside =
                || fs::read_dir(folder).unwrap().any(|e| e.unwrap().file_name().to_string_lossy().contains("replaced"));
            assert!(!placed || aside(), "{}: the output is lost; {said}", self.name);
            return;
        }
        for (name, bytes) in self.made.iter().filter(|(name, _)| folder.join(name).starts_with(&out)) {
            let found = fs::read(folder.join(name));
            assert!(found.is_ok_and(|found| found == *bytes), "{}: {} is not whole; {said}", self.name, name.display());
        }
        if placed && out.is_dir() {
            let notes = fs::read_to_string(out.join(NOTES.0));
            assert!(notes.is_ok_and(|notes| notes == NOTES.1), "{}: the notes are lost; {said}", self.name);
        }
    }

    /// Runs it again after it was disturbed: the same bytes as undisturbed, and nothing left beside them.
    #[track_caller]
    pub fn check_again(&self, folder: &Path, placed: bool, said: &str) {
        let again = run(&mut self.command(folder, true));
        assert_eq!(again.code, 0, "{}: {}; after: {said}", self.name, again.stderr);
        self.check_whole(folder, placed, said);
        let mut found = contents(folder);
        found.retain(|name, _| !(placed && name.ends_with(NOTES.0)));
        let (found, made): (Vec<_>, Vec<_>) = (found.into_keys().collect(), self.made.keys().cloned().collect());
        assert_eq!(found, made, "{}: {said}", self.name);
        let locks = fs::read_dir(folder)
            .unwrap()
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().ends_with(".lock"));
        assert_eq!(locks.count(), 0, "{}: a lock is left", self.name);
    }

    /// Starts it and kills it without warning after a while. True when it was still running.
    pub fn kill_after(&self, folder: &Path, again: bool, delay: Duration) -> bool {
        let mut child = self.command(folder, again).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(delay);
        let running = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        running
    }

    /// Runs it with calls of the C library that fail: see `fault.c`.
    pub fn run_with_fault(&self, folder: &Path, again: bool, library: &Path, fault: &str) -> ProgramRun {
        run(self.command(folder, again).env("LD_PRELOAD", library).env("AREAL_FAULT", fault))
    }
}

/// Builds the library of `fault.c` into a folder; none where there is no C compiler.
pub fn fault_library(folder: &Path) -> Option<PathBuf> {
    let (source, library) = (concat!(env!("CARGO_MANIFEST_DIR"), "/src/fault.c"), folder.join("fault.so"));
    let mut compile = Command::new("cc");
    compile.args(["-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", source, "-ldl", "-o"]).arg(&library);
    match compile.output() {
        Ok(made) => {
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            Some(library)
        }
        Err(e) => {
            crate::skipped(&format!("there is no C compiler: {e}"));
            None
        }
    }
}
