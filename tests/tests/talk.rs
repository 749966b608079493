//! What is printed: to a reader that leaves, to a disk that is full, and of any length.

use std::fs::File;
use std::process::{Command, Stdio};

use geo::Geometry;

use crate::common::place::{Place, halves, rectangle, text, utm};
use crate::common::stores::{COUNTS, store};
use crate::common::{ProgramRun, areal, binary, labelled, run};

/// Runs the program with stderr on a disk that is full.
fn unheard(args: &[&str]) -> ProgramRun {
    run(Command::new(binary()).args(args).stderr(File::create("/dev/full").unwrap()))
}

#[test]
fn a_reader_that_leaves_does_not_stop_the_work() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let recipe = format!(
        "format = \"areal-recipe/1\"\n[scenes]\na = [{:?}]\n[tile]\nlabels = {:?}\nlabel-field = \"class\"\n\
         patch-size = 8\n[train]\nepochs = 1\n[evaluate]\n",
        text(&scene),
        text(&labels)
    );
    std::fs::write(place.path("recipe.toml"), recipe).unwrap();
    let mut child = Command::new(binary())
        .args(["run", text(&place.path("recipe.toml"))])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // As `| head -0` would: the first line that `tile` prints finds nobody.
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(place.path("out/evaluation/evaluation.json").is_file(), "the job is not done");
}

#[test]
fn a_full_disk_under_stdout_is_said_after_the_work() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let out = place.path("store");
    let mut command = Command::new(binary());
    command.args(labelled(&["tile", text(&scene)], &labels, "--patch-size 8"));
    command.args(["--out", text(&out)]).stdout(File::create("/dev/full").unwrap());
    run(&mut command).expect(4).says(&["cannot write to stdout", "the job itself is done"]);
    assert!(out.join("store.json").is_file());
}

#[test]
fn a_stderr_that_takes_nothing_does_not_end_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bundle) = (store(folder.path(), "store", COUNTS), folder.path().join("bundle"));
    let (store, bundle) = (text(&store), text(&bundle));
    unheard(&["train", "--store", store, "--out", bundle, "--epochs", "1"]).expect(0);
    let out = folder.path().join("evaluation");
    unheard(&["evaluate", "--store", store, "--bundle", bundle, "--out", text(&out)]).expect(0);
    // A failure nobody reads keeps its exit code.
    unheard(&["inspect", "/nowhere.tif"]).expect(3);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
}

#[test]
fn names_of_any_length_are_printed() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let long = "x".repeat(70_000);
    let half = |c: f64| -> Geometry<f64> { rectangle(&grid, [0.0, c, 40.0, c + 30.0]) };
    let labels = place.layer("labels.gpkg", &grid, &[(half(0.0), &long, 1.0, "a"), (half(30.0), "water", 2.0, "b")]);
    let shown = place.tile("store", &labelled(&[text(&scene)], &labels, "--patch-size 8")).expect(0).stdout;
    assert!(shown.contains("xxx…  ") && shown.lines().all(|l| l.chars().count() < 200), "{shown:.300}");
    let (store, bundle) = (place.path("store"), place.path("bundle"));
    let train = areal(["train", "--store", text(&store), "--out", text(&bundle), "--epochs", "1"]).expect(0);
    assert!(train.stdout.contains("xxx… "), "{:.300}", train.stdout);

    let zones =
        place.layer("zones.gpkg", &grid, &[(half(0.0), &long.repeat(2), 1.0, "a"), (half(30.0), "b", 2.0, "b")]);
    let areas = place.path("areas");
    let aggregate = ["aggregate", "--raster", text(&scene), "--zones", text(&zones), "--zone-id", "class"];
    let shown = areal([&aggregate[..], &["--out", text(&areas)]].concat()).expect(0).stdout;
    assert!(shown.contains("xxx…  "), "{shown:.300}");
    let written = std::fs::read_to_string(areas.join("areas.csv")).unwrap();
    assert!(written.contains(&long.repeat(2)), "the file holds the id whole");
}

#[test]
fn fault_50_a_dumb_terminal_gets_no_control_sequences() {
    if !crate::common::has_tool("script") {
        return crate::common::skipped("this machine has no `script`");
    }
    let place = Place::new();
    let (scene, _) = halves(&place);
    let on_terminal = |kind: &str| {
        let mut command = Command::new("script");
        command.args([
            "--quiet",
            "--command",
            &format!("{} inspect {}", binary().display(), text(&scene)),
            "/dev/null",
        ]);
        run(command.env("TERM", kind).env_remove("NO_COLOR").stdin(Stdio::null())).expect(0).stdout
    };
    // A bar that is over before its first redraw leaves nothing, so one of several runs has to draw.
    assert!((0..40).any(|_| on_terminal("xterm").contains('\u{1b}')), "the terminal of `script` is one");
    let plain = on_terminal("dumb");
    assert!(plain.contains("format") && !plain.contains('\u{1b}'), "{plain:?}");
}
