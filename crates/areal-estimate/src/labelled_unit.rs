//! A unit of the sample with its values on the map and in the reference.

use crate::error::EstimateError;

/// Value of one cell on the map or in the reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CellValue {
    /// Index of a class.
    Class(usize),
    /// A measured or predicted number.
    Number(f64),
}

/// One labelled unit of the sample: one cell of the map.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledUnit {
    /// Index of its stratum.
    pub stratum: usize,
    /// Its area, in the unit of the strata's areas.
    pub area: f64,
    pub mapped: CellValue,
    /// Value that the interpreter gave.
    pub reference: CellValue,
    /// Map probability of each class; empty without probabilities.
    pub probabilities: Vec<f64>,
    /// Group of cells that the map's errors are estimated by: its map class, or its stratum of risk; 0 for a value.
    pub group: usize,
    /// Zones it lies in and the fraction of its cell in each.
    pub zones: Vec<(usize, f64)>,
    /// Fraction of its cell in all zones together; ground that several zones share counts once.
    pub in_zones: f64,
    /// True where it overlaps a patch that the map's model was trained on.
    pub in_training: bool,
}

impl CellValue {
    /// Index of the class; `None` for a number.
    pub fn class_index(self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(class),
            Self::Number(_) => None,
        }
    }

    /// Index of the class.
    ///
    /// # Errors
    /// [`EstimateError::Unknown`] for a number; `unit` names the unit in the message.
    pub(crate) fn class(self, unit: usize) -> Result<usize, EstimateError> {
        match self {
            Self::Class(class) => Ok(class),
            Self::Number(value) => {
                let (unit, value) = (unit.to_string(), value.to_string());
                Err(EstimateError::Unknown { unit, what: "class", value })
            }
        }
    }

    /// The number.
    ///
    /// # Errors
    /// [`EstimateError::Unknown`] for a class; `unit` names the unit in the message.
    pub(crate) fn number(self, unit: usize) -> Result<f64, EstimateError> {
        match self {
            Self::Number(value) => Ok(value),
            Self::Class(class) => {
                let (unit, value) = (unit.to_string(), format!("class {class}"));
                Err(EstimateError::Unknown { unit, what: "value", value })
            }
        }
    }
}
