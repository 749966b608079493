//! Outputs are whole or not there, and nothing of anybody's is lost.

use std::fs;
use std::path::Path;

use crate::carry::carry;
use crate::place::staging_path;
use crate::{
    FileError, MANIFEST, Manifest, StagedDir, StagedFile, check_output, files_under, recover_input, recover_output,
};

/// Writes an output of these files.
fn write(target: &Path, files: &[(&str, &str)]) {
    let mut staged = StagedDir::new(target, true).unwrap();
    staged.open_to_edits(["sample.csv"]);
    for (name, text) in files {
        fs::write(staged.file(name), text).unwrap();
    }
    staged.commit().unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    files_under(folder).unwrap().into_iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_folder_is_whole_or_not_there() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("a/out");
    let staged = StagedDir::new(&target, false).unwrap();
    fs::write(staged.file("x"), "1").unwrap();
    drop(staged);
    assert!(fs::read_dir(root.path().join("a")).unwrap().next().is_none());

    let staged = StagedDir::new(&target, false).unwrap();
    fs::write(staged.file("x"), "2").unwrap();
    fs::write(staged.file("store.json"), "{\"format\": \"areal-store/1\"}").unwrap();
    staged.commit().unwrap();
    assert_eq!(fs::read_to_string(target.join("x")).unwrap(), "2");

    assert!(matches!(StagedDir::new(&target, false), Err(FileError::Exists { .. })));
    let staged = StagedDir::new(&target, true).unwrap();
    fs::write(staged.file("y"), "3").unwrap();
    assert!(target.join("x").exists());
    staged.commit().unwrap();
    assert!(target.join("y").exists() && !target.join("x").exists());
    assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
}

#[test]
fn overwrite_never_replaces_what_areal_did_not_make() {
    let root = tempfile::tempdir().unwrap();
    let thesis = root.path().join("user");
    fs::create_dir(&thesis).unwrap();
    assert!(StagedDir::new(&thesis, true).is_ok(), "an empty folder may be filled");
    fs::write(thesis.join("thesis.txt"), "years of work").unwrap();
    fs::write(thesis.join("other.json"), "{\"format\": \"something\"}").unwrap();
    assert!(matches!(StagedDir::new(&thesis, true), Err(FileError::Foreign { .. })));
    assert!(matches!(StagedDir::new(&thesis.join("thesis.txt"), true), Err(FileError::Foreign { .. })));
    assert!(matches!(StagedFile::new(&thesis), Err(FileError::Foreign { .. })));
    assert!(matches!(StagedDir::new(Path::new("/"), true), Err(FileError::Unnamed { .. })));
    assert_eq!(fs::read_to_string(thesis.join("thesis.txt")).unwrap(), "years of work");
}

#[test]
fn a_file_is_replaced_only_if_it_bears_the_mark() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("hand.html");
    let write = |overwrite: bool| {
        let staged = StagedFile::replacing(&target, overwrite, "generator: areal")?;
        fs::write(staged.path(), "generator: areal, new").unwrap();
        staged.commit()
    };
    fs::write(&target, "three weeks of work").unwrap();
    assert!(matches!(write(false), Err(FileError::Exists { .. })));
    assert!(matches!(write(true), Err(FileError::Foreign { .. })));
    assert_eq!(fs::read_to_string(&target).unwrap(), "three weeks of work");
    fs::write(&target, "generator: areal, old").unwrap();
    write(true).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "generator: areal, new");
}

#[test]
fn an_output_may_not_touch_an_input() {
    let root = tempfile::tempdir().unwrap();
    let bundle = root.path().join("bundle");
    fs::create_dir(&bundle).unwrap();
    let inputs = [bundle.clone()];
    for bad in [bundle.clone(), bundle.join("sub/out"), root.path().to_path_buf(), bundle.join("../bundle")] {
        let refused = check_output(&bad, &inputs);
        assert!(matches!(refused, Err(FileError::OverInput { .. })), "{}", bad.display());
    }
    assert!(check_output(&root.path().join("bundle2"), &inputs).is_ok());
}

#[test]
fn what_a_dead_process_left_is_swept() {
    let root = tempfile::tempdir().unwrap();
    // No process has this number: Linux gives out at most 2^22.
    let stale = root.path().join(".partial-99999999-out");
    let other = root.path().join(".partial-99999999-another");
    fs::create_dir(&stale).unwrap();
    fs::create_dir(&other).unwrap();
    drop(StagedDir::new(&root.path().join("out"), false).unwrap());
    assert!(!stale.exists() && other.exists());
}

#[test]
fn a_dropped_file_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("x.txt");
    let staged = StagedFile::new(&target).unwrap();
    fs::write(staged.path(), "half").unwrap();
    drop(staged);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn fault_24_and_28_overwrite_removes_only_what_areal_wrote_and_nobody_changed() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    write(&out, &[("sample.csv", "unlabelled"), ("sample.md", "rules"), ("gone.csv", "1"), ("edited.csv", "1")]);
    fs::write(out.join("sample.csv"), "300 labels by hand").unwrap();
    fs::write(out.join("edited.csv"), "mine").unwrap();
    fs::write(out.join("thesis.txt"), "years of work").unwrap();
    fs::write(out.join("classes.qml"), "a style").unwrap();
    fs::create_dir_all(out.join("scenes/2026")).unwrap();
    fs::write(out.join("scenes/2026/a.tif"), "a scene").unwrap();
    std::os::unix::fs::symlink("/nowhere", out.join("link")).unwrap();

    write(&out, &[("sample.csv", "anew"), ("sample.md", "rules, anew")]);
    let kept = [
        MANIFEST,
        "classes.qml",
        "edited.csv",
        "link",
        "sample.csv",
        "sample.csv.kept-1",
        "sample.md",
        "scenes/2026/a.tif",
        "thesis.txt",
    ];
    assert_eq!(names(&out), kept);
    assert_eq!(text(out.join("sample.csv.kept-1")), "300 labels by hand");
    assert_eq!((text(out.join("sample.csv")), text(out.join("edited.csv"))), ("anew".to_owned(), "mine".to_owned()));
    assert_eq!(fs::read_link(out.join("link")).unwrap(), Path::new("/nowhere"));

    // The next change is kept beside the first.
    fs::write(out.join("sample.csv"), "labels by another").unwrap();
    write(&out, &[("sample.csv", "a third time")]);
    assert_eq!(text(out.join("sample.csv.kept-1")), "300 labels by hand");
    assert_eq!(text(out.join("sample.csv.kept-2")), "labels by another");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn fault_24_an_output_without_a_manifest_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("areas.json"), "{\"format\": \"areal-areas/1\"}").unwrap();
    fs::write(out.join("areas.csv"), "figures").unwrap();
    fs::write(out.join("same.csv"), "same").unwrap();
    write(&out, &[("areas.json", "{}"), ("areas.csv", "other figures"), ("same.csv", "same")]);
    let all = ["areal-manifest.json", "areas.csv", "areas.csv.kept-1", "areas.json", "areas.json.kept-1", "same.csv"];
    assert_eq!(names(&out), all);
    assert_eq!(text(out.join("areas.csv.kept-1")), "figures");
}

#[test]
fn fault_25_and_33_a_crash_between_two_renames_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    write(&out, &[("x", "old")]);
    // As a process leaves it that ends after it moved the old output aside, on a file system without exchange.
    let aside = staging_path(&out, "replaced", "00000000000000aa");
    let staged = staging_path(&out, "partial", "00000000000000aa");
    fs::rename(&out, &aside).unwrap();
    fs::create_dir(&staged).unwrap();
    fs::write(staged.join("x"), "new").unwrap();
    recover_input(&out).unwrap();
    assert_eq!(text(out.join("x")), "old");

    // The same when the next command writes.
    fs::rename(&out, &aside).unwrap();
    assert!(matches!(StagedDir::new(&out, false), Err(FileError::Exists { .. })));
    assert_eq!(text(out.join("x")), "old");
    write(&out, &[("x", "newer")]);
    assert_eq!(text(out.join("x")), "newer");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1, "what ended processes left is swept");
}

#[test]
fn fault_33_replaced_copies_are_swept_but_for_the_files_of_others() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    write(&out, &[("x", "old")]);
    let aside = staging_path(&out, "replaced", "00000000000000aa");
    fs::rename(&out, &aside).unwrap();
    fs::write(aside.join("notes.txt"), "mine").unwrap();
    write(&root.path().join("new"), &[("x", "new")]);
    fs::rename(root.path().join("new"), &out).unwrap();
    write(&out, &[("x", "newer")]);
    assert_eq!(names(&out), [MANIFEST, "notes.txt", "x"]);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn fault_33_a_process_that_ends_after_the_exchange_leaves_only_what_is_swept() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    write(&out, &[("x", "old"), ("y", "old")]);
    fs::write(out.join("thesis.txt"), "years of work").unwrap();
    let staging = staging_path(&out, "partial", "00000000000000aa");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("x"), "new").unwrap();
    Manifest::of(&staging, |_| false).unwrap().write(&staging).unwrap();
    carry(&out, &staging).unwrap();
    crate::place::exchange(&staging, &out, "00000000000000aa").unwrap();
    // Here the process ends. The old folder is where the new one was.
    assert_eq!((text(out.join("x")), text(staging.join("y"))), ("new".to_owned(), "old".to_owned()));
    drop(StagedDir::new(&out, true).unwrap());
    assert_eq!(names(&out), [MANIFEST, "thesis.txt", "x"]);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn what_a_failed_removal_left_beside_a_whole_output_is_removed_before_the_next_use() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    write(&out, &[("x", "new"), ("y", "new")]);
    // As a commit leaves it that exchanged the folders, removed one old file and could not remove the next.
    let left = staging_path(&out, "partial", "00000000000000aa");
    write(&left, &[("x", "old"), ("y", "old")]);
    fs::remove_file(left.join("x")).unwrap();
    recover_output(&out).unwrap();
    assert_eq!((names(&out), text(out.join("y"))), (vec![MANIFEST.into(), "x".into(), "y".into()], "new".to_owned()));
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);

    // The note beside a single file is written the same way.
    let report = root.path().join("report.html");
    let half = root.path().join(".partial-77-.report.html.areal.json");
    fs::write(&half, "{").unwrap();
    drop(StagedFile::replacing(&report, false, "areal").unwrap());
    assert!(!half.exists());
}

#[test]
fn fault_38_the_staging_of_a_live_process_is_never_swept() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("out");
    let first = StagedDir::new(&out, false).unwrap();
    fs::write(first.file("x"), "first").unwrap();
    let said = StagedDir::new(&out, true).unwrap_err().to_string();
    assert!(said.contains(&format!("is being written by process {}", std::process::id())), "{said}");
    first.commit().unwrap();
    assert_eq!(text(out.join("x")), "first");
}

#[test]
fn a_link_to_an_output_stays_a_link() {
    let root = tempfile::tempdir().unwrap();
    let (real, link) = (root.path().join("disk/out"), root.path().join("out"));
    write(&real, &[("x", "old")]);
    std::os::unix::fs::symlink(&real, &link).unwrap();
    write(&link, &[("x", "new")]);
    assert!(link.is_symlink());
    assert_eq!(text(real.join("x")), "new");
}

#[test]
fn fault_28_a_changed_file_is_kept_aside() {
    let root = tempfile::tempdir().unwrap();
    let report = root.path().join("report.html");
    let write = |text: &str| {
        let staged = StagedFile::replacing(&report, true, "areal").unwrap();
        fs::write(staged.path(), text).unwrap();
        staged.commit().unwrap();
    };
    write("areal 1");
    write("areal 2");
    assert_eq!(names(root.path()), [".report.html.areal.json", "report.html"]);
    fs::write(&report, "areal 2, and my remarks").unwrap();
    write("areal 3");
    assert_eq!(text(root.path().join("report.html.kept-1")), "areal 2, and my remarks");
    assert_eq!(text(&report), "areal 3");
}
