//! The rasters of a prediction while they are written.

use areal_formats::Resampling;
use areal_grid::{Class, PixelGrid, PixelState, PixelType, Pixels, Target, Window};
use areal_job::StagedDir;
use areal_raster::{CogBand, CogSpec, CogWriter, Prediction};

use crate::PredictError;
use crate::strip::StripResult;

/// The rasters of a prediction while they are written.
pub struct Rasters {
    target: TargetRasters,
    /// `states.tif`.
    states: CogWriter,
    /// `shares.tif`.
    shares: CogWriter,
}

enum TargetRasters {
    /// `classes.tif` and `probabilities.tif`.
    Classes {
        classes: CogWriter,
        /// One band a class.
        probabilities: CogWriter,
        legend: Vec<Class>,
    },
    /// `value.tif`.
    Value {
        /// Value and, where patches overlap, spread.
        writer: CogWriter,
        bands: usize,
    },
}

impl Rasters {
    /// Begins the rasters of a target; `overlap` when a cell may lie in several patches.
    ///
    /// # Errors
    /// When they cannot be written there.
    pub fn create(folder: &StagedDir, grid: &PixelGrid, target: &Target, overlap: bool) -> Result<Self, PredictError> {
        let states = CogWriter::create(&folder.file(Prediction::STATES), grid, &Prediction::states_spec())?;
        let shares = CogWriter::create(&folder.file(Prediction::SHARES), grid, &Prediction::shares_spec())?;
        Ok(Self { target: TargetRasters::create(folder, grid, target, overlap)?, states, shares })
    }

    /// Writes the cells of a strip. Returns the number of cells of each class, in the order of the legend.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write(&mut self, strip: &StripResult) -> Result<Vec<u64>, PredictError> {
        let window = Window::new(strip.first_row, strip.first_col, strip.rows, strip.cols);
        let states = strip.states.iter().map(|state| *state as u8).collect();
        self.states.write(0, &window, &Pixels::U8(states))?;
        for state in PixelState::ALL {
            let shares = strip.shares.iter().map(|shares| shares[state as usize]).collect();
            self.shares.write(state as usize, &window, &Pixels::F32(shares))?;
        }
        self.target.write(strip, &window)
    }

    /// Makes them whole: compressed, with overviews, read back.
    ///
    /// # Errors
    /// When they cannot be written whole.
    pub fn finish(self) -> Result<(), PredictError> {
        self.states.finish()?;
        self.shares.finish()?;
        self.target.finish()
    }
}

impl TargetRasters {
    fn create(folder: &StagedDir, grid: &PixelGrid, target: &Target, overlap: bool) -> Result<Self, PredictError> {
        match target {
            Target::Classes { classes: legend } => {
                let classes = CogWriter::create(&folder.file(Prediction::CLASSES), grid, &class_spec(legend))?;
                let path = folder.file(Prediction::PROBABILITIES);
                let probabilities = CogWriter::create(&path, grid, &probability_spec(legend))?;
                Ok(Self::Classes { classes, probabilities, legend: legend.clone() })
            }
            Target::Value { name, unit } => {
                let spec = value_spec(name, unit, overlap);
                let writer = CogWriter::create(&folder.file(Prediction::VALUE), grid, &spec)?;
                Ok(Self::Value { writer, bands: spec.bands.len() })
            }
        }
    }

    /// Returns the number of cells of each class, in the order of the legend.
    fn write(&mut self, strip: &StripResult, window: &Window) -> Result<Vec<u64>, PredictError> {
        match self {
            Self::Classes { classes, probabilities, legend } => {
                let (codes, counts) = codes(strip, legend);
                classes.write(0, window, &Pixels::U8(codes))?;
                for band in 0..legend.len() {
                    probabilities.write(band, window, &Pixels::F32(strip.channel(band).to_vec()))?;
                }
                Ok(counts)
            }
            Self::Value { writer, bands } => {
                for band in 0..*bands {
                    writer.write(band, window, &Pixels::F32(strip.channel(band).to_vec()))?;
                }
                Ok(Vec::new())
            }
        }
    }

    fn finish(self) -> Result<(), PredictError> {
        match self {
            Self::Classes { classes, probabilities, .. } => {
                classes.finish()?;
                probabilities.finish()?;
            }
            Self::Value { writer, .. } => writer.finish()?,
        }
        Ok(())
    }
}

/// The most probable class of each cell; the first in the legend where two are equally probable.
fn codes(strip: &StripResult, legend: &[Class]) -> (Vec<u8>, Vec<u64>) {
    let cells = strip.rows * strip.cols;
    let mut codes = vec![Target::NODATA_CLASS; cells];
    let mut counts = vec![0; legend.len()];
    for (cell, code) in codes.iter_mut().enumerate() {
        if strip.states[cell] != PixelState::Observed {
            continue;
        }
        let mut best = 0;
        for k in 1..legend.len() {
            if strip.values[k * cells + cell] > strip.values[best * cells + cell] {
                best = k;
            }
        }
        *code = legend[best].code;
        counts[best] += 1;
    }
    (codes, counts)
}

fn class_spec(legend: &[Class]) -> CogSpec {
    CogSpec {
        pixel_type: PixelType::U8,
        nodata: Some(f64::from(Target::NODATA_CLASS)),
        bands: vec![CogBand { description: "class".to_owned(), legend: legend.to_vec() }],
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    }
}

fn probability_spec(legend: &[Class]) -> CogSpec {
    let band = |class: &Class| CogBand { description: class.name.clone(), legend: Vec::new() };
    CogSpec {
        pixel_type: PixelType::F32,
        nodata: Some(f64::NAN),
        bands: legend.iter().map(band).collect(),
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    }
}

fn value_spec(name: &str, unit: &str, overlap: bool) -> CogSpec {
    let descriptions = if overlap { vec!["value", "spread"] } else { vec!["value"] };
    let band = |description: &str| CogBand { description: description.to_owned(), legend: Vec::new() };
    CogSpec {
        pixel_type: PixelType::F32,
        nodata: Some(f64::NAN),
        bands: descriptions.into_iter().map(band).collect(),
        metadata: vec![("VALUE_NAME".to_owned(), name.to_owned()), ("VALUE_UNIT".to_owned(), unit.to_owned())],
        overview_resampling: Resampling::Average,
    }
}
