//! What is read of GeoJSON here, against what GDAL reads.

use super::*;

const RING: &str = "[[100,13],[101.5,13],[101.5,14.25],[100,13]]";

fn collection(head: &str, features: &[String]) -> String {
    format!("{{\"type\": \"FeatureCollection\", {head} \"features\": [{}]}}", features.join(",\n"))
}

fn one(properties: &str, geometry: &str) -> String {
    format!("{{\"type\": \"Feature\", \"properties\": {properties}, \"geometry\": {geometry}}}")
}

fn square(properties: &str) -> String {
    one(properties, &format!("{{\"type\": \"Polygon\", \"coordinates\": [{RING}]}}"))
}

/// A layer with all its features.
fn whole<E>(read: impl FnOnce(&mut TakeFeatures<'_>) -> Result<VectorLayer, E>) -> Result<VectorLayer, E> {
    let mut features = Vec::new();
    let layer = read(&mut |_, mut more| {
        features.append(&mut more);
        true
    })?;
    Ok(VectorLayer { features, ..layer })
}

fn by_gdal(path: &Path) -> VectorLayer {
    whole(|take| read_by_gdal(path, &LayerChoice::default(), take)).unwrap()
}

/// What is read here in blocks of so many bytes.
fn read_blocks(path: &Path, block: usize) -> Option<VectorLayer> {
    whole(|take| read_in_blocks(path, block, take).map_or(Err(()), |layer| Ok(layer.unwrap()))).ok()
}

/// What is read here, after a check that GDAL reads the same, and that blocks do not matter.
fn read_text(text: &str) -> Option<VectorLayer> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("of zones.GeoJSON");
    std::fs::write(&path, text).unwrap();
    let found = read_blocks(&path, BLOCK);
    if let Some(layer) = &found {
        assert_eq!(*layer, by_gdal(&path), "{text}");
        // Members before the features have to be in the first block.
        let head = text.find("features").unwrap() + 12;
        for block in [head, head + 1, head + 7, head + 200] {
            assert_eq!(read_blocks(&path, block).as_ref(), Some(layer), "{block}: {text}");
        }
    }
    found
}

#[test]
fn plain_polygons_are_what_gdal_reads() {
    let parts = format!(
        "{{\"type\": \"MultiPolygon\", \"coordinates\": [[{RING}, [[100.1, 13.01], [1.002e2, 13.01], [100.2, 13.02], [100.1, 13.01]]], [{RING}]]}}"
    );
    let both = [
        one(r#"{"id": "z1", "n": 1, "x": 5, "empty": null, "later": null}"#, &parts),
        square(r#"{"id": "Mường \"a\" \u00e9", "n": -9007199254740993, "x": 0.1, "empty": null, "later": 7}"#),
        one(r#"{"id": "", "n": null, "x": null, "empty": null, "later": 8}"#, "null"),
    ];
    let named = r#""name": "the zones", "#;
    let crs = r#""crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32648"}}, "#;
    let crs84 = r#""crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}, "#;
    for head in ["", named, crs, crs84, &format!("{named}{crs}")] {
        let layer = read_text(&collection(head, &both)).unwrap();
        assert_eq!(layer.features.len(), 3);
        assert_eq!(layer.features[1].fid, 1);
        assert_eq!(layer.features[0].values[2], FieldValue::Real(5.0));
    }
    // What might be a date or a time stays the text that it is.
    for code in ["0017", "1_18", "2025-01-31", "T10", " 10:30", "2025/1/2 3:04"] {
        let layer = read_text(&collection("", &[square(&format!("{{\"code\": \"{code}\"}}"))])).unwrap();
        assert_eq!(layer.features[0].values, [FieldValue::Text(code.into())]);
    }
}

#[test]
fn what_is_not_plain_is_left_to_gdal() {
    let id = r#"{"id": "a"}"#;
    let geometry = |text: &str| one(id, text);
    let odd = [
        // Yes and no, lists, no fields, other fields in another feature, text among numbers.
        collection("", &[square(r#"{"is": true}"#)]),
        collection("", &[square(r#"{"list": [1]}"#)]),
        collection("", &[square(r#"{"id": "a\u0000b"}"#)]),
        collection("", &[square("{}")]),
        collection("", &[square("null")]),
        collection("", &[square(id), square(r#"{"name": "b"}"#)]),
        collection("", &[square(r#"{"id": 1}"#), square(id)]),
        // Ids, members of another kind, no features, something after the end.
        collection("", &[square(id).replacen('{', "{\"id\": 7, ", 1)]),
        collection("\"bbox\": [0, 0, 1, 1], ", &[square(id)]),
        collection("", &[]),
        collection("", &[square(id)]) + "x",
        collection("", &[square(id)]).replace("Collection", "Heap"),
        // Points, heights, open and short rings, nothing.
        collection("", &[geometry(r#"{"type": "Point", "coordinates": [1, 2]}"#)]),
        collection("", &[geometry(r#"{"type": "Polygon", "coordinates": [[[0,0,1],[1,0,1],[1,1,1],[0,0,1]]]}"#)]),
        collection("", &[geometry(r#"{"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,1]]]}"#)]),
        collection("", &[geometry(r#"{"type": "Polygon", "coordinates": [[[0,0],[1,0],[0,0]]]}"#)]),
        collection("", &[geometry(r#"{"type": "Polygon", "coordinates": []}"#)]),
        collection("", &[geometry(r#"{"type": "MultiPolygon", "coordinates": []}"#)]),
    ];
    for text in odd {
        assert_eq!(read_text(&text), None, "{text}");
    }
    // Cut off anywhere, it is left to GDAL too, which says what is wrong.
    let whole = collection("", &[square(id)]);
    assert!(read_text(&whole).is_some());
    assert!((0..whole.len()).all(|end| read_text(&whole[..end]).is_none()));
}

#[test]
fn real_zones_are_what_gdal_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/malaysia_districts/administrative_2_district.geojson");
    if !path.exists() {
        println!("skipped: no {}", path.display());
        return;
    }
    let expected = by_gdal(&path);
    assert!(read_blocks(&path, BLOCK).unwrap() == expected);
    assert!(read_blocks(&path, 4096).unwrap() == expected);
}

#[test]
fn fault_41_a_long_first_feature_is_not_shown_to_gdal_as_a_whole() {
    // 20,000 vertices, more than a head may be long.
    let corners: Vec<String> = (0..20_000).map(|k| format!("[{}.5,{}]", k % 170, k % 80)).collect();
    let geometry = format!("{{\"type\": \"Polygon\", \"coordinates\": [[{0},{1}]]}}", corners.join(","), corners[0]);
    let text = collection("", &[one(r#"{"id": "a", "n": 7}"#, &geometry), square(r#"{"id": "b", "n": 1.5}"#)]);
    assert!(text.len() > LONG_HEAD);
    let layer = read_text(&text).unwrap();
    assert_eq!(layer.features[0].values, [FieldValue::Text("a".into()), FieldValue::Real(7.0)]);
    // One that GDAL would take for something else is still left to it.
    let odd = geometry.replacen("Polygon", "MultiPoint", 1);
    assert_eq!(read_text(&collection("", &[one(r#"{"id": "a"}"#, &odd)])), None);
}

#[test]
fn a_reader_may_stop() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.geojson");
    std::fs::write(&path, collection("", &vec![square(r#"{"id": "a"}"#); 50])).unwrap();
    let mut batches = 0;
    let layer = read_in_blocks(&path, 300, &mut |_, _| {
        batches += 1;
        batches < 3
    });
    assert!(layer.unwrap().is_ok());
    assert_eq!(batches, 3);
}
