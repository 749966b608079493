//! The whole job on the small generated landscape, run once for all tests that look at its outputs.

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::areal;

/// A finished job: tile, train, evaluate, predict, explain, aggregate, sample, estimate, report.
pub struct Job {
    folder: tempfile::TempDir,
}

/// The job. Tests read it and change nothing.
pub static JOB: LazyLock<Job> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    areal(["demo", "--size", "small", "--out", demo.to_str().unwrap()]).expect(0);
    let run = || areal(["run", demo.join("recipe.toml").to_str().unwrap()]).expect(0);
    run().says(&["waiting for labels/landscape.csv"]);
    let sample = demo.join("out/samples/landscape/sample.csv");
    let label = ["demo", "--out", demo.to_str().unwrap(), "--label", sample.to_str().unwrap()];
    areal(label).expect(0);
    areal(label).expect(4).says(&["landscape.csv", "already exists", "--overwrite"]);
    run();
    Job { folder }
});

impl Job {
    /// The landscape with its recipes.
    pub fn demo(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// The working folder of the recipe for land use.
    pub fn out(&self) -> PathBuf {
        self.demo().join("out")
    }
}
