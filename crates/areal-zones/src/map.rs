//! The map that is aggregated: a prediction, or any raster of classes or values.

use areal_formats::{BandRef, NamedChoice, UnknownName};
use std::path::{Path, PathBuf};

use areal_grid::{PixelGrid, PixelState, PixelType, Target, Window};
use areal_raster::{BandInfo, Prediction, RasterError, RasterFile};
use serde::{Deserialize, Serialize};

use crate::prior::PriorShift;
use crate::shares::SharesReader;
use crate::weights::WeightReader;
use crate::{WindowCells, WindowData, ZonesError};

/// What the cells of a raster are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Content {
    /// Codes of classes.
    Classes,
    /// Numbers to be averaged.
    Values,
}

impl NamedChoice for Content {
    const WHAT: &'static str = "content";
}

/// Which map is aggregated.
#[derive(Debug, Clone, PartialEq)]
pub enum MapInput {
    Prediction(PathBuf),
    /// Any raster that GDAL opens.
    Raster {
        path: PathBuf,
        /// Its bands; empty for the first (classes) or for all (values).
        bands: Vec<BandRef>,
        /// What its cells are; none to take bytes for classes and everything else for values.
        content: Option<Content>,
    },
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
    block: (usize, usize),
}

/// The layers of a map.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layers {
    Classes {
        /// File and band of the codes.
        codes: (PathBuf, usize),
        /// Codes with their names; a code that is not here has no name.
        legend: Vec<(i64, String)>,
        /// File with one band of probabilities for each entry of the legend, if there is one.
        probabilities: Option<PathBuf>,
        /// What brings them to the classes' shares among the training patches, where training weighted classes.
        shift: Option<PriorShift>,
    },
    /// A map of values.
    Values {
        file: PathBuf,
        /// Band numbers with the names of their values.
        bands: Vec<(usize, String)>,
        /// Unit of the values; empty where there is none.
        unit: String,
    },
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
            MapInput::Raster { path, bands, content } => Self::raster(path, bands, *content),
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
                let shift = PriorShift::new(&meta.training_prior, &meta.class_shares, classes.len());
                (Layers::Classes { codes: (file.clone(), 1), legend, probabilities, shift }, file)
            }
            Target::Value { name, unit } => {
                let file = folder.join(Prediction::VALUE);
                let bands = vec![(1, name.clone())];
                (Layers::Values { file: file.clone(), bands, unit: unit.clone() }, file)
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
        Ok(Self { path: folder.to_path_buf(), grid, layers, states: Some(states), shares, block })
    }

    fn raster(path: &Path, wanted: &[BandRef], content: Option<Content>) -> Result<Self, ZonesError> {
        let raster = RasterFile::open(path)?;
        let bands = select(path, raster.bands(), wanted)?;
        let bytes = bands.first().is_some_and(|b| b.pixel_type == PixelType::U8);
        let content = content.unwrap_or(if bytes { Content::Classes } else { Content::Values });
        let fault = |reason: String| ZonesError::Raster { path: path.to_path_buf(), reason };
        let layers = match (content, &bands[..]) {
            (Content::Classes, [band, rest @ ..]) => {
                if matches!(band.pixel_type, PixelType::F32 | PixelType::F64) {
                    return Err(fault(format!(
                        "band {} has {} values, which are not class codes",
                        band.number, band.pixel_type
                    )));
                }
                if !wanted.is_empty() && !rest.is_empty() {
                    return Err(fault("a class map has one band, but several are given".to_owned()));
                }
                let names = raster.category_names(band.number)?.into_iter().enumerate();
                let legend = names.filter(|(_, n)| !n.is_empty()).map(|(code, name)| (code as i64, name)).collect();
                Layers::Classes { codes: (path.to_path_buf(), band.number), legend, probabilities: None, shift: None }
            }
            (Content::Values, bands @ [_, ..]) => {
                let bands = bands.iter().map(|b| (b.number, b.description.clone())).collect();
                Layers::Values { file: path.to_path_buf(), bands, unit: String::new() }
            }
            (_, []) => return Err(fault("it has no bands".to_owned())),
        };
        Ok(Self {
            path: path.to_path_buf(),
            grid: raster.grid().clone(),
            layers,
            states: None,
            shares: None,
            block: raster.block_size(),
        })
    }

    /// Windows that cut the map along its blocks, each of at most about `cells` cells.
    pub(crate) fn windows(&self, cells: usize) -> Vec<Window> {
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
        areal_grid::blocks(height, width, h, w).collect()
    }

    /// A reader with handles of its own.
    pub(crate) fn reader(&self, weights: Option<&Path>) -> Result<MapReader, ZonesError> {
        let weights = weights.map(|path| WeightReader::open(path, &self.grid)).transpose()?;
        let (first, second) = match &self.layers {
            Layers::Classes { codes, probabilities, .. } => {
                (RasterFile::open(&codes.0)?, probabilities.as_deref().map(RasterFile::open).transpose()?)
            }
            Layers::Values { file, .. } => (RasterFile::open(file)?, None),
        };
        let states = self.states.as_deref().map(StateReader::open).transpose()?;
        let shares = self.shares.as_deref().map(SharesReader::open).transpose()?;
        Ok(MapReader { layers: self.layers.clone(), first, second, states, shares, weights })
    }
}

fn select(path: &Path, bands: &[BandInfo], wanted: &[BandRef]) -> Result<Vec<BandInfo>, ZonesError> {
    if wanted.is_empty() {
        return Ok(bands.to_vec());
    }
    let is = |band: &BandInfo, wanted: &BandRef| match wanted {
        BandRef::Number(n) => band.number == *n,
        BandRef::Description(text) => band.description == *text,
    };
    let find = |wanted: &BandRef| {
        bands.iter().find(|b| is(b, wanted)).cloned().ok_or_else(|| ZonesError::Raster {
            path: path.to_path_buf(),
            reason: format!(
                "it has no band {wanted}; its bands: {}",
                bands.iter().map(|b| format!("{} \"{}\"", b.number, b.description)).collect::<Vec<_>>().join(", ")
            ),
        })
    };
    wanted.iter().map(find).collect()
}

fn check_probabilities(path: &Path, classes: usize) -> Result<(), ZonesError> {
    let bands = RasterFile::open(path)?.bands().len();
    if bands == classes {
        return Ok(());
    }
    let reason = format!("it has {bands} bands, but the prediction has {classes} classes");
    Err(ZonesError::Raster { path: path.to_path_buf(), reason })
}

/// Reads windows of a map.
pub(crate) struct MapReader {
    layers: Layers,
    first: RasterFile,
    second: Option<RasterFile>,
    states: Option<StateReader>,
    shares: Option<SharesReader>,
    weights: Option<WeightReader>,
}

impl MapReader {
    pub(crate) fn read(&mut self, window: &Window) -> Result<WindowData, ZonesError> {
        let cells = self.cells(window)?;
        let known = match &cells {
            WindowCells::Classes { states, .. } => Some(states),
            WindowCells::Values { bands, .. } => bands.first().map(|(_, states)| states),
        };
        let states = match (&mut self.states, known) {
            (Some(reader), Some(known)) => Some(reader.read(window, known)?),
            _ => None,
        };
        let shares = self.shares.as_mut().map(|reader| reader.read(window)).transpose()?;
        Ok(WindowData { cells, states, shares })
    }

    fn cells(&mut self, window: &Window) -> Result<WindowCells, ZonesError> {
        match &self.layers {
            Layers::Classes { codes, legend, shift, .. } => {
                let (pixels, states) = self.first.read_band(codes.1, window)?;
                let mut probabilities = Vec::new();
                if let Some(file) = &mut self.second {
                    let bands: Vec<usize> = (1..=legend.len()).collect();
                    for (pixels, states) in file.read_bands(&bands, window)? {
                        let mut plane = vec![0.0f32; window.len()];
                        pixels.read_f32(0, &mut plane);
                        for (p, s) in plane.iter_mut().zip(&states) {
                            if *s != PixelState::Observed {
                                *p = f32::NAN;
                            }
                        }
                        probabilities.push(plane);
                    }
                }
                if let Some(shift) = shift {
                    shift.apply(&mut probabilities);
                }
                Ok(WindowCells::Classes { codes: pixels, states, probabilities })
            }
            Layers::Values { bands, .. } => {
                let numbers: Vec<usize> = bands.iter().map(|(number, _)| *number).collect();
                let read = self.first.read_bands(&numbers, window)?;
                let weights = self.weights.as_mut().map(|w| w.read(window)).transpose()?;
                Ok(WindowCells::Values { bands: read, weights })
            }
        }
    }
}

/// Reads the states of a prediction's cells.
struct StateReader {
    path: PathBuf,
    file: RasterFile,
}

impl StateReader {
    fn open(path: &Path) -> Result<Self, ZonesError> {
        Ok(Self { path: path.to_path_buf(), file: RasterFile::open(path)? })
    }

    /// The states of a window, `[row, col]`: observed just where the prediction holds something, which `known` says.
    fn read(&mut self, window: &Window, known: &[PixelState]) -> Result<Vec<PixelState>, ZonesError> {
        let (codes, _) = self.file.read_band(1, window)?;
        let state = |k: usize| {
            let found = PixelState::from_code(codes.get(k) as u8);
            let observed = known[k] == PixelState::Observed;
            found.filter(|state| (*state == PixelState::Observed) == observed).ok_or_else(|| {
                let (row, col) = (window.row + k / window.width, window.col + k % window.width);
                let holds = if observed { "holds a prediction" } else { "is empty" };
                let reason = format!("row {row}, column {col}: state {} of a cell that {holds}", codes.get(k));
                RasterError::Prediction { path: self.path.clone(), reason }.into()
            })
        };
        (0..window.len()).map(state).collect()
    }
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
        let layers = Layers::Values { file: PathBuf::new(), bands: Vec::new(), unit: String::new() };
        Map { path: PathBuf::new(), grid, layers, states: None, shares: None, block }.windows(cells)
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
