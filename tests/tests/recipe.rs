//! Recipes through the program: what is refused, and with which words.

use std::fs;
use std::process::Command;

use crate::common::{areal, has_tool, run};

fn refused(text: &str, code: i32, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("recipe.toml");
    fs::write(&recipe, text).unwrap();
    areal(["run", recipe.to_str().unwrap()]).expect(code).says(words);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a refused recipe must leave nothing behind");
}

const HEAD: &str = "format = \"areal-recipe/1\"\n[scenes]\na = [\"a.tif\"]\n";

#[test]
fn a_misspelt_key_is_refused_with_line_and_column() {
    let text = format!("{HEAD}[tile]\npatchsize = 32\n");
    refused(&text, 2, &["line 5, column 1", "unknown field `patchsize`", "`patch-size`"]);
}

#[test]
fn an_ill_typed_value_is_refused_with_line_and_column() {
    refused(&format!("{HEAD}[train]\nepochs = \"many\"\n"), 2, &["line 5, column 10", "epochs = \"many\""]);
}

/// The recipe took any kind of finding, also those that the flag refuses.
#[test]
fn a_recipe_accepts_the_findings_that_the_flag_accepts() {
    let text = format!("{HEAD}[estimate]\naccept = [\"unlabelled\"]\n");
    refused(&text, 2, &["line 5, column", "unknown finding \"unlabelled\"", "no-design, other-design"]);
}

#[test]
fn text_that_is_no_toml_is_refused_with_line_and_column() {
    refused(&format!("{HEAD}[train\n"), 2, &["line 4, column 7"]);
}

#[test]
fn a_recipe_of_another_format_is_refused() {
    let words = ["line 1, column 10", "\"areal-recipe/9\"", "expected \"areal-recipe/1\""];
    refused(&HEAD.replace("recipe/1", "recipe/9"), 2, &words);
}

#[test]
fn a_scene_of_a_bad_or_unknown_name_is_refused_with_line_and_column() {
    refused(&HEAD.replace("a = ", "\"../a\" = "), 2, &["line 3, column 1", "has the name \"../a\""]);
    let text = HEAD.replace("[scenes]", "tile-scenes = [\"a\", \"b\"]\n[scenes]");
    refused(&text, 2, &["line 2, column 21", "tile-scenes names the scene \"b\""]);
}

#[test]
fn a_missing_scene_file_is_named() {
    let text = format!("{HEAD}[tile]\nlabels = \"labels.gpkg\"\nlabel-field = \"class\"\n");
    refused(&text, 3, &["[tile]: a.tif does not exist, and no earlier stage creates it", "relative to the recipe"]);
}

#[test]
fn a_missing_recipe_is_named_with_a_remedy() {
    areal(["run", "nowhere.toml"]).expect(3).says(&["cannot read nowhere.toml", "areal init"]);
}

#[test]
fn init_writes_a_recipe_that_run_accepts_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("r.toml");
    let path = recipe.to_str().unwrap();
    areal(["init", path]).expect(0);
    areal(["run", path, "--dry-run"]).expect(3).says(&["[tile]: scene.tif does not exist"]);
    areal(["init", path]).expect(4).says(&["already exists", "name another file", "--overwrite"]);
    areal(["init", path, "--overwrite"]).expect(0);
    fs::write(&recipe, "my = \"own\"").unwrap();
    areal(["init", path, "--overwrite"]).expect(4).says(&["was not made by areal"]);
    assert_eq!(fs::read_to_string(&recipe).unwrap(), "my = \"own\"");
}

#[test]
fn a_recipe_without_a_stage_is_no_success() {
    refused(HEAD, 2, &["no stage", "[tile]", "areal init"]);
}

#[test]
fn a_fault_in_what_is_set_names_it_and_no_line_of_a_text_that_nobody_sees() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("r.toml");
    fs::write(&recipe, format!("{HEAD}[train]\n")).unwrap();
    let run = areal(["run", recipe.to_str().unwrap(), "--set", "train.epoch=3"]).expect(2);
    assert!(!run.stderr.contains(" line "), "{}", run.stderr);
    run.says(&["--set train.epoch=3: unknown field `epoch`"]);
}

/// Results say in UTF-8 what they were made from: what could not be written there must not be begun.
#[test]
fn a_name_that_is_no_utf_8_is_refused_by_every_command() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join(OsStr::from_bytes(b"caf\xe9.tif"));
    fs::write(&odd, "anything").unwrap();
    let plain = folder.path().join("plain");
    let refused = |args: &[&OsStr]| {
        areal(args).expect(2).says(&["not valid UTF-8", "rename"]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    };
    let o = OsStr::new;
    let (odd, plain) = (odd.as_os_str(), plain.as_os_str());
    refused(&[o("inspect"), odd]);
    refused(&[o("predict"), odd, o("--bundle"), plain, o("--out"), plain]);
    refused(&[o("predict"), plain, o("--bundle"), plain, o("--out"), odd]);
    refused(&[o("explain"), plain, o("--bundle"), odd, o("--out"), plain]);
    refused(&[o("train"), o("--store"), odd, o("--out"), plain]);
    refused(&[o("evaluate"), o("--bundle"), odd, o("--store"), plain, o("--out"), plain]);
    refused(&[o("aggregate"), o("--prediction"), plain, o("--zones"), odd, o("--zone-id"), o("i"), o("--out"), plain]);
    refused(&[o("sample"), o("--prediction"), odd, o("--out"), plain]);
    refused(&[o("report"), o("--areas"), odd, o("--out"), plain]);
    refused(&[o("run"), odd]);
    refused(&[o("init"), odd]);
    refused(&[o("demo"), o("--out"), odd]);
}

#[test]
fn a_run_never_replaces_a_folder_that_areal_did_not_make() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    areal(["demo", "--size", "small", "--out", demo.to_str().unwrap()]).expect(0);
    let own = demo.join("out/patches");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("mydata.txt"), "mine").unwrap();
    areal(["run", demo.join("recipe.toml").to_str().unwrap()]).expect(4).says(&["was not made by areal"]);
    assert_eq!(fs::read_to_string(own.join("mydata.txt")).unwrap(), "mine");
}

#[test]
fn an_output_over_an_input_is_refused_and_both_stay() {
    let folder = tempfile::tempdir().unwrap();
    let zones = folder.path().join("zones.gpkg");
    fs::write(&zones, "anything").unwrap();
    let path = zones.to_str().unwrap();
    areal(["aggregate", "--raster", path, "--zones", path, "--out", path, "--overwrite"])
        .expect(2)
        .says(&["would overwrite the input"]);
    assert_eq!(fs::read_to_string(&zones).unwrap(), "anything");
}

#[test]
fn a_reader_that_stops_early_is_no_fault_and_a_full_stdout_is_said() {
    let program = crate::common::binary().display();
    let shell = |script: String| run(Command::new("bash").args(["-c", &script]));
    shell(format!("set -o pipefail; '{program}' devices --json | true")).expect(0);
    shell(format!("'{program}' devices --json > /dev/full")).expect(4).says(&["cannot write to stdout"]);
}

/// A shapefile's classes are in its `.dbf`, and a VRT's pixels in its sources: neither is the file that is named.
#[test]
fn a_stage_runs_again_when_only_a_companion_of_an_input_changed() {
    if !has_tool("ogr2ogr") || !has_tool("gdalbuildvrt") {
        crate::common::skipped("ogr2ogr or gdalbuildvrt is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    areal(["demo", "--size", "small", "--out", demo.to_str().unwrap()]).expect(0);
    let old: toml::Table = fs::read_to_string(demo.join("recipe.toml")).unwrap().parse().unwrap();
    let scene = old["scenes"]["landscape"][0].as_str().unwrap();
    let labels = old["tile"]["labels"].as_str().unwrap();
    run(Command::new("gdalbuildvrt").current_dir(&demo).args(["scene.vrt", scene])).expect(0);
    run(Command::new("ogr2ogr").current_dir(&demo).args(["labels.shp", labels])).expect(0);
    let mut tile = old["tile"].as_table().unwrap().clone();
    tile.insert("labels".into(), "labels.shp".into());
    let mut sections = toml::Table::new();
    sections.insert("tile".into(), tile.into());
    let recipe = demo.join("companions.toml");
    fs::write(&recipe, format!("format = \"areal-recipe/1\"\n[scenes]\nlandscape = [\"scene.vrt\"]\n{sections}"))
        .unwrap();
    let path = recipe.to_str().unwrap();
    areal(["run", path]).expect(0);
    let would = || areal(["run", path, "--dry-run"]).expect(0).stdout;
    assert_eq!(would(), "", "nothing changed");

    let store: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(demo.join("out/patches/store.json")).unwrap()).unwrap();
    let inputs = store["provenance"]["inputs"].as_array().unwrap();
    let companions = |k: usize| -> Vec<&str> {
        inputs[k]["companions"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect()
    };
    assert_eq!(companions(0), [scene]);
    assert!(companions(1).contains(&"labels.dbf"), "{:?}", companions(1));

    for file in ["labels.dbf", scene] {
        let whole = fs::read(demo.join(file)).unwrap();
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(demo.join(file), changed).unwrap();
        assert_eq!(would(), "tile: would run (inputs changed)\n", "{file}");
        fs::write(demo.join(file), whole).unwrap();
        assert_eq!(would(), "", "{file} is as it was");
    }
}
