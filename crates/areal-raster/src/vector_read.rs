//! Reading of vector layers of any format that OGR opens.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::path::Path;

use areal_tables::Encoding;
use gdal::vector::{Defn, LayerAccess, OGRFieldType, OGRwkbGeometryType};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};
use geo::CoordsIter;
use serde::{Deserialize, Serialize};

use crate::gdal_call::explain;
use crate::srs::describe;
use crate::vector::{Feature, Field, FieldKind, FieldValue, VectorLayer};
use crate::vrt_check::check_vrt;
use crate::{RasterError, geojson, places, wkb};

/// Which layer of a file is read, and how its text is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct LayerChoice {
    /// Its name; without one, the file must have one layer with geometries, or one layer at all.
    pub layer: Option<String>,
    /// Encoding of text that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

/// Reads a layer of any file that OGR opens: GeoPackage, Shapefile, GeoJSON ... Without a name, the file must have one
/// layer with geometries only; tables without, such as styles, are no layers. A table of text with columns of longitude and
/// latitude is a layer of points.
///
/// # Errors
/// When the file cannot be opened, has no such layer, or a feature of it cannot be read.
pub fn read_layer(path: &Path, layer: Option<&str>) -> Result<VectorLayer, RasterError> {
    read_layer_as(path, &LayerChoice { layer: layer.map(str::to_owned), encoding: None })
}

/// As [`read_layer`], with text in an encoding.
///
/// # Errors
/// As [`read_layer`], and [`RasterError::Text`] for text that is neither UTF-8 nor in the encoding.
pub fn read_layer_as(path: &Path, choice: &LayerChoice) -> Result<VectorLayer, RasterError> {
    let mut features = Vec::new();
    let layer = stream_layer(path, choice, &mut |_, mut read| {
        features.append(&mut read);
        true
    })?;
    Ok(VectorLayer { features, ..layer })
}

/// Takes some features of a layer, in the order of the file; the layer comes without any. False to read no more.
pub type TakeFeatures<'a> = dyn FnMut(&VectorLayer, Vec<Feature>) -> bool + 'a;

/// Features of which not more are handed over at a time, and vertices after which no other feature is added.
const MOST_FEATURES: usize = 4096;
const MOST_VERTICES: usize = 1 << 18;

/// As [`read_layer_as`], with the features handed over some at a time, so that only these are in memory. Returns the layer
/// without features. On an error some may have been taken.
///
/// # Errors
/// As [`read_layer_as`].
pub fn stream_layer(
    path: &Path,
    choice: &LayerChoice,
    take: &mut TakeFeatures<'_>,
) -> Result<VectorLayer, RasterError> {
    if let Some(layer) = places::read(path, choice) {
        let mut layer = layer?;
        let features = std::mem::take(&mut layer.features);
        take(&layer, features);
        return Ok(layer);
    }
    match choice.layer {
        None => geojson::read(path, take).unwrap_or_else(|| read_by_gdal(path, choice, take)),
        Some(_) => read_by_gdal(path, choice, take),
    }
}

/// As [`stream_layer`], for every format.
pub(crate) fn read_by_gdal(
    path: &Path,
    choice: &LayerChoice,
    take: &mut TakeFeatures<'_>,
) -> Result<VectorLayer, RasterError> {
    check_vrt(path)?;
    let open_flags =
        GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
    let is_shapefile = path.extension().is_some_and(|e| ["shp", "dbf"].iter().any(|s| e.eq_ignore_ascii_case(s)));
    // Text of a shapefile as its bytes, to be decoded here.
    let raw = choice.encoding.is_some() && is_shapefile;
    let open_options: Option<&[&str]> = if raw { Some(&["ENCODING="]) } else { None };
    let dataset = explain(|| Dataset::open_ex(path, DatasetOptions { open_flags, open_options, ..Default::default() }))
        .map_err(|message| RasterError::Open { path: path.to_path_buf(), message })?;
    let index = choose(path, &dataset, choice.layer.as_deref())?;
    let fault = |message| RasterError::Open { path: path.to_path_buf(), message };
    let mut layer = explain(|| dataset.layer(index)).map_err(fault)?;
    let text = TextReader { path, encoding: choice.encoding, raw };
    let fields = fields(layer.defn(), &text)?;
    let crs = layer.spatial_ref().map(|srs| describe(&srs)).transpose()?;
    let result = VectorLayer { name: layer.name(), crs, fields, features: Vec::new() };
    let mut failed = None;
    let read = explain(|| -> Result<(), String> {
        let (mut features, mut vertices) = (Vec::new(), 0);
        for feature in layer.features() {
            match convert(&text, &feature, &result.fields) {
                Ok(feature) => {
                    vertices += feature.geometry.as_ref().map_or(0, CoordsIter::coords_count);
                    features.push(feature);
                }
                Err(error) => {
                    failed = Some(error);
                    return Ok(());
                }
            }
            if features.len() >= MOST_FEATURES || vertices >= MOST_VERTICES {
                vertices = 0;
                if !take(&result, std::mem::take(&mut features)) {
                    return Ok(());
                }
            }
        }
        if !features.is_empty() {
            take(&result, features);
        }
        Ok(())
    });
    read.map_err(fault)?;
    failed.map_or(Ok(result), Err)
}

/// Names of the layers of a file that have geometries; none of a file that cannot be opened.
pub fn layers_with_geometries(path: &Path) -> Vec<String> {
    let open_flags = GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_READONLY;
    let dataset = explain(|| Dataset::open_ex(path, DatasetOptions { open_flags, ..Default::default() }));
    let has_geometries = |layer: &gdal::vector::Layer<'_>| layer.defn().geometry_type() != OGRwkbGeometryType::wkbNone;
    dataset.map_or(Vec::new(), |set| set.layers().filter(has_geometries).map(|layer| layer.name()).collect())
}

fn choose(path: &Path, dataset: &Dataset, wanted: Option<&str>) -> Result<usize, RasterError> {
    let layers: Vec<(String, bool)> = dataset
        .layers()
        .map(|layer| (layer.name(), layer.defn().geometry_type() != OGRwkbGeometryType::wkbNone))
        .collect();
    let names = || layers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let fault = |reason: String| RasterError::Layer { path: path.to_path_buf(), reason, available: names() };
    if let Some(wanted) = wanted {
        let place = layers.iter().position(|(name, _)| name == wanted);
        return place.ok_or_else(|| fault(format!("it has no layer \"{wanted}\"")));
    }
    let spatial: Vec<usize> = (0..layers.len()).filter(|k| layers[*k].1).collect();
    match (&spatial[..], layers.len()) {
        (_, 0) => Err(fault("it has no layer".to_owned())),
        ([only], _) => Ok(*only),
        ([], 1) => Ok(0),
        _ => Err(fault("it has several layers, and no layer is selected".to_owned())),
    }
}

/// Text of a file in its encoding.
struct TextReader<'a> {
    path: &'a Path,
    encoding: Option<Encoding>,
    /// True when all text is as stored; otherwise GDAL may have decoded it.
    raw: bool,
}

impl TextReader<'_> {
    /// The text at `what`, which is said where it cannot be read.
    fn read(&self, bytes: &[u8], what: impl Fn() -> String) -> Result<String, RasterError> {
        if !self.raw
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            return Ok(text.to_owned());
        }
        Encoding::decode(self.encoding, bytes).map_err(|fault| RasterError::Text {
            path: self.path.to_path_buf(),
            place: what(),
            expected: fault.expected,
        })
    }
}

fn fields(defn: &Defn, text: &TextReader<'_>) -> Result<Vec<Field>, RasterError> {
    let field = |(k, f): (usize, gdal::vector::Field<'_>)| {
        // SAFETY: the definition lives through the call and has a field `k`, whose name is copied at once.
        let name = unsafe {
            let field = gdal_sys::OGR_FD_GetFieldDefn(defn.c_defn(), k as i32);
            CStr::from_ptr(gdal_sys::OGR_Fld_GetNameRef(field)).to_bytes().to_vec()
        };
        Ok(Field {
            name: text.read(&name, || format!("the name of field {}", k + 1))?,
            kind: match f.field_type() {
                OGRFieldType::OFTInteger | OGRFieldType::OFTInteger64 => FieldKind::Integer,
                OGRFieldType::OFTReal => FieldKind::Real,
                _ => FieldKind::Text,
            },
        })
    };
    defn.fields().enumerate().map(field).collect()
}

fn convert(
    text: &TextReader<'_>,
    feature: &gdal::vector::Feature<'_>,
    fields: &[Field],
) -> Result<Feature, RasterError> {
    let fid = feature.fid().map_or(-1, |fid| fid as i64);
    let fault = |message: String| RasterError::Feature { path: text.path.to_path_buf(), fid, message };
    let value = |(k, field): (usize, &Field)| {
        let value = match field.kind {
            FieldKind::Integer => feature.field_as_integer64(k).map(|v| v.map(FieldValue::Integer)),
            FieldKind::Real => feature.field_as_double(k).map(|v| v.map(FieldValue::Real)),
            FieldKind::Text => {
                let Some(bytes) = bytes(feature, k) else { return Ok(FieldValue::Null) };
                return text.read(&bytes, || format!("feature {fid}, field \"{}\"", field.name)).map(FieldValue::Text);
            }
        };
        value.map(|v| v.unwrap_or(FieldValue::Null)).map_err(|e| fault(format!("field {}: {e}", field.name)))
    };
    let values = fields.iter().enumerate().map(value).collect::<Result<_, _>>()?;
    // SAFETY: the feature lives through the call; its geometry, null where it has none, belongs to it.
    let geometry = unsafe { gdal_sys::OGR_F_GetGeometryRef(feature.c_feature()) };
    let geometry = (!geometry.is_null()).then(|| to_geo(geometry)).transpose().map_err(fault)?;
    Ok(Feature { fid, geometry, values })
}

/// The bytes of a field as text; none where it is null.
fn bytes(feature: &gdal::vector::Feature<'_>, field: usize) -> Option<Vec<u8>> {
    // SAFETY: the feature lives through the call and has this field; its text is copied before the next call.
    unsafe {
        let (feature, field) = (feature.c_feature(), field as i32);
        let is_set = gdal_sys::OGR_F_IsFieldSetAndNotNull(feature, field) != 0;
        is_set.then(|| CStr::from_ptr(gdal_sys::OGR_F_GetFieldAsString(feature, field)).to_bytes().to_vec())
    }
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
        // GDAL writes as many bytes as it says, so the buffer must never be shorter.
        let mut bytes = vec![0u8; usize::try_from(gdal_sys::OGR_G_WkbSize(linear)).expect("GDAL counts bytes from 0")];
        let code = gdal_sys::OGR_G_ExportToIsoWkb(linear, gdal_sys::OGRwkbByteOrder::wkbNDR, bytes.as_mut_ptr());
        gdal_sys::OGR_G_DestroyGeometry(linear);
        if code != gdal_sys::OGRErr::OGRERR_NONE {
            return Err("its geometry cannot be read".to_owned());
        }
        bytes
    };
    wkb::parse(&bytes)
}
