//! What an ended process left is continued to the same bytes, or begun again; nobody's files are deleted for it.

use std::fs;
use std::path::Path;

use areal_raster::Prediction;

use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::scenes::{args, made, scene};
use crate::common::{JOB, JobCopy, areal, contents, interrupt_when_work_is_kept, interruptible};

#[test]
fn fault_31_a_stage_that_runs_again_gives_the_same_bytes_and_those_after_it_do_not_run() {
    let job = JobCopy::new();
    let before = contents(Path::new(&job.file("out")));
    for entry in ["tile", "predict-landscape", "aggregate-landscape"] {
        fs::remove_file(job.out(&format!(".ledger/{entry}.json"))).unwrap();
    }
    let again = areal(["run", &job.file("recipe.toml")]).expect(0);
    assert_eq!(again.stderr.matches("unchanged, skipped").count(), 5, "{}", again.stderr);
    let after = contents(Path::new(&job.file("out")));
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (name, bytes) in before {
        assert!(after[&name] == bytes, "{} has other bytes", name.display());
    }
}

#[test]
fn fault_32_a_job_is_known_again_whatever_its_bounds_resolution_and_precision() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scene.tif");
    made(&file, 130, 130, |k| (k * 7919 % 9973) as u16 + 1);
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), 16));
    let mut spec = spec_for(&scene(&file), classes(), 16);
    spec.ground_resolution = None;
    write(&folder.path().join("bundle"), spec);
    let slow = ["--stride", "1", "--batch-size", "2", "--threads", "1", "--memory", "1"];
    for (k, odd) in [
        "--bounds=500000.1,498703.3,501299.7,499999.9",
        "--bounds=500023.456789,498900.000001,501200.1,499999.9 --resolution 9.876543210123 --resampling nearest",
        "--bounds=105.0001,4.5121,105.0112345678901,4.5229 --resolution 0.0000912345678901 --resampling nearest --crs EPSG:4326",
        "--resolution 10.000000000001 --resampling bilinear --min-valid 0.49999999999999994",
    ]
    .into_iter()
    .enumerate()
    {
        let odd: Vec<&str> = slow.into_iter().chain(odd.split_whitespace()).collect();
        let (whole, out) = (format!("whole{k}"), format!("out{k}"));
        areal(args(&file, &folder, &whole, &odd)).expect(0);
        interrupt_when_work_is_kept(folder.path(), args(&file, &folder, &out, &odd), &folder.path().join(format!(".{out}.resume")));
        areal(args(&file, &folder, &out, &[&odd[..], &["--resume"]].concat())).expect(0);
        crate::common::scenes::same_bytes(&folder.path().join(whole), &folder.path().join(out));
    }
}

#[test]
fn fault_32_a_job_of_less_precision_is_known_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| JOB.out().join(name).to_str().unwrap().to_owned();
    let scene = JOB.demo().join("scene_west.tif").to_str().unwrap().to_owned();
    for precision in ["bf16", "int8"] {
        let out = folder.path().join(precision);
        let words = format!(
            "predict {scene} --bundle {} --store {} --bands blue,green,red,nir,swir --stride 2 --threads 1 --batch-size 8 \
             --precision {precision} --out {}",
            path("bundle"),
            path("patches"),
            out.display()
        );
        let words: Vec<&str> = words.split_whitespace().collect();
        interrupt_when_work_is_kept(folder.path(), &words, &folder.path().join(format!(".{precision}.resume")));
        areal(words.iter().chain(&["--resume"])).expect(0);
        assert!(Prediction::open(&out).is_ok());
    }
}

#[test]
fn fault_34_the_beginning_or_the_end_of_a_journal_is_no_obstacle_and_files_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scene.tif");
    made(&file, 40, 40, |k| k as u16 + 1);
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), 16));
    let journal = folder.path().join(".out.resume");
    let predict = |more: &[&str]| areal(args(&file, &folder, "out", more));
    // Made, but nothing in it yet.
    fs::create_dir(&journal).unwrap();
    predict(&["--resume"]).expect(0);
    assert!(!journal.exists());
    // Its document is gone already; a strip and a half-written one are left.
    fs::create_dir(&journal).unwrap();
    fs::write(journal.join("strip-000000.shard"), "areal-shard/3\nand what follows").unwrap();
    fs::write(journal.join(".partial-123-strip-000001.shard"), "").unwrap();
    predict(&["--resume", "--overwrite"]).expect(0);
    assert!(!journal.exists());
    // A folder of that name with something else in it.
    fs::create_dir(&journal).unwrap();
    fs::write(journal.join("notes.txt"), "mine").unwrap();
    for more in [&["--overwrite"][..], &["--overwrite", "--resume"]] {
        predict(more).expect(4).says(&["notes.txt was not made by areal"]);
    }
    assert_eq!(fs::read_to_string(journal.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn fault_34_a_part_of_a_checkpoint_is_no_obstacle_and_files_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (JOB.out().join("patches"), folder.path().join("bundle"));
    let checkpoint = folder.path().join(".bundle.checkpoint");
    let words = ["train", "--store", store.to_str().unwrap(), "--out", out.to_str().unwrap(), "--epochs", "2"];
    let train = |more: &[&str]| areal(words.iter().chain(more));
    let whole = || {
        let mut child = interruptible().args(words).arg("--overwrite").spawn().unwrap();
        while !checkpoint.join("state.json").exists() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    };
    train(&[]).expect(0);
    let right = contents(&out);
    whole();
    fs::remove_file(checkpoint.join("state.json")).unwrap();
    train(&["--overwrite"]).expect(0);
    assert!(contents(&out) == right && !checkpoint.exists());
    // Damage to a checkpoint is seen.
    whole();
    crate::common::damage(checkpoint.join("best.safetensors").to_str().unwrap(), 2000, b"damage");
    train(&["--overwrite"]).expect(3).says(&["best.safetensors was changed or damaged"]);
    fs::write(checkpoint.join("notes.txt"), "mine").unwrap();
    for more in [&["--overwrite"][..], &["--overwrite", "--restart"]] {
        train(more).expect(4).says(&["notes.txt was not made by areal"]);
    }
    assert_eq!(fs::read_to_string(checkpoint.join("notes.txt")).unwrap(), "mine");
    fs::remove_file(checkpoint.join("notes.txt")).unwrap();
    train(&["--overwrite", "--restart"]).expect(0);
    assert!(contents(&out) == right && !checkpoint.exists());
}
