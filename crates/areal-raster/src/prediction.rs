use std::path::{Path, PathBuf};

use areal_grid::{Class, PixelGrid, PixelState, PixelType, Target};
use areal_job::{Provenance, Sha256, read_json, write_json};
use serde::{Deserialize, Serialize};

use crate::{Agreement, CogBand, CogSpec, PredictMode, RasterError, RasterFile, Resampling, SceneSettings, same_grid};

/// Cells of a prediction by what became of them; together they are all its cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateCounts {
    /// Cells with a predicted class or value.
    pub predicted: u64,
    /// Cells left empty because too much of them is nodata.
    pub nodata: u64,
    /// Cells left empty because too much of them is masked by the quality band.
    pub masked: u64,
    /// Cells in no file of the scene.
    pub outside: u64,
}

impl StateCounts {
    /// All cells.
    pub fn total(&self) -> u64 {
        self.predicted + self.nodata + self.masked + self.outside
    }
}

/// `prediction.json`: how a prediction was made, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionMeta {
    /// Always [`PredictionMeta::FORMAT`].
    pub format: String,
    /// What was predicted.
    pub target: Target,
    /// Where the cells lie; a cell is `stride` x `stride` pixels of the scene.
    pub grid: PixelGrid,
    /// Patch size in pixels of the scene.
    pub patch_size: usize,
    /// Stride in pixels of the scene.
    pub stride: usize,
    /// How the network was run; `patch` where the document has no such key.
    #[serde(default)]
    pub mode: PredictMode,
    /// In dense mode, how far it is from patch by patch on a sample of this scene's patches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// Least share of observed pixels, 0 to 1, for a patch to be predicted.
    pub min_valid: f64,
    /// The scene.
    pub scene: SceneSettings,
    /// Digest of the bundle.
    pub bundle_sha256: Sha256,
    /// Cells by what became of them; they add up to height x width.
    pub counts: StateCounts,
    /// Share of each class that the training implies, in the order of the classes; empty for a value.
    pub training_prior: Vec<f64>,
    /// Share of each class among the training patches, in the order of the classes; empty for a value, and in
    /// predictions made before it was on record.
    #[serde(default)]
    pub class_shares: Vec<f64>,
    /// How it was made.
    pub provenance: Provenance,
}

impl PredictionMeta {
    /// The format that this version reads and writes.
    pub const FORMAT: &'static str = "areal-prediction/1";
    /// Name of the file in the prediction's folder.
    pub const FILE: &'static str = "prediction.json";

    /// Writes it into a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), RasterError> {
        Ok(write_json(&folder.join(Self::FILE), self)?)
    }
}

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
        let meta: PredictionMeta = read_json(&folder.join(PredictionMeta::FILE), PredictionMeta::FORMAT)?;
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
            return Err(fault(format!("{} cells are counted and {cells} are in its grid", meta.counts.total())));
        }
        Ok(Self { folder: folder.to_path_buf(), meta })
    }

    /// How it was made.
    pub fn meta(&self) -> &PredictionMeta {
        &self.meta
    }

    /// Its folder.
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
