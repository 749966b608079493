//! The document as a whole.

use areal_formats::{InputFile, InputRef, Provenance};
use areal_grid::Class;
use areal_job::hash_bytes;

use crate::{
    AccuracyLine, AreaColumn, AreaSection, Confusion, EstimateLine, EstimateSection, LearningCurve, MapFigure, Note,
    ProvenanceEntry, Report, ReportError, SaliencyFigure, SaliencyMap, Zone, render,
};

const EVIL: &str = "<script>alert('x')</script>\"&";

fn input_named(path: &str) -> InputFile {
    InputFile { path: path.into(), sha256: hash_bytes(b"abc"), bytes: 12_345_678, companions: Vec::new() }
}

fn class(code: u8, name: &str, colour: [u8; 3]) -> Class {
    Class { code, name: name.to_owned(), colour }
}

fn legend() -> Vec<Class> {
    vec![class(1, "forest", [0, 96, 72]), class(2, "rubber", [204, 121, 167])]
}

fn square(x: f64, y: f64) -> Vec<[f64; 2]> {
    vec![[x, y], [x + 1.0, y], [x + 1.0, y + 1.0], [x, y + 1.0], [x, y]]
}

fn areas() -> AreaSection {
    let column = |measure: &str, subject: &str, unit: &str| AreaColumn {
        measure: measure.to_owned(),
        subject: subject.to_owned(),
        unit: unit.to_owned(),
    };
    let zone = |id: &str, name: &str, state: &str, rings| Zone {
        id: id.to_owned(),
        name: name.to_owned(),
        state: state.to_owned(),
        rings,
    };
    AreaSection {
        name: "districts".to_owned(),
        zones: vec![
            zone("D1", "Alpha", "inside", vec![square(0.0, 0.0)]),
            zone("D2", "Beta", "partial", vec![square(1.0, 0.0)]),
            zone("D3", "", "outside", vec![square(2.0, 0.0)]),
        ],
        columns: vec![
            column("observed_area", "", "km2"),
            column("unobserved_area", "", "km2"),
            column("class_area", "forest", "km2"),
            column("class_share", "forest", "1"),
            column("class_share", "rubber", "1"),
        ],
        values: vec![
            vec![Some(10.0), Some(0.0), Some(7.5), Some(0.75), Some(0.25)],
            vec![Some(6.0), Some(2.0), Some(1.5), Some(0.25), Some(0.75)],
            vec![Some(0.0), Some(0.0), Some(0.0), None, None],
        ],
        aspect: 1.0,
        metres: 1000.0,
    }
}

fn estimates() -> EstimateSection {
    let line = |ground: &str, subject: &str| EstimateLine {
        ground: ground.into(),
        subject: subject.into(),
        unit: "km2".into(),
        mapped: 50.0,
        estimate: Some(80.0),
        standard_error: Some(5.0),
        interval: Some((70.0, 100.0)),
        cv: Some(0.0625),
        units: 300,
        method: "stratified".into(),
        quality: "good".into(),
        ..EstimateLine::default()
    };
    let hidden = EstimateLine {
        is_zone: true,
        estimate: None,
        standard_error: None,
        interval: None,
        suppressed: "secondary".into(),
        ..line("Alpha", "forest")
    };
    EstimateSection {
        name: "survey".into(),
        estimates: vec![line("(map)", "forest"), hidden],
        accuracies: vec![AccuracyLine {
            measure: "users".into(),
            subject: "forest".into(),
            estimate: Some(0.875),
            standard_error: None,
            interval: Some((0.8, 0.9)),
        }],
    }
}

fn whole() -> Report {
    let codes = [1, 1, 2, 255, 1, 2];
    let mut map = MapFigure::classes("2024", [2, 3], &codes, &legend(), [1000.0, 1000.0]).unwrap();
    map.counts = vec![("predicted".into(), 5), ("nodata".into(), 1)];
    let value = MapFigure::values("wealth", [1, 3], &[10.0, f32::NAN, 90.0], "wealth", [500.0, 500.0]).unwrap();
    let mut png = Vec::new();
    image::DynamicImage::new_rgb8(2, 2).write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png).unwrap();
    Report {
        title: "Land use".into(),
        made_by: "areal 0.1.0".into(),
        maps: vec![map, value],
        areas: vec![areas()],
        estimates: vec![estimates()],
        model: vec![("architecture".into(), "compact".into())],
        learning: LearningCurve {
            epochs: vec![1.0, 2.0, 3.0],
            series: vec![
                ("train_loss".into(), vec![Some(1.2), Some(0.7), Some(0.4)]),
                ("macro_f1".into(), vec![None, Some(0.5), Some(0.8)]),
            ],
        },
        scores: vec![("Test patches".into(), vec![("macro_f1".into(), 0.81)])],
        confusions: vec![Confusion {
            name: "test patches".into(),
            classes: vec!["forest".into(), "rubber".into()],
            counts: vec![vec![90, 10], vec![6, 4]],
        }],
        saliency: vec![SaliencyFigure {
            title: "rubber-1".into(),
            facts: vec![("result".into(), "0.93".into())],
            maps: vec![SaliencyMap {
                method: "occlusion".into(),
                png,
                measures: vec![("deletion auc".into(), "0.21".into())],
            }],
        }],
        notes: vec![Note::warning("1 zone was repaired")],
        provenance: vec![ProvenanceEntry {
            path: "prediction.json".into(),
            provenance: Provenance {
                made_by: "areal 0.1.0".into(),
                command: "predict".into(),
                inputs: vec![InputRef::Local(input_named("scene.tif"))],
                settings: serde_json::json!({"stride": 16}),
                seed: Some(7),
            },
        }],
    }
}

/// Tags that open and close, in order; fails at the first that does not match.
fn check_nesting(html: &str) {
    const VOID: [&str; 4] = ["meta", "img", "br", "link"];
    let mut open: Vec<&str> = Vec::new();
    let body = &html[html.find("<body").unwrap()..html.find("<script>").unwrap()];
    for tag in body.split('<').skip(1) {
        let name = tag.split([' ', '>', '\n']).next().unwrap();
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "before <{}", &tag[..tag.len().min(80)]);
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, ["body"]);
}

#[test]
fn an_estimate_stands_beside_what_the_map_says() {
    let html = render(&whole()).unwrap();
    // The scale goes from 0 to 100 over 460 - 110 - 20 units: 50 at 275, 80 at 374, the interval from 341 to 440.
    for part in [
        "forest: estimated 80.0 km² (70.0 to 100.0), mapped 50.0 km²",
        "<circle class=\"estimate\" cx=\"374\"",
        "<line class=\"interval\" x1=\"341\" x2=\"440\"",
        "<rect class=\"mapped\" x=\"273.5\"",
        "<th scope=\"row\">Alpha</th>",
        "suppressed (secondary)",
        "user&#39;s accuracy</th><td>forest</td><td class=\"n\">87.5\u{202f}%",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(render(&Report::default()).unwrap().contains("No estimates from a labelled sample were given"));
}

#[test]
fn every_part_is_there_and_the_tags_match() {
    let html = render(&whole()).unwrap();
    check_nesting(&html);
    for part in [
        "<h1>Land use</h1>",
        "class=\"bar\"",
        "Colour the zones by",
        // Three zones of 1 km fill 1000 of 1008 units: 3.024 km, of which 500 m are 16.534 %.
        "style=\"width:16.534%\"></span><span>500 m</span>",
        "<option value=\"3\" selected>forest</option>",
        "<title>Alpha: 75.0\u{202f}%</title>",
        "aria-sort=\"none\"",
        "<th scope=\"row\" colspan=\"2\">All zones</th>",
        "<polyline",
        "Confusion matrix: test patches",
        "Saliency of rubber-1 by occlusion",
        "<dd>0.21</dd>",
        "ba7816bf8f01",
        "<dd>7</dd>",
        "12\u{202f}345\u{202f}678",
        "&quot;stride&quot;: 16",
    ] {
        let escaped = part.replace("&quot;", "&#34;");
        assert!(html.contains(part) || html.contains(&escaped), "{part} is missing");
    }
    assert!(!html.contains("class=\"absent\""));
    assert_eq!(html.matches("data-layer=\"").count(), 4, "two shares, one area, unobserved area");
}

#[test]
fn what_follows_from_the_numbers_is_said() {
    let html = render(&whole()).unwrap();
    for note in [
        "1 zone was repaired",
        // 16 of 18 km2 observed.
        "districts: 88.9\u{202f}% of the zones",
        "districts: zones partly outside the map: Beta.",
        "districts: zones outside the map: D3.",
        // 2 of 8 km2.
        "zones with more than 10.0\u{202f}% of their area on the map unobserved: Beta.",
        // Rubber: 4 of 10 found; 4 of 14 right.
        "has low accuracy: recall 40.0\u{202f}%, precision 28.6\u{202f}%.",
        "mapped areas",
    ] {
        assert!(html.contains(note), "{note} is missing");
    }
}

#[test]
fn missing_parts_are_named_and_break_nothing() {
    let html = render(&Report { title: "Empty".into(), ..Report::default() }).unwrap();
    check_nesting(&html);
    assert_eq!(html.matches("class=\"absent\"").count(), 6);
    let no_outline =
        AreaSection { zones: areas().zones.into_iter().map(|z| Zone { rings: vec![], ..z }).collect(), ..areas() };
    let html = render(&Report { areas: vec![no_outline], ..Report::default() }).unwrap();
    assert!(html.contains("<table class=\"sortable\">") && !html.contains("<select"));
}

#[test]
fn nothing_in_an_input_becomes_markup() {
    let mut report = whole();
    report.title = EVIL.into();
    report.made_by = EVIL.into();
    report.areas[0].name = EVIL.into();
    report.areas[0].zones[0].name = EVIL.into();
    report.areas[0].zones[0].id = EVIL.into();
    report.areas[0].columns[3].subject = EVIL.into();
    report.areas[0].columns[3].unit = EVIL.into();
    report.confusions[0].name = EVIL.into();
    report.confusions[0].classes[0] = EVIL.into();
    report.scores[0].0 = EVIL.into();
    report.model[0] = (EVIL.into(), EVIL.into());
    report.saliency[0].title = EVIL.into();
    report.saliency[0].facts[0] = (EVIL.into(), EVIL.into());
    report.saliency[0].maps[0].method = EVIL.into();
    report.saliency[0].maps[0].measures[0] = (EVIL.into(), EVIL.into());
    report.notes.push(Note::remark(EVIL));
    report.provenance[0].path = EVIL.into();
    report.provenance[0].provenance.command = EVIL.into();
    report.provenance[0].provenance.settings = serde_json::json!({EVIL: EVIL});
    report.provenance[0].provenance.inputs[0] = InputRef::Local(input_named(EVIL));
    let evil = [class(1, EVIL, [1, 2, 3])];
    report.maps = vec![
        MapFigure::classes(EVIL, [1, 1], &[1], &evil, [1.0, 1.0]).unwrap(),
        MapFigure::values(EVIL, [1, 1], &[1.0], EVIL, [1.0, 1.0]).unwrap(),
    ];
    let html = render(&report).unwrap();
    check_nesting(&html);
    assert_eq!(html.matches("<script>").count(), 1, "only the report's own");
    assert!(!html.contains("'x'") && !html.contains(EVIL));
}

#[test]
fn the_document_loads_nothing() {
    let html = render(&whole()).unwrap();
    for (k, _) in html.match_indices("src=\"").chain(html.match_indices("href=\"")) {
        let target = html[k..].split('"').nth(1).unwrap();
        assert!(target.starts_with("data:image/png;base64,") || target.starts_with('#'), "{}", &target[..40]);
    }
    for word in ["http:", "https:", "@import", "url(//", "fetch(", "XMLHttpRequest", "<link", "<iframe"] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(render(&whole()).unwrap(), render(&whole()).unwrap());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let pixels = MapFigure::classes("m", [2, 2], &[1], &legend(), [1.0, 1.0]).unwrap_err();
    assert!(matches!(pixels, ReportError::Pixels { found: 1, height: 2, width: 2, .. }), "{pixels}");
    let mut report = whole();
    report.areas[0].values[1].pop();
    let table = render(&report).unwrap_err();
    assert_eq!(table.to_string(), "table \"districts\": 4 values, expected 5");
    let mut report = whole();
    report.saliency[0].maps[0].png = b"GIF89a".to_vec();
    assert!(matches!(render(&report).unwrap_err(), ReportError::Picture { .. }));
}
