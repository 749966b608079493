//! Polygons of plain GeoJSON (RFC 7946, and the older form with a CRS), read some times faster than GDAL does and in
//! several threads. Whatever is not plain is left to GDAL, which gives the same layer.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use geo::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use rayon::prelude::*;

use crate::json_text::{JsonText, Number};
use crate::vector::{Feature, Field, FieldKind, FieldValue, VectorLayer};
use crate::vector_read::{LayerChoice, read_by_gdal};

/// Largest file that is held in memory as a whole; GDAL reads larger ones piece by piece.
const MOST_BYTES: u64 = 1 << 29;

/// Reads a file of polygons whose features all have the same fields. `None` where the file is anything else, damaged files
/// among it.
pub(crate) fn read(path: &Path) -> Option<VectorLayer> {
    let is_named_so = |e: &std::ffi::OsStr| e.eq_ignore_ascii_case("geojson") || e.eq_ignore_ascii_case("json");
    if !path.extension().is_some_and(is_named_so) || std::fs::metadata(path).ok()?.len() > MOST_BYTES {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let collection = Collection::parse(std::str::from_utf8(&bytes).ok()?.as_bytes())?;
    let (first, others) = collection.features.split_first()?;
    let keys = keys(first)?;
    let parse = |text: &&[u8]| feature(text, &keys);
    let mut features = vec![parse(first)?];
    let mut layer = read_head(path, &collection)?;
    // What GDAL makes of the first feature, the CRS and the name is what is meant.
    let own = |f: &Feature| (kinds(std::slice::from_ref(f), keys.len()), vec![f.clone()]);
    if keys.is_empty()
        || !layer.fields.iter().map(|f| f.name.as_str()).eq(keys.iter().map(AsRef::as_ref))
        || own(&features[0]) != (Some(layer.fields.iter().map(|f| f.kind).collect()), layer.features)
    {
        return None;
    }
    features.extend(others.par_iter().map(parse).collect::<Option<Vec<_>>>()?);
    let kinds = kinds(&features, keys.len())?;
    for (fid, feature) in features.iter_mut().enumerate() {
        feature.fid = fid as i64;
        for (value, kind) in feature.values.iter_mut().zip(&kinds) {
            if let (FieldValue::Integer(v), FieldKind::Real) = (&value, kind) {
                *value = FieldValue::Real(*v as f64);
            }
        }
    }
    layer.fields = keys.iter().zip(kinds).map(|(name, kind)| Field { name: name.to_string(), kind }).collect();
    Some(VectorLayer { features, ..layer })
}

/// A collection whose features are not parsed yet.
#[derive(Default)]
struct Collection<'a> {
    name: Option<Cow<'a, str>>,
    crs: Option<&'a [u8]>,
    features: Vec<&'a [u8]>,
}

impl<'a> Collection<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut text = JsonText::new(bytes);
        let mut found = Self::default();
        let mut is_collection = false;
        text.object(|key, text| {
            match &*key {
                "type" if !is_collection => is_collection = text.string()? == "FeatureCollection",
                "name" if found.name.is_none() => found.name = Some(text.string()?),
                "crs" if found.crs.is_none() => found.crs = Some(text.nested()?),
                "features" if found.features.is_empty() => text.array(|text| {
                    found.features.push(text.nested()?);
                    Some(())
                })?,
                _ => return None,
            }
            Some(())
        })?;
        (is_collection && text.is_empty()).then_some(found)
    }

    /// The same with the first feature only, as text.
    fn head(&self) -> Option<String> {
        let first = std::str::from_utf8(self.features.first()?).ok()?;
        let crs = self.crs.map(std::str::from_utf8).transpose().ok()?;
        let name = self.name.as_ref().map(|name| format!("\"name\":{},", serde_json::Value::from(name.as_ref())));
        let crs = crs.map(|crs| format!("\"crs\":{crs},"));
        let (name, crs) = (name.unwrap_or_default(), crs.unwrap_or_default());
        Some(format!("{{\"type\":\"FeatureCollection\",{name}{crs}\"features\":[{first}]}}"))
    }
}

/// What GDAL makes of the file with its first feature only.
fn read_head(path: &Path, collection: &Collection<'_>) -> Option<VectorLayer> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // A layer without a name is named after its file.
    let place = PathBuf::from(format!("/vsimem/areal-head-{number}")).join(path.file_name()?);
    gdal::vsi::create_mem_file(&place, collection.head()?.into_bytes()).ok()?;
    let layer = read_by_gdal(&place, &LayerChoice::default());
    let _ = gdal::vsi::unlink_mem_file(&place);
    layer.ok()
}

/// Names of a feature's properties.
fn keys(feature: &[u8]) -> Option<Vec<Cow<'_, str>>> {
    let mut keys = None;
    JsonText::new(feature).object(|key, text| {
        if key == "properties" {
            let found = keys.insert(Vec::new());
            return text.object(|key, text| {
                found.push(key);
                value(text).map(|_| ())
            });
        }
        if text.null() || text.nested().is_some() { Some(()) } else { text.string().map(|_| ()) }
    })?;
    keys
}

/// A feature of a polygon and properties with just these names, in this order. Its id is left at 0.
fn feature(bytes: &[u8], keys: &[Cow<'_, str>]) -> Option<Feature> {
    let mut text = JsonText::new(bytes);
    let (mut is_feature, mut geometry, mut values) = (false, None, None);
    text.object(|key, text| {
        match &*key {
            "type" if !is_feature => is_feature = text.string()? == "Feature",
            "properties" if values.is_none() => values = Some(properties(text, keys)?),
            "geometry" if geometry.is_none() => {
                geometry = Some(if text.null() { None } else { Some(polygons(text)?) });
            }
            _ => return None,
        }
        Some(())
    })?;
    (is_feature && text.is_empty()).then_some(Feature { fid: 0, geometry: geometry?, values: values? })
}

fn properties(text: &mut JsonText<'_>, keys: &[Cow<'_, str>]) -> Option<Vec<FieldValue>> {
    let mut values = Vec::with_capacity(keys.len());
    text.object(|key, text| {
        if keys.get(values.len()) != Some(&key) {
            return None;
        }
        values.push(value(text)?);
        Some(())
    })?;
    (values.len() == keys.len()).then_some(values)
}

fn value(text: &mut JsonText<'_>) -> Option<FieldValue> {
    if text.null() {
        return Some(FieldValue::Null);
    }
    if text.peek()? == b'"' {
        // GDAL cuts a text off at a zero byte.
        return text.string().filter(|s| !s.contains('\0')).map(|s| FieldValue::Text(s.into_owned()));
    }
    Some(match text.number()? {
        Number::Integer(v) => FieldValue::Integer(v),
        Number::Real(v) => FieldValue::Real(v),
    })
}

fn polygons(text: &mut JsonText<'_>) -> Option<Geometry<f64>> {
    let (mut is_multiple, mut geometry) = (None, None);
    text.object(|key, text| {
        match (&*key, is_multiple) {
            ("type", None) => {
                is_multiple = match &*text.string()? {
                    "Polygon" => Some(false),
                    "MultiPolygon" => Some(true),
                    _ => return None,
                }
            }
            ("coordinates", Some(false)) if geometry.is_none() => geometry = Some(Geometry::Polygon(polygon(text)?)),
            ("coordinates", Some(true)) if geometry.is_none() => {
                let mut parts = Vec::new();
                text.array(|text| {
                    parts.push(polygon(text)?);
                    Some(())
                })?;
                geometry = (!parts.is_empty()).then_some(Geometry::MultiPolygon(MultiPolygon::new(parts)));
            }
            _ => return None,
        }
        Some(())
    })?;
    geometry
}

fn polygon(text: &mut JsonText<'_>) -> Option<Polygon<f64>> {
    let mut rings = Vec::with_capacity(1);
    text.array(|text| {
        let mut coords: Vec<Coord<f64>> = Vec::with_capacity(16);
        text.array(|text| {
            coords.push(position(text)?);
            Some(())
        })?;
        let is_closed = coords.len() > 3 && coords.first() == coords.last();
        is_closed.then(|| rings.push(LineString::new(coords)))
    })?;
    let mut rings = rings.into_iter();
    Some(Polygon::new(rings.next()?, rings.collect()))
}

/// Two coordinates, no height.
fn position(text: &mut JsonText<'_>) -> Option<Coord<f64>> {
    if !text.eat(b'[') {
        return None;
    }
    let x = text.number()?.value();
    if !text.eat(b',') {
        return None;
    }
    let y = text.number()?.value();
    text.eat(b']').then_some(Coord { x, y })
}

/// What each field holds over all features; `None` where text and numbers are mixed.
fn kinds(features: &[Feature], fields: usize) -> Option<Vec<FieldKind>> {
    let kind = |field: usize| {
        let mut found = None;
        for feature in features {
            found = match (&feature.values[field], found) {
                (FieldValue::Null, found) => found,
                (FieldValue::Integer(_), None | Some(FieldKind::Integer)) => Some(FieldKind::Integer),
                (FieldValue::Integer(_), Some(FieldKind::Real))
                | (FieldValue::Real(_), None | Some(FieldKind::Integer | FieldKind::Real)) => Some(FieldKind::Real),
                (FieldValue::Text(_), None | Some(FieldKind::Text)) => Some(FieldKind::Text),
                _ => return None,
            };
        }
        // A field that is nowhere filled holds text.
        Some(found.unwrap_or(FieldKind::Text))
    };
    (0..fields).map(kind).collect()
}

#[cfg(test)]
mod tests {
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

    /// What is read here, after a check that GDAL reads the same.
    fn read_text(text: &str) -> Option<VectorLayer> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("of zones.GeoJSON");
        std::fs::write(&path, text).unwrap();
        let found = read(&path);
        if let Some(layer) = &found {
            assert_eq!(*layer, read_by_gdal(&path, &LayerChoice::default()).unwrap(), "{text}");
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
        assert!(read(&path).unwrap() == read_by_gdal(&path, &LayerChoice::default()).unwrap());
    }
}
