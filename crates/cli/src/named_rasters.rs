//! One or several rasters with names: `--raster FILE` or `--raster NAME=FILE`, repeated; in a recipe a text or a list of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::errors::{CliError, Exit};

/// A raster, and the name that is given to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRaster {
    name: Option<String>,
    pub path: PathBuf,
}

impl NamedRaster {
    /// The name given, or that of the file without its extension.
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
    }
}

impl FromStr for NamedRaster {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = || Self { name: None, path: PathBuf::from(text) };
        // A file may have "=" in its name.
        if text.is_empty() {
            return Err("a raster is a file, or NAME=FILE".to_owned());
        }
        match text.split_once('=') {
            Some((name, path)) if is_name(name) && !path.is_empty() && !Path::new(text).exists() => {
                Ok(Self { name: Some(name.to_owned()), path: PathBuf::from(path) })
            }
            _ => Ok(plain()),
        }
    }
}

/// Letters, digits, `_` and `-`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// Refuses names that are not all different: columns are told apart by them.
pub fn check_names(rasters: &[NamedRaster]) -> Result<(), CliError> {
    let mut seen = BTreeSet::new();
    for raster in rasters {
        let name = raster.name();
        if !seen.insert(name.to_lowercase()) {
            return Err(CliError::new(Exit::Usage, format!("two rasters have the name \"{name}\""))
                .help("name them apart: --raster NAME=FILE"));
        }
        if rasters.len() > 1 && ["zone", "class"].contains(&name.as_str()) {
            return Err(CliError::new(Exit::Usage, format!("a raster cannot have the name \"{name}\""))
                .help("the table uses this name itself; name the raster: --raster NAME=FILE"));
        }
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// One raster as a text, several as a list.
pub fn serialize<S: Serializer>(rasters: &[NamedRaster], serializer: S) -> Result<S::Ok, S::Error> {
    let text = |raster: &NamedRaster| match &raster.name {
        Some(name) => format!("{name}={}", raster.path.display()),
        None => raster.path.display().to_string(),
    };
    match rasters {
        [] => serializer.serialize_none(),
        [one] => OneOrMany::One(text(one)).serialize(serializer),
        many => OneOrMany::Many(many.iter().map(text).collect()).serialize(serializer),
    }
}

/// From a text or a list.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NamedRaster>, D::Error> {
    let texts = match Option::<OneOrMany>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(OneOrMany::One(text)) => vec![text],
        Some(OneOrMany::Many(texts)) => texts,
    };
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_or_that_of_the_file() {
        let of = |text: &str| {
            let raster: NamedRaster = text.parse().unwrap();
            (raster.name(), raster.path)
        };
        assert_eq!(of("data/ndvi.tif"), ("ndvi".into(), "data/ndvi.tif".into()));
        assert_eq!(of("dry=data/ndvi.tif"), ("dry".into(), "data/ndvi.tif".into()));
        assert_eq!(of("/vsicurl/https://x/y.tif?a=b").1, PathBuf::from("/vsicurl/https://x/y.tif?a=b"));
        let [a, b]: [NamedRaster; 2] = ["1/x.tif", "2/X.tif"].map(|text| text.parse().unwrap());
        assert!(check_names(&[a.clone(), b]).is_err() && check_names(&[a]).is_ok());
    }
}
