//! Names and colours of class codes in a raster: its attribute table, category names or colour table.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::path::{Path, PathBuf};

use areal_tables::Encoding;
use gdal::raster::RasterBand;
use gdal_sys::{GDALRATFieldType, GDALRATFieldUsage, GDALRasterAttributeTableH};

use crate::facts::category_names;
use crate::{FieldKind, FieldValue, LayerChoice, RasterError, read_layer_as};

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
/// the raster, whose text is in this encoding.
pub(crate) fn named_codes(
    raster: &Path,
    band: &RasterBand<'_>,
    encoding: Option<Encoding>,
) -> Result<Vec<NamedCode>, RasterError> {
    let own = own_codes(raster, band);
    match table_beside(raster) {
        Some(path) if own.is_empty() => beside(&path, encoding),
        _ => Ok(own),
    }
}

/// The codes of a table with a column of codes and one of names.
fn beside(path: &Path, encoding: Option<Encoding>) -> Result<Vec<NamedCode>, RasterError> {
    let table = read_layer_as(path, &LayerChoice { layer: None, encoding })?;
    let column = |names: &[&str], text: bool| {
        let find = |name: &&str| {
            table.fields.iter().position(|f| f.name.eq_ignore_ascii_case(name) && (f.kind == FieldKind::Text) == text)
        };
        names.iter().find_map(find)
    };
    let (Some(code), Some(name)) = (column(&CODE_COLUMNS, false), column(&NAME_COLUMNS, true)) else {
        warn_of_no_codes(path, table.fields.iter().map(|field| field.name.as_str()));
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

/// Says once that a table names no codes, with its columns.
fn warn_of_no_codes<'a>(path: &Path, columns: impl Iterator<Item = &'a str>) {
    tracing::warn!(
        "{}: the table of classes (columns {}) is not used, as it has no column of codes ({}) with one of names ({}); name the classes \
         with a legend",
        path.display(),
        columns.collect::<Vec<_>>().join(", "),
        CODE_COLUMNS.join(", "),
        NAME_COLUMNS.join(", ")
    );
}

fn own_codes(raster: &Path, band: &RasterBand<'_>) -> Vec<NamedCode> {
    // SAFETY: the band is open; the table belongs to it and is null where there is none.
    let table = unsafe { gdal_sys::GDALGetDefaultRAT(band.c_rasterband()) };
    let from_table = if table.is_null() { None } else { AttributeTable::new(raster, table).map(|table| table.rows()) };
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
    code: CodeSource,
    name: i32,
    colour: Option<[i32; 3]>,
}

/// What says the code of a row.
#[derive(Clone, Copy)]
enum CodeSource {
    Column(i32),
    /// The code of the first row, and the step from row to row.
    Rows {
        first: f64,
        step: f64,
    },
}

/// A column of an attribute table.
struct Column {
    number: i32,
    /// In lower case.
    name: String,
    is_text: bool,
    usage: GDALRATFieldUsage::Type,
}

impl Column {
    /// True for numbers that may be codes: neither counts nor parts of a colour.
    fn may_be_codes(&self) -> bool {
        use GDALRATFieldUsage::{GFU_AlphaMax, GFU_PixelCount, GFU_Red};
        let no_code = self.usage == GFU_PixelCount || (GFU_Red..=GFU_AlphaMax).contains(&self.usage);
        !self.is_text && !no_code && !NO_CODE_COLUMNS.contains(&self.name.as_str())
    }
}

/// Names of columns, in lower case, that hold the code and the name where no usage is set.
const CODE_COLUMNS: [&str; 4] = ["value", "code", "class", "id"];
const NAME_COLUMNS: [&str; 6] = ["class_name", "class_names", "classname", "name", "label", "class"];
/// Names of columns of numbers, in lower case, that are no codes.
const NO_CODE_COLUMNS: [&str; 7] = ["count", "histogram", "red", "green", "blue", "alpha", "opacity"];

impl AttributeTable {
    fn new(raster: &Path, handle: GDALRasterAttributeTableH) -> Option<Self> {
        // SAFETY: the handle is that of a band's table, and the band outlives `Self`; columns are asked for by numbers below
        // their count; names are copied at once.
        let (count, usage) = unsafe {
            let usage = |usage| gdal_sys::GDALRATGetColOfUsage(handle, usage);
            (gdal_sys::GDALRATGetColumnCount(handle), usage)
        };
        let columns: Vec<Column> = (0..count)
            .map(|number| unsafe {
                // SAFETY: as above.
                let name =
                    CStr::from_ptr(gdal_sys::GDALRATGetNameOfCol(handle, number)).to_string_lossy().to_lowercase();
                let is_text = gdal_sys::GDALRATGetTypeOfCol(handle, number) == GDALRATFieldType::GFT_String;
                Column { number, name, is_text, usage: gdal_sys::GDALRATGetUsageOfCol(handle, number) }
            })
            .collect();
        let of_usage = |wanted| Some(usage(wanted)).filter(|k| *k >= 0);
        let named = |names: &[&str], text: bool| {
            let find = |name: &&str| columns.iter().find(|column| column.name == **name && column.is_text == text);
            names.iter().find_map(find).map(|column| column.number)
        };
        let code = of_usage(GDALRATFieldUsage::GFU_MinMax).or_else(|| named(&CODE_COLUMNS, false));
        let name = of_usage(GDALRATFieldUsage::GFU_Name).or_else(|| named(&NAME_COLUMNS, true));
        let code = code.map(CodeSource::Column).or_else(|| {
            let (mut first, mut step) = (0.0, 0.0);
            // SAFETY: as above; both numbers are written before the call returns.
            let linear = unsafe { gdal_sys::GDALRATGetLinearBinning(handle, &raw mut first, &raw mut step) } != 0;
            // In tables of names, counts and colours alone a row's number is its code.
            let by_row = || !columns.iter().any(Column::may_be_codes);
            if linear {
                return Some(CodeSource::Rows { first, step });
            }
            by_row().then_some(CodeSource::Rows { first: 0.0, step: 1.0 })
        });
        let Some((code, name)) = code.zip(name) else {
            if columns.iter().any(|column| column.is_text) {
                warn_of_no_codes(raster, columns.iter().map(|column| column.name.as_str()));
            }
            return None;
        };
        let colour = [GDALRATFieldUsage::GFU_Red, GDALRATFieldUsage::GFU_Green, GDALRATFieldUsage::GFU_Blue];
        let colour: Option<Vec<i32>> = colour.into_iter().map(of_usage).collect();
        Some(Self { handle, code, name, colour: colour.and_then(|c| c.try_into().ok()) })
    }

    fn rows(&self) -> Vec<NamedCode> {
        // SAFETY: as in `new`; rows are asked for by numbers below their count.
        let count = unsafe { gdal_sys::GDALRATGetRowCount(self.handle) };
        let rows = (0..count).filter_map(|row| unsafe {
            // SAFETY: as above; the text is copied at once.
            let code = match self.code {
                CodeSource::Column(column) => gdal_sys::GDALRATGetValueAsDouble(self.handle, row, column),
                CodeSource::Rows { first, step } => first + f64::from(row) * step,
            };
            if code.fract() != 0.0 || code.abs() >= 2f64.powi(53) {
                return None;
            }
            let code = code as i64;
            let text = gdal_sys::GDALRATGetValueAsString(self.handle, row, self.name);
            let name = CStr::from_ptr(text).to_string_lossy().trim().to_owned();
            let part = |column| gdal_sys::GDALRATGetValueAsInt(self.handle, row, column).clamp(0, 255) as u8;
            (!name.is_empty()).then(|| (code, NamedCode { code, name, colour: self.colour.map(|c| c.map(part)) }))
        });
        rows.collect::<BTreeMap<i64, NamedCode>>().into_values().collect()
    }
}
