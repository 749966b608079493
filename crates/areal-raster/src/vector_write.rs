//! Writing of vector layers as `GeoPackage`s.
#![allow(unsafe_code)]

use std::borrow::Cow;
use std::path::Path;

use areal_job::StagedFile;
use gdal::errors::GdalError;
use gdal::vector::{FieldDefn, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use geo::Geometry;

use crate::gdal_call::strictly;
use crate::qgis::PolygonStyle;
use crate::srs::spatial_ref;
use crate::vector::{Feature, FieldKind, FieldValue, VectorLayer};
use crate::{RasterError, wkb};

/// Writes a layer as the one layer of a GeoPackage, whole or not at all; a file that stands there is replaced.
///
/// # Errors
/// When it cannot be written, or a feature does not fit the fields.
pub fn write_layer(path: &Path, layer: &VectorLayer) -> Result<(), RasterError> {
    write(path, layer, geometry_type(&layer.features), layer.features.iter().map(Cow::Borrowed), None)
}

/// Writes a layer as [`write_layer`] does, with features that are made one by one as they are written; those of `layer`
/// are left out. All have geometries of one kind, or none. With the style in which QGIS shows it, if there is one.
///
/// # Errors
/// When it cannot be written, or a feature does not fit the fields.
pub fn write_features(
    path: &Path,
    layer: &VectorLayer,
    features: impl Iterator<Item = Feature>,
    style: Option<&PolygonStyle>,
) -> Result<(), RasterError> {
    let mut features = features.peekable();
    let geometry = geometry_type(features.peek().map_or(&[], std::slice::from_ref));
    write(path, layer, geometry, features.map(Cow::Owned), style)
}

fn write<'a>(
    path: &Path,
    layer: &VectorLayer,
    geometry: (OGRwkbGeometryType::Type, bool),
    mut features: impl Iterator<Item = Cow<'a, Feature>>,
    style: Option<&PolygonStyle>,
) -> Result<(), RasterError> {
    let srs = layer.crs.as_ref().map(|crs| spatial_ref(&crs.wkt)).transpose()?;
    let fault = |message: String| RasterError::Write { path: path.to_path_buf(), message };
    let staged = StagedFile::new(path)?;
    let _ = std::fs::remove_file(staged.path());
    strictly(|| {
        let driver = DriverManager::get_driver_by_name("GPKG").map_err(|e| e.to_string())?;
        let mut dataset = driver.create_vector_only(staged.path()).map_err(|e| e.to_string())?;
        fill(&mut dataset, layer, geometry, &mut features, srs.as_ref())?;
        if let Some(style) = style {
            add_style(&mut dataset, &layer.name, &style.qml())?;
        }
        dataset.close().map_err(|e| e.to_string())
    })
    .map_err(fault)?;
    Ok(staged.commit()?)
}

fn fill(
    dataset: &mut Dataset,
    layer: &VectorLayer,
    (kind, multi): (OGRwkbGeometryType::Type, bool),
    features: &mut dyn Iterator<Item = Cow<'_, Feature>>,
    srs: Option<&gdal::spatial_ref::SpatialRef>,
) -> Result<(), String> {
    let said = |e: GdalError| e.to_string();
    let mut transaction = dataset.start_transaction().map_err(said)?;
    let options = LayerOptions { name: &layer.name, srs, ty: kind, options: None };
    let target = transaction.create_layer(options).map_err(said)?;
    for field in &layer.fields {
        let kind = match field.kind {
            FieldKind::Integer => OGRFieldType::OFTInteger64,
            FieldKind::Real => OGRFieldType::OFTReal,
            FieldKind::Text => OGRFieldType::OFTString,
        };
        FieldDefn::new(&field.name, kind).and_then(|field| field.add_to_layer(&target)).map_err(said)?;
    }
    for feature in features {
        if feature.values.len() != layer.fields.len() {
            let (fid, values, fields) = (feature.fid, feature.values.len(), layer.fields.len());
            return Err(format!("feature {fid} has {values} values for {fields} fields"));
        }
        write_feature(&target, &feature, multi).map_err(said)?;
    }
    transaction.commit().map_err(said)
}

/// Adds the table in which QGIS looks for the style of a layer. It compares catalogue and schema with empty texts, and of several
/// default styles takes the latest.
fn add_style(dataset: &mut Dataset, layer: &str, qml: &str) -> Result<(), String> {
    let said = |e: GdalError| e.to_string();
    let options =
        LayerOptions { name: "layer_styles", srs: None, ty: OGRwkbGeometryType::wkbNone, options: Some(&["FID=id"]) };
    let target = dataset.create_layer(options).map_err(said)?;
    let values = [
        ("f_table_catalog", OGRFieldType::OFTString, ""),
        ("f_table_schema", OGRFieldType::OFTString, ""),
        ("f_table_name", OGRFieldType::OFTString, layer),
        ("f_geometry_column", OGRFieldType::OFTString, "geom"),
        ("styleName", OGRFieldType::OFTString, "areal"),
        ("styleQML", OGRFieldType::OFTString, qml),
        ("styleSLD", OGRFieldType::OFTString, ""),
        ("useAsDefault", OGRFieldType::OFTInteger, "1"),
        ("description", OGRFieldType::OFTString, "made by areal"),
        ("owner", OGRFieldType::OFTString, ""),
        ("ui", OGRFieldType::OFTString, ""),
        // Always the same, so that equal runs make equal bytes.
        ("update_time", OGRFieldType::OFTDateTime, "1970/01/01 00:00:00+00"),
    ];
    for (name, kind, _) in values {
        FieldDefn::new(name, kind).and_then(|field| field.add_to_layer(&target)).map_err(said)?;
    }
    let mut feature = gdal::vector::Feature::new(target.defn()).map_err(said)?;
    for (k, (_, _, value)) in values.into_iter().enumerate() {
        feature.set_field_string(k, value).map_err(said)?;
    }
    feature.create(&target).map_err(said)
}

fn write_feature(layer: &gdal::vector::Layer<'_>, feature: &Feature, multi: bool) -> gdal::errors::Result<()> {
    let mut target = gdal::vector::Feature::new(layer.defn())?;
    if let Some(geometry) = &feature.geometry {
        target.set_geometry(gdal::vector::Geometry::from_wkb(&wkb::encode(geometry, multi))?)?;
    }
    if feature.fid >= 0 {
        // SAFETY: the feature is owned and alive.
        unsafe { gdal_sys::OGR_F_SetFID(target.c_feature(), feature.fid) };
    }
    for (k, value) in feature.values.iter().enumerate() {
        match value {
            FieldValue::Null => target.set_field_null(k)?,
            FieldValue::Integer(v) => target.set_field_integer64(k, *v)?,
            FieldValue::Real(v) => target.set_field_double(k, *v)?,
            FieldValue::Text(v) => target.set_field_string(k, v)?,
        }
    }
    target.create(layer)
}

/// The layer's geometry type, and whether single geometries have to become collections of one to fit it.
fn geometry_type(features: &[Feature]) -> (OGRwkbGeometryType::Type, bool) {
    let mut kinds: Vec<(OGRwkbGeometryType::Type, bool)> =
        features.iter().filter_map(|f| f.geometry.as_ref()).map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    match kinds[..] {
        [] if features.iter().all(|f| f.geometry.is_none()) => (OGRwkbGeometryType::wkbNone, false),
        [(kind, _)] => (kind, false),
        // One kind, single and multiple: OGC numbers a collection of a kind 3 above it.
        [(a, false), (b, true)] if b == a + 3 => (b, true),
        _ => (OGRwkbGeometryType::wkbUnknown, false),
    }
}

fn kind(geometry: &Geometry<f64>) -> (OGRwkbGeometryType::Type, bool) {
    match geometry {
        Geometry::Point(_) => (OGRwkbGeometryType::wkbPoint, false),
        Geometry::Line(_) | Geometry::LineString(_) => (OGRwkbGeometryType::wkbLineString, false),
        Geometry::Polygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => (OGRwkbGeometryType::wkbPolygon, false),
        Geometry::MultiPoint(_) => (OGRwkbGeometryType::wkbMultiPoint, true),
        Geometry::MultiLineString(_) => (OGRwkbGeometryType::wkbMultiLineString, true),
        Geometry::MultiPolygon(_) => (OGRwkbGeometryType::wkbMultiPolygon, true),
        Geometry::GeometryCollection(_) => (OGRwkbGeometryType::wkbGeometryCollection, true),
    }
}
