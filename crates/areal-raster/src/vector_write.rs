#![allow(unsafe_code)]

use std::path::Path;

use areal_job::StagedFile;
use gdal::vector::{FieldDefn, LayerAccess, LayerOptions, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DriverManager};
use geo::Geometry;

use crate::gdal_call::strictly;
use crate::srs::spatial_ref;
use crate::vector::{Feature, FieldKind, FieldValue, VectorLayer};
use crate::{RasterError, wkb};

/// Writes a layer as the one layer of a GeoPackage, whole or not at all; a file that stands there is replaced.
///
/// # Errors
/// When it cannot be written, or a feature does not fit the fields.
pub fn write_layer(path: &Path, layer: &VectorLayer) -> Result<(), RasterError> {
    let srs = layer.crs.as_ref().map(|crs| spatial_ref(&crs.wkt)).transpose()?;
    let fault = |message: String| RasterError::Write { path: path.to_path_buf(), message };
    if let Some(feature) = layer.features.iter().find(|f| f.values.len() != layer.fields.len()) {
        let (values, fields) = (feature.values.len(), layer.fields.len());
        return Err(fault(format!("feature {} has {values} values for {fields} fields", feature.fid)));
    }
    let staged = StagedFile::new(path)?;
    let _ = std::fs::remove_file(staged.path());
    strictly(|| {
        let driver = DriverManager::get_driver_by_name("GPKG")?;
        let mut dataset = driver.create_vector_only(staged.path())?;
        fill(&mut dataset, layer, srs.as_ref())?;
        dataset.close()
    })
    .map_err(fault)?;
    Ok(staged.commit()?)
}

fn fill(
    dataset: &mut Dataset,
    layer: &VectorLayer,
    srs: Option<&gdal::spatial_ref::SpatialRef>,
) -> gdal::errors::Result<()> {
    let (kind, multi) = geometry_type(&layer.features);
    let mut transaction = dataset.start_transaction()?;
    let target = transaction.create_layer(LayerOptions { name: &layer.name, srs, ty: kind, options: None })?;
    for field in &layer.fields {
        let kind = match field.kind {
            FieldKind::Integer => OGRFieldType::OFTInteger64,
            FieldKind::Real => OGRFieldType::OFTReal,
            FieldKind::Text => OGRFieldType::OFTString,
        };
        FieldDefn::new(&field.name, kind)?.add_to_layer(&target)?;
    }
    for feature in &layer.features {
        write_feature(&target, feature, multi)?;
    }
    transaction.commit()
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
