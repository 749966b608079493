//! Names and colours of class codes in a raster: its attribute table, category names or colour table.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::path::{Path, PathBuf};

use gdal::raster::RasterBand;
use gdal_sys::{GDALRATFieldType, GDALRATFieldUsage, GDALRasterAttributeTableH};

use crate::facts::category_names;
use crate::{FieldKind, FieldValue, RasterError, read_layer};

/// A class code that a raster names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedCode {
    pub code: i64,
    pub name: String,
    pub colour: Option<[u8; 3]>,
}

/// The table of classes beside a raster, as programs of Esri write it.
pub(crate) fn table_beside(raster: &Path) -> Option<PathBuf> {
    let mut name = raster.as_os_str().to_owned();
    name.push(".vat.dbf");
    Some(PathBuf::from(name)).filter(|path| path.is_file())
}

/// The codes that a band names, in ascending order: by its attribute table, or else its category names, or else the table beside
/// the raster.
pub(crate) fn named_codes(raster: &Path, band: &RasterBand<'_>) -> Result<Vec<NamedCode>, RasterError> {
    let own = own_codes(band);
    match table_beside(raster) {
        Some(path) if own.is_empty() => beside(&path),
        _ => Ok(own),
    }
}

/// The codes of a table with a column of codes and one of names.
fn beside(path: &Path) -> Result<Vec<NamedCode>, RasterError> {
    let table = read_layer(path, None)?;
    let column = |names: &[&str], text: bool| {
        let find = |name: &&str| {
            table.fields.iter().position(|f| f.name.eq_ignore_ascii_case(name) && (f.kind == FieldKind::Text) == text)
        };
        names.iter().find_map(find)
    };
    let (Some(code), Some(name)) = (column(&CODE_COLUMNS, false), column(&NAME_COLUMNS, true)) else {
        return Ok(Vec::new());
    };
    let row = |feature: &crate::Feature| {
        let code = match feature.values[code] {
            FieldValue::Integer(code) => code,
            FieldValue::Real(code) if code.fract() == 0.0 => code as i64,
            _ => return None,
        };
        let name = feature.values[name].to_string().trim().to_owned();
        (!name.is_empty()).then_some((code, NamedCode { code, name, colour: None }))
    };
    Ok(table.features.iter().filter_map(row).collect::<BTreeMap<i64, NamedCode>>().into_values().collect())
}

fn own_codes(band: &RasterBand<'_>) -> Vec<NamedCode> {
    // SAFETY: the band is open; the table belongs to it and is null where there is none.
    let table = unsafe { gdal_sys::GDALGetDefaultRAT(band.c_rasterband()) };
    let from_table = if table.is_null() { None } else { AttributeTable::new(table).map(|table| table.rows()) };
    let rows = from_table.filter(|rows| !rows.is_empty()).unwrap_or_else(|| {
        let names = category_names(band).into_iter().enumerate().filter(|(_, name)| !name.is_empty());
        names.map(|(code, name)| NamedCode { code: code as i64, name, colour: None }).collect()
    });
    let colours = band.color_table();
    let coloured = |row: NamedCode| {
        let of_code = || {
            let entry = colours.as_ref()?.entry_as_rgb(usize::try_from(row.code).ok()?)?;
            Some([entry.r, entry.g, entry.b].map(|v| v.clamp(0, 255) as u8))
        };
        NamedCode { colour: row.colour.or_else(of_code), ..row }
    };
    rows.into_iter().map(coloured).collect()
}

/// The columns of an attribute table that name codes.
struct AttributeTable {
    handle: GDALRasterAttributeTableH,
    code: i32,
    name: i32,
    colour: Option<[i32; 3]>,
}

/// Names of columns, in lower case, that hold the code and the name where no usage is set.
const CODE_COLUMNS: [&str; 4] = ["value", "code", "class", "id"];
const NAME_COLUMNS: [&str; 6] = ["class_name", "class_names", "classname", "name", "label", "class"];

impl AttributeTable {
    fn new(handle: GDALRasterAttributeTableH) -> Option<Self> {
        // SAFETY: the handle is that of a band's table, and the band outlives `Self`; columns are asked for by numbers below
        // their count; names are copied at once.
        let (count, usage) = unsafe {
            let usage = |usage| gdal_sys::GDALRATGetColOfUsage(handle, usage);
            (gdal_sys::GDALRATGetColumnCount(handle), usage)
        };
        let columns: Vec<(i32, String, bool)> = (0..count)
            .map(|k| unsafe {
                // SAFETY: as above.
                let name = CStr::from_ptr(gdal_sys::GDALRATGetNameOfCol(handle, k)).to_string_lossy().to_lowercase();
                (k, name, gdal_sys::GDALRATGetTypeOfCol(handle, k) == GDALRATFieldType::GFT_String)
            })
            .collect();
        let of_usage = |wanted| Some(usage(wanted)).filter(|k| *k >= 0);
        let named = |names: &[&str], text: bool| {
            let find = |name: &&str| columns.iter().find(|(_, column, is_text)| column == *name && *is_text == text);
            names.iter().find_map(find).map(|(k, ..)| *k)
        };
        let code = of_usage(GDALRATFieldUsage::GFU_MinMax).or_else(|| named(&CODE_COLUMNS, false));
        let name = of_usage(GDALRATFieldUsage::GFU_Name).or_else(|| named(&NAME_COLUMNS, true));
        let colour = [GDALRATFieldUsage::GFU_Red, GDALRATFieldUsage::GFU_Green, GDALRATFieldUsage::GFU_Blue];
        let colour: Option<Vec<i32>> = colour.into_iter().map(of_usage).collect();
        Some(Self { handle, code: code.unwrap_or(-1), name: name?, colour: colour.and_then(|c| c.try_into().ok()) })
    }

    fn rows(&self) -> Vec<NamedCode> {
        // SAFETY: as in `new`; rows are asked for by numbers below their count.
        let count = unsafe { gdal_sys::GDALRATGetRowCount(self.handle) };
        let rows = (0..count).filter_map(|row| unsafe {
            // SAFETY: as above; the text is copied at once.
            let code = match self.code {
                // In tables without a column of codes a row's number is its code.
                -1 => i64::from(row),
                column => gdal_sys::GDALRATGetValueAsDouble(self.handle, row, column) as i64,
            };
            let text = gdal_sys::GDALRATGetValueAsString(self.handle, row, self.name);
            let name = CStr::from_ptr(text).to_string_lossy().trim().to_owned();
            let part = |column| gdal_sys::GDALRATGetValueAsInt(self.handle, row, column).clamp(0, 255) as u8;
            (!name.is_empty()).then(|| (code, NamedCode { code, name, colour: self.colour.map(|c| c.map(part)) }))
        });
        rows.collect::<BTreeMap<i64, NamedCode>>().into_values().collect()
    }
}
