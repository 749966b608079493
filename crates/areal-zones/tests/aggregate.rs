//! Aggregation against hand arithmetic and closed forms, on small maps written to files.

mod support;

use std::path::Path;

use areal_grid::Pixels;
use areal_zones::{
    AggregateSettings, Antimeridian, Content, Fault, Invalid, ZoneLayerSettings, ZoneSet, ZoneState, ZonesError,
};
use geo::{Area, MultiPolygon};
use support::{grid, layer, near, open, polygon, rectangle, sum, write, zeros, zone_set};

#[test]
fn classes_by_hand() {
    // EPSG:6933 keeps areas: every cell of 100 m is 10,000 m2. Codes 1 1 2 / 1 3 255 (nodata).
    let folder = tempfile::tempdir().unwrap();
    let grid = grid("EPSG:6933", [1_000_000.0, 200.0], [100.0, 100.0], 2, 3);
    let path = write(&folder.path().join("c.tif"), &grid, &[Pixels::U8(vec![1, 1, 2, 1, 3, 255])], Some(255.0));
    // a: the left one and a half columns; b: the rest.
    let set = zone_set(
        "EPSG:6933",
        &[
            ("a", rectangle(1_000_000.0, 0.0, 1_000_150.0, 200.0)),
            ("b", rectangle(1_000_150.0, 0.0, 1_000_300.0, 200.0)),
        ],
    );
    let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    let class = |zone: usize, code: i64| areas.zones[zone].tally.class_areas.get(&code).copied().unwrap_or(0.0);
    // a: 1 + 1 + half of 1 = 2.5 cells of class 1, half a cell of class 3.
    near(class(0, 1), 25_000.0, 1e-6);
    near(class(0, 3), 5_000.0, 1e-6);
    near(class(1, 1), 5_000.0, 1e-6);
    near(class(1, 2), 10_000.0, 1e-6);
    near(areas.zones[1].tally.area - areas.zones[1].tally.classified_area(), 10_000.0, 1e-6);
    near(areas.map.area, 60_000.0, 1e-6);
    assert!(areas.zones.iter().all(|z| z.state == ZoneState::Inside && z.outside == 0.0));
    assert!(areas.reconciliation.iter().all(|r| r.relative_difference < 1e-12));
    // The zones' own areas, from their outlines.
    near(areas.zones[0].area, 30_000.0, 1e-6);
}

#[test]
fn values_and_weights_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 200.0], [100.0, 100.0], 2, 2);
    let values = Pixels::F32(vec![1.0, 2.0, 4.0, f32::NAN]);
    let path = write(&folder.path().join("v.tif"), &g, &[values], Some(f64::NAN));
    // Amounts on cells twice as wide: 8 people over both upper cells, 2 over both lower ones.
    let wide = grid("EPSG:6933", [0.0, 200.0], [200.0, 100.0], 2, 1);
    let people = write(&folder.path().join("p.tif"), &wide, &[Pixels::F32(vec![8.0, 2.0])], None);
    let set = zone_set("EPSG:6933", &[("all", rectangle(0.0, 0.0, 200.0, 200.0))]);
    let settings = AggregateSettings { weights: Some(people), ..AggregateSettings::default() };
    let areas = sum(&open(&path, Content::Values), &set, &settings).unwrap();
    let v = areas.zones[0].tally.values[0];
    near(v.cells, 3.0, 1e-12);
    near(v.by_area.mean, 7.0 / 3.0, 1e-9);
    // Deviations -4/3, -1/3, 5/3: squares 42 / 9 over 3 cells.
    near(v.by_area.standard_deviation().unwrap(), (42.0f64 / 27.0).sqrt(), 1e-9);
    // 4 people at 1, 4 at 2, 1 at 4, 1 where nothing is observed.
    near(v.weighted / v.weight, (4.0 + 8.0 + 4.0) / 9.0, 1e-9);
    near(v.all_weight, 10.0, 1e-9);
}

#[test]
fn a_class_map_of_too_many_codes_is_refused_in_one_window_or_many() {
    let folder = tempfile::tempdir().unwrap();
    let set = zone_set("EPSG:6933", &[("all", rectangle(0.0, 0.0, 40_000.0, 40_000.0))]);
    let of = |side: usize, most: i32, window_cells: usize| {
        let g = grid("EPSG:6933", [0.0, 40_000.0], [100.0, 100.0], side, side);
        let codes = (0..(side * side) as i32).map(|k| k.min(most)).collect();
        let path =
            write(&folder.path().join(format!("c{side}-{most}-{window_cells}.tif")), &g, &[Pixels::I32(codes)], None);
        sum(&open(&path, Content::Classes), &set, &AggregateSettings { window_cells, ..AggregateSettings::default() })
    };
    for window_cells in [1 << 21, 400] {
        // 160,000 codes, and 1,001: more than the 65,535 that a window's table holds, and just too many.
        for (side, most) in [(400, i32::MAX), (400, 1000)] {
            let error = of(side, most, window_cells).unwrap_err();
            assert!(matches!(error, ZonesError::TooManyCodes { most: 1000, .. }), "{error}");
        }
        let areas = of(400, 999, window_cells).unwrap();
        assert_eq!(areas.map.class_areas.len(), 1000);
        near(areas.map.classified_area(), areas.map.area, 1e-9);
    }
}

#[test]
fn windows_of_no_cells_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 100.0], [100.0, 100.0], 1, 1);
    let path = write(&folder.path().join("v.tif"), &g, &[Pixels::F32(vec![1.0])], None);
    let set = zone_set("EPSG:6933", &[("all", rectangle(0.0, 0.0, 100.0, 100.0))]);
    let settings = AggregateSettings { window_cells: 0, ..AggregateSettings::default() };
    assert!(matches!(sum(&open(&path, Content::Values), &set, &settings), Err(ZonesError::NoWindowCells)));
}

#[test]
fn memory_settings_do_not_change_results() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:32648", [500_000.0, 400_000.0], [100.0, 100.0], 700, 600);
    let codes: Vec<u8> = (0..700 * 600u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 29) as u8).collect();
    let path = write(&folder.path().join("c.tif"), &g, &[Pixels::U8(codes)], Some(7.0));
    let set = zone_set(
        "EPSG:4326",
        &[("a", polygon(&[(105.01, 3.2), (105.4, 3.1), (105.3, 3.6)])), ("b", rectangle(105.41, 3.3, 105.5, 3.5))],
    );
    let map = open(&path, Content::Classes);
    let whole = sum(&map, &set, &AggregateSettings::default()).unwrap();
    let parts = sum(&map, &set, &AggregateSettings { window_cells: 1, ..AggregateSettings::default() }).unwrap();
    for (a, b) in whole.zones.iter().zip(&parts.zones) {
        for (code, area) in &a.tally.class_areas {
            near(b.tally.class_areas[code], *area, 1e-11);
        }
    }
}

#[test]
fn fault_41_zones_that_leave_the_memory_have_the_same_sums_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:32648", [500_000.0, 400_000.0], [100.0, 100.0], 700, 600);
    let codes: Vec<u8> = (0..700 * 600u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 29) as u8).collect();
    let path = write(&folder.path().join("c.tif"), &g, &[Pixels::U8(codes)], Some(7.0));
    let map = open(&path, Content::Classes);
    // A hundred slanted squares, some of which overlap and some of which are beyond the map.
    let corner = |k: usize| (104.9 + 0.07 * (k % 10) as f64, 2.9 + 0.08 * (k / 10) as f64);
    let outline = |k: usize| {
        let (x, y) = corner(k);
        polygon(&[(x, y), (x + 0.08, y + 0.01), (x + 0.07, y + 0.09), (x - 0.01, y + 0.08)])
    };
    let names: Vec<String> = (0..100).map(|k| k.to_string()).collect();
    let zones: Vec<(&str, MultiPolygon<f64>)> =
        names.iter().enumerate().map(|(k, n)| (n.as_str(), outline(k))).collect();
    let sums = |memory: usize| {
        let set = read(&zones, &ZoneLayerSettings { memory, ..ZoneLayerSettings::default() }).unwrap();
        let settings = AggregateSettings { window_cells: 1 << 12, ..AggregateSettings::default() };
        sum(&map, &set, &settings).unwrap()
    };
    assert_eq!(sums(0), sums(64));
}

#[test]
fn projected_maps_give_true_areas() {
    // A triangle in degrees over a UTM map, far from its central meridian: cells must add up to the true area.
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:32648", [750_000.0, 460_000.0], [50.0, 50.0], 1000, 1000);
    let path = write(&folder.path().join("c.tif"), &g, &[zeros(1_000_000)], None);
    let set = zone_set("EPSG:4326", &[("t", polygon(&[(107.3, 3.75), (107.65, 3.8), (107.5, 4.1)]))]);
    let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    assert_eq!(areas.zones[0].state, ZoneState::Inside);
    near(areas.zones[0].tally.area, areas.zones[0].area, 1e-6);
}

#[test]
fn a_zone_over_the_antimeridian_is_whole() {
    // Fiji's longitudes, on a map of the world and on one that starts at 170 E; in one piece, torn, or in two parts.
    let folder = tempfile::tempdir().unwrap();
    let world = grid("EPSG:4326", [-180.0, -10.0], [1.0, 1.0], 20, 360);
    let pacific = grid("EPSG:4326", [170.0, -10.0], [1.0, 1.0], 20, 20);
    let whole = rectangle(177.5, -19.25, 182.0, -16.0);
    let torn = polygon(&[(177.5, -19.25), (-178.0, -19.25), (-178.0, -16.0), (177.5, -16.0)]);
    // Torn, it is over the antimeridian only if its long edges are read so.
    let crossing = ZoneLayerSettings { antimeridian: Antimeridian::Cross, ..ZoneLayerSettings::default() };
    let zone = |outline: &MultiPolygon<f64>| {
        ZoneSet::from_layer(Path::new("zones.gpkg"), &layer("EPSG:4326", &[("fiji", outline.clone())]), &crossing)
            .unwrap()
    };
    let mut parts = rectangle(177.5, -19.25, 180.0, -16.0);
    parts.0.extend(rectangle(-180.0, -19.25, -178.0, -16.0).0);
    for (k, g) in [world, pacific].iter().enumerate() {
        let path = write(&folder.path().join(format!("{k}.tif")), g, &[zeros(g.height * g.width)], None);
        for outline in [&whole, &torn, &parts] {
            let set = zone(outline);
            let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
            let zone = &areas.zones[0];
            assert_eq!(zone.state, ZoneState::Inside);
            // 4.5 x 3.25 cells.
            near(zone.tally.cells, 14.625, 1e-9);
            near(zone.tally.area, zone.area, 0.01);
            assert!(areas.overlap.area == 0.0);
        }
    }
    // The same on a projected map astride the antimeridian (UTM zone 60 S).
    let utm = grid("EPSG:32760", [500_000.0, 8_400_000.0], [2000.0, 2000.0], 400, 500);
    let path = write(&folder.path().join("utm.tif"), &utm, &[zeros(200_000)], None);
    for outline in [&whole, &torn, &parts] {
        let set = zone(outline);
        let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
        assert_eq!(areas.zones[0].state, ZoneState::Inside);
        // Within a cell of 2 km the scale of the map changes by some 1e-5.
        near(areas.zones[0].tally.area, areas.zones[0].area, 1e-5);
    }
}

#[test]
fn zones_off_the_map_are_rows_and_none_on_it_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:32648", [500_000.0, 400_000.0], [1000.0, 1000.0], 50, 50);
    let path = write(&folder.path().join("c.tif"), &g, &[zeros(2500)], None);
    let map = open(&path, Content::Classes);
    // One inside, one over the eastern edge, one near, one on the other side of the Earth, where UTM has no place.
    let far = rectangle(-80.0, -60.0, -70.0, -50.0);
    let zones = [
        ("in", rectangle(105.1, 3.3, 105.2, 3.4)),
        ("edge", rectangle(105.3, 3.3, 105.6, 3.4)),
        ("near", rectangle(106.0, 3.3, 106.1, 3.4)),
        ("far", far.clone()),
    ];
    let areas = sum(&map, &zone_set("EPSG:4326", &zones), &AggregateSettings::default()).unwrap();
    let states: Vec<ZoneState> = areas.zones.iter().map(|z| z.state).collect();
    assert_eq!(states, [ZoneState::Inside, ZoneState::Partial, ZoneState::Outside, ZoneState::Outside]);
    assert!(areas.zones[1].outside > 0.0 && areas.zones[1].outside < areas.zones[1].area);
    assert_eq!(areas.zones[3].outside, areas.zones[3].area);
    let none =
        sum(&map, &zone_set("EPSG:4326", &[("far", far)]), &AggregateSettings::default()).unwrap_err().to_string();
    assert!(none.contains("[-80.0000, -60.0000, -70.0000, -50.0000] in EPSG:4326"), "{none}");
    assert!(none.contains("[500000, 350000, 550000, 400000] in EPSG:32648 (that is [105"), "{none}");
}

#[test]
fn a_zone_of_the_whole_world_is_cut_to_a_map_in_utm() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:32648", [500_000.0, 400_000.0], [1000.0, 1000.0], 50, 50);
    let path = write(&folder.path().join("c.tif"), &g, &[zeros(2500)], None);
    let set = zone_set("EPSG:4326", &[("world", rectangle(-180.0, -90.0, 180.0, 90.0))]);
    let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    assert_eq!(areas.zones[0].state, ZoneState::Partial);
    near(areas.zones[0].tally.cells, 2500.0, 1e-12);
    near(areas.zones[0].area, 510_065_621_724_088.44, 1e-9);
}

#[test]
fn overlapping_zones_are_counted_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 200.0], [100.0, 100.0], 2, 2);
    let path = write(&folder.path().join("c.tif"), &g, &[zeros(4)], None);
    let set =
        zone_set("EPSG:6933", &[("a", rectangle(0.0, 0.0, 150.0, 200.0)), ("b", rectangle(50.0, 0.0, 200.0, 200.0))]);
    let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    near(areas.overlap.area, 20_000.0, 1e-6);
    let r = &areas.reconciliation[0];
    near(r.zones - r.overlap, r.map, 1e-12);
}

#[test]
fn an_overlap_and_a_gap_in_one_cell_do_not_hide_each_other() {
    // One cell of 100 m: a has columns 0 to 60, b 40 to 80. Together they cover one cell, and yet 20 m are left over.
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 100.0], [100.0, 100.0], 1, 1);
    let path = write(&folder.path().join("c.tif"), &g, &[zeros(1)], None);
    let set =
        zone_set("EPSG:6933", &[("a", rectangle(0.0, 0.0, 60.0, 100.0)), ("b", rectangle(40.0, 0.0, 80.0, 100.0))]);
    let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    near(areas.overlap.area, 2000.0, 1e-6);
    near(areas.outside.area, 2000.0, 1e-6);
    near(areas.map.area, 10_000.0, 1e-6);
}

fn read(zones: &[(&str, MultiPolygon<f64>)], settings: &ZoneLayerSettings) -> Result<ZoneSet, ZonesError> {
    ZoneSet::from_layer(Path::new("zones.gpkg"), &layer("EPSG:4326", zones), settings)
}

#[test]
fn bad_zones_are_refused_with_their_position() {
    let square = rectangle(0.0, 0.0, 1.0, 1.0);
    let fault =
        |zones: &[(&str, MultiPolygon<f64>)]| read(zones, &ZoneLayerSettings::default()).unwrap_err().to_string();
    let by_id = ZoneLayerSettings { id_field: Some("id".into()), ..ZoneLayerSettings::default() };
    let twice = read(&[("a", square.clone()), ("b", square.clone()), ("a", square.clone())], &by_id);
    assert_eq!(twice.unwrap_err().to_string(), "zones.gpkg: features 1 and 3 both have id \"a\"");
    assert_eq!(
        read(&[("", square.clone())], &by_id).unwrap_err().to_string(),
        "zones.gpkg, feature 1: field \"id\" is empty"
    );
    assert_eq!(
        fault(&[("a", MultiPolygon::new(Vec::new()))]),
        "zones.gpkg: zones must be polygons, but its layer \"zones\" has only 1 feature without a geometry"
    );
    let missing = ZoneLayerSettings { id_field: Some("code".into()), ..ZoneLayerSettings::default() };
    assert_eq!(
        read(&[("a", square.clone())], &missing).unwrap_err().to_string(),
        "zones.gpkg has no field \"code\"; its fields: id"
    );
    let mut no_crs = layer("EPSG:4326", &[("a", square)]);
    no_crs.crs = None;
    assert!(matches!(
        ZoneSet::from_layer(Path::new("z"), &no_crs, &ZoneLayerSettings::default()),
        Err(ZonesError::NoCrs { .. })
    ));
}

#[test]
fn a_bow_tie_is_repaired_or_refused() {
    let bow_tie = polygon(&[(0.0, 0.0), (4.0, 4.0), (4.0, 0.0), (0.0, 4.0)]);
    let refuse = ZoneLayerSettings { invalid: Invalid::Refuse, ..ZoneLayerSettings::default() };
    let error = read(&[("a", bow_tie.clone())], &refuse).unwrap_err();
    assert!(matches!(error, ZonesError::Invalid { repairable: true, fault: Fault::Crossing { x: 2.0, y: 2.0 }, .. }));
    let set = read(&[("a", bow_tie)], &ZoneLayerSettings::default()).unwrap();
    assert_eq!(set.repairs.len(), 1);
    assert!((set.zones.outline(0).unwrap().unsigned_area() - 8.0).abs() < 1e-6);
}
