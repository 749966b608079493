//! Tables, encodings and layers as people have them: faults found by trying public bug reports.

use std::path::Path;
use std::process::Command;

use areal_store::PatchStore;
use geo::Geometry;

use crate::common::place::{Place, rectangle, text, utm};
use crate::common::survey_world::{estimates, labelled_world};
use crate::common::{areal, labelled, rows, run};

/// A copy of labels as a shapefile whose text is in this code page and that does not say so.
fn dbf(place: &Place, labels: &Path, from: &str) -> std::path::PathBuf {
    let shp = place.path("labels.shp");
    let options = ["-q", "-f", "ESRI Shapefile", "-overwrite", "-lco", &format!("ENCODING={from}")];
    run(Command::new("ogr2ogr").args(options).arg(&shp).arg(labels)).expect(0);
    let _ = std::fs::remove_file(place.path("labels.cpg"));
    // The byte that names the code page.
    let path = place.path("labels.dbf");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[29] = 0;
    std::fs::write(path, bytes).unwrap();
    shp
}

#[test]
fn fault_12_text_without_an_encoding_is_refused_and_read_with_one() {
    let place = Place::new();
    let grid = utm(48, [500_000.0, 100_000.0], 40, 60);
    let scene = place.scene("scene.tif", &grid, |r, c| (r * 60 + c) as u16);
    let shapes: [(Geometry<f64>, &str, f64, &str); 2] = [
        (rectangle(&grid, [0.0, 0.0, 40.0, 30.0]), "M\u{fc}hle", 1.0, ""),
        (rectangle(&grid, [0.0, 30.0, 40.0, 60.0]), "M\u{e4}hle", 2.0, ""),
    ];
    let labels = place.layer("labels.gpkg", &grid, &shapes);
    let shp = dbf(&place, &labels, "CP1252");
    let args = labelled(&[text(&scene)], &shp, "--patch-size 10");
    place
        .tile("store", &args)
        .expect(3)
        .says(&["feature 0, field \"class\" is not UTF-8 text", "--encoding windows-1252"]);
    let encoded = [&args[..], &["--encoding".to_owned(), "windows-1252".to_owned()]].concat();
    place.tile("store", &encoded).expect(0);
    let store = PatchStore::open(&place.path("store")).unwrap();
    let names: Vec<&str> = store.meta().target.classes().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["M\u{e4}hle", "M\u{fc}hle"]);
    // UTF-8 that does not say so is read without a flag.
    let shp = dbf(&place, &labels, "UTF-8");
    place.tile("utf8", &labelled(&[text(&scene)], &shp, "--patch-size 10")).expect(0);
    let store = PatchStore::open(&place.path("utf8")).unwrap();
    assert_eq!(store.meta().target.classes()[1].name, "M\u{fc}hle");
    place
        .tile("x", &[&args[..], &["--encoding".to_owned(), "cp9".to_owned()]].concat())
        .expect(2)
        .says(&["unknown encoding"]);
}

#[test]
fn fault_12_a_table_in_another_encoding_is_refused_with_its_line() {
    let (w, text) = labelled_world();
    let expected = estimates(&w, "plain", text.as_bytes(), &[]);
    // A remark in windows-1252, which nobody reads.
    let latin: Vec<u8> = text
        .lines()
        .enumerate()
        .flat_map(|(k, line)| {
            let remark: &[u8] = match k {
                0 => b",remark\n",
                3 => b",M\xfchle\n",
                _ => b",\n",
            };
            [line.as_bytes(), remark].concat()
        })
        .collect();
    std::fs::write(w.path("labelled.csv"), &latin).unwrap();
    w.estimate("x", &[]).expect(3).says(&["line 4 is not UTF-8 text", "--encoding windows-1252"]);
    assert_eq!(estimates(&w, "latin", &latin, &["--encoding", "windows-1252"]), expected);
}

#[test]
fn fault_19_labels_with_no_break_spaces_and_blank_rows_are_read() {
    let (w, text) = labelled_world();
    let expected = estimates(&w, "plain", text.as_bytes(), &[]);
    let spaced =
        text.replace(",forest", ",\u{a0}forest ").replace(",rubber", ", Rubber\u{202f}") + ",,,\n\n , ,\u{a0},\n";
    std::fs::write(w.path("labelled.csv"), &spaced).unwrap();
    w.estimate("said", &[])
        .expect(0)
        .says(&["2 blank rows were skipped", "\"Rubber\" is read as the class \"rubber\""]);
    assert_eq!(estimates(&w, "spaced", spaced.as_bytes(), &[]), expected);
}

#[test]
fn tables_of_every_kind_give_the_same_estimates() {
    let (w, text) = labelled_world();
    let expected = estimates(&w, "plain", text.as_bytes(), &[]);
    let semicolons = text.replace(',', ";");
    let decimal: String = semicolons
        .lines()
        .enumerate()
        .map(|(k, line)| if k == 0 { format!("{line}\r\n") } else { format!("{}\r\n", line.replace('.', ",")) })
        .collect();
    let utf16: Vec<u8> =
        std::iter::once(0xfeffu16).chain(text.replace(',', "\t").encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let marked = ["\u{feff}", &text].concat();
    let reals: String = text
        .lines()
        .map(|line| line.replacen(',', if line.starts_with('u') { "," } else { ".0," }, 1) + "\n")
        .collect();
    for (name, bytes) in [
        ("semicolons", semicolons.as_bytes()),
        ("decimal", decimal.as_bytes()),
        ("utf16", &utf16),
        ("marked", marked.as_bytes()),
        ("unmarked", &utf16[2..]),
        ("reals", reals.as_bytes()),
    ] {
        assert_eq!(estimates(&w, name, bytes, &[]), expected, "{name}");
    }
    std::fs::write(w.path("labelled.csv"), text.replacen("\n1,", "\n1,2,3,4,5,", 1)).unwrap();
    w.estimate("x", &[]).expect(3).says(&["cells in a table of 4 columns"]);
}

/// What QGIS does when a style is saved into a GeoPackage: a table without geometries.
fn style(path: &Path) {
    let csv = path.with_extension("styles.csv");
    std::fs::write(&csv, "f_table_name,styleName\nsample,s\n").unwrap();
    let options = ["-q", "-update", "-nln", "layer_styles", "-nlt", "NONE"];
    run(Command::new("ogr2ogr").args(options).arg(path).arg(csv)).expect(0);
}

#[test]
fn fault_17_a_styled_geopackage_is_its_layer() {
    let (w, text) = labelled_world();
    let expected = estimates(&w, "plain", text.as_bytes(), &[]);
    // The sample as an interpreter saves it in QGIS.
    let labels: std::collections::HashMap<&str, &str> =
        text.lines().skip(1).map(|line| (line.split(',').next().unwrap(), line.rsplit(',').next().unwrap())).collect();
    let sample = w.path("sample/sample.gpkg");
    let mut layer = areal_raster::read_layer(&sample, None).unwrap();
    let (id, label) = (layer.field_index("unit_id").unwrap(), layer.field_index("label").unwrap());
    for feature in &mut layer.features {
        let name = labels[feature.values[id].to_string().as_str()];
        feature.values[label] = areal_raster::FieldValue::Text(name.into());
    }
    let copy = w.path("labelled.gpkg");
    areal_raster::write_layer(&copy, &layer).unwrap();
    style(&copy);
    style(&w.path("zones.gpkg"));
    let [prediction, design, zones, copy] = ["prediction", "sample", "zones.gpkg", "labelled.gpkg"].map(|n| w.text(n));
    let estimate = |out: &str, more: &[&str]| {
        let out = w.text(out);
        let fixed = ["estimate", "--prediction", &prediction, "--design", &design, "--sample", &copy, "--out", &out];
        areal(fixed.iter().chain(more))
    };
    estimate("styled", &["--zones", &zones, "--zone-id", "id"]).expect(0);
    let of_map: Vec<String> = rows(&w.path("styled/estimates.csv"))
        .iter()
        .filter(|row| row["population"] == "map")
        .map(|row| row["estimate"].clone())
        .collect();
    assert_eq!(of_map, expected);
    // A table is no zones.
    estimate("x", &["--zones", &zones, "--zone-id", "id", "--zone-layer", "layer_styles"])
        .expect(3)
        .says(&["layer \"layer_styles\" has only 1 feature without a geometry", "--zone-layer (zones)"]);
    // Two layers with geometries need a name.
    run(Command::new("ogr2ogr")
        .args(["-q", "-update", "-nln", "more"])
        .arg(&copy)
        .arg(w.path("zones.gpkg"))
        .arg("zones"))
    .expect(0);
    run(Command::new("ogr2ogr").args(["-q", "-update", "-nln", "more"]).arg(&zones).arg(w.path("sample/sample.gpkg")))
        .expect(0);
    estimate("x", &[]).expect(3).says(&["it has several layers", "sample", "more", "--sample-layer"]);
    estimate("named", &["--sample-layer", "sample", "--zones", &zones, "--zone-id", "id", "--zone-layer", "zones"])
        .expect(0);
    let sampled = ["--strata", "zones", "--size", "90", "--zones", &zones, "--zone-id", "id", "--overwrite"];
    w.sample(&sampled).expect(3).says(&["it has several layers", "--zone-layer"]);
    w.sample(&[&sampled[..], &["--zone-layer", "zones"]].concat()).expect(0);
}
