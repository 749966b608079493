//! Nothing of anybody's is lost when an output is made again, and what others put beside it changes nothing.

use std::fs;
use std::process::Command;

use crate::common::{JOB, JobCopy, areal, contents, has_tool, run, skipped};

#[test]
fn fault_28_overwrite_leaves_scenes_a_recipe_and_a_thesis_where_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("proj");
    fs::create_dir_all(project.join("scenes")).unwrap();
    fs::write(project.join("scenes/a.tif"), "a scene").unwrap();
    fs::write(project.join("thesis.odt"), "years of work").unwrap();
    fs::write(project.join("areas.csv"), "figures by hand").unwrap();
    fs::copy(JOB.demo().join("recipe.toml"), project.join("recipe.toml")).unwrap();
    let before = contents(&project);
    let (map, zones) = (JOB.out().join("predictions/landscape"), JOB.demo().join("districts.gpkg"));
    let arguments = |more: &'static str| {
        let words =
            ["aggregate", "--prediction", map.to_str().unwrap(), "--zones", zones.to_str().unwrap(), "--zone-id"];
        let rest = ["district_id", "--out", project.to_str().unwrap()];
        words.into_iter().chain(rest).map(str::to_owned).chain((!more.is_empty()).then(|| more.to_owned()))
    };
    areal(arguments("")).expect(4).says(&["already exists"]);
    areal(arguments("--overwrite")).expect(0).says(&["areas.csv was changed since areal wrote it", "areas.csv.kept-1"]);
    let after = contents(&project);
    for (name, bytes) in &before {
        let name = if name.ends_with("areas.csv") { name.with_file_name("areas.csv.kept-1") } else { name.clone() };
        assert!(after[&name] == *bytes, "{} was changed", name.display());
    }
    // Made again, nothing more is kept: all that areal wrote is as it wrote it.
    areal(arguments("--overwrite")).expect(0);
    assert!(contents(&project) == after);
}

#[test]
fn fault_24_labels_by_hand_survive_a_new_draw() {
    let folder = tempfile::tempdir().unwrap();
    let sample = folder.path().join("S");
    let map = JOB.out().join("predictions/landscape");
    let draw = |more: &[&str]| {
        let words =
            ["sample", "--prediction", map.to_str().unwrap(), "--size", "100", "--out", sample.to_str().unwrap()];
        areal(words.iter().chain(more))
    };
    draw(&[]).expect(0);
    let labelled = format!("{}300 labels\n", fs::read_to_string(sample.join("sample.csv")).unwrap());
    fs::write(sample.join("sample.csv"), &labelled).unwrap();
    draw(&["--overwrite", "--seed", "2"])
        .expect(0)
        .says(&["sample.csv was changed since areal wrote it", "sample.csv.kept-1"]);
    assert_eq!(fs::read_to_string(sample.join("sample.csv.kept-1")).unwrap(), labelled);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn fault_29_looking_at_results_costs_no_rerun() {
    let job = JobCopy::new();
    let (map, scene) = (job.out("predictions/landscape/classes.tif"), job.file("scene_west.tif"));
    if has_tool("gdalinfo") {
        for file in [&map, &scene] {
            run(Command::new("gdalinfo").args(["-stats", "-hist"]).arg(file)).expect(0);
            assert!(fs::exists(format!("{file}.aux.xml")).unwrap());
        }
    } else {
        skipped("gdalinfo is not installed");
    }
    fs::write(job.out("predictions/landscape/classes.qml"), "<qgis/>").unwrap();
    fs::write(job.out("bundle/notes.txt"), "mine").unwrap();
    fs::write(job.out("areas/landscape/areas.gpkg-wal"), "").unwrap();
    let again = areal(["run", &job.file("recipe.toml")]).expect(0);
    assert!(!again.stderr.contains("running"), "{}", again.stderr);
    assert_eq!(again.stderr.matches("inputs and settings unchanged, skipped").count(), 8, "{}", again.stderr);

    // A stage that runs for a reason of its own leaves them.
    areal(["run", &job.file("recipe.toml"), "--set", "predict.min-valid=0.4"])
        .says(&["predict landscape: settings changed"]);
    assert_eq!(fs::read_to_string(job.out("predictions/landscape/classes.qml")).unwrap(), "<qgis/>");
}

#[test]
fn fault_37_no_output_tells_whether_it_replaced_another() {
    for (name, bytes) in contents(&JOB.out()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("overwrite"), "{}", name.display());
    }
}

#[test]
fn fault_33_an_output_that_was_moved_aside_is_put_back_for_who_reads_it() {
    let job = JobCopy::new();
    let map = job.out("predictions/landscape");
    // As a version before manifests left it when it was killed between its two renames.
    fs::rename(&map, job.out("predictions/.replaced-99999999-landscape")).unwrap();
    let (zones, out) = (job.file("districts.gpkg"), job.file("areas"));
    areal(["aggregate", "--prediction", &map, "--zones", &zones, "--zone-id", "district_id", "--out", &out])
        .expect(0)
        .says(&["landscape was restored"]);
    assert!(fs::exists(map).unwrap());
}

/// Reports and labels have notes of their own, and counted as foreign to the demo's folder, too.
#[test]
fn verify_lists_each_file_once() {
    let demo = JOB.demo();
    let json = areal(["verify", demo.to_str().unwrap(), "--json"]).expect(0).json();
    let files = json["files"].as_array().or_else(|| json.as_array()).unwrap_or_else(|| panic!("{json}"));
    let mut paths: Vec<&str> = files.iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert!(paths.iter().any(|p| p.ends_with("report.html")), "{paths:?}");
    let all = paths.len();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), all);
}

/// The rows were left out with four possible reasons and no name.
#[test]
fn an_estimate_without_an_error_is_named_by_compare() {
    let folder = tempfile::tempdir().unwrap();
    let table = fs::read_to_string(JOB.out().join("estimates/landscape/estimates.csv")).unwrap();
    let [old, new] = ["old.csv", "new.csv"].map(|name| folder.path().join(name));
    fs::write(&old, &table).unwrap();
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!((cells[0], cells[5]), ("map", "water"));
    // Columns estimate, low and high.
    (cells[12], cells[13]) = (cells[8], cells[8]);
    lines[1] = cells.join(",");
    fs::write(&new, lines.join("\n")).unwrap();
    let run = areal(["compare", old.to_str().unwrap(), new.to_str().unwrap()]).expect(0);
    run.says(&["water in (map): not compared, because one of its intervals has no width"]);
}

#[test]
fn compare_names_each_reason_for_which_estimates_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let table = fs::read_to_string(JOB.out().join("estimates/landscape/estimates.csv")).unwrap();
    let [old, new] = ["old.csv", "new.csv"].map(|name| folder.path().join(name));
    fs::write(&old, &table).unwrap();
    let header: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let mut lines: Vec<String> = table.lines().map(str::to_owned).collect();
    let mut change = |line: usize, cells: &[(&str, &str)]| {
        let mut row: Vec<String> = lines[line].split(',').map(str::to_owned).collect();
        for (name, value) in cells {
            row[column(name)] = (*value).to_owned();
        }
        lines[line] = row.join(",");
    };
    change(1, &[("estimate", ""), ("standard_error", ""), ("low", ""), ("high", ""), ("suppressed", "primary")]);
    change(2, &[("low", ""), ("high", ""), ("interval", "none")]);
    lines.remove(3);
    fs::write(&new, lines.join("\n")).unwrap();
    // The demo has model-based estimates of zones.
    let without = lines.iter().filter(|line| line.contains(",none,")).count();
    areal(["compare", old.to_str().unwrap(), new.to_str().unwrap()]).expect(0).says(&[
        "1 estimate is not compared: in only one of the tables",
        "1 estimate is not compared: suppressed",
        &format!("{without} estimates are not compared: without an interval"),
    ]);
}
