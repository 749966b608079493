//! Awkward bands, and names and files made to do harm: formulas in tables, virtual rasters that read what they should not.

use std::fs;

use crate::common::areal;
use crate::common::bench::Bench;
use crate::common::maps::square;

#[test]
fn fault_42_a_zone_name_that_is_a_formula_can_be_made_harmless() {
    let bench = Bench::new();
    let formula = "=cmd|' /C calc'!A0";
    let geometry = serde_json::json!({ "type": "Polygon", "coordinates": [square(10.0, 0.0, 1.0)] });
    let zone =
        serde_json::json!({ "type": "Feature", "properties": { "id": formula, "label": "+x" }, "geometry": geometry });
    let zones = serde_json::json!({ "type": "FeatureCollection", "features": [zone] });
    fs::write(bench.path("zones.geojson"), zones.to_string()).unwrap();
    let raster = bench.raster("a.tif", &[&[-1.5, -2.5]], &["-ot", "Float32"]);
    let flags = ["--zone-name", "label"];
    let table = |more: &[&str]| {
        bench.aggregate(&raster, &[&flags[..], more].concat()).expect(0);
        fs::read_to_string(bench.path("areas/areas.csv")).unwrap()
    };
    let plain = table(&[]);
    assert!(plain.contains(&format!("\n{formula},+x,inside")), "the value is kept: {plain}");
    let safe = table(&["--spreadsheet-safe"]);
    assert!(safe.lines().skip(1).all(|line| line.starts_with(&format!("'{formula},'+x,inside"))), "{safe}");
    assert!(safe.contains(",mean,,,-2,"), "numbers are no formulas: {safe}");

    // Read back, the name is as it was.
    let html = bench.text("report.html");
    areal(["report", "--areas", &bench.text("areas"), "--out", &html]).expect(0);
    let html = fs::read_to_string(html).unwrap();
    let shown = "=cmd|&#39; /C calc&#39;!A0";
    assert!(html.contains(shown) && !html.contains(&format!("&#39;{shown}")), "{html}");
}

/// 0 / 0 in the comparison of sums was "a fault of areal".
#[test]
fn fault_30_bands_of_zeros_or_nodata_only_are_no_fault() {
    let bench = Bench::new();
    let of = |numbers: &[f64], nodata: &str| {
        let raster = bench.raster("a.tif", &[numbers], &["-ot", "Float32", "-a_nodata", nodata]);
        let run = bench.aggregate(&raster, &["--content", "values"]).expect(0);
        let zone = run.json()["zones"][0].clone();
        (zone["band_1_observed_cells"].as_f64().unwrap(), zone["band_1_mean"].as_f64(), run.stderr)
    };
    let (cells, mean, _) = of(&[0.0, 0.0], "-9999");
    assert_eq!((cells, mean), (2.0, Some(0.0)));
    let (cells, mean, said) = of(&[7.0, 7.0], "7");
    assert_eq!((cells, mean), (0.0, None));
    assert!(said.contains("no zone has an observed cell"), "{said}");
}

/// Area means of a wealth index were 7.5 too high, because they counted ground where nobody lives.
#[test]
fn fault_49_ground_without_people_is_told() {
    let bench = Bench::new();
    let people = bench.raster("people.tif", &[&[0.0, 0.0, 10.0, 30.0]], &[]);
    let wealth = bench.raster("wealth.tif", &[&[1.0, 2.0, 3.0, 4.0]], &["-ot", "Float32"]);
    let run = bench.aggregate(&wealth, &["--weights", &people]).expect(0);
    let run = run.says(&["the weights raster is 0 on 50.0 % of the observed area", "zero_weight_area"]);
    let zone = run.json()["zones"][0].clone();
    let column = |name: &str| zone[format!("band_1_{name}")].as_f64().unwrap();
    // (10 x 3 + 30 x 4) / 40; two of four cells of the same area hold nobody.
    assert!((column("weighted_mean") - 3.75).abs() < 1e-12 && (column("mean") - 2.5).abs() < 1e-9);
    assert!((column("zero_weight_area_km2") / column("observed_area_km2") - 0.5).abs() < 1e-9);
}

#[test]
fn fault_42_a_vrt_over_the_bytes_of_any_file_or_a_network_is_refused() {
    let bench = Bench::new();
    let vrt = |name: &str, band: &str| {
        let text = format!(
            "<VRTDataset rasterXSize=\"2\" rasterYSize=\"2\"><SRS>EPSG:4326</SRS><GeoTransform>10,.5,0,1,0,-.5</GeoTransform>\
             {band}</VRTDataset>"
        );
        fs::write(bench.path(name), text).unwrap();
        bench.text(name)
    };
    let raw = vrt(
        "raw.vrt",
        "<VRTRasterBand dataType=\"Byte\" band=\"1\" subClass=\"VRTRawRasterBand\"><SourceFilename relativeToVRT=\"0\">/etc/hostname\
         </SourceFilename><ImageOffset>0</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>2</LineOffset></VRTRasterBand>",
    );
    let remote = vrt(
        "remote.vrt",
        "<VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource><SourceFilename>http://192.0.2.1/a.tif</SourceFilename>\
         <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>",
    );
    for (path, words) in [
        (&raw, ["raw.vrt refers to /etc/hostname", "raw bytes"]),
        (&remote, ["remote.vrt refers to http://192.0.2.1/a.tif", "not a local file"]),
    ] {
        areal(["inspect", path]).expect(3).says(&words);
        bench.aggregate(path, &["--content", "classes"]).expect(3).says(&words);
        assert!(!bench.path("areas").exists());
    }
    // Beside it they are data.
    fs::write(bench.path("four"), [1, 2, 3, 4]).unwrap();
    let text = fs::read_to_string(&raw).unwrap().replace("\"0\">/etc/hostname", "\"1\">four");
    fs::write(&raw, text).unwrap();
    bench.aggregate(&raw, &["--content", "values"]).expect(0);
}
