//! Area tables of the report.

use crate::ReportError;
use crate::number::{decimals, number, percent};

/// Zones and what is known of each.
#[derive(Debug, Clone)]
pub struct AreaSection {
    /// Name of the aggregation.
    pub name: String,
    pub zones: Vec<Zone>,
    /// The columns of the table.
    pub columns: Vec<AreaColumn>,
    /// Values by zone and column, `[zone][column]`; `None` where there is none.
    pub values: Vec<Vec<Option<f64>>>,
    /// East-west length of one unit of the outlines' coordinates over its north-south length: cosine of the latitude for
    /// degrees, 1 for metres.
    pub aspect: f64,
    /// Metres in one unit of the outlines' coordinates, north to south.
    pub metres: f64,
}

/// Metres in a degree of latitude on the sphere of the Earth's mean radius, 6371.0088 km.
const METRES_PER_DEGREE: f64 = 111_195.08;

#[derive(Debug, Clone)]
pub struct Zone {
    pub id: String,
    /// Its name; may be empty.
    pub name: String,
    /// How it lies to the map: `inside`, `partial`, `outside`.
    pub state: String,
    /// Its rings, outer and inner alike, `[x, y]` east and north.
    pub rings: Vec<Vec<[f64; 2]>>,
}

impl Zone {
    /// Its name, or its id where it has none.
    pub fn label(&self) -> &str {
        if self.name.is_empty() { &self.id } else { &self.name }
    }
}

/// One column of an area table.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaColumn {
    /// The measure as in `areas.csv`: `class_area`, `mean` ...
    pub measure: String,
    /// What it is about: the class, or the variable; empty for the zone itself.
    pub subject: String,
    /// Unit: `km2`, `1` for a share; may be empty.
    pub unit: String,
}

impl AreaColumn {
    pub(crate) fn measure_words(&self) -> String {
        let words = self.measure.replace('_', " ");
        match self.unit.as_str() {
            "" => words,
            "1" => format!("{words} (%)"),
            "km2" => format!("{words} (km²)"),
            unit => format!("{words} ({unit})"),
        }
    }

    /// Subject and measure in words.
    pub(crate) fn title(&self) -> String {
        if self.subject.is_empty() {
            self.measure_words()
        } else {
            format!("{}: {}", self.subject, self.measure_words())
        }
    }

    /// True for a column of the table: the areas and means; the shares are on the map and all is in `areas.csv`.
    fn is_tabled(&self) -> bool {
        matches!(
            self.measure.as_str(),
            "zone_area"
                | "observed_area"
                | "unobserved_area"
                | "class_area"
                | "mean"
                | "standard_deviation"
                | "weighted_mean"
        )
    }
}

impl AreaSection {
    /// Says that the outlines are longitudes and latitudes: a degree of longitude is drawn as long as it is in the
    /// middle of the zones.
    pub fn use_degrees(&mut self) {
        let latitudes = || self.zones.iter().flat_map(|z| z.rings.iter().flatten()).map(|p| p[1]);
        let (low, high) = latitudes().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        self.metres = METRES_PER_DEGREE;
        self.aspect = if low <= high { f64::midpoint(low, high).to_radians().cos().max(0.05) } else { 1.0 };
    }

    /// Checks that there is a value for every zone and column.
    pub(crate) fn check(&self) -> Result<(), ReportError> {
        let fault = |found, expected| Err(ReportError::Table { table: self.name.clone(), found, expected });
        if self.values.len() != self.zones.len() {
            return fault(self.values.len(), self.zones.len());
        }
        match self.values.iter().find(|row| row.len() != self.columns.len()) {
            Some(row) => fault(row.len(), self.columns.len()),
            None => Ok(()),
        }
    }

    /// The values of one column.
    pub(crate) fn column(&self, k: usize) -> impl Iterator<Item = Option<f64>> + '_ {
        self.values.iter().map(move |row| row.get(k).copied().flatten())
    }

    /// Sum of the columns of a measure over all zones.
    pub(crate) fn total(&self, measure: &str) -> f64 {
        let of_measure = |k: &usize| self.columns[*k].measure == measure;
        (0..self.columns.len()).filter(of_measure).flat_map(|k| self.column(k)).flatten().sum()
    }

    /// What the template shows as the table.
    pub(crate) fn table(&self) -> TableView {
        let shown: Vec<usize> = (0..self.columns.len()).filter(|k| self.columns[*k].is_tabled()).collect();
        let digits: Vec<usize> = shown.iter().map(|k| decimals(self.column(*k).flatten())).collect();
        let cell = |value: Option<f64>, digits: usize| CellView {
            sort: value.map(|v| v.to_string()).unwrap_or_default(),
            text: value.map_or_else(|| "–".to_owned(), |v| number(v, digits)),
        };
        let row = |(zone, values): (&Zone, &Vec<Option<f64>>)| RowView {
            id: zone.id.clone(),
            name: zone.name.clone(),
            cells: shown.iter().zip(&digits).map(|(k, d)| cell(values[*k], *d)).collect(),
        };
        let sum = |(k, d): (&usize, &usize)| {
            let is_area = self.columns[*k].unit == "km2";
            if is_area { number(self.column(*k).flatten().sum(), *d) } else { String::new() }
        };
        TableView {
            titles: shown.iter().map(|k| self.columns[*k].title()).collect(),
            rows: self.zones.iter().zip(&self.values).map(row).collect(),
            sums: shown.iter().zip(&digits).map(sum).collect(),
        }
    }
}

/// A value of a column for people.
pub(crate) fn value_text(column: &AreaColumn, value: Option<f64>, digits: usize) -> String {
    match value {
        None => "no value".to_owned(),
        Some(v) if column.unit == "1" => percent(v),
        Some(v) if column.unit == "km2" => format!("{} km²", number(v, digits)),
        Some(v) => number(v, digits),
    }
}

pub(crate) struct TableView {
    pub titles: Vec<String>,
    pub rows: Vec<RowView>,
    pub sums: Vec<String>,
}

pub(crate) struct RowView {
    pub id: String,
    pub name: String,
    pub cells: Vec<CellView>,
}

pub(crate) struct CellView {
    pub sort: String,
    pub text: String,
}
