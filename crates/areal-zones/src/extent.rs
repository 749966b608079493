//! Which cells of a map are read: all, or those near zones.

use areal_formats::{NamedChoice, UnknownName};
use areal_grid::Window;
use serde::{Deserialize, Serialize};

use crate::Map;
use crate::placed_zones::PlacedZones;

/// Which cells of a map are read.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum ReadExtent {
    /// All of a map of up to [`SMALL`] cells, or of up to [`FEW_TIMES`] the cells near zones; else those near zones.
    #[default]
    Auto,
    /// Those near zones.
    Zones,
    /// All of the map.
    Map,
}

impl NamedChoice for ReadExtent {
    const WHAT: &'static str = "extent to read";
}

/// Maps of up to this many cells (about a second) are always read completely.
pub const SMALL: u64 = 1 << 26;
/// How many times the cells near zones are read for the totals of the map.
pub const FEW_TIMES: u64 = 4;

/// The windows of a map that are read, in order.
pub(crate) struct Windows {
    pub windows: Vec<Window>,
    /// Whether they are all of the map.
    pub all: bool,
}

impl Windows {
    /// Each of at most about `cells` cells.
    pub(crate) fn of(map: &Map, ground: &PlacedZones, cells: usize, extent: ReadExtent) -> Self {
        let all = map.grid.height as u64 * map.grid.width as u64;
        let whole = || Self { windows: map.windows(cells).collect(), all: true };
        if extent == ReadExtent::Map || extent == ReadExtent::Auto && all <= SMALL {
            return whole();
        }
        let near: Vec<Window> = map.windows(cells).filter_map(|window| ground.near(window)).collect();
        let found: u64 = near.iter().map(|window| window.len() as u64).sum();
        if extent == ReadExtent::Auto && all <= FEW_TIMES * found {
            return whole();
        }
        Self { windows: near, all: false }
    }
}
