//! `areal aggregate` of zones that reach over the places where a map projection is cut, and of rings round a pole.

use serde_json::json;

use crate::common::maps::{band_km2, layer};
use crate::common::maps::{grid, raster};
use crate::common::{ProgramRun, areal};

/// A map of one class, the Earth or most of it, in cells of 50 km or half a degree.
fn aggregate(crs: &str, zones: &serde_json::Value, flags: &[&str]) -> ProgramRun {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let cells = match crs {
        "EPSG:4326" => grid(crs, [-180.0, 90.0], [0.5, 0.5], 360, 720),
        _ => grid(crs, [-20_050_000.0, 9_050_000.0], [50_000.0, 50_000.0], 362, 802),
    };
    let ones = areal_grid::Pixels::U8(vec![1; cells.height * cells.width]);
    raster(&folder.path().join("map.tif"), &cells, &ones, 255.0);
    std::fs::write(at("zones.geojson"), zones.to_string()).unwrap();
    let fixed =
        ["aggregate", "--raster", &at("map.tif"), "--zones", &at("zones.geojson"), "--out", &at("areas"), "--json"];
    areal(fixed.iter().chain(flags))
}

/// Area of the one class in the one zone, which lies on the map as a whole.
fn km2(run: ProgramRun) -> f64 {
    let zone = run.expect(0).json()["zones"][0].clone();
    assert_eq!(zone["zone_state"], "inside");
    zone["class_1_area_km2"].as_f64().unwrap()
}

const MOLLWEIDE: &str = "ESRI:54009";
const GOODE: &str = "+proj=igh +datum=WGS84 +units=m";

/// Expected values: areas within geodesics between points 500 m apart on the edges, by pyproj 3.7 and geographiclib.
#[test]
fn projected_zones_over_the_cuts_of_a_map_are_cut_there() {
    for (code, zone, expected, within) in [
        // Over the antimeridian and up to 600 km from the pole; over both; in the last zone of UTM over the antimeridian.
        (3413, [-1_500_000.0, 200_000.0, 1_500_000.0, 2_500_000.0], 7_060_008.342_9, 1e-5),
        (3413, [-3_000_000.0, -3_000_000.0, 3_000_000.0, 3_000_000.0], 35_514_748.214_8, 1e-5),
        (32660, [600_000.0, 1_000_000.0, 1_000_000.0, 1_500_000.0], 199_649.367_8, 1e-5),
        // Over the meridian of 40 degrees west, where Goode's homolosine has a gap.
        (6933, [-4_800_000.0, 1_270_000.0, -2_900_000.0, 3_600_000.0], 4_427_000.001_8, 1e-5),
        (3857, [-5_500_000.0, 1_100_000.0, -3_300_000.0, 3_500_000.0], 4_590_374.475_4, 1e-5),
    ] {
        for crs in [MOLLWEIDE, GOODE] {
            let found = km2(aggregate(crs, &layer(code, zone), &[]));
            assert!((found / expected - 1.0).abs() < within, "{crs}, {code}: {found} {expected}");
        }
    }
}

#[test]
fn zones_over_the_cuts_of_goodes_ocean_map_are_cut_there() {
    // Its lobes end at 90 W and 60 E in the north, at 60 W and 90 E in the south; moved east by 10 degrees with its origin.
    for (crs, turn) in
        [("+proj=igh_o +datum=WGS84 +units=m", 0.0), ("+proj=igh_o +lon_0=10 +datum=WGS84 +units=m", 10.0)]
    {
        for [west, south, east, north] in
            [[-100.0, 30.0, -80.0, 50.0], [50.0, 10.0, 70.0, 60.0], [-120.0, -60.0, 100.0, -20.0]]
        {
            let zone = layer(4326, [west + turn, south, east + turn, north]);
            let found = km2(aggregate(crs, &zone, &[]));
            let expected = band_km2(south, north) * (east - west) / 360.0;
            assert!((found / expected - 1.0).abs() < 1e-5, "{crs}, {west}: {found} {expected}");
        }
    }
}

#[test]
fn zones_in_degrees_over_the_gaps_of_goodes_homolosine_are_cut_there() {
    // 20 degrees of longitude over the gap at 40 degrees west; all longitudes north of the equator.
    let found = km2(aggregate(GOODE, &layer(4326, [-50.0, 10.0, -30.0, 30.0]), &[]));
    assert!((found / (band_km2(10.0, 30.0) / 18.0) - 1.0).abs() < 1e-6, "{found}");
    let found = km2(aggregate(GOODE, &layer(4326, [-180.0, 0.0, 180.0, 60.0]), &[]));
    assert!((found / band_km2(0.0, 60.0) - 1.0).abs() < 1e-5, "{found}");
}

/// A ring through these places.
fn ring(places: &[[f64; 2]]) -> serde_json::Value {
    let mut zones = layer(4326, [0.0; 4]);
    let closed: Vec<[f64; 2]> = places.iter().chain(&places[..1]).copied().collect();
    zones["features"][0]["geometry"]["coordinates"] = json!([closed]);
    zones
}

#[test]
fn a_ring_round_a_pole_is_closed_over_it_where_edges_go_the_short_way() {
    let cross = ["--antimeridian", "cross"];
    let around = |lat: f64| ring(&[[-120.0, lat], [0.0, lat], [120.0, lat]]);
    for (lat, crs) in [(80.0, "EPSG:4326"), (-70.0, "EPSG:4326"), (80.0, MOLLWEIDE)] {
        let found = km2(aggregate(crs, &around(lat), &cross));
        assert!((found / band_km2(lat.abs(), 90.0) - 1.0).abs() < 2e-5, "{lat} {crs}: {found}");
    }
    let across = ring(&[[-120.0, 10.0], [0.0, -10.0], [120.0, 10.0]]);
    aggregate("EPSG:4326", &across, &cross).expect(3).says(&["goes round the Earth", "cannot be told"]);
}
