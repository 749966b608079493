//! Pixels of a scene's grid from a file in another grid or CRS.

use areal_grid::{PixelBlock, PixelGrid, PixelType, Window};

use crate::facts::open_raster;
use crate::kernel::reach;
use crate::masked_file::MaskedFile;
use crate::positions::{Positions, outline};
use crate::resample::Resampler;
use crate::selection::Selection;
use crate::{FileFacts, RasterError};
use areal_formats::Resampling;

/// New pixels made at a time.
const PART_PIXELS: usize = 256 * 256;

/// Values of a file held at a time, all bands together; a single new pixel may need more.
const SOURCE_VALUES: usize = 8 << 20;

/// How a file is warped: all that is found out once.
#[derive(Debug, Clone)]
pub(crate) struct WarpPlan {
    method: Resampling,
    step: usize,
    /// Columns and rows of the file in one pixel of the scene, in the middle of the file.
    scale: [f64; 2],
    /// Pixels of the scene that the file may reach.
    pub extent: Option<Window>,
}

impl WarpPlan {
    pub(crate) fn new(facts: &FileFacts, grid: &PixelGrid, method: Resampling) -> Result<Self, RasterError> {
        let dataset = open_raster(&facts.path)?;
        let points = outline(facts, &dataset, &grid.crs)?;
        let pixels: Vec<[f64; 2]> =
            points.iter().filter_map(|p| grid.transform.invert(*p)).map(|(row, col)| [col, row]).collect();
        let mut positions = Positions::new(facts, &dataset, &grid.crs, grid.transform, 1)?;
        let step = positions.choose_step(grid);
        let middle = pixels.get(pixels.len() / 2).copied().unwrap_or([0.0, 0.0]);
        let scale = positions.scale(middle[0], middle[1]).unwrap_or([1.0, 1.0]);
        Ok(Self { method, step, scale, extent: extent(&pixels, grid) })
    }
}

/// The window around pixel positions, with a margin for what curves between them, cut to the grid.
fn extent(pixels: &[[f64; 2]], grid: &PixelGrid) -> Option<Window> {
    let range = |axis: usize, size: usize| {
        let low = pixels.iter().map(|p| p[axis]).fold(f64::INFINITY, f64::min);
        let high = pixels.iter().map(|p| p[axis]).fold(f64::NEG_INFINITY, f64::max);
        let margin = 4.0 + 0.01 * (high - low);
        let (low, high) = ((low - margin).clamp(0.0, size as f64), (high + margin).clamp(0.0, size as f64));
        (low.floor() as usize, high.ceil() as usize)
    };
    let ((left, right), (top, bottom)) = (range(0, grid.width), range(1, grid.height));
    (left < right && top < bottom).then(|| Window::new(top, left, bottom - top, right - left))
}

/// A file read on another grid than its own.
pub(crate) struct WarpedFile {
    file: MaskedFile,
    positions: Positions,
    plan: WarpPlan,
    own: Window,
    bands: usize,
    pixel_type: PixelType,
}

impl WarpedFile {
    pub(crate) fn open(
        facts: &FileFacts,
        selection: &Selection,
        grid: &PixelGrid,
        plan: &WarpPlan,
    ) -> Result<Self, RasterError> {
        let file = MaskedFile::open(facts, selection)?;
        Ok(Self {
            positions: Positions::new(facts, file.dataset(), &grid.crs, grid.transform, plan.step)?,
            file,
            plan: plan.clone(),
            own: Window::new(0, 0, facts.height, facts.width),
            bands: selection.bands.len(),
            pixel_type: selection.pixel_type(),
        })
    }

    /// Fills `part` of the scene in `block`; parts are cut up until what they need of the file is of bounded size.
    pub(crate) fn read_into(&self, part: &Window, block: &mut PixelBlock) -> Result<(), RasterError> {
        if part.len() > PART_PIXELS {
            return self.read_halves(part, block);
        }
        let positions = self.positions.of(part);
        let Some(needed) = self.needed(&positions) else { return Ok(()) };
        if needed.len() * self.bands > SOURCE_VALUES && part.len() > 1 {
            return self.read_halves(part, block);
        }
        let mut source = PixelBlock::outside(needed, self.bands, self.pixel_type);
        self.file.read_into(&needed, &mut source, 0, 0)?;
        let by = Resampler { method: self.plan.method, scale: self.plan.scale, positions: &positions };
        by.run(&source, part, block);
        Ok(())
    }

    fn read_halves(&self, part: &Window, block: &mut PixelBlock) -> Result<(), RasterError> {
        let Window { row, col, height, width } = *part;
        let (a, b) = if height >= width {
            let half = height / 2;
            (Window::new(row, col, half, width), Window::new(row + half, col, height - half, width))
        } else {
            let half = width / 2;
            (Window::new(row, col, height, half), Window::new(row, col + half, height, width - half))
        };
        self.read_into(&a, block)?;
        self.read_into(&b, block)
    }

    /// The window of the file that holds every pixel within the kernel's reach of these positions.
    fn needed(&self, positions: &[[f64; 2]]) -> Option<Window> {
        let range = |axis: usize, size: usize| {
            let reach = reach(self.plan.method, self.plan.scale[axis]);
            let good = positions.iter().map(|p| p[axis]).filter(|v| v.is_finite());
            let (low, high) = good.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            let clamp = |v: f64| v.clamp(0.0, size as f64) as usize;
            // A kernel's last pixel begins before its reach ends; one more, so that a reach of 0 holds its pixel.
            (clamp((low - reach).floor()), clamp((high + reach).floor() + 1.0))
        };
        let ((left, right), (top, bottom)) = (range(0, self.own.width), range(1, self.own.height));
        (left < right && top < bottom).then(|| Window::new(top, left, bottom - top, right - left))
    }
}
