//! Documents of 0.1.0 through the program. Those of bundles and predictions are tested beside the newer ones.

use std::path::Path;

use serde_json::Value;

use crate::common::areal;
use crate::common::maps::demo_areas;
use crate::common::survey_world::labelled_world;

/// Changes a document as an earlier version would have written it, and forgets its digest.
fn rewrite(folder: &Path, name: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(name);
    let mut document: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut document);
    std::fs::write(path, document.to_string()).unwrap();
    if folder.join("areal-manifest.json").exists() {
        std::fs::remove_file(folder.join("areal-manifest.json")).unwrap();
    }
}

#[test]
fn a_labelled_sample_of_an_earlier_design_is_estimated_alike() {
    let (w, _) = labelled_world();
    w.estimate("new", &[]).expect(0);
    rewrite(&w.path("sample"), "design.json", |design| {
        design["format"] = "areal-design/1".into();
        let fields = design.as_object_mut().unwrap();
        let outside = fields.remove("outside_population").unwrap();
        fields.insert("outside".into(), outside);
    });
    w.estimate("old", &[]).expect(0);
    let table = |name: &str| std::fs::read_to_string(w.path(name).join("estimates.csv")).unwrap();
    assert_eq!(table("old"), table("new"));
    // To make a design again was the advice; the labels would have been lost.
    rewrite(&w.path("sample"), "design.json", |design| design["format"] = "areal-design/9".into());
    let run = w.estimate("next", &[]).expect(3);
    let run = run.says(&["\"areal-design/9\", expected \"areal-design/2\" or \"areal-design/1\"", "made_by", "labels"]);
    assert!(!run.stderr.contains("make it again"), "{}", run.stderr);
}

/// `report` refused areas of 0.1.0, though it reads nothing that they lack.
#[test]
fn a_report_shows_areas_of_an_earlier_format() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    demo_areas(folder.path());
    let report = |name: &str| areal(["report", "--areas", &at("areas"), "--out", &at(name)]);
    report("new.html").expect(0);
    rewrite(&folder.path().join("areas"), "areas.json", |areas| {
        areas["format"] = "areal-areas/1".into();
        for key in ["ellipsoid", "skipped", "other_parts", "dissolved", "cells", "cells_read"] {
            areas.as_object_mut().unwrap().remove(key).unwrap();
        }
    });
    report("old.html").expect(0);
    let html = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    assert_eq!(html("old.html"), html("new.html"));
    rewrite(&folder.path().join("areas"), "areas.json", |areas| areas["format"] = "areal-areas/9".into());
    let both = "\"areal-areas/9\", expected \"areal-areas/2\" or \"areal-areas/1\"";
    report("next.html").expect(3).says(&[both, "the version of areal that made it", "or make it again"]);
}
