//! A recipe is checked wholly before its first stage runs: paths, fields, classes, scenes and settings.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use tempfile::TempDir;

use crate::common::{JobCopy, areal};

/// A generated landscape, in which no stage ever runs.
static DEMO: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    areal(["demo", "--size", "small", "--out", demo.to_str().unwrap()]).expect(0);
    (folder, demo)
});

/// Runs a recipe of the landscape with settings laid over it; it must be refused before anything is made.
#[track_caller]
fn refused(recipe: &str, set: &[&str], code: i32, words: &[&str]) {
    let out = tempfile::tempdir().unwrap();
    let workdir = out.path().join("out");
    let recipe = DEMO.1.join(recipe);
    for dry in [false, true] {
        let mut args = vec!["run", recipe.to_str().unwrap(), "--workdir", workdir.to_str().unwrap()];
        args.extend(set.iter().flat_map(|item| ["--set", item]));
        args.extend(dry.then_some("--dry-run"));
        let run = areal(args).expect(code).says(words);
        assert!(run.stdout.is_empty() && !workdir.exists(), "{}", run.stdout);
    }
}

#[test]
fn a_file_that_a_late_stage_needs_is_missed_at_once() {
    refused("recipe.toml", &["aggregate.zones=gone.gpkg"], 3, &["[aggregate]: gone.gpkg does not exist"]);
    refused("recipe.toml", &["estimate.zones=gone.gpkg"], 3, &["[estimate]: gone.gpkg does not exist"]);
    refused("recipe.toml", &["estimate.strata-raster=gone.tif"], 3, &["[estimate]: gone.tif does not exist"]);
    refused("wealth.toml", &["aggregate.weights=gone.tif"], 3, &["[aggregate]: gone.tif does not exist"]);
    refused("recipe.toml", &["scenes.landscape=[\"gone.tif\"]"], 3, &["[predict]: gone.tif does not exist"]);
}

#[test]
fn a_field_that_a_late_stage_needs_is_missed_at_once() {
    let words = ["[aggregate]: districts.gpkg has no field \"nix\"", "district_id", "--zone-id"];
    refused("recipe.toml", &["aggregate.zone-id=nix"], 2, &words);
    let words = ["[estimate]: districts.gpkg has no field \"nix\"", "district_id"];
    refused("recipe.toml", &["estimate.zone-id=nix", "estimate.zones=districts.gpkg"], 2, &words);
    refused("recipe.toml", &["tile.label-field=nix"], 2, &["[tile]: labels.gpkg has no field \"nix\""]);
    // A raster is no layer of zones.
    refused("recipe.toml", &["aggregate.zones=truth.tif"], 3, &["[aggregate]:", "truth.tif"]);
}

/// Wrong names were found after the patch store had been cut.
#[test]
fn names_of_bands_that_the_weights_do_not_have_are_refused_at_once() {
    let set = ["train.weights=truth.tif", "train.weights-kind=torchvision", "train.weights-bands=[\"red\"]"];
    refused("recipe.toml", &set, 2, &["[train]: weights torchvision", "1 names are given for 5 bands"]);
}

#[test]
fn a_class_that_the_labels_do_not_have_is_refused_at_once() {
    let words = ["[explain]: class \"nix\" is not a class of the model", "water, forest, rubber"];
    refused("recipe.toml", &["explain.class=nix"], 2, &words);
    let words = ["[sample]: class \"nix\" is not a class of the model"];
    refused("recipe.toml", &["sample.class=nix", "sample.target-cv=0.1"], 2, &words);
    refused("recipe.toml", &["sample.users=[\"nix=0.9\"]"], 2, &words);
    refused("wealth.toml", &["explain.class=nix"], 2, &["[explain]: class \"nix\"", "it predicts a value (wealth)"]);
}

#[test]
fn a_setting_of_a_late_stage_is_refused_at_once() {
    for (set, words) in [
        ("train.epochs=0", "[train]: epochs is 0"),
        ("tile.stride=7", "[tile]: stride 7 does not divide the patch size 16"),
        ("predict.stride=5", "[predict]: stride 5 does not divide the patch size 16"),
        (
            "scene.band-offset=[1.0, 2.0]",
            "[tile]: 2 numbers are given as band offset, but the number of bands read is 5",
        ),
        ("device=\"cuda:7\"", "[train]: device cuda:7 is not available"),
        ("predict.min-valid=3.0", "[predict]: the minimum valid fraction is 3"),
        ("explain.window=99", "[explain]: the occlusion window (--window) is 99 px"),
        ("explain.at=[\"here\"]", "[explain]: --at \"here\" is not a position"),
        ("sample.second-look=40.0", "[sample]: --second-look 40 must be a fraction"),
        ("estimate.level=95.0", "[estimate]: --level 95 must be a fraction"),
    ] {
        refused("recipe.toml", &[set], 2, &[words]);
    }
}

/// The model would have been trained for nothing.
#[test]
fn a_scene_that_does_not_fit_the_training_is_refused_at_once() {
    let words =
        ["[predict]: the model reads bands [blue, green, red, nir, swir], but the data have [blue, green, red]"];
    refused("recipe.toml", &["predict.scene.bands=[\"blue\", \"green\", \"red\"]"], 3, &words);
    let words = ["[predict]: the model was trained at 9.990 m per pixel", "the data have 19.981 m"];
    refused("recipe.toml", &["predict.scene.resolution=20"], 3, &words);
    refused("recipe.toml", &["predict.scene.crs=\"EPSG:0\""], 2, &["[predict]:", "EPSG:0"]);
}

/// What a stage makes later is not missed, and labels may come later.
#[test]
fn what_will_be_made_is_not_missed() {
    let out = tempfile::tempdir().unwrap();
    let run = |recipe: &str| {
        let recipe = DEMO.1.join(recipe);
        areal(["run", recipe.to_str().unwrap(), "--dry-run", "--workdir", out.path().to_str().unwrap()]).expect(0)
    };
    let dry = run("recipe.toml");
    let lines: Vec<&str> = dry.stdout.lines().map(|line| line.split(':').next().unwrap()).collect();
    let stages = ["tile", "train", "evaluate", "predict landscape", "explain landscape", "aggregate landscape"];
    assert_eq!(lines[..6], stages);
    assert_eq!(lines[6..], ["sample landscape", "estimate landscape", "report"]);
    assert!(run("wealth.toml").stdout.contains("report: would run"));
    // One number for all bands, or one for each.
    let recipe = DEMO.1.join("recipe.toml");
    for set in
        ["scene.band-offset=-1000", "scene.band-offset=[-1000, -1000, -1000, -1000, 0.5]", "predict.scene.band-scale=1"]
    {
        areal(["run", recipe.to_str().unwrap(), "--dry-run", "--workdir", out.path().to_str().unwrap(), "--set", set])
            .expect(0);
    }
}

/// Without training in the recipe the bundle has to be there.
#[test]
fn a_bundle_that_nothing_makes_is_missed() {
    let recipe = DEMO.1.join("mapped.toml");
    let text = "format = \"areal-recipe/1\"\n[scenes]\na = [\"scene_west.tif\"]\n[predict]\nbundle = \"old\"\n";
    fs::write(&recipe, text).unwrap();
    refused("mapped.toml", &[], 3, &["[predict]: old does not exist, and no earlier stage creates it"]);
}

/// What is checked first must not refuse what worked: an unchanged stage needs no device, second labels come later, a class of a
/// given bundle is none of the labels, and a name may have other letters.
#[test]
fn what_worked_before_the_checks_works_with_them() {
    let job = JobCopy::new();
    let recipe = job.file("recipe.toml");
    let dry = |set: &[&str]| {
        let set = set.iter().flat_map(|item| ["--set", item]);
        areal(["run", &recipe, "--dry-run"].into_iter().chain(set))
    };
    // All stages are made, on a machine with another device.
    let run = dry(&["device=\"cuda:7\""]);
    assert!(!run.stderr.contains("not available"), "{}", run.stderr);
    dry(&["estimate.second-look=labels/second.csv"]).expect(0);
    dry(&["sample.users=[\"Oil Palm=0.9\"]"]).expect(0);
    dry(&["workdir=./new", "evaluate.bundle=new/bundle"]).expect(0);
    // The bundle knows rubber; these labels do not.
    let bundle = job.out("bundle");
    let text = format!(
        "format = \"areal-recipe/1\"\n[scenes]\na = [\"scene_west.tif\"]\n[scene]\nbands = [\"blue\", \"green\", \"red\", \"nir\", \"swir\"]\n\
         [predict]\nbundle = \"{bundle}\"\n[explain]\nbundle = \"{bundle}\"\nclass = \"rubber\"\n[report]\n"
    );
    let mapped = job.file("mapped.toml");
    fs::write(&mapped, &text).unwrap();
    areal(["run", &mapped, "--dry-run", "--workdir", &job.file("mapped")]).expect(0);
    fs::write(&mapped, text.replace("\"rubber\"", "\"trees\"")).unwrap();
    areal(["run", &mapped, "--dry-run"]).expect(2).says(&["[explain]: class \"trees\" is not a class of the model"]);
}
