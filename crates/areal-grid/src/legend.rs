use serde::{Deserialize, Serialize};

/// One land-use class of a map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Its value in rasters, 0 to 254; 255 is nodata.
    pub code: u8,
    /// Its name, unique in a legend.
    pub name: String,
    /// Its colour on maps: red, green, blue.
    pub colour: [u8; 3],
}

/// What is predicted: a class of a legend, or a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// Classification. Network output `k` stands for the `k`-th class of this list.
    Classes {
        /// The legend, in ascending order of code.
        classes: Vec<Class>,
    },
    /// Regression of one value.
    Value {
        /// Name of the value: `wealth`, say.
        name: String,
        /// Its unit; empty for an index.
        unit: String,
    },
}

impl Target {
    /// Nodata in class rasters.
    pub const NODATA_CLASS: u8 = 255;

    /// The classes; empty for a value.
    pub fn classes(&self) -> &[Class] {
        match self {
            Self::Classes { classes } => classes,
            Self::Value { .. } => &[],
        }
    }

    /// Number of network outputs: one a class, or one.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Classes { classes } => classes.len(),
            Self::Value { .. } => 1,
        }
    }
}

/// The colour of the `index`-th class when none is given: Okabe and Ito's eight (2008), told apart by colour-blind
/// readers, then hues a golden angle apart.
pub fn default_colour(index: usize) -> [u8; 3] {
    const OKABE_ITO: [[u8; 3]; 8] = [
        [0, 158, 115],
        [230, 159, 0],
        [86, 180, 233],
        [213, 94, 0],
        [240, 228, 66],
        [0, 114, 178],
        [204, 121, 167],
        [90, 90, 90],
    ];
    OKABE_ITO.get(index).copied().unwrap_or_else(|| {
        let hue = (index as f64 * 137.508) % 360.0 / 60.0;
        let ramp = |offset: f64| {
            let k = (offset + hue) % 6.0;
            (40.0 + 190.0 * (1.0 - (k.min(4.0 - k)).clamp(0.0, 1.0))) as u8
        };
        [ramp(5.0), ramp(3.0), ramp(1.0)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_differ() {
        let colours: std::collections::BTreeSet<_> = (0..40).map(default_colour).collect();
        assert_eq!(colours.len(), 40);
    }
}
