//! Classes with codes, names and colours, and what a model predicts.

use serde::{Deserialize, Deserializer, Serialize, de};

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
        /// The legend, in ascending order of code; read from a file, it is checked.
        #[serde(deserialize_with = "legend")]
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

/// A legend from a file: codes ascend and stay below nodata, names are unique.
fn legend<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Class>, D::Error> {
    let classes = Vec::<Class>::deserialize(deserializer)?;
    if let Some(class) = classes.iter().find(|c| c.code == Target::NODATA_CLASS) {
        return Err(de::Error::custom(format!("class \"{}\" has code 255, which is nodata", class.name)));
    }
    if let Some((a, b)) = classes.iter().zip(classes.iter().skip(1)).find(|(a, b)| a.code >= b.code) {
        let text = format!("class \"{}\" with code {} follows code {}; codes must ascend", b.name, b.code, a.code);
        return Err(de::Error::custom(text));
    }
    let mut names = std::collections::BTreeSet::new();
    match classes.iter().find(|c| c.name.is_empty() || !names.insert(c.name.as_str())) {
        Some(class) => {
            Err(de::Error::custom(format!("code {}: the name \"{}\" is empty or used twice", class.code, class.name)))
        }
        None => Ok(classes),
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

    /// A file changed by hand: two classes of one code would be counted as one.
    #[test]
    fn a_legend_with_a_code_or_name_twice_is_refused() {
        let read = |classes: &[(u8, &str)]| {
            let list: Vec<_> = classes
                .iter()
                .map(|(code, name)| serde_json::json!({"code": code, "name": name, "colour": [0, 0, 0]}))
                .collect();
            serde_json::from_value::<Target>(serde_json::json!({"classes": {"classes": list}}))
                .map_err(|e| e.to_string())
        };
        assert_eq!(read(&[(0, "a"), (3, "b")]).unwrap().outputs(), 2);
        for (classes, says) in [
            ([(1, "a"), (1, "b")], "class \"b\" with code 1 follows code 1"),
            ([(2, "a"), (1, "b")], "with code 1 follows code 2"),
            ([(1, "a"), (255, "b")], "code 255, which is nodata"),
            ([(1, "a"), (2, "a")], "code 2: the name \"a\" is empty or used twice"),
        ] {
            let said = read(&classes).unwrap_err();
            assert!(said.contains(says), "{said}");
        }
    }

    #[test]
    fn colours_differ() {
        let colours: std::collections::BTreeSet<_> = (0..40).map(default_colour).collect();
        assert_eq!(colours.len(), 40);
    }
}
