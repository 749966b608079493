//! Reading of vector layers of any format that OGR opens.
#![allow(unsafe_code)]

use std::path::Path;

use gdal::vector::{Defn, LayerAccess, OGRFieldType};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};

use crate::gdal_call::explain;
use crate::srs::describe;
use crate::vector::{Feature, Field, FieldKind, FieldValue, VectorLayer};
use crate::{RasterError, geojson, wkb};

/// Reads a layer of any file that OGR opens: GeoPackage, Shapefile, GeoJSON ... Without a name, the file must have one
/// layer only.
///
/// # Errors
/// When the file cannot be opened, has no such layer, or a feature of it cannot be read.
pub fn read_layer(path: &Path, layer: Option<&str>) -> Result<VectorLayer, RasterError> {
    match layer {
        None => geojson::read(path).map_or_else(|| read_by_gdal(path, None), Ok),
        named => read_by_gdal(path, named),
    }
}

/// As [`read_layer`], for every format.
pub(crate) fn read_by_gdal(path: &Path, layer: Option<&str>) -> Result<VectorLayer, RasterError> {
    let flags = GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
    let dataset = explain(|| Dataset::open_ex(path, DatasetOptions { open_flags: flags, ..Default::default() }))
        .map_err(|message| RasterError::Open { path: path.to_path_buf(), message })?;
    let index = choose(path, &dataset, layer)?;
    let fault = |message| RasterError::Open { path: path.to_path_buf(), message };
    let mut layer = explain(|| dataset.layer(index)).map_err(fault)?;
    let fields = fields(layer.defn());
    let crs = layer.spatial_ref().map(|srs| describe(&srs)).transpose()?;
    let mut result = VectorLayer { name: layer.name(), crs, fields, features: Vec::new() };
    let read = explain(|| -> Result<(), String> {
        for feature in layer.features() {
            result.features.push(convert(path, &feature, &result.fields).map_err(|e| e.to_string())?);
        }
        Ok(())
    });
    read.map_err(fault)?;
    Ok(result)
}

fn choose(path: &Path, dataset: &Dataset, wanted: Option<&str>) -> Result<usize, RasterError> {
    let names: Vec<String> = dataset.layers().map(|l| l.name()).collect();
    let fault = |reason: String| RasterError::Layer { path: path.to_path_buf(), reason, available: names.join(", ") };
    match wanted {
        Some(wanted) => {
            names.iter().position(|n| n == wanted).ok_or_else(|| fault(format!("it has no layer \"{wanted}\"")))
        }
        None if names.len() == 1 => Ok(0),
        None if names.is_empty() => Err(fault("it has no layer".to_owned())),
        None => Err(fault("it has several layers, and no layer is selected".to_owned())),
    }
}

fn fields(defn: &Defn) -> Vec<Field> {
    defn.fields()
        .map(|f| Field {
            name: f.name(),
            kind: match f.field_type() {
                OGRFieldType::OFTInteger | OGRFieldType::OFTInteger64 => FieldKind::Integer,
                OGRFieldType::OFTReal => FieldKind::Real,
                _ => FieldKind::Text,
            },
        })
        .collect()
}

fn convert(path: &Path, feature: &gdal::vector::Feature<'_>, fields: &[Field]) -> Result<Feature, RasterError> {
    let fid = feature.fid().map_or(-1, |fid| fid as i64);
    let fault = |message: String| RasterError::Feature { path: path.to_path_buf(), fid, message };
    let value = |(k, field): (usize, &Field)| {
        let value = match field.kind {
            FieldKind::Integer => feature.field_as_integer64(k).map(|v| v.map(FieldValue::Integer)),
            FieldKind::Real => feature.field_as_double(k).map(|v| v.map(FieldValue::Real)),
            FieldKind::Text => feature.field_as_string(k).map(|v| v.map(FieldValue::Text)),
        };
        value.map(|v| v.unwrap_or(FieldValue::Null)).map_err(|e| fault(format!("field {}: {e}", field.name)))
    };
    let values = fields.iter().enumerate().map(value).collect::<Result<_, _>>()?;
    // SAFETY: the feature lives through the call; its geometry, null where it has none, belongs to it.
    let geometry = unsafe { gdal_sys::OGR_F_GetGeometryRef(feature.c_feature()) };
    let geometry = (!geometry.is_null()).then(|| to_geo(geometry)).transpose().map_err(fault)?;
    Ok(Feature { fid, geometry, values })
}

/// Curves become short lines (GDAL's default, 4 degrees a step), heights are left out.
fn to_geo(geometry: gdal_sys::OGRGeometryH) -> Result<geo::Geometry<f64>, String> {
    // SAFETY: the caller's geometry is not null and lives through the call, which returns a new one; its WKB is copied
    // before it is destroyed.
    let bytes = unsafe {
        let linear = gdal_sys::OGR_G_GetLinearGeometry(geometry, 0.0, std::ptr::null_mut());
        if linear.is_null() {
            return Err("its geometry cannot be converted to straight lines".to_owned());
        }
        let mut bytes = vec![0u8; usize::try_from(gdal_sys::OGR_G_WkbSize(linear)).unwrap_or(0)];
        let code = gdal_sys::OGR_G_ExportToIsoWkb(linear, gdal_sys::OGRwkbByteOrder::wkbNDR, bytes.as_mut_ptr());
        gdal_sys::OGR_G_DestroyGeometry(linear);
        if code != gdal_sys::OGRErr::OGRERR_NONE {
            return Err("its geometry cannot be read".to_owned());
        }
        bytes
    };
    wkb::parse(&bytes)
}
