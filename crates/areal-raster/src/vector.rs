//! A vector layer in memory.

use areal_grid::Crs;

/// A vector layer in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorLayer {
    pub name: String,
    /// CRS of its coordinates, `[east, north]`; none where the file names none.
    pub crs: Option<Crs>,
    pub fields: Vec<Field>,
    /// Its features, in the order of the file.
    pub features: Vec<Feature>,
}

/// A field of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Whole numbers, 64 bits.
    Integer,
    Real,
    /// Text; dates and lists are read as this.
    Text,
}

/// The value of a field in a feature.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// A feature of a layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Its id in the file; -1 to have one given on writing.
    pub fid: i64,
    /// Its geometry in two dimensions, curves made of short lines; none where it has none. An empty geometry has no
    /// coordinates.
    pub geometry: Option<geo::Geometry<f64>>,
    /// Its values, in the order of the layer's fields.
    pub values: Vec<FieldValue>,
}

impl VectorLayer {
    /// Position of a field in `fields` and in every feature's `values`.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }
}

impl std::fmt::Display for FieldValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Integer(v) => write!(f, "{v}"),
            Self::Real(v) => write!(f, "{v}"),
            Self::Text(v) => f.write_str(v),
        }
    }
}
