//! What `areal aggregate` reads: the cells near zones, and zones of any size.

use areal_grid::Pixels;
use serde_json::{Value, json};

use crate::common::areal;
use crate::common::maps::{grid, raster, square};

#[track_caller]
fn near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-6, "{found} km2, expected {expected}");
}

#[test]
fn fault_22_only_cells_near_zones_are_read() {
    // 200,000 x 200,000 cells of 10 m, of which a file holds a square of 100; a zone of 25 km2 around it.
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let side = 200_000usize;
    let north_west = [0.0, 2_000_000.0];
    let small = grid("EPSG:6933", [1_000_000.0, 1_000_000.0], [10.0, 10.0], 100, 100);
    raster(&at("small.tif"), &small, &Pixels::U8(vec![2; 10_000]), 255.0);
    let vrt = format!(
        "<VRTDataset rasterXSize=\"{side}\" rasterYSize=\"{side}\"><SRS>EPSG:6933</SRS>\
         <GeoTransform>{}, 10, 0, {}, 0, -10</GeoTransform>\
         <VRTRasterBand dataType=\"Byte\" band=\"1\"><NoDataValue>255</NoDataValue>\
         <SimpleSource><SourceFilename relativeToVRT=\"1\">small.tif</SourceFilename><SourceBand>1</SourceBand>\
         <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"100\" ySize=\"100\"/>\
         <DstRect xOff=\"100000\" yOff=\"100000\" xSize=\"100\" ySize=\"100\"/></SimpleSource></VRTRasterBand></VRTDataset>",
        north_west[0], north_west[1]
    );
    std::fs::write(at("map.vrt"), vrt).unwrap();
    let zone = square(997_000.0, 996_000.0, 5000.0);
    let crs = json!({ "type": "name", "properties": { "name": "urn:ogc:def:crs:EPSG::6933" } });
    let feature = json!({ "type": "Feature", "properties": { "id": "a" }, "geometry": { "type": "Polygon", "coordinates": [zone] } });
    let layer = json!({ "type": "FeatureCollection", "crs": crs, "features": [feature] });
    std::fs::write(at("zones.geojson"), layer.to_string()).unwrap();
    let paths = ["map.vrt", "zones.geojson", "areas"].map(|name| at(name).into_os_string());
    let [map, zones, out] = &paths;
    let flags = ["aggregate", "--json", "--raster", "--zones", "--out"].map(std::ffi::OsStr::new);
    let found = areal([flags[0], flags[1], flags[2], map, flags[3], zones, flags[4], out])
        .expect(0)
        .says(&["cells of the map are read"])
        .json();
    near(&found["zones"][0]["zone_area_km2"], 25.0);
    near(&found["zones"][0]["class_2_area_km2"], 1.0);
    near(&found["zones"][0]["unobserved_area_km2"], 24.0);
    // What was read is named so.
    near(&found["totals"]["map, where read"]["class_2_area_km2"], 1.0);
    let meta: Value = serde_json::from_slice(&std::fs::read(at("areas/areas.json")).unwrap()).unwrap();
    assert_eq!((meta["cells"].as_u64(), meta["cells_read"].as_u64()), (Some(40_000_000_000), Some(250_000)));
}

#[test]
fn fault_41_a_zone_of_two_million_vertices_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let map = grid("EPSG:6933", [-1000.0, 1000.0], [10.0, 10.0], 200, 200);
    raster(&at("map.tif"), &map, &Pixels::U8(vec![1; 40_000]), 255.0);
    // A circle of 900 m in an equal-area CRS: pi r^2 = 2.544690 km2.
    let turn = |k: u32| f64::from(k % 2_000_000) / 2e6 * std::f64::consts::TAU;
    let point = |k: u32| format!("[{:.9},{:.9}]", 900.0 * turn(k).cos(), 900.0 * turn(k).sin());
    let ring: Vec<String> = (0..=2_000_000).map(point).collect();
    let layer = format!(
        "{{\"type\": \"FeatureCollection\", \"crs\": {{\"type\": \"name\", \"properties\": {{\"name\": \"urn:ogc:def:crs:EPSG::6933\"}}}}, \
         \"features\": [{{\"type\": \"Feature\", \"properties\": {{\"id\": \"a\"}}, \"geometry\": {{\"type\": \"Polygon\", \
         \"coordinates\": [[{}]]}}}}]}}",
        ring.join(",")
    );
    std::fs::write(at("zones.geojson"), layer).unwrap();
    let paths = ["map.tif", "zones.geojson", "areas"].map(|name| at(name).into_os_string());
    let [map, zones, out] = &paths;
    let flags = ["aggregate", "--json", "--raster", "--zones", "--out"].map(std::ffi::OsStr::new);
    let found = areal([flags[0], flags[1], flags[2], map, flags[3], zones, flags[4], out]).expect(0).json();
    near(&found["zones"][0]["class_1_area_km2"], std::f64::consts::PI * 0.81);
}
