//! The advice of an error works when it is followed, and names what is there.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::common::bench::Bench;
use crate::common::maps::square;
use crate::common::{JOB, JobCopy, ProgramRun, areal, run};

/// Points, lines or a table as zones were to be repaired or removed, or asked for the field of their ids.
#[test]
fn zones_without_polygons_are_told_what_they_are() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[1.0, 2.0]], &["-ot", "Byte"]);
    let feature = |id: usize, geometry: Value| json!({ "type": "Feature", "properties": { "id": id, "twin": id }, "geometry": geometry });
    let point = |k: usize| json!({ "type": "Point", "coordinates": [10.1 + k as f64 / 10.0, 0.5] });
    let line = json!({ "type": "LineString", "coordinates": [[10.1, 0.1], [10.2, 0.2]] });
    let points: Vec<Value> = (0..3).map(|k| feature(k, point(k))).collect();
    let lines = [feature(0, line.clone())];
    let mixed = [feature(0, line), feature(1, point(1)), feature(2, Value::Null)];
    let layers = [
        ("points", &points[..], "3 points"),
        ("lines", &lines, "1 line"),
        ("mixed", &mixed, "1 point, 1 line and 1 feature without a geometry"),
    ];
    let said = |zones: &str, more: &[&str]| -> ProgramRun {
        let out = bench.text("areas");
        areal([&["aggregate", "--raster", &map, "--zones", zones, "--out", &out][..], more].concat()).expect(3)
    };
    let give = "give a file with polygons as --zones";
    for (name, features, found) in layers {
        let geojson = bench.text(&format!("{name}.geojson"));
        fs::write(&geojson, json!({ "type": "FeatureCollection", "features": features }).to_string()).unwrap();
        let told = format!("zones must be polygons, but its layer \"{name}\" has only {found}");
        // Two fields identify them as well: whether one is named or not.
        said(&geojson, &[]).says(&[&told, give]);
        said(&geojson, &["--zone-id", "id"]).says(&[&told, give]);
        for ending in ["gpkg", "shp"] {
            if name == "mixed" && ending == "shp" {
                continue;
            }
            let other = bench.text(&format!("{name}.{ending}"));
            run(Command::new("ogr2ogr").args(["-q", "-nln", name, &other, &geojson])).expect(0);
            said(&other, &[]).says(&[&told, give]);
        }
    }
    // A table with places and one without.
    fs::write(bench.path("places.csv"), "id,lon,lat\na,10.5,0.5\nb,10.6,0.5\n").unwrap();
    said(&bench.text("places.csv"), &[]).says(&["its layer \"places\" has only 2 points", give]);
    fs::write(bench.path("table.csv"), "id,people\na,1\nb,2\n").unwrap();
    said(&bench.text("table.csv"), &[]).says(&["its layer \"table\" has only 2 features without a geometry", give]);
    // The other layer of a file is named, and works.
    let both = bench.text("both.gpkg");
    run(Command::new("ogr2ogr").args(["-q", "-nln", "towns", &both, &bench.text("points.geojson")])).expect(0);
    run(Command::new("ogr2ogr").args(["-q", "-update", "-nln", "districts", &both, &bench.text("zones.geojson")]))
        .expect(0);
    said(&both, &["--zone-layer", "towns"]).says(&[
        "its layer \"towns\" has only 3 points",
        "choose another layer of the file with --zone-layer (districts)",
    ]);
    let out = bench.text("areas");
    areal(["aggregate", "--raster", &map, "--zones", &both, "--out", &out, "--zone-layer", "districts"]).expect(0);
}

/// The advice was to check the free disk space and the write permission, also where nobody can write.
#[test]
fn an_output_where_nothing_can_be_written_is_told_what_to_choose() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[1.0, 2.0]], &["-ot", "Byte"]);
    let zones = bench.text("zones.geojson");
    let note = bench.text("note.txt");
    fs::write(&note, "a file").unwrap();
    let (file, within) = (format!("{note}/areas"), format!("{note}/more/areas"));
    let long = bench.text(&"x".repeat(300));
    let is_file = format!("{note} is a file, so nothing can be written in it: choose an output (--out) in a folder");
    for (out, advice) in [
        ("/proc/areas", "no file can be made in this folder: choose an output (--out) in another one"),
        ("/proc/more/areas", "no file can be made in this folder: choose an output (--out) in another one"),
        (&file, &is_file),
        (&within, &is_file),
        (&long, "choose an output (--out) with a shorter name"),
    ] {
        areal(["aggregate", "--raster", &map, "--zones", &zones, "--out", out]).expect(4).says(&[advice]);
    }
}

#[test]
fn a_quantile_out_of_range_is_told_the_range_by_the_flag() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[1.0, 2.0]], &["-ot", "Float32"]);
    let (zones, out) = (bench.text("zones.geojson"), bench.text("areas"));
    for statistic in ["q105", "q-5", "qabc"] {
        areal(["aggregate", "--raster", &map, "--zones", &zones, "--out", &out, "--statistics", statistic])
            .expect(2)
            .says(&[&format!("\"{statistic}\" is not a quantile: after q comes a number of per cent from 0 to 100")]);
    }
}

/// A fault in the design of a labelled sample was to be made again, which draws other units.
#[test]
fn a_damaged_design_is_to_be_restored_from_a_copy() {
    let job = JobCopy::new();
    let design = job.out("samples/landscape/design.json");
    let whole = fs::read_to_string(&design).unwrap();
    let estimate = || {
        let [map, design] = ["predictions/landscape", "samples/landscape"].map(|name| job.out(name));
        let (labels, out) = (job.file("labels/landscape.csv"), job.out("estimated"));
        let words = ["estimate", "--prediction", &map, "--design", &design, "--sample", &labels, "--out", &out];
        areal(words.iter().chain(&["--overwrite"]))
    };
    fs::write(&design, whole.replacen("\"format\"", "\"format", 1)).unwrap();
    let said = estimate().expect(3);
    let advice =
        "put back a copy of the file as `areal sample` wrote it: the labels of a sample fit its own design only";
    let said = said.says(&["design.json, line 2, column", advice]);
    assert!(!said.stderr.contains("make it again"), "{}", said.stderr);
    // The same where only a number is another.
    fs::write(&design, whole.replacen("\"seed\": 1", "\"seed\": 2", 1)).unwrap();
    assert_ne!(fs::read_to_string(&design).unwrap(), whole);
    estimate().expect(3).says(&["design.json was changed or damaged since areal wrote it", advice]);
    fs::write(&design, whole).unwrap();
    estimate().expect(0);
}

/// A band of a mask that holds one number was a band to train on, and the report was by district without districts.
#[test]
fn a_recipe_leaves_out_constant_bands_and_has_districts_only_where_there_are_zones() {
    let bench = Bench::new();
    let ramp: Vec<f64> = (0..40).map(f64::from).collect();
    let band = |name: &str, row: &[f64]| bench.raster(name, &vec![row; 40], &["-ot", "Byte"]);
    let [red, mask, nir] =
        [("red.tif", &ramp[..]), ("mask.tif", &[1.0; 40]), ("nir.tif", &ramp)].map(|(name, row)| band(name, row));
    let stack = bench.text("stack.vrt");
    run(Command::new("gdalbuildvrt").args(["-q", "-separate", &stack, &red, &mask, &nir])).expect(0);
    let scene = bench.text("scene.tif");
    run(Command::new("gdal_translate").args(["-q", &stack, &scene])).expect(0);
    let recipe = bench.path("r.toml");
    let path = recipe.to_str().unwrap();
    let text = || -> toml::Table { toml::from_str(&fs::read_to_string(&recipe).unwrap()).unwrap() };
    areal(["init", path, "--scene", &scene]).expect(0).says(&["band 2 holds 1 only in the pixels that were looked at"]);
    assert_eq!(text()["scene"]["bands"], toml::Value::Array(vec![1.into(), 3.into()]));
    assert_eq!(text()["report"]["title"].as_str(), Some("Land use"));
    let zones = bench.text("zones.geojson");
    areal(["init", path, "--overwrite", "--scene", &scene, "--zones", &zones]).expect(0);
    assert_eq!(text()["report"]["title"].as_str(), Some("Land use by district"));
    // A scene without such a band has none left out.
    areal(["init", path, "--overwrite", "--scene", &red]).expect(0);
    assert!(text()["scene"].get("bands").is_none());
}

/// One of several was told as several.
#[test]
fn one_damaged_file_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("patches");
    crate::common::copy_folder(&JOB.out().join("patches"), &out);
    fs::write(out.join("patches.csv"), "damaged").unwrap();
    let said = areal(["verify", out.to_str().unwrap()]).expect(3);
    let files = said.stdout.lines().count();
    said.says(&[&format!("1 of {files} files is changed or missing")]);
}

/// The edge of 0.1 degrees that runs back over itself has no area.
#[test]
fn a_repair_without_a_change_of_area_is_no_negative_zero() {
    let bench = Bench::new();
    let map = bench.raster("map.tif", &[&[1.0, 2.0]], &["-ot", "Byte"]);
    let mut ring = square(10.0, 0.0, 0.5);
    let last = ring.len() - 1;
    let [x, y] = ring[last];
    ring.splice(last..last, [[x, y + 0.25], [x, y], [x, y + 0.25]]);
    let zone = json!({ "type": "Feature", "properties": { "id": "z" }, "geometry": { "type": "Polygon", "coordinates": [ring] } });
    fs::write(bench.path("spike.geojson"), json!({ "type": "FeatureCollection", "features": [zone] }).to_string())
        .unwrap();
    let (zones, out) = (bench.text("spike.geojson"), bench.text("areas"));
    let said = areal(["aggregate", "--raster", &map, "--zones", &zones, "--out", &out]).expect(0);
    assert!(!said.stderr.contains("0.0000 %"), "{}", said.stderr);
    said.says(&["was repaired because", "its area changes by less than 0.0001 %"]);
}
