//! Reading of windows of a map: cells, states, shares and weights.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use areal_formats::SceneSettings;
use areal_grid::{Extremes, PixelState, PixelType, Pixels, Scaling, Window};
use areal_raster::{Prediction, RasterError, RasterFile};
use areal_tables::Recoding;

use crate::map::Layers;
use crate::shares::SharesReader;
use crate::weights::WeightReader;
use crate::{AggregateSettings, Map, WindowCells, WindowData, ZonesError};

/// Reads windows of a map.
pub(crate) struct MapReader {
    layers: Layers,
    first: RasterFile,
    second: Option<RasterFile>,
    states: Option<StateReader>,
    shares: Option<SharesReader>,
    pub(crate) weights: Option<WeightReader>,
    /// Extremes of each band of values, as stored.
    pub(crate) seen: Vec<Extremes>,
    /// Class codes in the file that the recoding names.
    pub(crate) codes: BTreeSet<i64>,
}

impl MapReader {
    /// Opens a map with handles of its own.
    pub(crate) fn open(map: &Map, settings: &AggregateSettings) -> Result<Self, ZonesError> {
        // Classes have no weights.
        let weights = settings.weights.as_deref().filter(|_| matches!(map.layers, Layers::Values { .. }));
        let weights = weights.map(|path| WeightReader::open(path, settings.weights_nodata, &map.grid)).transpose()?;
        let (first, second) = match &map.layers {
            Layers::Classes { codes, probabilities, .. } => {
                (RasterFile::open_as(&codes.0)?, probabilities.as_deref().map(RasterFile::open).transpose()?)
            }
            Layers::Values { file, .. } => (RasterFile::open_as(file)?, None),
        };
        let states = map.states.as_deref().map(StateReader::open).transpose()?;
        let shares = map.shares.as_deref().map(SharesReader::open).transpose()?;
        let (seen, codes) = (Vec::new(), BTreeSet::new());
        Ok(Self { layers: map.layers.clone(), first, second, states, shares, weights, seen, codes })
    }

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
            Layers::Classes { codes, legend, recoding, shift, .. } => {
                let (mut pixels, states) = self.first.read_band(codes.1, window)?;
                check_codes(&codes.0, window, &pixels, &states)?;
                if recoding.merges() || !recoding.rules.is_empty() {
                    let codes = recoded(&pixels, &states, recoding, &mut self.codes);
                    pixels = if recoding.merges() { codes } else { pixels };
                }
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
                let numbers: Vec<usize> = bands.iter().map(|band| band.number).collect();
                let mut read = self.first.read_bands(&numbers, window)?;
                self.seen.resize(bands.len(), Extremes::default());
                for ((band, (pixels, states)), seen) in bands.iter().zip(&mut read).zip(&mut self.seen) {
                    pixels.seen(states, seen);
                    if band.scaling != Scaling::default() {
                        *pixels = pixels.scaled(band.scaling);
                        mark_infinite(pixels, states);
                    }
                }
                let weights = self.weights.as_mut().map(|w| w.read(window)).transpose()?;
                Ok(WindowCells::Values { bands: read, weights })
            }
        }
    }
}

/// Values too large for a number are no data.
fn mark_infinite(values: &Pixels, states: &mut [PixelState]) {
    let Pixels::F64(values) = values else { return };
    if values.iter().all(|value| value.is_finite()) {
        return;
    }
    for (state, _) in states.iter_mut().zip(values).filter(|(_, value)| !value.is_finite()) {
        *state = PixelState::Nodata;
    }
}

/// Codes as what they count as; a code that is in no rule stays. Adds those that the recoding names to `seen`.
fn recoded(pixels: &Pixels, states: &[PixelState], recoding: &Recoding, seen: &mut BTreeSet<i64>) -> Pixels {
    // Neighbours are mostly of one class.
    let mut last = (f64::NAN, f64::NAN);
    let code = |k: usize| {
        let code = pixels.get(k);
        if states[k] != PixelState::Observed {
            return 0.0;
        }
        if code != last.0 {
            if recoding.names(code as i64) {
                seen.insert(code as i64);
            }
            last = (code, recoding.place(code as i64).map_or(code, |place| recoding.code(place) as f64));
        }
        last.1
    };
    Pixels::F64((0..states.len()).map(code).collect())
}

/// Class codes are whole numbers; floats that are none are refused.
fn check_codes(
    reading: &SceneSettings,
    window: &Window,
    pixels: &Pixels,
    states: &[PixelState],
) -> Result<(), ZonesError> {
    if !matches!(pixels.pixel_type(), PixelType::F32 | PixelType::F64) {
        return Ok(());
    }
    let most = 2f64.powi(f64::MANTISSA_DIGITS as i32);
    let is_code = |v: f64| v.fract() == 0.0 && v.abs() < most;
    let Some(k) = (0..states.len()).find(|k| states[*k] == PixelState::Observed && !is_code(pixels.get(*k))) else {
        return Ok(());
    };
    let (row, col) = (window.row + k / window.width, window.col + k % window.width);
    let reason = format!("row {row}, column {col}: {} is not a class code", pixels.get(k));
    Err(ZonesError::Raster { path: reading.files.first().cloned().unwrap_or_default(), reason })
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
                let reason = format!(
                    "row {row}, column {col}: {} says state {} of a cell that {holds} in the map; one of the two files is damaged",
                    Prediction::STATES,
                    codes.get(k)
                );
                let folder = self.path.parent().unwrap_or(&self.path).to_path_buf();
                RasterError::Prediction { path: folder, reason }.into()
            })
        };
        (0..window.len()).map(state).collect()
    }
}
