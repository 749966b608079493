//! Two processes and one output: the second is refused at once, and the first is not disturbed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{JOB, binary, contents, run, skipped};

fn predict(out: &Path) -> Vec<String> {
    let words = format!(
        "predict {} --bundle {} --bands blue,green,red,nir,swir --stride 2 --threads 1 --overwrite --out {}",
        JOB.demo().join("scene_west.tif").display(),
        JOB.out().join("bundle").display(),
        out.display()
    );
    words.split_whitespace().map(str::to_owned).collect()
}

/// Starts a prediction and waits until it writes.
fn start(out: &Path) -> Child {
    let child = Command::new(binary()).args(predict(out)).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !out.with_file_name(".out.resume/journal.json").exists() {
        assert!(began.elapsed() < Duration::from_mins(1), "the first did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn fault_38_the_second_of_two_processes_on_one_output_is_refused_with_the_name_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = start(&out);
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = format!("out is being written by process {} on {}", first.id(), host.trim());
    for more in [&[][..], &["--resume"]] {
        let began = Instant::now();
        let second = run(Command::new(binary()).args(predict(&out)).args(more)).expect(5).says(&[&name]);
        assert!(!second.stderr.contains("bug in areal") && began.elapsed() < Duration::from_secs(20));
    }
    // As from another host that shares the disk: other process numbers, in which the first does not occur.
    let unshare = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    if run(Command::new("unshare").args(unshare).arg("true")).code == 0 {
        run(Command::new("unshare").args(unshare).arg(binary()).args(predict(&out))).expect(5).says(&[&name]);
    } else {
        skipped("this machine gives no process namespaces");
    }
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["out"]);
    assert!(contents(&out).contains_key(Path::new("areal-manifest.json")));
}

#[test]
fn fault_38_two_runs_of_one_recipe_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = JOB.demo().join("recipe.toml");
    let arguments = ["run", recipe.to_str().unwrap(), "--workdir", folder.path().to_str().unwrap()];
    let first = Command::new(binary()).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while !folder.path().join("patches").exists() {
        assert!(began.elapsed() < Duration::from_mins(1), "the first did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    run(Command::new(binary()).args(arguments)).expect(5).says(&[&format!("by process {}", first.id())]);
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
}
