//! Recipes filled in for the landscape.

use areal_grid::{Class, PixelGrid};
use areal_job::{FileError, StagedDir};

use crate::LandUse;
use crate::dimensions::{DemoSettings, Dimensions};

const LAND_USE: &str = include_str!("recipes/recipe.toml");
const WEALTH: &str = include_str!("recipes/wealth.toml");

/// Writes `recipe.toml` (land use) and `wealth.toml` (regression), filled in for this landscape.
pub fn write(
    settings: &DemoSettings,
    dimensions: &Dimensions,
    map: &PixelGrid,
    out: &StagedDir,
) -> Result<(), FileError> {
    let [west, south, east, north] = map.bounds();
    let class = |class: Class| {
        let [r, g, b] = class.colour;
        format!("    \"{}={}:#{r:02x}{g:02x}{b:02x}\",\n", class.code, class.name)
    };
    let values = [
        ("{classes}", LandUse::ALL.map(|use_| class(use_.class())).concat()),
        ("{seed}", settings.seed.to_string()),
        ("{patch-size}", dimensions.patch_size.to_string()),
        ("{buffer}", dimensions.buffer.to_string()),
        ("{half-patch}", (dimensions.patch_size / 2).to_string()),
        ("{bounds}", format!("[{west:.0}, {south:.0}, {east:.0}, {north:.0}]")),
    ];
    for (name, text) in [("recipe.toml", LAND_USE), ("wealth.toml", WEALTH)] {
        let text = values.iter().fold(text.to_owned(), |text, (key, value)| text.replace(key, value));
        let path = out.file(name);
        std::fs::write(&path, text).map_err(FileError::io("write", path))?;
    }
    Ok(())
}
