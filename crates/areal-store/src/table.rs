//! `patches.csv`: one row per patch, with its footprint as WKT. Numbers are written so that they come back exactly.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use areal_formats::StoreMeta;
use areal_grid::Target;
use areal_job::{FileError, InputFile};

use crate::store::Records;
use crate::{Footprint, Label, PatchRecord, StoreError};

const COLUMNS: [&str; 11] = [
    "patch_id",
    "scene",
    "row",
    "col",
    "label",
    "label_fraction",
    "valid_fraction",
    "split",
    "block",
    "group",
    "footprint",
];
/// Index of the column that holds the class, or the value.
const LABEL: usize = 4;

fn columns(target: &Target) -> [&'static str; 11] {
    let mut columns = COLUMNS;
    if matches!(target, Target::Value { .. }) {
        columns[LABEL] = "value";
    }
    columns
}

/// The table while it is written, row by row.
#[derive(Debug)]
pub struct RecordTable {
    csv: csv::Writer<File>,
    path: PathBuf,
    target: Target,
}

impl RecordTable {
    /// Begins the table of a store with this target.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn create(path: &Path, target: &Target) -> Result<Self, StoreError> {
        let file = File::create(path).map_err(FileError::io("create", path))?;
        let mut table = Self { csv: csv::Writer::from_writer(file), path: path.to_path_buf(), target: target.clone() };
        table.write(&columns(target).map(str::to_owned))?;
        Ok(table)
    }

    /// Appends a patch; `footprint` is in the store's CRS, or `None` where patches have no place.
    ///
    /// # Errors
    /// When its class is not in the legend, or the disk is full.
    pub fn push(&mut self, record: &PatchRecord, footprint: Option<&Footprint>) -> Result<(), StoreError> {
        let label = match record.label {
            Label::Value(value) => value.to_string(),
            Label::Class(code) => {
                let class = self.target.classes().iter().find(|c| c.code == code);
                let reason = || format!("patch {} has class {code}, which is not in the legend", record.patch_id);
                class.ok_or_else(|| StoreError::Records { path: self.path.clone(), reason: reason() })?.name.clone()
            }
        };
        self.write(&[
            record.patch_id.to_string(),
            record.scene.clone(),
            record.row.to_string(),
            record.col.to_string(),
            label,
            record.label_fraction.to_string(),
            record.valid_fraction.to_string(),
            record.split.to_string(),
            record.block.to_string(),
            record.group.clone().unwrap_or_default(),
            footprint.map(Footprint::to_wkt).unwrap_or_default(),
        ])
    }

    fn write(&mut self, row: &[String; 11]) -> Result<(), StoreError> {
        self.csv.write_record(row).map_err(|e| FileError::io("write", &self.path)(e.into()).into())
    }

    /// Writes what is still in memory.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(mut self) -> Result<(), StoreError> {
        Ok(self.csv.flush().map_err(FileError::io("write", &self.path))?)
    }
}

/// Reads the records of a store, in the order of their numbers, and their footprints (empty where patches have no place).
pub(crate) fn read_table(path: &Path, meta: &StoreMeta) -> Result<Records, StoreError> {
    let bad = |reason: String| StoreError::Records { path: path.to_path_buf(), reason };
    let unread = |e: csv::Error| {
        if e.is_io_error() { FileError::io("read", path)(e.into()).into() } else { bad(e.to_string()) }
    };
    let file = InputFile::open(path).map_err(FileError::io("read", path))?;
    let mut csv = csv::Reader::from_reader(file);
    let expected = columns(&meta.target);
    let found = csv.headers().map_err(unread)?;
    if !found.iter().eq(expected) {
        let found: Vec<&str> = found.iter().collect();
        return Err(bad(format!("its columns are {}; expected {}", found.join(", "), expected.join(", "))));
    }
    let mut records = Records::default();
    for row in csv.records() {
        let row = row.map_err(unread)?;
        let line = row.position().map_or(0, csv::Position::line);
        let (record, footprint) = PatchRow { row: &row, meta }.parse().map_err(|e| bad(format!("line {line}: {e}")))?;
        if record.patch_id != records.patches.len() as u64 {
            let reason = format!("line {line}: patch_id is {}, expected {}", record.patch_id, records.patches.len());
            return Err(bad(reason));
        }
        records.patches.push(record);
        records.footprints.extend(footprint);
    }
    Ok(records)
}

/// One row of the table, whose columns are known to be there.
struct PatchRow<'a> {
    row: &'a csv::StringRecord,
    meta: &'a StoreMeta,
}

impl PatchRow<'_> {
    fn parse(&self) -> Result<(PatchRecord, Option<Footprint>), String> {
        let label = match &self.meta.target {
            Target::Value { .. } => Label::Value(self.number(LABEL)?),
            Target::Classes { classes } => {
                let name = self.text(LABEL);
                let class = classes.iter().find(|c| c.name == name);
                Label::Class(class.ok_or_else(|| format!("label \"{name}\" is not a class of store.json"))?.code)
            }
        };
        let (row, col): (u32, u32) = (self.number(2)?, self.number(3)?);
        let footprint = match self.text(10) {
            "" if self.meta.crs.is_some() => return Err("footprint is empty".to_owned()),
            "" => None,
            wkt => Some(Footprint::from_wkt(wkt).ok_or_else(|| format!("footprint is \"{wkt}\", not four corners"))?),
        };
        let record = PatchRecord {
            patch_id: self.number(0)?,
            scene: self.text(1).to_owned(),
            row: i64::from(row),
            col: i64::from(col),
            label,
            label_fraction: self.number(5)?,
            valid_fraction: self.number(6)?,
            split: self.text(7).parse().map_err(|e| format!("split: {e}"))?,
            block: self.number(8)?,
            group: Some(self.text(9)).filter(|group| !group.is_empty()).map(str::to_owned),
        };
        Ok((record, footprint))
    }

    fn text(&self, column: usize) -> &str {
        &self.row[column]
    }

    fn number<T: FromStr>(&self, column: usize) -> Result<T, String> {
        let text = self.text(column);
        text.parse().map_err(|_| format!("{} is \"{text}\"", columns(&self.meta.target)[column]))
    }
}

#[cfg(test)]
mod tests {
    use areal_formats::{Provenance, STORE_FORMAT, StoreCounts};
    use areal_grid::PixelType;
    use proptest::prelude::*;

    use super::*;
    use crate::Split;

    fn meta() -> StoreMeta {
        StoreMeta {
            format: STORE_FORMAT.into(),
            bands: Vec::new(),
            pixel_type: PixelType::U8,
            scaling: None,
            crs: None,
            ground_resolution: None,
            patch_size: 1,
            target: Target::Value { name: "wealth".into(), unit: String::new() },
            scenes: Vec::new(),
            counts: StoreCounts::default(),
            provenance: Provenance::new("tile", Vec::new(), "".into(), None),
        }
    }

    fn write(path: &Path, records: &[PatchRecord], footprints: &[Footprint]) {
        let mut table = RecordTable::create(path, &meta().target).unwrap();
        for (record, footprint) in records.iter().zip(footprints) {
            table.push(record, Some(footprint)).unwrap();
        }
        table.finish().unwrap();
    }

    fn record(value: f64, scene: &str) -> PatchRecord {
        PatchRecord {
            patch_id: 0,
            scene: scene.into(),
            row: 3,
            col: 4,
            label: Label::Value(value),
            label_fraction: 1.0 / 3.0,
            valid_fraction: 0.7,
            split: Split::Validation,
            block: -1,
            group: Some("a \"quoted\", long\nname".into()),
        }
    }

    proptest! {
        #[test]
        fn a_record_comes_back_to_the_last_bit(
            value in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
            corners in prop::array::uniform4(prop::array::uniform2(-1e8..1e8f64)),
            scene in "[a-z ,\"]{1,8}",
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("patches.csv");
            let (record, footprint) = (record(value, &scene), Footprint { corners });
            write(&path, std::slice::from_ref(&record), &[footprint]);
            let read = read_table(&path, &meta()).unwrap();
            prop_assert_eq!(read.patches, vec![record]);
            prop_assert_eq!(read.footprints, vec![footprint]);
        }
    }

    #[test]
    fn a_fault_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patches.csv");
        let square = Footprint { corners: [[0.0, 0.0], [1.0, 0.0], [1.0, -1.0], [0.0, -1.0]] };
        write(&path, &[record(2.5, "a")], &[square]);
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to, said) in [
            ("validation", "dev", "unknown split \"dev\""),
            ("2.5", "two", "line 2: value is \"two\""),
            ("1 -1", "1 x", "not four corners"),
            ("\n0,", "\n7,", "patch_id is 7, expected 0"),
            ("block", "blocks", "its columns are"),
            (",3,", ",-3,", "row is \"-3\""),
        ] {
            std::fs::write(&path, text.replace(from, to)).unwrap();
            let error = read_table(&path, &meta()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
