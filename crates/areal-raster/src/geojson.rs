//! Polygons of plain GeoJSON (RFC 7946, and the older form with a CRS), read some times faster than GDAL does, in several threads
//! and block by block. Whatever is not plain is left to GDAL, which gives the same layer.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::RasterError;
use crate::geojson_collection::{Collection, walk};
use crate::geojson_feature::PlainFeature;
use crate::json_blocks::BLOCK;
use crate::json_text::JsonText;
use crate::vector::{Feature, Field, FieldKind, FieldValue, VectorLayer};
use crate::vector_read::{LayerChoice, TakeFeatures, read_by_gdal};

/// A longer first feature is shown to GDAL with another geometry: GDAL takes some hundred bytes a vertex.
const LONG_HEAD: usize = 1 << 16;
/// The geometry that it is shown with.
const SHORT_POLYGON: &str = r#"{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}"#;

/// Reads a file of polygons whose features all have the same fields. `None` where the file is anything else, damaged files
/// among it; then nothing was taken.
pub(crate) fn read(path: &Path, take: &mut TakeFeatures<'_>) -> Option<Result<VectorLayer, RasterError>> {
    read_in_blocks(path, BLOCK, take)
}

fn read_in_blocks(path: &Path, block: usize, take: &mut TakeFeatures<'_>) -> Option<Result<VectorLayer, RasterError>> {
    let is_named_so = |e: &std::ffi::OsStr| e.eq_ignore_ascii_case("geojson") || e.eq_ignore_ascii_case("json");
    if !path.extension().is_some_and(is_named_so) {
        return None;
    }
    // All features are looked at before any is taken. Those of a small file need not be read again.
    let mut survey = Survey::default();
    let collection = walk(path, block, &mut |features| survey.add(features))?;
    let layer = survey.layer(path, &collection)?;
    let mut next = 0;
    let mut give = |mut features: Vec<Feature>| {
        for feature in &mut features {
            settle(feature, next, &layer.fields);
            next += 1;
        }
        take(&layer, features)
    };
    if let Some(features) = survey.only {
        give(features);
        return Some(Ok(layer));
    }
    let mut goes_on = true;
    let read = walk(path, block, &mut |features| {
        goes_on = give(parse_all(features, &survey.keys)?);
        goes_on.then_some(())
    });
    if goes_on && (read.is_none() || next != survey.count) {
        let message = "it changed while it was read".to_owned();
        return Some(Err(RasterError::Open { path: path.to_path_buf(), message }));
    }
    Some(Ok(layer))
}

/// Gives a feature its number, and its values the kinds of their fields.
fn settle(feature: &mut Feature, fid: i64, fields: &[Field]) {
    feature.fid = fid;
    for (value, field) in feature.values.iter_mut().zip(fields) {
        if let (FieldValue::Integer(v), FieldKind::Real) = (&value, field.kind) {
            *value = FieldValue::Real(*v as f64);
        }
    }
}

fn parse_all(features: &[&[u8]], keys: &[String]) -> Option<Vec<Feature>> {
    features.par_iter().map(|text| feature(text, keys)).collect()
}

/// What is seen of the features of a file.
#[derive(Default)]
struct Survey {
    /// The first one's, as text.
    first: String,
    keys: Vec<String>,
    kinds: Vec<Option<FieldKind>>,
    count: i64,
    /// The features of the first block, while there is no other.
    only: Option<Vec<Feature>>,
}

impl Survey {
    /// Looks at the features of a block; `None` where they are not plain.
    fn add(&mut self, texts: &[&[u8]]) -> Option<()> {
        let is_first = self.count == 0;
        if is_first {
            let first = std::str::from_utf8(texts.first()?).ok()?;
            self.keys = keys(first)?;
            self.kinds = vec![None; self.keys.len()];
            self.first = if first.len() > LONG_HEAD { shortened(first)? } else { first.to_owned() };
        }
        let features = parse_all(texts, &self.keys)?;
        self.count += features.len() as i64;
        for (field, kind) in self.kinds.iter_mut().enumerate() {
            for feature in &features {
                *kind = with(*kind, &feature.values[field]).ok()?;
            }
        }
        self.only = is_first.then_some(features);
        Some(())
    }

    /// The layer without features. What GDAL makes of the first feature, the CRS and the name is what is meant.
    fn layer(&self, path: &Path, collection: &Collection) -> Option<VectorLayer> {
        let first = feature(self.first.as_bytes(), &self.keys)?;
        let layer = read_head(path, collection, &self.first)?;
        let kinds = first.values.iter().map(|value| with(None, value).ok()).collect::<Option<Vec<_>>>()?;
        let own: Vec<FieldKind> = kinds.into_iter().map(kind_or_text).collect();
        let same =
            layer.fields.iter().map(|f| (f.name.as_str(), f.kind)).eq(self.keys.iter().map(String::as_str).zip(own));
        if self.keys.is_empty() || !same || layer.features != [first] {
            return None;
        }
        let field =
            |(name, kind): (&String, &Option<FieldKind>)| Field { name: name.clone(), kind: kind_or_text(*kind) };
        let fields = self.keys.iter().zip(&self.kinds).map(field).collect();
        Some(VectorLayer { fields, features: Vec::new(), ..layer })
    }
}

/// A feature of the same properties with another polygon.
fn shortened(feature: &str) -> Option<String> {
    let mut properties = None;
    JsonText::new(feature.as_bytes()).object(|key, text| {
        if key == "properties" && properties.is_none() {
            properties = Some(std::str::from_utf8(text.nested()?).ok()?);
            return Some(());
        }
        if text.null() || text.nested().is_some() { Some(()) } else { text.string().map(|_| ()) }
    })?;
    Some(format!("{{\"type\":\"Feature\",\"properties\":{},\"geometry\":{SHORT_POLYGON}}}", properties?))
}

/// What GDAL makes of the file with its first feature only.
fn read_head(path: &Path, collection: &Collection, first: &str) -> Option<VectorLayer> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    // A layer without a name is named after its file.
    let place = PathBuf::from(format!("/vsimem/areal-head-{number}")).join(path.file_name()?);
    gdal::vsi::create_mem_file(&place, collection.with(first).into_bytes()).ok()?;
    let mut features = Vec::new();
    let layer = read_by_gdal(&place, &LayerChoice::default(), &mut |_, read| {
        features.extend(read);
        true
    });
    let _ = gdal::vsi::unlink_mem_file(&place);
    Some(VectorLayer { features, ..layer.ok()? })
}

/// Names of a feature's properties.
fn keys(feature: &str) -> Option<Vec<String>> {
    let feature: PlainFeature<'_> = serde_json::from_str(feature).ok()?;
    Some(feature.properties.0.into_iter().map(|(key, _)| key.into_owned()).collect())
}

/// A feature of a polygon and properties with just these names, in this order. Its id is left at 0.
fn feature(bytes: &[u8], keys: &[String]) -> Option<Feature> {
    let PlainFeature { kind, properties, geometry } = serde_json::from_slice(bytes).ok()?;
    let same = properties.0.iter().map(|(key, _)| &**key).eq(keys.iter().map(String::as_str));
    let values = properties.0.into_iter().map(|(_, value)| value).collect();
    (kind == "Feature" && same).then_some(Feature { fid: 0, geometry: geometry.map(|polygons| polygons.0), values })
}

/// Text and numbers in one field.
struct Mixed;

/// What a field holds with one more value, if anything.
fn with(kind: Option<FieldKind>, value: &FieldValue) -> Result<Option<FieldKind>, Mixed> {
    let kind = match (value, kind) {
        (FieldValue::Null, kind) => return Ok(kind),
        (FieldValue::Integer(_), None | Some(FieldKind::Integer)) => FieldKind::Integer,
        (FieldValue::Integer(_), Some(FieldKind::Real))
        | (FieldValue::Real(_), None | Some(FieldKind::Integer | FieldKind::Real)) => FieldKind::Real,
        (FieldValue::Text(_), None | Some(FieldKind::Text)) => FieldKind::Text,
        _ => return Err(Mixed),
    };
    Ok(Some(kind))
}

/// A field that is nowhere filled holds text.
fn kind_or_text(kind: Option<FieldKind>) -> FieldKind {
    kind.unwrap_or(FieldKind::Text)
}

#[cfg(test)]
#[path = "geojson_tests.rs"]
mod tests;
