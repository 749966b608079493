//! A label raster as runs of pixels of a scene.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use areal_formats::{BandRef, SceneSettings};
use areal_grid::{PixelBlock, PixelGrid, PixelState, Target, Window};
use areal_raster::{FileFacts, RasterError, Scene, SceneReader, same_crs};

use super::runs::{LabelRows, LabelRun};
use super::source::LabelSettings;
use crate::PatchError;
use crate::classes::Legend;

/// Pixels of the label raster that are held at once.
const STRIP_PIXELS: usize = 1 << 22;

/// The rows of a label raster over a scene's pixel grid. The item of a run is its class code.
pub struct RasterRows {
    path: PathBuf,
    reader: SceneReader,
    /// Row and column of the scene's first pixel in the raster that is read.
    offset: (i64, i64),
    raster: (usize, usize),
    scene: (usize, usize),
    /// Rows of the raster that are in memory.
    strip: Option<PixelBlock>,
    legend: Legend,
    /// Codes that were read and that the legend names.
    pub seen: BTreeSet<i64>,
    /// For an image in colours the code of each colour.
    colours: Option<HashMap<[u8; 3], u8>>,
}

impl RasterRows {
    /// Opens a label raster over the grid of `scene`: band 1, or the colours of an image in red, green and blue. On another grid
    /// it is resampled, if the settings say how.
    pub fn open(labels: &LabelSettings, scene: &Scene, legend: &Legend) -> Result<Self, PatchError> {
        let path = &labels.file;
        let facts = FileFacts::read(path)?;
        let is_image = facts.bands.len() >= 3 && facts.bands[..3].iter().all(|band| band.colour);
        let mut settings = SceneSettings::new("labels", vec![path.clone()]);
        settings.bands = (1..=if is_image { 3 } else { 1 }).map(BandRef::Number).collect();
        settings.nodata = labels.nodata;
        let grid = scene.grid();
        let own = match Scene::open(&settings) {
            Ok(own) => alignment(own.grid(), grid).map(|offset| (own, offset)),
            Err(error @ (RasterError::NotNorthUp { .. } | RasterError::Gcps { .. })) => Err(error.to_string()),
            Err(error) => return Err(error.into()),
        };
        let (raster, offset) = match own {
            Ok(own) => own,
            Err(_) if labels.resampling.is_some() => {
                settings.crs = Some(grid.crs.wkt.clone());
                settings.resolution = Some(grid.transform.pixel_size()[0]);
                settings.bounds = Some(grid.bounds());
                settings.resampling = labels.resampling;
                let warped = Scene::open(&settings)?;
                let offset = alignment(warped.grid(), grid).map_err(|reason| not_aligned(path, scene, reason))?;
                (warped, offset)
            }
            Err(reason) => return Err(not_aligned(path, scene, reason)),
        };
        Ok(Self {
            path: path.clone(),
            reader: raster.reader()?,
            offset,
            raster: (raster.grid().height, raster.grid().width),
            scene: (grid.height, grid.width),
            strip: None,
            legend: legend.clone(),
            seen: BTreeSet::new(),
            colours: is_image.then(|| colours(path, legend)).transpose()?,
        })
    }

    /// True when the raster shares no pixel with the scene.
    pub fn is_apart(&self) -> bool {
        let reaches = |offset: i64, scene: usize, raster: usize| offset < raster as i64 && offset + scene as i64 > 0;
        !(reaches(self.offset.0, self.scene.0, self.raster.0) && reaches(self.offset.1, self.scene.1, self.raster.1))
    }

    /// Makes sure that a row of the raster is in memory.
    fn load(&mut self, row: usize) -> Result<(), PatchError> {
        let (height, width) = self.raster;
        let held = self.strip.as_ref().is_some_and(|s| (s.window.row..s.window.row_end()).contains(&row));
        if !held {
            let rows = (STRIP_PIXELS / width.max(1)).max(1);
            self.strip = Some(self.reader.read(&Window::new(row, 0, rows.min(height - row), width))?);
        }
        Ok(())
    }

    /// The class code of a pixel of the strip in memory.
    fn code(&self, strip: &PixelBlock, at: usize, row: usize, col: usize) -> Result<u8, PatchError> {
        if let Some(colours) = &self.colours {
            let colour: [u8; 3] = std::array::from_fn(|band| strip.pixels.get(at + band * strip.window.len()) as u8);
            return colours.get(&colour).copied().ok_or_else(|| {
                let [r, g, b] = colour;
                let reason = format!("row {row}, column {col}: no class has the colour #{r:02x}{g:02x}{b:02x}");
                PatchError::LabelColours { path: self.path.clone(), reason }
            });
        }
        let value = strip.pixels.get(at);
        let not_a_code = || PatchError::LabelCode { path: self.path.clone(), row, col, value };
        if value.fract() != 0.0 {
            return Err(not_a_code());
        }
        self.legend.code(value as i64).ok_or_else(|| {
            // Codes that name themselves are all there are.
            if self.legend.classes.len() == usize::from(Target::NODATA_CLASS) {
                return not_a_code();
            }
            PatchError::UnknownClass {
                path: self.path.clone(),
                label: format!("{value} (row {row}, column {col})"),
                classes: format!(
                    "codes {}",
                    self.legend.recoding.codes().map(|c| c.to_string()).collect::<Vec<_>>().join(", ")
                ),
            }
        })
    }
}

/// The code of each colour of a legend.
fn colours(path: &Path, legend: &Legend) -> Result<HashMap<[u8; 3], u8>, PatchError> {
    let fault = |reason: String| PatchError::LabelColours { path: path.to_path_buf(), reason };
    let mut codes = HashMap::new();
    for class in &legend.classes {
        let Some(colour) = legend.given_colour(class.code) else { continue };
        if codes.insert(colour, class.code).is_some() {
            return Err(fault(format!("class \"{}\" has the colour of another class", class.name)));
        }
    }
    if codes.is_empty() {
        return Err(fault("the class colours are not given".to_owned()));
    }
    Ok(codes)
}

/// Where the first pixel of `scene` lies in `labels`, as row and column; why not, if the pixels do not coincide.
fn alignment(labels: &PixelGrid, scene: &PixelGrid) -> Result<(i64, i64), String> {
    if !same_crs(&labels.crs, &scene.crs) {
        return Err(format!("its CRS is {}, but that of the scene is {}", labels.crs.name, scene.crs.name));
    }
    let (a, b) = (labels.transform.pixel_size(), scene.transform.pixel_size());
    // Over the whole scene, pixels may drift apart by a hundredth of one.
    let drift = |k: usize, n: usize| ((a[k] / b[k] - 1.0) * n as f64).abs();
    if drift(0, scene.width) > 0.01 || drift(1, scene.height) > 0.01 {
        return Err(format!("its pixels are {} x {}, but those of the scene are {} x {}", a[0], a[1], b[0], b[1]));
    }
    let corner = labels.transform.invert(scene.transform.apply(0.0, 0.0));
    let (row, col) = corner.ok_or("its transform has no inverse")?;
    if (row - row.round()).abs() > 0.01 || (col - col.round()).abs() > 0.01 {
        return Err(format!(
            "its pixels are shifted by {:.2} rows and {:.2} columns",
            row - row.floor(),
            col - col.floor()
        ));
    }
    Ok((row.round() as i64, col.round() as i64))
}

fn not_aligned(path: &Path, scene: &Scene, reason: String) -> PatchError {
    PatchError::LabelsNotAligned { path: path.to_path_buf(), scene: scene.name().to_owned(), reason }
}

impl LabelRows for RasterRows {
    fn row(&mut self, row: usize, out: &mut Vec<LabelRun>) -> Result<(), PatchError> {
        out.clear();
        let there = row as i64 + self.offset.0;
        if there < 0 || there >= self.raster.0 as i64 || self.is_apart() {
            return Ok(());
        }
        let there = there as usize;
        self.load(there)?;
        let Some(strip) = &self.strip else { return Ok(()) };
        let start = (there - strip.window.row) * strip.window.width;
        // Columns of the raster that lie in the scene.
        let first = self.offset.1.max(0) as usize;
        let end = (self.offset.1 + self.scene.1 as i64).min(self.raster.1 as i64) as usize;
        let mut last = f64::NAN;
        for col in first..end {
            if strip.states[start + col] != PixelState::Observed {
                continue;
            }
            let value = strip.pixels.get(start + col);
            let item = u32::from(self.code(strip, start + col, there, col)?);
            if value != last && self.legend.recoding.names(value as i64) {
                self.seen.insert(value as i64);
            }
            last = value;
            let at = (col as i64 - self.offset.1) as usize;
            match out.last_mut() {
                Some(run) if run.end == at && run.item == item => run.end += 1,
                _ => out.push(LabelRun { start: at, end: at + 1, item }),
            }
        }
        Ok(())
    }
}
