//! Rules for codes that apply to nothing, and how a raster without a stated content is read: neither is silent.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::common::bench::Bench;
use crate::common::maps::square;
use crate::common::{areal, number, rows, run};

/// A slip in a code left its cells out of the class without a word.
#[test]
fn a_rule_without_a_cell_is_told_by_aggregate_once() {
    let bench = Bench::new();
    let map = bench.raster("corine.tif", &[&[311.0, 312.0, 511.0, 511.0]], &["-ot", "UInt16"]);
    let rules = [
        "--content",
        "classes",
        "--map",
        "311,313=forest",
        "--map",
        "312=forest",
        "--map",
        "521,523=sea",
        "--map",
        "*=other",
    ];
    let found = bench.aggregate(&map, &rules).expect(0);
    let told =
        "corine.tif: the --map rule \"521,523=sea\" applies to nothing: no cell that was read has one of its codes";
    assert_eq!(found.stderr.matches(told).count(), 1, "{}", found.stderr);
    assert_eq!(found.stderr.matches("applies to nothing").count(), 1, "{}", found.stderr);
    // Rules that rename codes and merge none.
    let two = bench
        .aggregate(&map, &["--content", "classes", "--map", "411=bog", "--map", "412=fen", "--map", "311=a"])
        .expect(0);
    two.says(&[
        "2 --map rules apply to nothing: no cell that was read has one of their codes: \"411=bog\", \"412=fen\"",
    ]);
}

#[test]
fn a_rule_without_a_label_is_told_by_tile_once() {
    let bench = Bench::new();
    let pixels: Vec<f64> = (0..64).map(f64::from).collect();
    let scene = bench.raster("scene.tif", &vec![&pixels[..]; 64], &["-ot", "Byte"]);
    let codes: Vec<f64> = (0..64).map(|k| if k < 32 { 1.0 } else { 2.0 }).collect();
    let labels = bench.raster("labels.tif", &vec![&codes[..]; 64], &["-ot", "Byte"]);
    let classes: Vec<_> = (0..2)
        .map(|k| {
            let ring = square(10.0 + 0.5 * f64::from(k), 0.0, 0.5);
            json!({ "type": "Feature", "properties": { "code": k + 1 },
                "geometry": { "type": "Polygon", "coordinates": [ring] } })
        })
        .collect();
    fs::write(bench.path("fields.geojson"), json!({ "type": "FeatureCollection", "features": classes }).to_string())
        .unwrap();
    let fields = bench.text("fields.geojson");
    for (file, more) in [(&labels, &[][..]), (&fields, &["--label-field", "code"][..])] {
        let out = bench.text("store");
        let fixed =
            ["tile", &scene, "--labels", file, "--out", &out, "--overwrite", "--patch-size", "8", "--stride", "8"];
        let rules = ["--map", "1=land", "--map", "2=water", "--map", "7-9=ice"];
        let tiled = areal([&fixed[..], &rules, more].concat()).expect(0);
        let told = "the --map rule \"7-9=ice\" applies to nothing: no label that was read has one of its codes";
        assert_eq!(tiled.stderr.matches(told).count(), 1, "{}", tiled.stderr);
        assert_eq!(tiled.stderr.matches("applies to nothing").count(), 1, "{}", tiled.stderr);
    }
}

/// Class codes of 16 bits were averaged without a word.
#[test]
fn whole_numbers_without_a_stated_content_are_read_as_is_told() {
    let bench = Bench::new();
    let rows: [&[f64]; 1] = [&[1.0, 2.0, 2.0, 5.0]];
    let read = |name: &str, kind: &str, flags: &[&str]| {
        let map = bench.raster(name, &rows, &["-ot", kind]);
        bench.aggregate(&map, flags).expect(0).stderr
    };
    for (kind, name) in [("UInt16", "u16"), ("Int16", "i16"), ("Int32", "i32"), ("UInt32", "u32")] {
        let said = read("whole.tif", kind, &[]);
        let told = format!(
            "whole.tif: cells are read as values because their type is {name}, not u8; if they are class codes, pass --content classes"
        );
        assert!(said.contains(&told), "{kind}: {said}");
    }
    let said = read("bytes.tif", "Byte", &[]);
    assert!(said.contains("bytes.tif: cells are read as class codes because their type is u8; if they hold values, pass --content values"), "{said}");
    for (kind, flags) in
        [("Float32", &[][..]), ("UInt16", &["--content", "values"]), ("Byte", &["--content", "classes"])]
    {
        let said = read("other.tif", kind, flags);
        assert!(!said.contains("cells are read as"), "{kind}: {said}");
    }
}

/// Names for codes in a file of 16 bits tell that its cells are classes.
#[test]
fn names_of_codes_in_a_raster_that_is_read_as_values_are_a_warning() {
    let bench = Bench::new();
    bench.raster("plain.tif", &[&[1.0, 2.0]], &["-ot", "UInt16"]);
    let vrt = bench.path("named.vrt");
    run(Command::new("gdal_translate").args(["-q", "-of", "VRT"]).arg(bench.path("plain.tif")).arg(&vrt)).expect(0);
    let text = fs::read_to_string(&vrt).unwrap();
    let names =
        "<CategoryNames><Category></Category><Category>forest</Category><Category>water</Category></CategoryNames>";
    let at = text.find("<SimpleSource>").or_else(|| text.find("<ComplexSource>")).unwrap();
    fs::write(&vrt, format!("{}{names}{}", &text[..at], &text[at..])).unwrap();
    let said = bench.aggregate(&bench.text("named.vrt"), &[]).expect(0);
    said.says(&["read as values because their type is u16, although the file has names for codes; if they are class codes, pass --content classes"]);
    let classes = bench.aggregate(&bench.text("named.vrt"), &["--content", "classes"]).expect(0);
    assert!(!classes.stderr.contains("cells are read as"), "{}", classes.stderr);
}

/// A raster that names code 1 water, with `--map 2=water`, had two classes of that name.
#[test]
fn a_code_that_the_raster_names_as_a_class_of_a_rule_counts_as_that_class() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[1.0, 1.0, 2.0, 3.0]], &["-ot", "Byte"]);
    let names = [(1, "water"), (2, "river"), (3, "forest")];
    let row = |(k, (code, name)): (usize, &(i32, &str))| format!("<Row index=\"{k}\"><F>{code}</F><F>{name}</F></Row>");
    let lines: String = names.iter().enumerate().map(row).collect();
    let field = |name: &str, kind: u8, usage: u8| {
        format!("<FieldDefn><Name>{name}</Name><Type>{kind}</Type><Usage>{usage}</Usage></FieldDefn>")
    };
    let table = format!(
        "<PAMDataset><PAMRasterBand band=\"1\"><GDALRasterAttributeTable>{}{}{lines}</GDALRasterAttributeTable></PAMRasterBand></PAMDataset>",
        field("Value", 0, 5),
        field("Class", 2, 2)
    );
    fs::write(format!("{map}.aux.xml"), table).unwrap();
    let found =
        bench.aggregate(&map, &["--map", "2=water"]).expect(0).says(&["code 1 is water by the file's own names"]);
    let table = rows(&bench.path("areas/areas.csv"));
    let of_zone = table.iter().filter(|row| row["zone_id"] == "z" && row["measure"] == "class_area");
    let mut areas: Vec<(&str, f64)> = of_zone.map(|row| (row["class_name"].as_str(), number(row, "value"))).collect();
    areas.sort_by(|a, b| a.0.cmp(b.0));
    let names: Vec<&str> = areas.iter().map(|area| area.0).collect();
    assert_eq!(names, ["forest", "water"], "{}", found.stdout);
    // One column of forest and three of water, of equal area.
    assert!((areas[1].1 / areas[0].1 - 3.0).abs() < 1e-9, "{areas:?}");
}
