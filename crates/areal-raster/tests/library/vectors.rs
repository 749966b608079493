//! Vector layers.

use std::path::Path;

use areal_raster::{
    Feature, Field, FieldKind, FieldValue, RasterError, VectorLayer, crs_from_text, read_layer, same_crs, write_layer,
};
use geo::{Area, CoordsIter, Geometry, LineString, MultiPolygon, Point, Polygon};

use crate::common::{data, tool};

fn square(x: f64, y: f64, size: f64) -> Polygon<f64> {
    let ring = |x: f64, y: f64, s: f64| LineString::from(vec![(x, y), (x, y + s), (x + s, y + s), (x + s, y), (x, y)]);
    Polygon::new(ring(x, y, size), vec![ring(x + size / 4.0, y + size / 4.0, size / 2.0)])
}

fn layer(geometries: Vec<Option<Geometry<f64>>>) -> VectorLayer {
    let field = |name: &str, kind| Field { name: name.to_owned(), kind };
    let feature = |(k, geometry): (usize, Option<Geometry<f64>>)| Feature {
        fid: k as i64 + 1,
        geometry,
        values: match k {
            0 => {
                vec![FieldValue::Integer(i64::MAX), FieldValue::Real(0.1 + 0.2), FieldValue::Text("Huyện Mường".into())]
            }
            _ => vec![FieldValue::Null, FieldValue::Null, FieldValue::Null],
        },
    };
    VectorLayer {
        name: "zones".to_owned(),
        crs: Some(crs_from_text("EPSG:4326").unwrap()),
        fields: vec![field("n", FieldKind::Integer), field("x", FieldKind::Real), field("name", FieldKind::Text)],
        features: geometries.into_iter().enumerate().map(feature).collect(),
    }
}

#[test]
fn a_layer_comes_back_as_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let polygons = layer(vec![Some(square(100.0, 13.0, 1.0).into()), Some(square(102.0, 13.0, 1.0).into()), None]);
    let points = layer(vec![Some(Point::new(100.5, 13.25).into()), Some(Point::new(-100.5, -13.25).into())]);
    let islands = MultiPolygon::new(vec![square(100.0, 13.0, 1.0), square(105.0, 13.0, 2.0)]);
    let multi = layer(vec![Some(islands.clone().into()), Some(islands.into())]);
    for (name, layer) in [("polygons", polygons), ("points", points), ("multi", multi)] {
        let path = dir.path().join(format!("{name}.gpkg"));
        write_layer(&path, &layer).unwrap();
        assert_eq!(read_layer(&path, None).unwrap(), layer, "{name}");
    }
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn single_and_multiple_polygons_share_a_layer_as_multiple_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gpkg");
    let one = square(100.0, 13.0, 1.0);
    write_layer(&path, &layer(vec![Some(one.clone().into()), Some(MultiPolygon::new(vec![one.clone()]).into())]))
        .unwrap();
    for feature in read_layer(&path, None).unwrap().features {
        assert_eq!(feature.geometry, Some(MultiPolygon::new(vec![one.clone()]).into()));
    }
}

#[test]
fn equal_layers_make_equal_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.gpkg"), dir.path().join("b.gpkg"));
    let layer = layer((0..500).map(|k| Some(square(f64::from(k) / 9.0, 13.0, 1.0).into())).collect());
    write_layer(&a, &layer).unwrap();
    // Times in the file are in seconds.
    let second = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let before = second();
    while second() == before {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    write_layer(&b, &layer).unwrap();
    assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap(), "the time of writing must not show in the file");
}

#[test]
fn other_formats_give_the_same_layer() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gpkg");
    let written = layer(vec![Some(square(100.0, 13.0, 1.0).into()), Some(square(102.0, 13.0, 1.0).into())]);
    write_layer(&path, &written).unwrap();
    for (name, format) in [("b.shp", "ESRI Shapefile"), ("c.geojson", "GeoJSON"), ("d.fgb", "FlatGeobuf")] {
        let target = dir.path().join(name);
        // A Shapefile's text is Latin-1 unless told otherwise.
        let encoding: &[&str] = if format == "ESRI Shapefile" { &["-lco", "ENCODING=UTF-8"] } else { &[] };
        let args = [encoding, &["-f", format, target.to_str().unwrap(), path.to_str().unwrap()]].concat();
        if !tool("ogr2ogr", &args) {
            return;
        }
        let read = read_layer(&target, None).unwrap();
        assert!(same_crs(read.crs.as_ref().unwrap(), written.crs.as_ref().unwrap()), "{name}: {:?}", read.crs);
        assert_eq!(read.features.len(), 2, "{name}");
        let longitudes: Vec<f64> = read
            .features
            .iter()
            .map(|f| f.geometry.as_ref().unwrap().exterior_coords_iter().next().unwrap().x)
            .collect();
        assert!(longitudes.iter().all(|x| (99.0..104.0).contains(x)), "{name}: {longitudes:?}, not latitude first");
        assert!(read.features.iter().any(|f| f.values.contains(&FieldValue::Text("Huyện Mường".into()))), "{name}");
    }
}

#[test]
fn awkward_geometries_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("a.csv");
    let rows = [
        "CURVEPOLYGON (CIRCULARSTRING (0 0,1 1,2 0,1 -1,0 0))",
        "POLYGON Z ((0 0 5,4 0 5,4 4 5,0 0 5))",
        "MULTIPOLYGON EMPTY",
        "GEOMETRYCOLLECTION (POINT (1 1),POLYGON ((0 0,1 0,1 1,0 0)))",
    ];
    let lines: Vec<String> = rows.iter().map(|wkt| format!("1,\"{wkt}\"")).collect();
    std::fs::write(&csv, format!("id,WKT\n{}\n", lines.join("\n"))).unwrap();
    let layer = read_layer(&csv, None).unwrap();
    let geometry = |k: usize| layer.features[k].geometry.clone().unwrap();
    // A circle of radius 1, made of lines of 4 degrees: pi times 1 - (4 degrees)^2 / 24 twice over.
    assert!((geometry(0).unsigned_area() - std::f64::consts::PI).abs() < 0.005, "{}", geometry(0).unsigned_area());
    assert_eq!(geometry(1).unsigned_area(), 8.0);
    assert_eq!(geometry(2).coords_count(), 0);
    assert_eq!(geometry(3).coords_count(), 5);
    assert!(layer.crs.is_none());
}

#[test]
fn a_layer_is_named_where_there_are_several() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.gpkg");
    write_layer(&path, &layer(vec![Some(Point::new(1.0, 2.0).into())])).unwrap();
    let path_text = path.to_str().unwrap();
    if !tool("ogr2ogr", &["-update", "-nln", "more", path_text, path_text, "zones"]) {
        return;
    }
    let message = read_layer(&path, None).unwrap_err().to_string();
    assert!(message.contains("several layers") && message.contains("zones, more"), "{message}");
    assert!(read_layer(&path, Some("none")).unwrap_err().to_string().contains("no layer \"none\""));
    assert_eq!(read_layer(&path, Some("more")).unwrap().features.len(), 1);
}

#[test]
fn missing_broken_and_wrong_files_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let broken = dir.path().join("broken.geojson");
    std::fs::write(&broken, "{\"type\":\"FeatureCollection\",\"features\":[{\"type\":").unwrap();
    for path in [Path::new("no-such-file.gpkg"), &broken] {
        let error = read_layer(path, None).unwrap_err();
        assert!(
            matches!(error, RasterError::Open { .. })
                && error.to_string().contains("file.gpkg") != path.ends_with("broken.geojson"),
            "{error}"
        );
    }
    let mut short = layer(vec![Some(Point::new(1.0, 2.0).into())]);
    short.features[0].values.pop();
    assert!(write_layer(&dir.path().join("a.gpkg"), &short).is_err());
    assert!(write_layer(Path::new("/proc/a.gpkg"), &layer(vec![])).is_err());
}

#[test]
fn real_layers_are_read_whole() {
    if let Some(path) = data("landsat7_chiapas/training_data.shp") {
        let layer = read_layer(&path, None).unwrap();
        assert_eq!(layer.features.len(), 30);
        assert!(layer.field_index("class").is_some());
    }
    if let Some(path) = data("malaysia_districts/administrative_2_district.geojson") {
        let layer = read_layer(&path, None).unwrap();
        assert_eq!(layer.features.len(), 160);
        let west = layer.features.iter().filter_map(|f| f.geometry.as_ref()).flat_map(CoordsIter::exterior_coords_iter);
        assert!(west.into_iter().all(|c| (99.0..120.0).contains(&c.x) && (0.0..8.0).contains(&c.y)));
    }
}
