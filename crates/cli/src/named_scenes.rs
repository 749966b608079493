//! Several scenes: `--scene NAME=FILE[,FILE..]` on the command line, a table from names to files in a recipe.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One scene: its name and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedScene {
    pub name: String,
    pub files: Vec<PathBuf>,
}

impl FromStr for NamedScene {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("\"{text}\" is not of the form NAME=FILE[,FILE..]");
        let (name, files) = text.split_once('=').ok_or_else(fault)?;
        let files: Vec<PathBuf> = files.split(',').filter(|f| !f.is_empty()).map(PathBuf::from).collect();
        if name.is_empty() || files.is_empty() {
            return Err(fault());
        }
        Ok(Self { name: name.to_owned(), files })
    }
}

/// Scenes as a table.
pub fn serialize<S: Serializer>(scenes: &[NamedScene], serializer: S) -> Result<S::Ok, S::Error> {
    let table: BTreeMap<&str, &[PathBuf]> = scenes.iter().map(|s| (s.name.as_str(), &s.files[..])).collect();
    table.serialize(serializer)
}

/// Scenes from a table, in the order of their names.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<NamedScene>, D::Error> {
    let table: BTreeMap<String, Vec<PathBuf>> = BTreeMap::deserialize(deserializer)?;
    Ok(table.into_iter().map(|(name, files)| NamedScene { name, files }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_files() {
        let scene: NamedScene = "dry=a.tif,b=c.tif".parse().unwrap();
        assert_eq!(scene, NamedScene { name: "dry".into(), files: vec!["a.tif".into(), "b=c.tif".into()] });
        for bad in ["a.tif", "=a.tif", "dry="] {
            assert!(bad.parse::<NamedScene>().is_err(), "{bad}");
        }
    }
}
