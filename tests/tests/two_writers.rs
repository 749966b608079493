//! Two processes and one output: the second is refused at once, and the first is not disturbed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{Attacked, JOB, Random, binary, contents, run, skipped};

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

/// Two processes of one stage on one output, the second after a random while: one of them makes it, and the other makes it again or
/// is refused.
fn race(stages: &[Attacked], rounds: usize, seed: u64) {
    let mut random = Random::new(seed);
    let (mut both, mut one) = (0, 0);
    for round in 0..rounds {
        let stage = &stages[round % stages.len()];
        let (folder, placed) = (tempfile::tempdir().unwrap(), random.below(2) == 1);
        if placed {
            stage.place(folder.path());
        }
        let start = || {
            let mut command = stage.command(folder.path(), placed);
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let first = start();
        std::thread::sleep(stage.duration.mul_f64(random.fraction()));
        let ended = [start(), first].map(|child| child.wait_with_output().unwrap());
        let codes = ended.each_ref().map(|ended| ended.status.code());
        let said = ended.map(|ended| String::from_utf8_lossy(&ended.stderr).into_owned()).join("\n");
        let said = format!("round {round}, {codes:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("bug in areal"), "{}: {said}", stage.name);
        assert!(codes.iter().all(|code| code.is_some_and(|code| (0..=5).contains(&code))), "{}: {said}", stage.name);
        assert!(codes.contains(&Some(0)) && stage.out(folder.path()).exists(), "{}: {said}", stage.name);
        *(if codes == [Some(0); 2] { &mut both } else { &mut one }) += 1;
        stage.check_whole(folder.path(), placed, &said);
        let again = run(&mut stage.command(folder.path(), true));
        assert_eq!(again.code, 0, "{}: {}; after: {said}", stage.name, again.stderr);
        stage.check_whole(folder.path(), placed, &said);
    }
    eprintln!("of {rounds} pairs both were done in {both}, and one was refused in {one}");
}

#[test]
fn two_processes_on_one_output_lose_nothing() {
    race(&Attacked::stages(&["aggregate", "sample", "report"]), 6, 8);
}

#[test]
#[ignore = "minutes: every stage"]
fn two_processes_on_one_output_lose_nothing_long() {
    race(&Attacked::stages(&[]), 60, 9);
}
