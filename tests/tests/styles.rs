//! What QGIS finds beside and inside outputs: legends of the classes that there are, zones in their colours.

use std::fs;
use std::process::Command;

use crate::common::bench::Bench;
use crate::common::{JOB, areal, has_tool, run, skipped};

/// QGIS listed 257 entries for six classes, and showed zones in one random colour.
#[test]
fn fault_48_maps_and_zones_have_styles() {
    let map = JOB.out().join("predictions/landscape");
    let text = fs::read_to_string(map.join("classes.qml")).unwrap();
    assert_eq!(text.matches("<paletteEntry ").count(), 6, "{text}");
    assert!(text.contains("value=\"3\" color=\"#cc79a7\" label=\"rubber\""), "{text}");
    assert_eq!(fs::read_to_string(map.join("states.qml")).unwrap().matches("<paletteEntry ").count(), 4);

    let zones = JOB.out().join("areas/landscape/areas.gpkg");
    if !has_tool("ogrinfo") {
        return skipped("ogrinfo is not installed");
    }
    let table = run(Command::new("ogrinfo").args(["-q"]).arg(&zones).arg("layer_styles")).expect(0).stdout;
    for expected in ["f_table_name (String) = areas", "f_geometry_column (String) = geom", "useAsDefault (Integer) = 1"]
    {
        assert!(table.contains(expected), "{expected} is not in {table}");
    }
    assert!(table.contains("&apos;rubber&apos;") && table.contains("&quot;rubber_area_km2&quot;"), "{table}");
    assert!(table.contains("value=\"204,121,167,255\""), "the colour of rubber: {table}");
    // The style names columns that there are.
    let layer = run(Command::new("ogrinfo").arg("-so").arg(&zones).arg("areas")).expect(0).stdout;
    assert!(layer.contains("rubber_area_km2: Real"), "{layer}");
    // It is no layer to those who read the zones.
    areal(["report", "--areas", zones.parent().unwrap().to_str().unwrap(), "--out", "/dev/null/x"])
        .says(&["/dev/null"]);
}

#[test]
fn zones_of_a_value_are_in_steps_of_its_mean() {
    let bench = Bench::new();
    let raster = bench.raster("wealth.tif", &[&[1.0, 2.0]], &["-ot", "Float32"]);
    bench.aggregate(&raster, &[]).expect(0);
    if !has_tool("ogrinfo") {
        return skipped("ogrinfo is not installed");
    }
    let table =
        run(Command::new("ogrinfo").args(["-q", &bench.text("areas/areas.gpkg"), "layer_styles"])).expect(0).stdout;
    assert!(table.contains("graduatedSymbol") && table.contains("attr=\"&quot;band_1_mean&quot;\""), "{table}");
    assert_eq!(table.matches("<range ").count(), 1, "one zone is one step: {table}");
}
