use std::path::{Path, PathBuf};

use areal_estimate::{Design, Frame, FrameBlock, StrataBy};
use areal_grid::{CellAreas, PixelGrid, PixelState, Target, Window};
use areal_raster::{Prediction, PredictionMeta, Projection, RasterFile, same_crs};
use areal_zones::{SharesReader, WindowCoverage, ZoneSet, ZoneShape, place};

use crate::context::Context;
use crate::errors::{CliError, Exit};

/// Square metres in a square kilometre.
const KM2: f64 = 1e6;

/// Which map, and what its strata are.
pub struct MapOptions<'a> {
    pub prediction: &'a Path,
    pub strata_by: StrataBy,
    pub strata_raster: Option<&'a Path>,
    pub zones: Option<&'a Path>,
    pub zone_settings: areal_zones::ZoneSettings,
}

/// A prediction as a population of cells: the frame of a sample.
pub struct SurveyMap<'a> {
    pub meta: PredictionMeta,
    /// The raster whose cells are the units: classes or a value.
    pub path: PathBuf,
    pub zones: Option<ZoneSet>,
    pub strata_by: StrataBy,
    pub areas: CellAreas,
    shapes: Vec<ZoneShape>,
    file: RasterFile,
    probabilities: Option<RasterFile>,
    shares: Option<SharesReader>,
    strata: Option<RasterFile>,
    context: &'a Context,
}

/// The cells of one block.
pub struct Cells {
    pub window: Window,
    /// Class index or value; `None` where nothing was predicted.
    pub values: Vec<Option<f64>>,
    /// Stratum; `None` outside the population.
    pub strata: Vec<Option<u32>>,
    /// True area of what is observed of the cell, km2.
    pub areas: Vec<f64>,
    /// True area of the rest of it, km2.
    pub unobserved: Vec<f64>,
    /// Coverage by the zones.
    pub coverage: WindowCoverage,
}

impl<'a> SurveyMap<'a> {
    pub fn open(options: &MapOptions, context: &'a Context) -> Result<Self, CliError> {
        let prediction = Prediction::open(options.prediction)?;
        let meta = prediction.meta().clone();
        let path = prediction.classes_path().or(prediction.value_path()).unwrap_or_default();
        let file = RasterFile::open(&path)?;
        let areas = CellAreas::new(file.grid(), &Projection::to_lonlat(&file.grid().crs)?)
            .map_err(|e| CliError::from_source(Exit::Input, &e))?;
        let zones = options.zones.map(|path| ZoneSet::read(path, &options.zone_settings)).transpose()?;
        let placed = zones.as_ref().map(|set| place(set, file.grid())).transpose()?.unwrap_or_default();
        let strata = options.strata_raster.map(RasterFile::open).transpose()?;
        check_strata(options, &meta, strata.as_ref(), file.grid())?;
        let probabilities = prediction.probabilities_path().map(|p| RasterFile::open(&p)).transpose()?;
        Ok(Self {
            meta,
            path,
            zones,
            strata_by: options.strata_by,
            areas,
            shapes: placed.into_iter().map(|z| z.shape).collect(),
            file,
            probabilities,
            shares: prediction.shares_path().map(|p| SharesReader::open(&p)).transpose()?,
            strata,
            context,
        })
    }

    pub fn grid(&self) -> &PixelGrid {
        self.file.grid()
    }

    /// Number of classes; 0 for a value.
    pub fn classes(&self) -> usize {
        self.meta.target.classes().len()
    }

    pub fn zone_count(&self) -> usize {
        self.shapes.len()
    }

    /// Number of strata that there may be.
    pub fn strata_count(&self) -> usize {
        match self.strata_by {
            StrataBy::Classes => self.classes(),
            StrataBy::Zones => self.zone_count(),
            StrataBy::Both => self.zone_count() * self.classes(),
            StrataBy::Raster => 256,
            StrataBy::Whole => 1,
        }
    }

    /// Name, class code and zone id of a stratum.
    pub fn stratum_label(&self, stratum: usize) -> (String, Option<u8>, Option<String>) {
        let class = |k: usize| self.meta.target.classes().get(k);
        let zone = |k: usize| self.zones.as_ref().and_then(|z| z.zones.get(k)).map(|z| z.id.clone());
        match self.strata_by {
            StrataBy::Classes => {
                (class(stratum).map(|c| c.name.clone()).unwrap_or_default(), class(stratum).map(|c| c.code), None)
            }
            StrataBy::Zones => (zone(stratum).unwrap_or_default(), None, zone(stratum)),
            StrataBy::Both => {
                let (z, k) = (stratum / self.classes().max(1), stratum % self.classes().max(1));
                let name = class(k).map(|c| c.name.as_str()).unwrap_or_default();
                (format!("{} / {name}", zone(z).unwrap_or_default()), class(k).map(|c| c.code), zone(z))
            }
            StrataBy::Raster => (stratum.to_string(), None, None),
            StrataBy::Whole => ("whole".to_owned(), None, None),
        }
    }

    /// Reads a window of the map with strata, areas and coverage.
    pub fn cells(&mut self, window: Window) -> Result<Cells, CliError> {
        self.context.job().check()?;
        let (pixels, states) = self.file.read_band(1, &window)?;
        let codes: Vec<u8> = self.meta.target.classes().iter().map(|c| c.code).collect();
        let value = |k: usize| -> Result<Option<f64>, CliError> {
            let raw = pixels.get(k);
            if states[k] != PixelState::Observed {
                return Ok(None);
            }
            if matches!(self.meta.target, Target::Value { .. }) {
                return Ok(Some(raw));
            }
            match codes.iter().position(|&c| f64::from(c) == raw) {
                Some(index) => Ok(Some(index as f64)),
                None => Err(CliError::new(
                    Exit::Input,
                    format!("{} holds code {raw}, which is no class of its legend", self.path.display()),
                )
                .help("make the prediction again; its raster does not fit its prediction.json")),
            }
        };
        let values = (0..window.len()).map(value).collect::<Result<Vec<_>, _>>()?;
        let mut areas = vec![0.0; window.len()];
        for (r, row) in areas.chunks_mut(window.width).enumerate() {
            self.areas.fill_row(window.row + r, window.col, row);
            for area in row {
                *area /= KM2;
            }
        }
        // What a prediction says holds for what it rests on, as in the area table.
        let mut unobserved: Vec<f64> =
            (0..areas.len()).map(|k| if values[k].is_some() { 0.0 } else { areas[k] }).collect();
        if let Some(reader) = &mut self.shares {
            let observed = reader.read(&window)?.observed;
            for ((area, rest), observed) in areas.iter_mut().zip(&mut unobserved).zip(observed) {
                *rest = *area * (1.0 - observed);
                *area -= *rest;
            }
        }
        let coverage = WindowCoverage::new(&self.shapes, window);
        let strata = self.strata_of(&window, &values, &coverage)?;
        Ok(Cells { window, values, strata, areas, unobserved, coverage })
    }

    fn strata_of(
        &mut self,
        window: &Window,
        values: &[Option<f64>],
        coverage: &WindowCoverage,
    ) -> Result<Vec<Option<u32>>, CliError> {
        let classes = self.classes() as u32;
        let by = self.strata_by;
        let zones = match by {
            StrataBy::Zones | StrataBy::Both => main_zones(window, coverage),
            _ => vec![None; values.len()],
        };
        let raster = match (&mut self.strata, by) {
            (Some(file), StrataBy::Raster) => Some(file.read_band(1, window)?),
            _ => None,
        };
        let path = self.strata.as_ref().map(|f| f.facts().path.clone()).unwrap_or_default();
        let one = |k: usize| -> Result<Option<u32>, CliError> {
            let Some(value) = values[k] else { return Ok(None) };
            Ok(match by {
                StrataBy::Classes => Some(value as u32),
                StrataBy::Zones => zones[k],
                StrataBy::Both => zones[k].map(|z| z * classes + value as u32),
                StrataBy::Whole => Some(0),
                StrataBy::Raster => match &raster {
                    Some((pixels, states)) if states[k] == PixelState::Observed => {
                        Some(stratum_value(pixels.get(k), &path)?)
                    }
                    _ => None,
                },
            })
        };
        (0..values.len()).map(one).collect()
    }

    /// Class probabilities of every cell of a window, `[class][cell]`; none for a value.
    pub fn probabilities(&mut self, window: &Window) -> Result<Vec<Vec<f64>>, CliError> {
        let classes = self.classes();
        let Some(file) = &mut self.probabilities else { return Ok(Vec::new()) };
        let mut result = Vec::with_capacity(classes);
        for band in 1..=classes {
            let (pixels, states) = file.read_band(band, window)?;
            let value = |k: usize| if states[k] == PixelState::Observed { pixels.get(k) } else { f64::NAN };
            result.push((0..window.len()).map(value).collect());
        }
        Ok(result)
    }

    /// Zones that a cell lies in, with the fraction of it in each.
    pub fn zones_of(coverage: &WindowCoverage, row: usize, col: usize) -> Vec<(usize, f64)> {
        let col = col as u32;
        let holds = |s: &&areal_zones::Span| (s.col..s.col + s.len).contains(&col);
        coverage.row(row).iter().filter(holds).map(|s| (s.zone as usize, s.coverage)).collect()
    }
}

/// For each cell the zone that covers most of it; the first of equals.
fn main_zones(window: &Window, coverage: &WindowCoverage) -> Vec<Option<u32>> {
    let mut best = vec![(0.0, None); window.len()];
    for r in 0..window.height {
        for span in coverage.row(window.row + r) {
            for c in span.col..span.col + span.len {
                let cell = &mut best[r * window.width + (c as usize - window.col)];
                if span.coverage > cell.0 {
                    *cell = (span.coverage, Some(span.zone));
                }
            }
        }
    }
    best.into_iter().map(|b| b.1).collect()
}

fn stratum_value(value: f64, path: &Path) -> Result<u32, CliError> {
    if (0.0..=255.0).contains(&value) && value.fract() == 0.0 {
        return Ok(value as u32);
    }
    Err(CliError::new(Exit::Input, format!("{} holds {value}, which is no stratum", path.display()))
        .help("strata are whole numbers from 0 to 255; reclassify the raster first"))
}

fn check_strata(
    options: &MapOptions,
    meta: &PredictionMeta,
    strata: Option<&RasterFile>,
    grid: &PixelGrid,
) -> Result<(), CliError> {
    let usage = |message: &str, help: &str| Err(CliError::new(Exit::Usage, message).help(help));
    let by = options.strata_by;
    if matches!(by, StrataBy::Classes | StrataBy::Both) && meta.target.classes().is_empty() {
        return usage(
            "the prediction is of a value: it has no classes for strata",
            "use --strata zones, raster or whole",
        );
    }
    if matches!(by, StrataBy::Zones | StrataBy::Both) && options.zones.is_none() {
        return usage("strata by zones need the zones", "name their layer with --zones");
    }
    match (by, strata) {
        (StrataBy::Raster, None) => usage("strata by raster need the raster", "name it with --strata-raster"),
        (StrataBy::Raster, Some(file)) => {
            let other = file.grid();
            if !same_crs(&other.crs, &grid.crs) {
                return usage(
                    &format!("the strata raster is in {}, the map in {}", other.crs.name, grid.crs.name),
                    "warp it onto the map's grid first: gdalwarp -r near -t_srs ... -te ... -ts ...",
                );
            }
            if other.height == grid.height && other.width == grid.width && other.transform == grid.transform {
                return Ok(());
            }
            usage(
                &format!(
                    "the strata raster has {} x {} cells from {:?}, the map {} x {} from {:?}",
                    other.height, other.width, other.transform.origin, grid.height, grid.width, grid.transform.origin
                ),
                "warp it onto the map's grid first: gdalwarp -r near -te ... -ts ...",
            )
        }
        _ => Ok(()),
    }
}

/// The strata of a design must be those that the map has now, in number; their sizes are checked by the caller.
pub fn same_strata(design: &Design, map: &SurveyMap) -> Result<Vec<usize>, CliError> {
    let names: Vec<String> = (0..map.strata_count()).map(|h| map.stratum_label(h).0).collect();
    let place = |name: &String| names.iter().position(|n| n == name);
    design
        .strata
        .iter()
        .map(|s| {
            place(&s.name).ok_or_else(|| {
                CliError::new(Exit::Input, format!("the design has a stratum {}, which the map has not", s.name))
                    .help("name the zones or strata raster that the sample was drawn with")
            })
        })
        .collect()
}

impl Frame for SurveyMap<'_> {
    type Error = CliError;

    fn size(&self) -> (usize, usize) {
        (self.grid().height, self.grid().width)
    }

    fn read(&mut self, b: FrameBlock, strata: &mut Vec<Option<u32>>, areas: &mut Vec<f64>) -> Result<(), CliError> {
        let cells = self.cells(Window::new(b.row, b.col, b.height, b.width))?;
        (*strata, *areas) = (cells.strata, cells.areas);
        Ok(())
    }
}
