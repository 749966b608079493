//! The folder of a prediction: its document and its rasters.

use std::path::{Path, PathBuf};

use areal_formats::{PredictionMeta, Resampling};
use areal_grid::{Class, PixelState, PixelType, Target};
use areal_job::{FileError, Manifest, read_json_of};

use crate::{CogBand, CogSpec, RasterError, RasterFile, same_grid};

/// The folder of a prediction: `prediction.json`, `states.tif` and `shares.tif`, with `classes.tif` and `probabilities.tif` or with
/// `value.tif`.
#[derive(Debug, Clone)]
pub struct Prediction {
    folder: PathBuf,
    meta: PredictionMeta,
}

impl Prediction {
    /// Band codes, `u8`, nodata 255.
    pub const CLASSES: &'static str = "classes.tif";
    /// One band a class in the order of the legend, `f32`, 0 to 1, nodata `NaN`.
    pub const PROBABILITIES: &'static str = "probabilities.tif";
    /// Band 1 the value, `f32`, nodata `NaN`; band 2, where patches overlap, the standard deviation between them.
    pub const VALUE: &'static str = "value.tif";
    /// Codes of [`PixelState`], `u8`, no nodata: observed where a cell is predicted, else why it is not.
    pub const STATES: &'static str = "states.tif";

    /// Shares of each cell's ground by [`PixelState`], one band a state, `f32`, together 1, no nodata: of a predicted
    /// cell how much of it the prediction rests on. Absent in predictions made before it was kept.
    pub const SHARES: &'static str = "shares.tif";

    /// Opens a prediction.
    ///
    /// # Errors
    /// When the folder holds no prediction of this format, a raster of it is missing or lies elsewhere than it
    /// says, or its counts do not add up.
    pub fn open(folder: &Path) -> Result<Self, RasterError> {
        let meta: PredictionMeta = read_json_of(&folder.join(PredictionMeta::FILE), &PredictionMeta::FORMATS)?;
        let fault = |reason: String| RasterError::Prediction { path: folder.to_path_buf(), reason };
        let rasters: &[&str] = match meta.target {
            Target::Classes { .. } => &[Self::CLASSES, Self::PROBABILITIES, Self::STATES],
            Target::Value { .. } => &[Self::VALUE, Self::STATES],
        };
        if let Some(name) = rasters.iter().find(|name| !folder.join(name).is_file()) {
            return Err(fault(format!("{name} is missing")));
        }
        let has_shares = folder.join(Self::SHARES).is_file();
        for name in rasters.iter().copied().chain(has_shares.then_some(Self::SHARES)) {
            let grid = RasterFile::open(&folder.join(name))?.grid().clone();
            if !same_grid(&grid, &meta.grid) {
                return Err(fault(format!("{name} has cells {grid}, {} says {}", PredictionMeta::FILE, meta.grid)));
            }
        }
        let cells = meta.grid.height as u64 * meta.grid.width as u64;
        if meta.counts.total() != cells {
            return Err(fault(format!("{} cells are counted, but its grid has {cells}", meta.counts.total())));
        }
        Ok(Self { folder: folder.to_path_buf(), meta })
    }

    /// The file of a prediction that is not as areal wrote it, where its manifest tells: what files that contradict each other come from.
    pub fn damage(folder: &Path) -> Option<RasterError> {
        let manifest = Manifest::read(folder).ok().flatten()?;
        match manifest.verified_digest(folder) {
            Err(damaged @ FileError::Damaged { .. }) => Some(damaged.into()),
            _ => None,
        }
    }

    /// How it was made.
    pub fn meta(&self) -> &PredictionMeta {
        &self.meta
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The class raster, if classes were predicted.
    pub fn classes_path(&self) -> Option<PathBuf> {
        matches!(self.meta.target, Target::Classes { .. }).then(|| self.folder.join(Self::CLASSES))
    }

    /// The raster of class probabilities, if classes were predicted.
    pub fn probabilities_path(&self) -> Option<PathBuf> {
        matches!(self.meta.target, Target::Classes { .. }).then(|| self.folder.join(Self::PROBABILITIES))
    }

    /// The raster of cell states.
    pub fn states_path(&self) -> PathBuf {
        self.folder.join(Self::STATES)
    }

    /// The raster of shares by state, where there is one.
    pub fn shares_path(&self) -> Option<PathBuf> {
        Some(self.folder.join(Self::SHARES)).filter(|path| path.is_file())
    }

    /// What `shares.tif` is: one band a state.
    pub fn shares_spec() -> CogSpec {
        let band = |state: PixelState| CogBand { description: state.name().to_owned(), legend: Vec::new() };
        CogSpec {
            pixel_type: PixelType::F32,
            nodata: None,
            bands: PixelState::ALL.map(band).to_vec(),
            metadata: Vec::new(),
            overview_resampling: Resampling::Average,
        }
    }

    /// What `states.tif` is: one band with the states' names and colours.
    pub fn states_spec() -> CogSpec {
        let class = |state: PixelState| Class {
            code: state as u8,
            name: state.name().to_owned(),
            colour: match state {
                PixelState::Observed => [102, 166, 30],
                PixelState::Nodata => [189, 189, 189],
                PixelState::Masked => [117, 112, 179],
                PixelState::Outside => [255, 255, 255],
            },
        };
        CogSpec {
            pixel_type: PixelType::U8,
            nodata: None,
            bands: vec![CogBand { description: "state".to_owned(), legend: PixelState::ALL.map(class).to_vec() }],
            metadata: Vec::new(),
            overview_resampling: Resampling::Nearest,
        }
    }

    /// The value raster, if a value was predicted.
    pub fn value_path(&self) -> Option<PathBuf> {
        matches!(self.meta.target, Target::Value { .. }).then(|| self.folder.join(Self::VALUE))
    }
}
