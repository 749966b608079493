//! Rasters that say awkwardly what in them is data: faults found by trying public bug reports.

use std::process::Command;

use serde_json::Value;

use crate::common::bench::{Bench, near};
use crate::common::{ProgramRun, areal, run};

fn zone(run: &ProgramRun) -> Value {
    run.json()["zones"][0].clone()
}

/// The one column of this name; columns of a value begin with the name of its band.
#[track_caller]
fn column(zone: &Value, name: &str) -> f64 {
    let of_band = format!("band_1_{name}");
    let value = zone.get(name).or(zone.get(&of_band)).unwrap_or_else(|| panic!("{name}: {zone}"));
    value.as_f64().unwrap_or_else(|| panic!("{name}: {zone}"))
}

/// The least number of single precision.
const LOWEST: f64 = -3.402_823_466_385_288_6e38;

#[test]
fn fault_7_nodata_of_a_float_written_short_is_nodata() {
    let bench = Bench::new();
    let raster =
        bench.raster("a.tif", &[&[1.0, LOWEST, 3.0, LOWEST]], &["-ot", "Float32", "-a_nodata", "-3.402823e+038"]);
    let zone = zone(&bench.aggregate(&raster, &[]).expect(0));
    near(column(&zone, "mean"), 2.0, 0.0);
    near(Bench::gdal_mean(&raster), 2.0, 0.0);
    // 8 units of the last place apart GDAL calls them different.
    let near_nodata = f64::from(f32::from_bits(1000f32.to_bits() + 9));
    let raster = bench.raster("b.tif", &[&[1.0, near_nodata, 3.0, 1000.0]], &["-ot", "Float32", "-a_nodata", "1000"]);
    let found = column(&self::zone(&bench.aggregate(&raster, &[]).expect(0)), "mean");
    near(found, Bench::gdal_mean(&raster), 1e-4);
    near(found, 1004.0 / 3.0, 1e-3);
}

/// A PNG of four pixels, placed by a world file.
fn png(bench: &Bench, name: &str, pixels: [[f64; 3]; 4], nodata: &str) -> String {
    let mut command = Command::new("gdalbuildvrt");
    command.args(["-q", "-separate"]).arg(bench.path("rgb.vrt"));
    for band in 0..3 {
        let file = format!("band{band}.tif");
        bench.raster(&file, &[&pixels.map(|pixel| pixel[band])], &["-ot", "Byte"]);
        command.arg(bench.path(&file));
    }
    run(&mut command).expect(0);
    let mut translate = Command::new("gdal_translate");
    translate.args(["-q", "-colorinterp", "red,green,blue", "-a_nodata", nodata]);
    run(translate.arg(bench.path("rgb.vrt")).arg(bench.path(name))).expect(0);
    bench.text(name)
}

/// White is transparent: GDAL's mask band says 255 for all but the last pixel.
const COLOURS: [[f64; 3]; 4] = [[255.0, 10.0, 20.0], [30.0, 255.0, 255.0], [1.0, 2.0, 3.0], [255.0, 255.0, 255.0]];

#[test]
fn fault_8_a_transparent_colour_is_the_whole_colour() {
    let bench = Bench::new();
    let path = png(&bench, "a.png", COLOURS, "255");
    let mask = run(Command::new("gdalinfo").arg(&path));
    let document = areal(["inspect", "--json", &path]).expect(0).json();
    let pixels = &document["files"][0]["statistics"]["pixels"];
    assert_eq!((pixels["observed"].as_u64(), pixels["nodata"].as_u64()), (Some(3), Some(1)), "{}", mask.stdout);
}

#[test]
fn fault_8_nodata_of_an_image_in_colours_is_a_colour_and_of_measurements_is_any_band() {
    let bench = Bench::new();
    let path = png(&bench, "a.tif", COLOURS.map(|c| c.map(|v| 255.0 - v)), "0");
    let observed = |path: &str, more: &[&str]| {
        let document = areal(["inspect", "--json", path].iter().chain(more)).expect(0).json();
        document["files"][0]["statistics"]["pixels"]["observed"].as_u64()
    };
    assert_eq!(observed(&path, &[]), Some(3));
    // A band by itself holds 0 where that band does.
    assert_eq!(observed(&path, &["--bands", "1"]), Some(2));
    let grey = bench.text("grey.tif");
    run(Command::new("gdal_translate").args([
        "-q",
        "-ot",
        "Int16",
        "-colorinterp",
        "gray,undefined,undefined",
        &path,
        &grey,
    ]))
    .expect(0);
    assert_eq!(observed(&grey, &[]), Some(1));
}

#[test]
fn fault_9_a_value_that_nobody_declared_is_told_with_its_count_and_can_be_declared() {
    let bench = Bench::new();
    let raster = bench.raster("a.tif", &[&[4.0, -9999.0, 6.0, -9999.0, 5.0]], &["-ot", "Float32"]);
    let run = bench.aggregate(&raster, &[]).expect(0).says(&["band 1 holds -9999 in 2 cells", "--nodata=-9999"]);
    near(column(&zone(&run), "mean"), (15.0 - 2.0 * 9999.0) / 5.0, 1e-9);
    let run = bench.aggregate(&raster, &["--nodata", "-9999"]).expect(0);
    near(column(&zone(&run), "mean"), 5.0, 1e-12);
    assert!(!run.stderr.contains("-9999"), "{}", run.stderr);
    let codes = bench.raster("codes.tif", &[&[4.0, -9999.0, 6.0]], &["-ot", "Int16"]);
    bench
        .aggregate(&codes, &["--content", "classes"])
        .expect(0)
        .says(&["code -9999 is counted as a class", "--nodata=-9999"]);
    // Weights, too.
    let people = bench.raster("people.tif", &[&[1.0, -9999.0, 3.0, 1.0, 1.0]], &["-ot", "Float32"]);
    let weights = ["--nodata=-9999", "--weights", &people];
    bench.aggregate(&raster, &weights).expect(3).says(&["weight -9999 is negative", "--weights-nodata"]);
    let run = bench.aggregate(&raster, &[&weights[..], &["--weights-nodata=-9999"]].concat()).expect(0);
    let many = bench.raster("many.tif", &[&[1.0, 3e20, 3.0, 1.0, 1.0]], &["-ot", "Float32"]);
    bench
        .aggregate(&raster, &["--weights", &many])
        .expect(0)
        .says(&["the weights raster holds 3", "--weights-nodata="]);
    // 4 of one person, 6 of three, 5 of one.
    near(column(&zone(&run), "weighted_mean"), 27.0 / 5.0, 1e-9);
}

#[test]
fn fault_10_scale_and_offset_are_applied_and_said() {
    let bench = Bench::new();
    let raster = bench.raster("a.tif", &[&[620.0, 820.0]], &["-ot", "Int16", "-a_scale", "0.001", "-a_offset", "0.1"]);
    let run = bench.aggregate(&raster, &["--content", "values"]).expect(0).says(&["band 1", "x 0.001 + 0.1"]);
    near(column(&zone(&run), "mean"), 0.82, 1e-12);
    near(column(&zone(&run), "standard_deviation"), 0.1, 1e-12);
    // Amounts of people in thousands.
    let people = bench.raster("people.tif", &[&[1.0, 3.0]], &["-ot", "Int16", "-a_scale", "1000", "-a_offset", "0"]);
    let run = bench.aggregate(&raster, &["--content", "values", "--weights", &people]).expect(0);
    let run = run.says(&["weights are the stored numbers x 1000 + 0"]);
    bench.aggregate(&raster, &["--content", "classes"]).expect(0).says(&["class codes are the stored numbers"]);
    near(column(&zone(&run), "weighted_mean"), (0.72 + 3.0 * 0.92) / 4.0, 1e-12);
    near(column(&zone(&run), "weight_sum"), 4000.0, 1e-6);
}

/// Two classes in the north, one in the south, so that rows that are taken the wrong way round are seen.
#[test]
fn fault_16_a_raster_whose_rows_run_north_is_read_without_a_warp() {
    let bench = Bench::new();
    let rows: [&[f64]; 3] = [&[1.0, 2.0], &[1.0, 1.0], &[3.0, 3.0]];
    let north = bench.raster("north.tif", &rows, &["-ot", "Byte"]);
    let expected = zone(&bench.aggregate(&north, &[]).expect(0));
    // The same pixels from the south.
    let reversed: Vec<&[f64]> = rows.iter().rev().copied().collect();
    bench.raster("reversed.tif", &reversed, &["-ot", "Byte"]);
    let south = bench.text("south.tif");
    run(Command::new("gdal_translate")
        .args(["-q", "-a_ullr", "10", "0", "11", "1"])
        .arg(bench.path("reversed.tif"))
        .arg(&south))
    .expect(0);
    let found = bench.aggregate(&south, &[]).expect(0);
    assert_eq!(zone(&found), expected);
    // A narrow zone in the north sees no class 3.
    let ring = [[10.0, 0.7], [11.0, 0.7], [11.0, 1.0], [10.0, 1.0], [10.0, 0.7]];
    let geometry = serde_json::json!({ "type": "Polygon", "coordinates": [ring] });
    let north_zone = serde_json::json!({ "type": "Feature", "properties": { "id": "n" }, "geometry": geometry });
    let zones = serde_json::json!({ "type": "FeatureCollection", "features": [north_zone] });
    std::fs::write(bench.path("zones.geojson"), zones.to_string()).unwrap();
    let zone = zone(&bench.aggregate(&south, &[]).expect(0));
    near(column(&zone, "class_1_share"), 0.5, 1e-12);
    near(column(&zone, "class_2_share"), 0.5, 1e-12);
    let document = areal(["inspect", "--json", &south]).expect(0).json();
    assert!(document["scene"]["grid"]["height"] == 3 && document["refusal"].is_null(), "{document}");
}

#[test]
fn fault_16_a_rotated_raster_is_warped_as_the_advice_says() {
    let bench = Bench::new();
    bench.raster("flat.tif", &[&[7.0, 7.0], &[7.0, 7.0]], &["-ot", "Int16"]);
    let rotated = rotate(&bench, "flat.tif");
    bench.aggregate(&rotated, &["--content", "values"]).expect(3).says(&["--crs, --resolution and --resampling"]);
    let flags = ["--crs", "EPSG:4326", "--resolution", "0.05", "--resampling", "nearest", "--content"];
    let warped = bench.aggregate(&rotated, &[&flags[..], &["values"]].concat()).expect(0);
    near(column(&zone(&warped), "mean"), 7.0, 1e-12);
    bench.aggregate(&rotated, &[&flags[..], &["classes"]].concat()).expect(0);
    let mean = ["--crs", "EPSG:4326", "--resolution", "0.05", "--resampling", "average", "--content", "classes"];
    bench.aggregate(&rotated, &mean).expect(3).says(&["class codes have no mean", "--resampling nearest"]);
    // Weights are read as they are.
    let flat = bench.text("flat.tif");
    bench.aggregate(&flat, &["--content", "values", "--weights", &rotated]).expect(3).says(&["rotated by", "gdalwarp"]);
}

/// A copy turned by 20 degrees around its corner.
fn rotate(bench: &Bench, name: &str) -> String {
    let (sin, cos) = 20f64.to_radians().sin_cos();
    let rotated = bench.text("rotated.vrt");
    run(Command::new("gdal_translate").args(["-q", "-of", "VRT"]).arg(bench.path(name)).arg(&rotated)).expect(0);
    let text = std::fs::read_to_string(&rotated).unwrap();
    let (a, b) = (text.find("<GeoTransform>").unwrap(), text.find("</GeoTransform>").unwrap());
    let transform = format!("<GeoTransform>10, {}, {}, 1, {}, {}", 0.5 * cos, 0.5 * sin, 0.5 * sin, -0.5 * cos);
    std::fs::write(&rotated, format!("{}{transform}{}", &text[..a], &text[b..])).unwrap();
    rotated
}

#[test]
fn a_quality_band_masks_cells_of_a_raster_and_is_no_value() {
    let bench = Bench::new();
    for (name, values) in [("v.tif", [4.0, 100.0, 6.0]), ("q.tif", [0.0, 3.0, 1.0])] {
        bench.raster(name, &[&values], &["-ot", "Int16"]);
    }
    let both = bench.text("both.vrt");
    let mut build = Command::new("gdalbuildvrt");
    run(build.args(["-q", "-separate", &both]).arg(bench.path("v.tif")).arg(bench.path("q.tif"))).expect(0);
    let flags = ["--quality-band", "2", "--quality-values", "3"];
    let found = zone(&bench.aggregate(&both, &flags).expect(0));
    near(column(&found, "mean"), 5.0, 1e-12);
    assert!(found.get("band_2_mean").is_none(), "{found}");
}

#[test]
fn fault_18_whole_numbers_of_any_type_are_class_codes() {
    let bench = Bench::new();
    let rows: [&[f64]; 1] = [&[1.0, 2.0, 2.0, -5.0]];
    for kind in ["Int64", "UInt64", "Float32", "Float64", "Int16"] {
        let values: [&[f64]; 1] = [&[1.0, 2.0, 2.0, 5.0]];
        let raster = bench.raster(
            "codes.tif",
            if kind == "UInt64" { &values } else { &rows },
            &["-ot", kind, "-a_nodata", if kind == "UInt64" { "5" } else { "-5" }],
        );
        let zone = zone(&bench.aggregate(&raster, &["--content", "classes"]).expect(0));
        near(column(&zone, "class_2_share"), 2.0 / 3.0, 1e-12);
    }
    let raster = bench.raster("values.tif", &[&[1.0, 2.5]], &["-ot", "Float32"]);
    bench.aggregate(&raster, &["--content", "classes"]).expect(3).says(&["row 0, column 1: 2.5 is not a class code"]);
}

/// Sums that are infinite were called a bug in areal: also those of damaged probabilities.
#[test]
fn numbers_too_large_to_be_summed_are_named() {
    let bench = Bench::new();
    // 1e300 times the square metres of half a square degree is beyond the largest double, 1.8e308.
    let raster = bench.raster("large.tif", &[&[1e300, 1.0]], &["-ot", "Float64"]);
    let run = bench.aggregate(&raster, &[]).expect(3).says(&["large.tif", "extremely large", "--nodata"]);
    assert!(!run.stderr.contains("bug in areal"));
    bench.aggregate(&raster, &["--nodata", "1e300"]).expect(0);
}
