//! `areal report`: one HTML file from whatever results there are.

use crate::common::maps::demo_areas;
use crate::common::{JOB, areal};

#[test]
fn a_report_of_nothing_says_what_is_missing_and_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report.html");
    let nothing = ["report", "--title", "A <b> & c", "--out", out.to_str().unwrap()];
    // It was an empty report.
    areal(nothing).expect(2).says(&["the report has nothing to show", "--prediction", "--estimates"]);
    assert!(!out.exists());
    let bundle = JOB.out().join("bundle");
    let args: Vec<&str> = nothing.into_iter().chain(["--bundle", bundle.to_str().unwrap()]).collect();
    let args = || args.iter().copied();
    areal(args()).expect(0);
    let html = std::fs::read_to_string(&out).unwrap();
    assert!(html.contains("No prediction was given") && html.contains("No areas were given"));
    assert!(html.contains("<h1>A &#60;b&#62; &#38; c</h1>"), "the title is not escaped");
    areal(args()).expect(4).says(&["already exists", "--overwrite"]);
    let overwrite = || args().chain(["--overwrite"]);
    areal(overwrite()).expect(0);
    // Somebody's own file was replaced once.
    std::fs::write(&out, "<html>three weeks of work</html>").unwrap();
    areal(overwrite()).expect(4).says(&["was not made by areal"]);
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "<html>three weeks of work</html>");
    areal(["report"]).expect(2).says(&["--out"]);
}

#[test]
fn areas_of_a_generated_landscape_are_mapped_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    areal(["demo", "--size", "small", "--out", &at("demo")]).expect(0);
    let (truth, zones) = (at("demo/truth.tif"), at("demo/districts.gpkg"));
    let names = ["--zone-id", "district_id", "--zone-name", "district_name"];
    areal(["aggregate", "--raster", &truth, "--zones", &zones, "--out", &at("areas")].into_iter().chain(names))
        .expect(0);
    areal(["report", "--areas", &at("areas"), "--out", &at("report.html")]).expect(0);
    let html = std::fs::read_to_string(at("report.html")).unwrap();
    for part in ["Batu Lanjut", "rubber: class area (km²)", "<optgroup label=\"class share (%)\">", "areas.json"] {
        assert!(html.contains(part), "{part} is missing");
    }
    // One outline a district; the districts' holes are rings of the same path.
    assert_eq!(html.matches("fill-rule=\"evenodd\"").count(), 16);
}

#[test]
fn a_damaged_input_is_named_and_leaves_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    std::fs::create_dir(&bundle).unwrap();
    let out = folder.path().join("report.html");
    let args = ["report", "--bundle", bundle.to_str().unwrap(), "--out", out.to_str().unwrap()];
    areal(args).expect(3).says(&["model.json"]);
    std::fs::write(bundle.join("model.json"), "{\"format\": \"areal-bundle/1\"").unwrap();
    areal(args).expect(3).says(&["model.json, line 1"]);
    // Parts that were missing were left out in silence once.
    let whole = std::fs::read_to_string(JOB.out().join("bundle/model.json")).unwrap();
    for part in ["provenance", "architecture", "calibration"] {
        let mut model: serde_json::Value = serde_json::from_str(&whole).unwrap();
        model.as_object_mut().unwrap().remove(part);
        std::fs::write(bundle.join("model.json"), model.to_string()).unwrap();
        areal(args).expect(3).says(&["model.json: it has no ", part, "make it again"]);
    }
    std::fs::write(bundle.join("model.json"), whole).unwrap();
    areal(args).expect(3).says(&["metrics.csv"]);
    std::fs::copy(JOB.out().join("bundle/metrics.csv"), bundle.join("metrics.csv")).unwrap();
    std::fs::write(bundle.join("confusion.csv"), "reference_name,predicted_name,patches\na,b,x\n").unwrap();
    areal(args).expect(3).says(&["confusion.csv, line 2"]);
    assert!(!out.exists());
}

/// Figures that somebody changed by hand were left out in silence once.
#[test]
fn figures_that_are_no_numbers_are_named_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    demo_areas(folder.path());
    // Without the manifest nobody knows what areal wrote.
    std::fs::remove_file(at("areas/areal-manifest.json")).unwrap();
    let csv = std::fs::read_to_string(at("areas/areas.csv")).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    let value = lines[0].split(',').position(|h| h == "value").unwrap();
    for bad in ["nan", "inf", "12.5x"] {
        let mut cells: Vec<&str> = lines[1].split(',').collect();
        cells[value] = bad;
        std::fs::write(at("areas/areas.csv"), format!("{}\n{}\n", lines[0], cells.join(","))).unwrap();
        areal(["report", "--areas", &at("areas"), "--out", &at("report.html")]).expect(3).says(&[
            "areas.csv, line 2, column value",
            bad,
            "make it again",
        ]);
    }
    assert!(!folder.path().join("report.html").exists());
}
