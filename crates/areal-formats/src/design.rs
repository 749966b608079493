//! `design.json` and `units.csv`: how a sample was drawn, and its units.

use std::path::PathBuf;

use areal_estimate::{Allocation, Draw, Population, Stratum};
use areal_job::Sha256;
use serde::{Deserialize, Serialize};

use crate::Provenance;

/// The format of `design.json` that this version writes.
///
/// Version 2 added strata of risk, `allocated`, and the name `outside_population` for the former `outside`. Version 1 is read too.
pub const DESIGN_FORMAT: &str = "areal-design/2";

/// The formats of `design.json` that are read, the present one first.
pub const DESIGN_FORMATS: [&str; 2] = [DESIGN_FORMAT, "areal-design/1"];

/// A sample design as drawn: what makes the sample a probability sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Design {
    /// One of [`DESIGN_FORMATS`]: the one that it was written in.
    pub format: String,
    /// Names the draw: the first twelve digits of the SHA-256 of `units.csv`. Every labelled sample carries it.
    pub design_id: String,
    /// What the strata are.
    pub strata_by: StrataBy,
    /// How units were drawn within a stratum.
    pub draw: Draw,
    /// How the sample was split among strata.
    pub allocation: Allocation,
    pub seed: u64,
    /// The raster whose cells are the units.
    pub map: PathBuf,
    /// Digest of that raster.
    pub map_sha256: Sha256,
    /// Unit of all areas.
    pub area_unit: String,
    /// The strata, in the order of their index.
    pub strata: Vec<DesignStratum>,
    /// Cells of the map outside the population: nodata.
    #[serde(alias = "outside")]
    pub outside_population: u64,
    /// Number of units to be labelled a second time, by someone else.
    pub second_look: u64,
    pub provenance: Provenance,
}

/// What the strata of a design are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum StrataBy {
    /// The classes of the map.
    Classes,
    Zones,
    /// Each class in each zone.
    Both,
    /// The values of a given raster.
    Raster,
    /// None: all cells together.
    Whole,
    /// Each class as a confident and an uncertain part, by the probability of the class.
    Risk,
}

/// One stratum of a design.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignStratum {
    pub name: String,
    /// Its class code, where strata are classes, risk or both.
    pub class_code: Option<u8>,
    /// Bounds of the probability of the mapped class, where a class is cut by risk: at least the one, or below the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_probability: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below_probability: Option<f64>,
    /// Its zone, where strata are zones or both.
    pub zone_id: Option<String>,
    /// Cells in it.
    pub population: u64,
    pub area: f64,
    /// Units drawn.
    pub sample: u64,
    /// Units that the allocation alone would have given it, where the minimum number of units in a stratum gave it more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<u64>,
    /// Probability of each of its cells to be drawn, `sample / population`.
    pub inclusion_probability: f64,
}

/// Strata of a raster that do not share their variance.
const MAX_ALONE: usize = 12;

impl Design {
    /// For each stratum the pool that it may share its variance with ([`StratifiedSample::pooled`](areal_estimate::StratifiedSample::pooled)):
    /// strata of zones pool with those of the same map class; those of a raster all together where they are many, since the prior of an
    /// interval would count in each; all others are alone.
    pub fn pools(&self) -> Vec<usize> {
        if self.strata_by == StrataBy::Raster && self.strata.len() > MAX_ALONE {
            return vec![0; self.strata.len()];
        }
        let place =
            |s: &DesignStratum| self.strata.iter().position(|o| o.zone_id.is_some() && o.class_code == s.class_code);
        let one = |(h, s): (usize, &DesignStratum)| s.zone_id.as_ref().and_then(|_| place(s)).unwrap_or(h);
        self.strata.iter().enumerate().map(one).collect()
    }

    /// The ground that the strata cover together.
    pub fn population(&self) -> Population {
        match self.strata_by {
            StrataBy::Zones | StrataBy::Both | StrataBy::Raster => Population::Strata,
            StrataBy::Classes | StrataBy::Whole | StrataBy::Risk => Population::Map,
        }
    }
}

impl DesignStratum {
    /// The stratum as the estimators take it.
    pub fn stratum(&self) -> Stratum {
        Stratum { name: self.name.clone(), population: self.population, area: self.area }
    }
}

/// One drawn unit with all that an interpreter must not see: a row of `units.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DesignUnit {
    /// Its number; in random order, so that it tells nothing.
    pub unit_id: u64,
    /// Name of its stratum.
    pub stratum: String,
    /// Row of the cell in the map.
    pub row: u64,
    /// Column of the cell in the map.
    pub col: u64,
    /// Longitude of the cell's centre.
    pub lon: f64,
    /// Latitude of the cell's centre.
    pub lat: f64,
    /// True area of the cell.
    pub area_km2: f64,
    /// Probability with which it was drawn.
    pub inclusion_probability: f64,
    /// Class code on the map; empty for a value.
    pub map_class: Option<u8>,
    /// True when it is to be labelled a second time.
    pub second_look: bool,
}
