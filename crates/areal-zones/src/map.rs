//! The map that is aggregated: a prediction, or any raster of classes or values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use areal_formats::{Resampling, SceneSettings};
use areal_grid::{PixelGrid, Scaling, Target, Window};
use areal_raster::{BandFacts, NamedCode, Prediction, RasterError, RasterFile, warn_of_converted_codes};
use areal_tables::{Encoding, LegendError, Recoding, warn_of_near_identical};

use crate::ZonesError;
use crate::content::{Content, chosen_content};
use crate::prior::PriorShift;

/// Which map is aggregated.
#[derive(Debug, Clone, PartialEq)]
pub enum MapInput {
    Prediction(PathBuf),
    /// Any raster that GDAL opens.
    Raster {
        /// The one file, and how it is read; without bands the first (classes) or all (values).
        reading: Box<SceneSettings>,
        /// What its cells are; none to take bytes for classes and everything else for values.
        content: Option<Content>,
        /// Names of class codes, and which count as one; empty for the names in the file.
        recoding: Recoding,
        /// Encoding of a table of names beside the raster.
        encoding: Option<Encoding>,
    },
}

impl MapInput {
    /// A raster that is read as it is.
    pub fn raster(path: impl Into<PathBuf>, content: Option<Content>) -> Self {
        let reading = Box::new(SceneSettings::new("map", vec![path.into()]));
        Self::Raster { reading, content, recoding: Recoding::default(), encoding: None }
    }
}

/// A map: its grid, what its cells are, and where they are read from.
#[derive(Debug, Clone)]
pub struct Map {
    /// The folder or file, as given.
    pub path: PathBuf,
    pub grid: PixelGrid,
    /// What is in its cells.
    pub(crate) layers: Layers,
    /// File with the state of each cell (observed, nodata, masked, outside), where the map knows it.
    pub states: Option<PathBuf>,
    /// File with the shares of each cell's ground by state, where there is one.
    pub shares: Option<PathBuf>,
    /// Colours of class codes, where the map knows them.
    pub(crate) colours: BTreeMap<i64, [u8; 3]>,
    block: (usize, usize),
}

/// The layers of a map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layers {
    Classes {
        /// File and band of the codes.
        codes: (SceneSettings, usize),
        /// Codes with their names; a code that is not here has no name.
        legend: Vec<(i64, String)>,
        /// Which codes in the file count as others.
        recoding: Recoding,
        /// File with one band of probabilities for each entry of the legend, if there is one.
        probabilities: Option<PathBuf>,
        /// What brings them to the classes' shares among the training patches, where training weighted classes.
        shift: Option<PriorShift>,
    },
    /// A map of values.
    Values {
        file: SceneSettings,
        bands: Vec<ValueBand>,
        /// Unit of the values; empty where there is none.
        unit: String,
    },
}

/// A band of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueBand {
    /// Number, from 1.
    pub number: usize,
    /// Name of the value.
    pub name: String,
    /// What its stored numbers mean.
    pub scaling: Scaling,
}

/// Cells of a window whose pixels, states and sums stay in the caches near a processor.
const NEAR_CELLS: usize = 1 << 18;

impl Map {
    /// Opens a map.
    ///
    /// # Errors
    /// When it cannot be read, or its cells are not what they are said to be.
    pub fn open(input: &MapInput) -> Result<Self, ZonesError> {
        match input {
            MapInput::Prediction(folder) => Self::prediction(folder),
            MapInput::Raster { reading, content, recoding, encoding } => {
                Self::raster(reading, *content, recoding, *encoding)
            }
        }
    }

    fn prediction(folder: &Path) -> Result<Self, ZonesError> {
        let prediction = Prediction::open(folder)?;
        let (layers, file) = match &prediction.meta().target {
            Target::Classes { classes } => {
                let file = folder.join(Prediction::CLASSES);
                let probabilities = prediction.probabilities_path();
                if let Some(path) = &probabilities {
                    check_probabilities(path, classes.len())?;
                }
                let legend = classes.iter().map(|c| (i64::from(c.code), c.name.clone())).collect();
                let meta = prediction.meta();
                let shift = PriorShift::new(&meta.training_prior, &meta.training_class_shares, classes.len());
                let (codes, recoding) = ((plain(&file), 1), Recoding::default());
                (Layers::Classes { codes, legend, recoding, probabilities, shift }, file)
            }
            Target::Value { name, unit } => {
                let file = folder.join(Prediction::VALUE);
                let bands = vec![ValueBand { number: 1, name: name.clone(), scaling: Scaling::default() }];
                (Layers::Values { file: plain(&file), bands, unit: unit.clone() }, file)
            }
        };
        let raster = RasterFile::open(&file)?;
        let block = raster.block_size();
        let grid = raster.grid().clone();
        let states = prediction.states_path();
        if *RasterFile::open(&states)?.grid() != grid {
            let reason = format!("it is not on the grid of {}", file.display());
            return Err(RasterError::Prediction { path: states, reason }.into());
        }
        let shares = prediction.shares_path();
        let colours = prediction.meta().target.classes().iter().map(|c| (i64::from(c.code), c.colour)).collect();
        Ok(Self { path: folder.to_path_buf(), grid, layers, states: Some(states), shares, colours, block })
    }

    fn raster(
        reading: &SceneSettings,
        content: Option<Content>,
        recoding: &Recoding,
        encoding: Option<Encoding>,
    ) -> Result<Self, ZonesError> {
        let raster = RasterFile::open_as(reading)?;
        let path = raster.facts().path.clone();
        let fault = |reason: String| ZonesError::Raster { path: path.clone(), reason };
        let bands: Vec<BandFacts> = if reading.bands.is_empty() {
            let quality = reading.quality.as_ref().map(|quality| raster.band(&quality.band)).transpose()?;
            let is_data =
                |band: &&BandFacts| !band.alpha && quality.is_none_or(|quality| quality.number != band.number);
            raster.facts().bands.iter().filter(is_data).cloned().collect()
        } else {
            reading.bands.iter().map(|band| raster.band(band).cloned()).collect::<Result<_, _>>()?
        };
        let content = match (content, bands.first()) {
            (Some(given), _) => given,
            (None, Some(band)) => chosen_content(&raster, band, reading, recoding, encoding)?,
            (None, None) => Content::Values,
        };
        let mut colours = BTreeMap::new();
        let layers = match (content, &bands[..]) {
            (Content::Classes, [band, rest @ ..]) => {
                if !reading.bands.is_empty() && !rest.is_empty() {
                    return Err(fault("a class map has one band, but several are given".to_owned()));
                }
                if band.colour && rest.len() >= 2 && rest[..2].iter().all(|band| band.colour) {
                    return Err(fault("its bands are the red, green and blue of an image, not class codes".to_owned()));
                }
                if let Some(other) = reading.resampling.filter(|r| *r != Resampling::Nearest) {
                    return Err(fault(format!("class codes have no mean, so their resampling cannot be {other}")));
                }
                if (band.scale, band.offset) != (1.0, 0.0) || reading.converts() {
                    tracing::warn!("{}: class codes are the stored numbers, without scale and offset", path.display());
                }
                warn_of_near_identical(&path.display().to_string(), recoding.classes.iter().map(|c| c.name.as_str()));
                // A given legend stands alone.
                let named = if recoding.listed { Vec::new() } else { raster.named_codes(band.number, encoding)? };
                let recoding = joined_by_name(&path, recoding, &named).map_err(|found| fault(found.to_string()))?;
                colours.extend(named.iter().filter_map(|named| Some((named.code, named.colour?))));
                let given = recoding.classes.iter().enumerate();
                colours.extend(given.filter_map(|(k, class)| Some((recoding.code(k), class.colour?))));
                Layers::Classes {
                    codes: (reading.clone(), band.number),
                    legend: legend(&named, &recoding),
                    recoding,
                    probabilities: None,
                    shift: None,
                }
            }
            (Content::Values, _) if !recoding.is_empty() => {
                return Err(ZonesError::ValuesWithClasses { path: path.clone(), by_legend: recoding.listed });
            }
            (Content::Values, bands @ [_, ..]) => {
                let given = reading.conversion(bands.len()).map_err(RasterError::from)?;
                warn_of_converted_codes(&path, bands, given.as_deref().unwrap_or_default());
                let bands = bands.iter().enumerate();
                let bands =
                    bands.map(|(k, band)| value_band(&path, band, given.as_ref().map(|given| given[k]))).collect();
                Layers::Values { file: reading.clone(), bands, unit: String::new() }
            }
            (_, []) => return Err(fault("it has no bands".to_owned())),
        };
        let (grid, block) = (raster.grid().clone(), raster.block_size());
        Ok(Self { path, grid, layers, states: None, shares: None, colours, block })
    }

    /// True when its cells hold class codes.
    pub fn is_of_classes(&self) -> bool {
        matches!(self.layers, Layers::Classes { .. })
    }

    /// How many bands of values it has; none for a map of classes.
    pub(crate) fn value_bands(&self) -> Option<usize> {
        match &self.layers {
            Layers::Values { bands, .. } => Some(bands.len()),
            Layers::Classes { .. } => None,
        }
    }

    /// Windows that cut the map along its blocks, each of at most about `cells` cells.
    pub(crate) fn windows(&self, cells: usize) -> impl Iterator<Item = Window> + use<> {
        let (bh, bw) = (self.block.0.max(1), self.block.1.max(1));
        let (height, width) = (self.grid.height, self.grid.width);
        let cells = cells.max(1);
        let fitting = cells.min(NEAR_CELLS);
        let (h, w) = if bh * width <= fitting {
            ((fitting / width / bh).max(1) * bh, width)
        } else if bh * bw <= cells {
            (bh, (fitting / bh / bw).max(1) * bw)
        } else {
            // One block is too large: lines of it.
            ((cells / bw).max(1), bw)
        };
        areal_grid::blocks(height, width, h, w)
    }
}

/// Codes that the file itself names as a class of the rules count as that class, which is said.
fn joined_by_name(path: &Path, recoding: &Recoding, named: &[NamedCode]) -> Result<Recoding, LegendError> {
    let (made, joined) = recoding.joined_to(named.iter().map(|named| (named.code, named.name.as_str())))?;
    for code in joined {
        let class = made.place(code).map_or("", |place| &made.classes[place].name);
        tracing::info!(
            "{}: code {code} is {class} by the file's own names, and counts as the {class} of --map",
            path.display()
        );
    }
    Ok(made)
}

fn plain(file: &Path) -> SceneSettings {
    SceneSettings::new("map", vec![file.to_path_buf()])
}

/// Codes with their names: those of the file, and over them those that are given.
fn legend(named: &[NamedCode], recoding: &Recoding) -> Vec<(i64, String)> {
    let mut names: BTreeMap<i64, String> = named.iter().map(|named| (named.code, named.name.clone())).collect();
    if recoding.merges() {
        names.retain(|code, _| recoding.place(*code).is_none());
    }
    names.extend(recoding.classes.iter().enumerate().map(|(k, class)| (recoding.code(k), class.name.clone())));
    names.into_iter().collect()
}

/// A band with the scale and offset that are given, else with those of its file.
fn value_band(path: &Path, band: &BandFacts, given: Option<Scaling>) -> ValueBand {
    let of_file = Scaling { scale: band.scale, offset: band.offset };
    let scaling = given.unwrap_or(of_file);
    let (path, number) = (path.display(), band.number);
    match given {
        Some(_) if of_file != Scaling::default() => tracing::info!(
            "{path}: values of band {number} are the stored numbers {scaling}, as given, in place of {of_file}, as the file says"
        ),
        None if scaling != Scaling::default() => {
            tracing::info!("{path}: values of band {number} are the stored numbers {scaling}, as the file says");
        }
        _ => {}
    }
    ValueBand { number: band.number, name: band.description.clone(), scaling }
}

fn check_probabilities(path: &Path, classes: usize) -> Result<(), ZonesError> {
    let bands = RasterFile::open(path)?.bands().len();
    if bands == classes {
        return Ok(());
    }
    let reason = format!("it has {bands} bands, but the prediction has {classes} classes");
    Err(ZonesError::Raster { path: path.to_path_buf(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_grid::{Affine, Crs, CrsKind, Ellipsoid};

    fn windows(size: [usize; 2], block: (usize, usize), cells: usize) -> Vec<Window> {
        let crs = Crs {
            wkt: String::new(),
            name: "test".into(),
            kind: CrsKind::Projected { metres_per_unit: 1.0 },
            ellipsoid: Ellipsoid::WGS84,
        };
        let [height, width] = size;
        let grid = PixelGrid { crs, transform: Affine::north_up([0.0, 0.0], [1.0, 1.0]), height, width };
        let layers = Layers::Values { file: plain(Path::new("")), bands: Vec::new(), unit: String::new() };
        Map { path: PathBuf::new(), grid, layers, states: None, shares: None, colours: BTreeMap::new(), block }
            .windows(cells)
            .collect()
    }

    #[test]
    fn windows_are_whole_blocks_as_near_as_may_be() {
        let first = |size, block, cells| {
            let all = windows(size, block, cells);
            assert_eq!(all.iter().map(Window::len).sum::<usize>(), size[0] * size[1]);
            (all[0].height, all[0].width)
        };
        let most = 1 << 21;
        // Tiles one by one, narrow tiles side by side, strips one above the other.
        assert_eq!(first([8192, 8192], (512, 512), most), (512, 512));
        assert_eq!(first([8192, 8192], (256, 256), most), (256, 1024));
        assert_eq!(first([9000, 1000], (1, 1000), most), (262, 1000));
        // No block is decoded twice as long as it fits; what is larger is cut into lines.
        assert_eq!(first([4096, 4096], (1024, 1024), most), (1024, 1024));
        assert_eq!(first([4096, 4096], (2048, 2048), most), (1024, 2048));
        assert_eq!(first([100, 100], (10, 100), 500), (5, 100));
    }
}
