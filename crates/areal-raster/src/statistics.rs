//! Per-band statistics and pixel counts of a scene.

use areal_grid::{Extremes, PixelBlock, PixelState, PixelType, Pixels, Window};
use areal_job::{Job, Unit};
use serde::{Deserialize, Serialize};

use crate::masked_file::MaskedFile;
use crate::selection::Selection;
use crate::{FileFacts, RasterError, Scene};

/// Most bytes of a window, over all bands: a file may claim 65,535 bands.
const WINDOW_BYTES: usize = 256 << 20;

/// Pixels read at a time.
const WINDOW_PIXELS: usize = 1 << 20;

/// What the pixels of a raster hold, all of them looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RasterStatistics {
    /// Pixels by state; they add up to height x width.
    pub pixels: PixelCounts,
    /// Each band over the observed pixels, in the order read.
    pub bands: Vec<BandStatistics>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelCounts {
    /// With a measured value in every band.
    pub observed: u64,
    /// Nodata in at least one band.
    pub nodata: u64,
    /// Set aside by the quality band.
    pub masked: u64,
    pub outside: u64,
}

/// A band over the observed pixels; the numbers are absent where none is observed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BandStatistics {
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    /// Standard deviation, divided by the number of pixels.
    pub std: Option<f64>,
    /// A value that seems to stand for no data and was not declared as such: see [`Extremes::stray`].
    pub stray: Option<f64>,
    /// Pixels that hold it.
    pub stray_count: Option<u64>,
}

impl PixelCounts {
    /// All pixels.
    pub fn total(&self) -> u64 {
        self.observed + self.nodata + self.masked + self.outside
    }

    fn add(&mut self, states: &[PixelState]) {
        for state in states {
            *match state {
                PixelState::Observed => &mut self.observed,
                PixelState::Nodata => &mut self.nodata,
                PixelState::Masked => &mut self.masked,
                PixelState::Outside => &mut self.outside,
            } += 1;
        }
    }
}

/// Count, mean and sum of squared deviations, merged block by block (Chan, Golub and Leveque 1983, eq. 2.1), so that
/// neither many pixels nor a large mean costs digits.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
    extremes: Extremes,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0.0,
            mean: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            extremes: Extremes::default(),
        }
    }
}

impl Moments {
    /// Of the observed values of one block.
    fn of<T: Copy + Into<f64>>(values: &[T], states: &[PixelState]) -> Self {
        let observed =
            || values.iter().zip(states).filter(|(_, s)| **s == PixelState::Observed).map(|(v, _)| (*v).into());
        let (mut count, mut sum, mut min, mut max) = (0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for value in observed() {
            count += 1.0;
            sum += value;
            min = value.min(min);
            max = value.max(max);
        }
        if count == 0.0 {
            return Self::default();
        }
        let mean = sum / count;
        let squares = observed().map(|v| (v - mean) * (v - mean)).sum();
        Self { count, mean, squares, min, max, extremes: Extremes::of(values, states) }
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        self.squares += other.squares + delta * delta * self.count * other.count / count;
        self.mean += delta * other.count / count;
        self.count = count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.extremes.merge(&other.extremes);
    }

    fn finish(&self) -> BandStatistics {
        let known = |v: f64| (self.count > 0.0).then_some(v);
        BandStatistics {
            min: known(self.min),
            max: known(self.max),
            mean: known(self.mean),
            std: known((self.squares / self.count).sqrt()),
            stray: self.extremes.stray().map(|stray| stray.value),
            stray_count: self.extremes.stray().map(|stray| stray.count),
        }
    }
}

/// Sums blocks up.
#[derive(Debug, Default)]
struct BandSums {
    pixels: PixelCounts,
    bands: Vec<Moments>,
}

impl BandSums {
    fn add(&mut self, block: &PixelBlock) {
        self.pixels.add(&block.states);
        self.bands.resize(block.bands, Moments::default());
        let plane = block.window.len();
        for (band, sums) in self.bands.iter_mut().enumerate() {
            let range = band * plane..(band + 1) * plane;
            macro_rules! moments {
                ($($variant:ident),*) => {
                    match &block.pixels {
                        $(Pixels::$variant(v) => Moments::of(&v[range], &block.states),)*
                    }
                };
            }
            sums.merge(&moments!(U8, I8, U16, I16, U32, I32, F32, F64));
        }
    }

    fn finish(self) -> RasterStatistics {
        RasterStatistics { pixels: self.pixels, bands: self.bands.iter().map(Moments::finish).collect() }
    }
}

/// Windows that cover a raster whose pixels have so many bytes over all bands: of whole blocks, some million pixels each, or
/// smaller ones where these would take more than [`WINDOW_BYTES`].
fn windows(
    height: usize,
    width: usize,
    block: (usize, usize),
    pixel_bytes: usize,
) -> impl Iterator<Item = Window> + Clone {
    let most = (WINDOW_BYTES / pixel_bytes.max(1)).clamp(1, WINDOW_PIXELS);
    let (rows, cols) = (block.0.clamp(1, height), block.1.clamp(1, width));
    let wide = if cols * 8 >= width { width } else { cols * (2048 / cols).max(1) };
    let (high, wide) = match rows * wide {
        pixels if pixels <= most => (rows * (most / pixels), wide),
        _ if pixel_bytes * rows * wide <= WINDOW_BYTES => (rows, wide),
        _ => ((most / wide.min(most)).min(rows), wide.min(most)),
    };
    areal_grid::blocks(height, width, high, wide)
}

/// Bytes of a scene's or file's pixels with their state.
fn pixel_bytes(bands: usize, pixel_type: PixelType) -> usize {
    bands * pixel_type.size() + 1
}

fn sum_up(
    what: &str,
    windows: impl Iterator<Item = Window> + Clone,
    job: &Job<'_>,
    mut read: impl FnMut(&Window) -> Result<PixelBlock, RasterError>,
) -> Result<RasterStatistics, RasterError> {
    let task = job.task(what, Some(windows.clone().count() as u64), Unit::Blocks);
    let mut sums = BandSums::default();
    for window in windows {
        job.check()?;
        sums.add(&read(&window)?);
        task.advance(1);
    }
    Ok(sums.finish())
}

impl Scene {
    /// Reads the whole scene once, in windows, and sums it up.
    ///
    /// # Errors
    /// When a file is damaged, or the job is interrupted.
    pub fn statistics(&self, job: &Job<'_>) -> Result<RasterStatistics, RasterError> {
        let mut reader = self.reader()?;
        let bytes = pixel_bytes(self.bands().len(), self.pixel_type());
        let windows = windows(self.grid().height, self.grid().width, self.block_size(), bytes);
        sum_up(&format!("reading {}", self.name()), windows, job, |window| reader.read(window))
    }
}

/// Reads a file once, in windows of its own pixels, and sums it up.
pub(crate) fn file_statistics(
    facts: &FileFacts,
    selection: &Selection,
    job: &Job<'_>,
) -> Result<RasterStatistics, RasterError> {
    let file = MaskedFile::open(facts, selection)?;
    let block = selection.bands.first().map_or([1, 1], |b| b.block);
    let bytes = pixel_bytes(selection.bands.len(), selection.pixel_type());
    let windows = windows(facts.height, facts.width, (block[0], block[1]), bytes);
    let name = facts.path.file_name().unwrap_or_default().to_string_lossy();
    sum_up(&format!("reading {name}"), windows, job, |window| {
        let mut pixels = PixelBlock::outside(*window, selection.bands.len(), selection.pixel_type());
        file.read_into(window, &mut pixels, 0, 0)?;
        Ok(pixels)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_blocks_merge_to_the_moments_of_all() {
        // Around 1e9 a sum of squares in double precision would keep no digit of a variance of 2/3.
        let values: Vec<f64> = (0..3000).map(|k| 1e9 + f64::from(k % 3)).collect();
        let states = vec![PixelState::Observed; 3000];
        let mut sums = Moments::default();
        for k in [0, 1, 7, 1000, 2999] {
            let next = [1, 7, 1000, 2999, 3000].into_iter().find(|n| *n > k).unwrap();
            sums.merge(&Moments::of(&values[k..next], &states[k..next]));
        }
        let all = sums.finish();
        assert_eq!((all.min, all.max, all.mean), (Some(1e9), Some(1e9 + 2.0), Some(1e9 + 1.0)));
        assert!((all.std.unwrap() - (2.0f64 / 3.0).sqrt()).abs() < 1e-9, "{:?}", all.std);
    }

    #[test]
    fn windows_cover_every_pixel_once_whatever_the_blocks() {
        for (height, width, block) in [
            (8192, 8192, (512, 512)),
            (718, 791, (3, 791)),
            (1, 256, (1, 256)),
            (5000, 40_000, (1, 40_000)),
            (3, 3, (1024, 1024)),
        ] {
            for bytes in [1, 13, 65_001, 1 << 26, 1 << 40] {
                let covered: usize = windows(height, width, block, bytes).take(100_000).map(|w| w.len()).sum();
                let largest = windows(height, width, block, bytes).take(10).map(|w| w.len()).max().unwrap();
                assert!(covered == height * width || largest * 100_000 < height * width, "{height} x {width}, {bytes}");
                assert!(largest * bytes <= WINDOW_BYTES.max(bytes), "{largest} pixels of {bytes} bytes");
            }
        }
    }
}
