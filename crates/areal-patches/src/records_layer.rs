//! `patches.gpkg`: the records as a vector layer.

use std::path::Path;

use areal_formats::StoreMeta;
use areal_grid::Target;
use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, read_layer, write_features};
use areal_store::files::{LAYER as FILE, RECORDS};
use areal_store::{Footprint, Label, PatchRecord, PatchStore, Records, StoreError};
use geo::Geometry;

use crate::PatchError;

const LAYER: &str = "patches";

fn fields(target: &Target) -> Vec<Field> {
    let label = match target {
        Target::Classes { .. } => ("label", FieldKind::Text),
        Target::Value { .. } => ("value", FieldKind::Real),
    };
    let all = [
        ("patch_id", FieldKind::Integer),
        ("scene", FieldKind::Text),
        ("row", FieldKind::Integer),
        ("col", FieldKind::Integer),
        label,
        ("label_fraction", FieldKind::Real),
        ("valid_fraction", FieldKind::Real),
        ("split", FieldKind::Text),
        ("block", FieldKind::Integer),
        ("group", FieldKind::Text),
    ];
    all.map(|(name, kind)| Field { name: name.into(), kind }).into()
}

/// A patch on its way to the file, with its footprint in the store's CRS if it has a place.
pub(crate) type RecordRow = Result<(PatchRecord, Option<Footprint>), PatchError>;

/// Writes records, one by one as they come.
pub(crate) fn write_records(
    path: &Path,
    meta: &StoreMeta,
    rows: impl Iterator<Item = RecordRow>,
) -> Result<(), PatchError> {
    let mut fault = Ok(());
    let good = rows.map_while(|row| row.map_err(|e| fault = Err(e)).ok());
    let features = (0..).zip(good).map(|(fid, (record, footprint))| Feature {
        fid,
        geometry: footprint.map(|f| Geometry::Polygon(f.to_polygon())),
        values: values(&record, &meta.target),
    });
    let layer =
        VectorLayer { name: LAYER.into(), crs: meta.crs.clone(), fields: fields(&meta.target), features: Vec::new() };
    write_features(path, &layer, features, None)?;
    fault
}

fn values(r: &PatchRecord, target: &Target) -> Vec<FieldValue> {
    let label = match r.label {
        Label::Value(value) => FieldValue::Real(value),
        Label::Class(code) => {
            let class = target.classes().iter().find(|c| c.code == code);
            class.map_or(FieldValue::Null, |c| FieldValue::Text(c.name.clone()))
        }
    };
    vec![
        FieldValue::Integer(r.patch_id as i64),
        FieldValue::Text(r.scene.clone()),
        FieldValue::Integer(r.row),
        FieldValue::Integer(r.col),
        label,
        FieldValue::Real(r.label_fraction),
        FieldValue::Real(r.valid_fraction),
        FieldValue::Text(r.split.name().into()),
        FieldValue::Integer(r.block),
        r.group.clone().map_or(FieldValue::Null, FieldValue::Text),
    ]
}

/// Reads records, in the order of their numbers, and their footprints (empty where patches have no place).
pub(crate) fn read_records(path: &Path, meta: &StoreMeta) -> Result<Records, PatchError> {
    let layer = read_layer(path, Some(LAYER))?;
    let bad = |reason: String| PatchError::from(StoreError::Records { path: path.to_path_buf(), reason });
    let wanted = fields(&meta.target);
    let columns: Result<Vec<usize>, _> = wanted
        .iter()
        .map(|w| layer.fields.iter().position(|f| f.name == w.name).ok_or_else(|| bad(format!("no field {}", w.name))))
        .collect();
    let columns = columns?;
    let mut rows = Vec::with_capacity(layer.features.len());
    for feature in layer.features {
        let values: Vec<&FieldValue> = columns.iter().filter_map(|c| feature.values.get(*c)).collect();
        let record = record(&values, meta).map_err(|e| bad(format!("feature {}: {e}", feature.fid)))?;
        let footprint = match &feature.geometry {
            Some(Geometry::Polygon(polygon)) => Footprint::from_polygon(polygon),
            _ => None,
        };
        rows.push((record, footprint));
    }
    rows.sort_by_key(|(record, _)| record.patch_id);
    if let Some((i, (r, _))) = rows.iter().enumerate().find(|(i, (r, _))| r.patch_id != *i as u64) {
        return Err(bad(format!("patch_id is {}, expected {i}", r.patch_id)));
    }
    let footprints: Vec<Footprint> = rows.iter().filter_map(|(_, f)| *f).collect();
    if meta.crs.is_some() && footprints.len() != rows.len() {
        return Err(bad("a patch has no footprint of four corners".into()));
    }
    Ok(Records { patches: rows.into_iter().map(|(record, _)| record).collect(), footprints })
}

/// Opens a store, also one of an earlier version, whose records are in `patches.gpkg` alone.
///
/// # Errors
/// When a file is missing, truncated, of another format, or at odds with `store.json`.
pub fn open_store(path: &Path) -> Result<PatchStore, PatchError> {
    let layer = path.join(FILE);
    if path.join(RECORDS).is_file() || !layer.is_file() {
        return Ok(PatchStore::open(path)?);
    }
    tracing::info!("{} has no {RECORDS}, as earlier versions wrote it: {FILE} is read", path.display());
    PatchStore::open_with(path, |meta| read_records(&layer, meta))
}

fn record(values: &[&FieldValue], meta: &StoreMeta) -> Result<PatchRecord, String> {
    let [patch_id, scene, row, col, label, label_fraction, valid_fraction, split, block, group] = values else {
        return Err("fields are missing".into());
    };
    let label = match &meta.target {
        Target::Value { .. } => Label::Value(real(label, "value")?),
        Target::Classes { classes } => {
            let name = text(label, "label")?;
            let class = classes.iter().find(|c| c.name == name);
            Label::Class(class.ok_or_else(|| format!("label \"{name}\" is not a class of store.json"))?.code)
        }
    };
    let position = |value, name| match integer(value, name)? {
        n if n < 0 => Err(format!("{name} is {n}")),
        n => Ok(n),
    };
    Ok(PatchRecord {
        patch_id: position(patch_id, "patch_id")? as u64,
        scene: text(scene, "scene")?,
        row: position(row, "row")?,
        col: position(col, "col")?,
        label,
        label_fraction: real(label_fraction, "label_fraction")?,
        valid_fraction: real(valid_fraction, "valid_fraction")?,
        split: text(split, "split")?.parse().map_err(|e| format!("{e}"))?,
        block: integer(block, "block")?,
        group: if matches!(group, FieldValue::Null) { None } else { Some(text(group, "group")?) },
    })
}

fn integer(value: &FieldValue, name: &str) -> Result<i64, String> {
    match value {
        FieldValue::Integer(n) => Ok(*n),
        other => Err(format!("{name} is {other:?}, not a whole number")),
    }
}

fn real(value: &FieldValue, name: &str) -> Result<f64, String> {
    match value {
        FieldValue::Real(x) => Ok(*x),
        FieldValue::Integer(n) => Ok(*n as f64),
        other => Err(format!("{name} is {other:?}, not a number")),
    }
}

fn text(value: &FieldValue, name: &str) -> Result<String, String> {
    match value {
        FieldValue::Text(t) => Ok(t.clone()),
        other => Err(format!("{name} is {other:?}, not text")),
    }
}
