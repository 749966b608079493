//! CSV on the Web: the metadata document that says what each column of a CSV file means and in which unit.
//!
//! W3C Recommendations "Metadata Vocabulary for Tabular Data" and "Model for Tabular Data and Metadata on the Web"
//! (2015). A reader finds it beside the table, under the table's name with `-metadata.json` added.

use std::path::{Path, PathBuf};

use areal_job::{FileError, write_json};
use serde_json::{Map, Value, json};

/// What the cells of a column hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CsvType {
    Text,
    Integer,
    /// A number in decimal notation.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl CsvType {
    /// Name of the datatype in the vocabulary.
    fn base(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// One column of a documented table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvColumn {
    /// Its name in the header row; letters, digits and `_`.
    pub name: String,
    /// Its heading for people.
    pub title: String,
    pub description: String,
    /// What its cells hold.
    pub datatype: CsvType,
    /// Unit of its values, where they all have the same.
    pub unit: Option<String>,
    /// False when cells may be empty (no value).
    pub required: bool,
}

impl CsvColumn {
    /// A column that may not be empty and has no unit.
    pub fn new(name: &str, title: &str, datatype: CsvType, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            title: title.to_owned(),
            description: description.to_owned(),
            datatype,
            unit: None,
            required: true,
        }
    }

    /// The same column with a unit.
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.unit = Some(unit.to_owned());
        self
    }

    /// The same column, cells may be empty.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    fn to_json(&self) -> Value {
        let mut column = Map::new();
        column.insert("name".into(), json!(self.name));
        column.insert("titles".into(), json!([self.name, self.title]));
        column.insert("dc:description".into(), json!(self.description));
        column.insert("datatype".into(), json!(self.datatype.base()));
        if let Some(unit) = &self.unit {
            column.insert("schema:unitText".into(), json!(unit));
        }
        column.insert("required".into(), json!(self.required));
        Value::Object(column)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvTable {
    /// Its title for people.
    pub title: String,
    pub description: String,
    /// Its columns, in the order of the file.
    pub columns: Vec<CsvColumn>,
    /// Names of the columns that together tell rows apart; columns with empty cells cannot be among them.
    pub primary_key: Vec<String>,
}

impl CsvTable {
    /// The metadata document for a table stored as `file_name`.
    pub fn metadata(&self, file_name: &str) -> Value {
        let columns: Vec<Value> = self.columns.iter().map(CsvColumn::to_json).collect();
        let mut schema = json!({ "columns": columns });
        if !self.primary_key.is_empty() {
            schema["primaryKey"] = json!(self.primary_key);
        }
        json!({
            "@context": ["http://www.w3.org/ns/csvw", { "@language": "en" }],
            "url": file_name,
            "dc:title": self.title,
            "dc:description": self.description,
            "dialect": { "header": true, "delimiter": ",", "encoding": "utf-8", "lineTerminators": ["\n"] },
            "tableSchema": schema,
        })
    }

    /// Names of the columns: the header row.
    pub fn header(&self) -> Vec<&str> {
        self.columns.iter().map(|c| c.name.as_str()).collect()
    }

    /// Writes the metadata document beside the table at `csv`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_metadata(&self, csv: &Path) -> Result<(), FileError> {
        let name = csv.file_name().unwrap_or_default().to_string_lossy().into_owned();
        write_json(&metadata_path(csv), &self.metadata(&name))
    }
}

/// Where the metadata of the table at `csv` stands: `areas.csv-metadata.json` beside `areas.csv`.
pub fn metadata_path(csv: &Path) -> PathBuf {
    let name = csv.file_name().unwrap_or_default().to_string_lossy().into_owned();
    csv.with_file_name(format!("{name}-metadata.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_names_its_table_and_columns() {
        let table = CsvTable {
            title: "T".into(),
            description: "D".into(),
            columns: vec![
                CsvColumn::new("zone_id", "Zone", CsvType::Text, "which"),
                CsvColumn::new("area", "Area", CsvType::Number, "how large").unit("km2").optional(),
            ],
            primary_key: vec!["zone_id".into()],
        };
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("areas.csv");
        table.write_metadata(&csv).unwrap();
        let text = std::fs::read_to_string(folder.path().join("areas.csv-metadata.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["@context"][0], "http://www.w3.org/ns/csvw");
        assert_eq!(document["url"], "areas.csv");
        assert_eq!(document["tableSchema"]["columns"][1]["schema:unitText"], "km2");
        assert_eq!(document["tableSchema"]["columns"][1]["required"], false);
        assert_eq!(document["tableSchema"]["primaryKey"], json!(["zone_id"]));
        assert_eq!(table.header(), ["zone_id", "area"]);
    }
}
