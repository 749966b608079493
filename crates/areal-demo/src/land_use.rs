//! Land-use classes of the landscape.

use areal_grid::Class;

/// Land use, the classes of the demo landscape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LandUse {
    /// Rivers, lakes, reservoirs.
    Water = 1,
    /// Natural forest: rough crowns.
    Forest = 2,
    /// Rubber: planting rows.
    Rubber = 3,
    /// Oil palm: a triangular lattice.
    OilPalm = 4,
    /// Paddy: bunded fields in all stages of growth.
    Paddy = 5,
    /// Towns: roofs, streets, gardens.
    BuiltUp = 6,
}

impl LandUse {
    /// All of them, in order of code.
    pub const ALL: [Self; 6] = [Self::Water, Self::Forest, Self::Rubber, Self::OilPalm, Self::Paddy, Self::BuiltUp];

    /// Its value in `truth.tif`, 1 to 6.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Its name in labels and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Water => "water",
            Self::Forest => "forest",
            Self::Rubber => "rubber",
            Self::OilPalm => "oil palm",
            Self::Paddy => "paddy",
            Self::BuiltUp => "built-up",
        }
    }

    /// Code, name and map colour.
    pub fn class(self) -> Class {
        let colour = match self {
            Self::Water => [0, 114, 178],
            Self::Forest => [0, 96, 72],
            Self::Rubber => [204, 121, 167],
            Self::OilPalm => [230, 159, 0],
            Self::Paddy => [172, 214, 92],
            Self::BuiltUp => [120, 60, 60],
        };
        Class { code: self.code(), name: self.name().to_owned(), colour }
    }
}
