//! A prediction as a population of cells: the frame that samples are drawn from.

mod cells;
mod risk;
mod strata;
mod totals;

use std::path::{Path, PathBuf};

use areal_estimate::{Frame, FrameBlock};
use areal_formats::{PredictionMeta, SceneSettings, StrataBy};
use areal_grid::{CellAreas, Crs, PixelGrid, PixelState, Target, Window};
use areal_job::Job;
use areal_raster::{EarthPositions, Prediction, RasterError, RasterFile, crs_from_text};
use areal_zones::{AreaBasis, PlacedZones, SharesReader, ZoneLayerSettings, ZoneName, ZoneSet};

pub(crate) use cells::FrameCells;
pub(crate) use risk::{PARTS, RiskCuts};
pub use totals::{GroundTotals, MapTotals};

use crate::SurveyError;

/// Side of the blocks in which the map is read.
pub(crate) const BLOCK: usize = 256;

/// The map and what its strata are.
pub struct FrameSource<'a> {
    pub prediction: &'a Path,
    pub strata_by: StrataBy,
    pub strata_raster: Option<&'a Path>,
    /// A value that means nodata in it, besides what the file says.
    pub strata_nodata: Option<f64>,
    pub zones: Option<&'a Path>,
    pub zone_settings: ZoneLayerSettings,
}

/// A prediction as a population of cells.
pub struct MapFrame<'a> {
    pub meta: PredictionMeta,
    /// The raster whose cells are the units: classes or a value.
    pub path: PathBuf,
    /// In the order of the file; none without a zone layer.
    pub zones: Vec<ZoneName>,
    pub strata_by: StrataBy,
    areas: CellAreas,
    positions: EarthPositions,
    ground: PlacedZones,
    file: RasterFile,
    probabilities: Option<RasterFile>,
    shares: Option<SharesReader>,
    strata: Option<RasterFile>,
    /// Where classes are cut, for strata of risk.
    pub(crate) cuts: Option<RiskCuts>,
    job: Job<'a>,
}

impl<'a> MapFrame<'a> {
    /// Opens the prediction, the zones and the strata raster.
    ///
    /// # Errors
    /// Files that cannot be read, a strata raster on another grid than the map's, strata that the map or the source does
    /// not have.
    pub fn open(source: &FrameSource, job: Job<'a>) -> Result<Self, SurveyError> {
        let prediction = Prediction::open(source.prediction)?;
        let meta = prediction.meta().clone();
        let path = prediction.classes_path().or(prediction.value_path());
        let path = path.ok_or_else(|| SurveyError::NoMap { path: source.prediction.to_path_buf() })?;
        let file = RasterFile::open(&path)?;
        let zones = source.zones.map(|path| ZoneSet::read(path, &source.zone_settings)).transpose()?;
        let basis = AreaBasis::new(&ground_crs(zones.as_ref(), file.grid())?)?;
        let (areas, positions) = (basis.cells(file.grid())?, basis.positions(&file.grid().crs)?);
        let ground =
            zones.as_ref().map(|set| PlacedZones::place(set, file.grid(), job)).transpose()?.unwrap_or_default();
        let names = zones.map(|set| (0..set.zones.len()).map(|zone| set.zones.name(zone)).collect()).transpose()?;
        let open_strata = |path: &Path| {
            let mut reading = SceneSettings::new("strata", vec![path.to_path_buf()]);
            reading.nodata = source.strata_nodata;
            RasterFile::open_as(&reading).map_err(RasterError::as_it_is)
        };
        let strata = source.strata_raster.map(open_strata).transpose()?;
        strata::check(source, &meta, strata.as_ref(), file.grid())?;
        let probabilities = prediction.probabilities_path().map(|p| RasterFile::open(&p)).transpose()?;
        Ok(Self {
            ground,
            shares: prediction.shares_path().map(|p| SharesReader::open(&p)).transpose()?,
            strata_by: source.strata_by,
            meta,
            path,
            zones: names.unwrap_or_default(),
            areas,
            positions,
            file,
            probabilities,
            strata,
            cuts: None,
            job,
        })
    }

    pub fn grid(&self) -> &PixelGrid {
        self.file.grid()
    }

    pub(crate) fn job(&self) -> Job<'a> {
        self.job
    }

    /// True for a map of a continuous value, which has no classes.
    pub fn is_value(&self) -> bool {
        matches!(self.meta.target, Target::Value { .. })
    }

    pub fn zone_count(&self) -> usize {
        self.ground.zones()
    }

    /// Class probabilities of every cell of a window, `[class][cell]`; NaN where a cell has none; empty for a value or a
    /// prediction without probabilities.
    pub(crate) fn probabilities(&mut self, window: &Window) -> Result<Vec<Vec<f64>>, SurveyError> {
        let classes = self.meta.target.classes().len();
        if self.probabilities.is_none() {
            return Ok(Vec::new());
        }
        (0..classes).map(|class| self.probability(class, window)).collect()
    }

    pub(crate) fn has_probabilities(&self) -> bool {
        self.probabilities.is_some()
    }

    /// The probability of one class in every cell of a window; NaN where a cell has none, or the prediction has none at all.
    pub(crate) fn probability(&mut self, class: usize, window: &Window) -> Result<Vec<f64>, SurveyError> {
        let Some(file) = &mut self.probabilities else { return Ok(vec![f64::NAN; window.len()]) };
        let (pixels, states) = file.read_band(class + 1, window)?;
        let value = |k: usize| if states[k] == PixelState::Observed { pixels.get(k) } else { f64::NAN };
        Ok((0..window.len()).map(value).collect())
    }
}

/// The CRS on whose ellipsoid areas are: as for the area table that of the zones. Without zones it is the map's, and WGS 84 for a map
/// on a sphere.
fn ground_crs(zones: Option<&ZoneSet>, grid: &PixelGrid) -> Result<Crs, SurveyError> {
    let own = grid.crs.ellipsoid;
    match zones {
        Some(set) => Ok(set.crs.clone()),
        None if own == own.for_areas() => Ok(grid.crs.clone()),
        None => Ok(crs_from_text("EPSG:4326")?),
    }
}

impl Frame for MapFrame<'_> {
    type Error = SurveyError;

    fn size(&self) -> (usize, usize) {
        (self.grid().height, self.grid().width)
    }

    fn read(&mut self, b: FrameBlock, strata: &mut Vec<Option<u32>>, areas: &mut Vec<f64>) -> Result<(), SurveyError> {
        let cells = self.cells(Window::new(b.row, b.col, b.height, b.width))?;
        (*strata, *areas) = (cells.strata, cells.areas);
        Ok(())
    }
}
