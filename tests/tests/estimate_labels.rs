//! Labelled samples that do not fit their design, through the program.

use crate::common::survey_world::world;
use crate::common::{areal, rows};

#[test]
fn labels_that_fit_no_unit_are_refused_with_their_place() {
    let w = world();
    w.sample(&["--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let line = text.lines().nth(1).unwrap().to_owned();
    let refused = |text: String, code: i32, words: &[&str]| {
        std::fs::write(w.path("labelled.csv"), text).unwrap();
        w.estimate("x", &[]).expect(code).says(words);
        assert!(!w.path("x").exists());
    };
    let id = line.split(',').next().unwrap();
    refused(format!("{text}{line}\n"), 3, &[&format!("lists unit {id} twice"), "one row per unit"]);
    refused(text.replacen(&line, "9999,102,17,forest", 1), 3, &["unit 9999 has number 9999", "is not in the design"]);
    refused(text.replacen(&line, "first,102,17,forest", 1), 3, &["row 2: unit_id is \"first\"", "whole number"]);
    refused(text.replacen("label", "class", 1), 3, &["has no field \"label\"", "--label-field"]);
    refused("unit_id,lon,lat,label\n".to_owned(), 3, &["there is no labelled unit", "fill in the label field"]);
    std::fs::write(w.path("labelled.csv"), &text).unwrap();
    w.estimate("x", &["--level", "95"]).expect(2).says(&["--level 95 must be a fraction between 0 and 1"]);
    w.estimate("x", &["--cv-limits", "0.1"]).expect(2).says(&["--cv-limits takes exactly two values"]);
    w.estimate("x", &["--accept", "anything"]).expect(2).says(&["invalid value 'anything'", "other-design"]);
    // Without a design a unit without a position cannot be placed.
    std::fs::write(w.path("labelled.csv"), "unit_id,label\n1,forest\n").unwrap();
    let (prediction, labelled, out) = (w.text("prediction"), w.text("labelled.csv"), w.text("x"));
    let bare = ["estimate", "--prediction", &prediction, "--sample", &labelled, "--out", &out, "--accept", "no-design"];
    areal(bare).expect(3).says(&["unit 1 has no position", "lon and lat"]);
}

/// Unit numbers are the same in every draw: labels of one draw with the design of another gave numbers called good.
#[test]
fn labels_of_another_draw_are_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    let (prediction, other) = (w.text("prediction"), w.text("other"));
    areal(["sample", "--prediction", &prediction, "--out", &other, "--seed", "5", "--size", "300"]).expect(0);
    // By position, where only unit_id, lon, lat and label are left.
    w.label("other", "sample.csv", "labelled.csv");
    w.estimate("x", &[]).expect(3).says(&["another draw (unit 1 lies at", "(seed 4)", "--design"]);
    // By the name of the draw.
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let design = rows(&w.path("other/sample.csv"))[0]["design_id"].clone();
    let with_design = |design: &str| {
        let lines: Vec<String> = text
            .lines()
            .enumerate()
            .map(|(k, line)| {
                let mut fields: Vec<&str> = line.split(',').collect();
                (fields[1], fields[2]) = if k == 0 { ("x", "y") } else { ("", "") };
                format!("{},{}", fields.join(","), if k == 0 { "design_id" } else { design })
            })
            .collect();
        std::fs::write(w.path("labelled.csv"), lines.join("\n") + "\n").unwrap();
    };
    with_design(&design);
    w.estimate("x", &[]).expect(3).says(&[&format!("belongs to draw {design}"), "(seed 4)"]);
    assert!(!w.path("x").exists());
    with_design(&rows(&w.path("sample/sample.csv"))[0]["design_id"]);
    w.estimate("x", &[]).expect(0);
    // Without either nothing can be checked, and that is said.
    with_design("");
    w.estimate("y", &[]).expect(0).says(&["cannot be checked"]);
}
