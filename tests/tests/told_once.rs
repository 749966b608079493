//! What commands tell analysts: once, with the name of what it is about, and with advice that can be followed.

use std::process::Command;

use serde_json::json;

use crate::common::bench::Bench;
use crate::common::maps::square;
use crate::common::{JOB, ProgramRun, areal, binary, run};

/// Aggregates rasters of a bench over its zone.
fn aggregate(bench: &Bench, rasters: &[&str], flags: &[&str]) -> ProgramRun {
    let (zones, out) = (bench.text("zones.geojson"), bench.text("areas"));
    let rasters = rasters.iter().flat_map(|raster| ["--raster", raster]);
    let fixed = ["aggregate", "--zones", &zones, "--zone-id", "id", "--out", &out, "--overwrite"];
    areal(fixed.into_iter().chain(rasters).chain(flags.iter().copied()))
}

#[test]
fn a_dash_has_no_grade() {
    let folder = tempfile::tempdir().unwrap();
    let job = |name: &str| JOB.demo().join(name).to_str().unwrap().to_owned();
    let (map, design) = (job("out/predictions/landscape"), job("out/samples/landscape"));
    let (labels, zones, out) = (job("labels/landscape.csv"), job("districts.gpkg"), folder.path().join("out"));
    let fixed = ["estimate", "--prediction", &map, "--design", &design, "--sample", &labels, "--zones", &zones];
    let more = ["--zone-id", "district_id", "--round", "1", "--out", out.to_str().unwrap()];
    let run = areal([&fixed[..], &more].concat()).expect(0);
    // Columns zone, class, mapped, estimate ... quality; "oil palm" is two words.
    let cells = |line: &str| line.replace("oil palm", "oil_palm").split_whitespace().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = run.stdout.lines().skip(1).map(cells).collect();
    let (dashes, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row[3] == "-");
    assert!(!dashes.is_empty() && !others.is_empty(), "{}", run.stdout);
    assert!(dashes.iter().all(|row| row.last().unwrap() == "-"), "{}", run.stdout);
    assert!(others.iter().all(|row| row.last().unwrap() != "-"), "{}", run.stdout);
    run.says(&["its error and its grade"]);
}

/// The warning came for each raster, without its name, and what is true of the weights alone came as often.
#[test]
fn warnings_of_weights_name_the_weights_and_the_map() {
    let bench = Bench::new();
    let first = bench.raster("first.tif", &[&[1.0, 2.0]], &["-ot", "Float32"]);
    let second = bench.raster("second.tif", &[&[3.0, 4.0]], &["-ot", "Float32"]);
    let weights = bench.raster("people.tif", &[&[0.0, 3e16]], &["-ot", "Float64"]);
    let run = aggregate(&bench, &[&first, &second], &["--weights", &weights]).expect(0);
    let count = |text: &str| run.stderr.matches(text).count();
    assert_eq!(count("the weights raster is 0 on 50.0 % of the observed area of"), 2, "{}", run.stderr);
    for map in ["first.tif: means over area", "second.tif: means over area"] {
        assert_eq!(count(map), 1, "{}", run.stderr);
    }
    assert_eq!(count("people.tif: the weights raster holds"), 1, "{}", run.stderr);
}

/// `--map=-1=sea` was answered with advice to declare -1 as nodata.
#[test]
fn a_code_that_a_rule_names_is_no_stray() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[-1.0, 2.0]], &["-ot", "Int16"]);
    let classes = ["--content", "classes"];
    let named = aggregate(&bench, &[&map], &[&classes[..], &["--map=-1=sea", "--map", "2=land"]].concat()).expect(0);
    assert!(!named.stderr.contains("--nodata"), "{}", named.stderr);
    aggregate(&bench, &[&map], &classes).expect(0).says(&["code -1 is counted as a class", "--nodata=-1"]);
}

#[test]
fn whole_codes_of_a_legend_may_have_a_decimal_point() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[311.0, 2.0]], &["-ot", "Int16"]);
    let legend = bench.path("legend.csv");
    std::fs::write(&legend, "code,name\n311.0,forest\n2,land\n").unwrap();
    let flags = ["--content", "classes", "--legend", legend.to_str().unwrap(), "--json"];
    let zone = aggregate(&bench, &[&map], &flags).expect(0).json()["zones"][0].clone();
    assert!((zone["forest_share"].as_f64().unwrap() - 0.5).abs() < 1e-3, "{zone}");
    std::fs::write(&legend, "code,name\n311.5,forest\n").unwrap();
    aggregate(&bench, &[&map], &flags).expect(3).says(&["line 2: \"311.5\" is not a whole number"]);
}

/// The file was read in place of the class.
#[test]
fn a_class_is_no_file_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("forest"), "name\nnothing\n").unwrap();
    let job = |name: &str| JOB.demo().join(name).to_str().unwrap().to_owned();
    let tile = |classes: &str| {
        let (scene, labels) = (job("scene_west.tif"), job("labels.gpkg"));
        let args = ["tile", &scene, "--labels", &labels, "--label-field", "class", "--out", "store"];
        run(Command::new(binary()).args(args).args(["--classes", classes]).current_dir(folder.path()))
    };
    tile("forest").says(&["--classes forest is the name of a class", "--classes ./forest"]);
    let file = tile("./forest");
    assert!(!file.stderr.contains("is the name of a class") && file.stderr.contains("nothing"), "{}", file.stderr);
}

/// The second date filled the gaps of the first, in silence.
#[test]
fn a_file_that_hides_another_of_its_scene_is_named() {
    let bench = Bench::new();
    let (jan, jul) = (bench.raster("jan.tif", &[&[1.0, 2.0]], &[]), bench.raster("jul.tif", &[&[3.0, 4.0]], &[]));
    let words = ["jan.tif covers 100 % of", "they are two scenes", "--scene NAME=FILE"];
    areal(["inspect", &jan, &jul]).expect(0).says(&words);
    let recipe = bench.text("recipe.toml");
    areal(["init", &recipe, "--scene", &jan, "--scene", &jul]).expect(0).says(&words);
    // Neighbours that share a strip are one scene.
    let demo = ["scene_west.tif", "scene_east.tif"].map(|name| JOB.demo().join(name).to_str().unwrap().to_owned());
    let grid = ["--crs", "EPSG:32648", "--resolution", "40", "--resampling", "average"];
    let both = areal([&["inspect", &demo[0], &demo[1], "--bands", "1"][..], &grid].concat()).expect(0);
    assert!(!both.stderr.contains("covers"), "{}", both.stderr);
}

/// Patches can be centred in polygons, which a raster does not have.
#[test]
fn labels_of_a_raster_are_not_told_of_polygons() {
    let bench = Bench::new();
    let numbers: Vec<Vec<f64>> = (0..8).map(|r| (0..8).map(|c| f64::from(r * 8 + c)).collect()).collect();
    let rows: Vec<&[f64]> = numbers.iter().map(Vec::as_slice).collect();
    let scene = bench.raster("scene.tif", &rows, &["-ot", "UInt16"]);
    let labels = bench.raster("labels.tif", &rows, &["-ot", "Byte"]);
    let out = bench.text("store");
    let tile = ["tile", &scene, "--labels", &labels, "--patch-size", "8", "--split", "1,0,0", "--out", &out];
    let refused = areal(tile).expect(1).says(&["no patch remains", "--min-label-fraction"]);
    assert!(!refused.stderr.contains("polygon"), "{}", refused.stderr);
}

#[test]
fn many_zones_are_shown_while_they_are_read_placed_and_written() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[1.0, 2.0], &[3.0, 4.0]], &["-ot", "Float32"]);
    let text = "x".repeat(300);
    let zone = |k: usize| {
        let (row, col) = (k / 100, k % 100);
        let ring = square(10.0 + 0.01 * col as f64, 0.01 * row as f64, 0.01);
        json!({ "type": "Feature", "properties": { "id": k, "text": text },
                "geometry": { "type": "Polygon", "coordinates": [ring] } })
    };
    let zones: Vec<serde_json::Value> = (0..10_000).map(zone).collect();
    let zones = json!({ "type": "FeatureCollection", "features": zones }).to_string();
    assert!(zones.len() > 4 << 20, "{} bytes", zones.len());
    std::fs::write(bench.path("zones.geojson"), zones).unwrap();
    aggregate(&bench, &[&map], &[]).expect(0).says(&[
        "read zones: 10000 zones",
        "place zones: 10000/10000 zones",
        "write zones: 10000/10000 zones",
    ]);
}
