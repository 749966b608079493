//! A scene in memory, a network of known answers, and the definition of a prediction, for tests of both modes.

use std::collections::BTreeMap;
use std::time::Duration;

use areal_formats::ModelSpec;
use areal_grid::{Class, PatchLayout, PixelBlock, PixelState, PixelType, Pixels, Target, Window};
use areal_job::{Interrupt, Job, NoProgress};
use areal_model::{Inference, ModelError, PatchBatch};
use areal_raster::RasterError;
use ndarray::Array2;

use crate::PredictError;
use crate::cells::{CellAccumulator, Merge};
use crate::chunk_layout::OrderInput;
use crate::patch_order::PatchOrder;
use crate::source::{PixelReader, PixelSource};
use crate::stream::{StreamSettings, StreamStart, stream};
use crate::strip::Shard;

/// A scene of `[band, row, col]` in memory whose readers may dawdle.
#[derive(Clone)]
pub struct Memory {
    pub size: (usize, usize),
    pub block: (usize, usize),
    pub bands: usize,
    pub pixels: Vec<u16>,
    pub states: Vec<PixelState>,
    pub dawdle: bool,
}

impl Memory {
    /// Values that differ from pixel to pixel; about `holes` of a hundred pixels are not observed.
    pub fn new(size: (usize, usize), block: (usize, usize), holes: u64) -> Self {
        let n = size.0 * size.1;
        let random = |k: usize| (k as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let states: Vec<_> = (0..n)
            // Holes come in runs of eight pixels, so that whole cells are missing too.
            .map(|k| match random(k / 8) % 100 {
                x if x >= holes => PixelState::Observed,
                x => [PixelState::Nodata, PixelState::Masked, PixelState::Outside][x as usize % 3],
            })
            .collect();
        let value = |k: usize| if states[k % n] == PixelState::Observed { (random(k) % 1000) as u16 + 1 } else { 0 };
        Self { size, block, bands: 2, pixels: (0..2 * n).map(value).collect(), states, dawdle: false }
    }
}

impl PixelSource for Memory {
    fn size(&self) -> (usize, usize) {
        self.size
    }
    fn block_size(&self) -> (usize, usize) {
        self.block
    }
    fn bands(&self) -> usize {
        self.bands
    }
    fn pixel_type(&self) -> PixelType {
        PixelType::U16
    }
    fn reader(&self) -> Result<Box<dyn PixelReader>, RasterError> {
        Ok(Box::new(self.clone()))
    }
}

impl PixelReader for Memory {
    fn read(&mut self, window: &Window) -> Result<PixelBlock, RasterError> {
        assert!(window.row_end() <= self.size.0 && window.col_end() <= self.size.1, "{window:?}");
        if self.dawdle {
            std::thread::sleep(Duration::from_micros(((window.row * 7 + window.col * 13) % 5 * 200) as u64));
        }
        let mut block = PixelBlock::outside(*window, self.bands, PixelType::U16);
        let mut values = Vec::new();
        for band in 0..self.bands {
            for row in window.row..window.row_end() {
                let at = (band * self.size.0 + row) * self.size.1;
                values.extend(&self.pixels[at + window.col..at + window.col_end()]);
            }
        }
        block.pixels = Pixels::U16(values);
        block.states = (window.row..window.row_end())
            .flat_map(|r| (window.col..window.col_end()).map(move |c| (r, c)))
            .map(|(r, c)| self.states[r * self.size.1 + c])
            .collect();
        Ok(block)
    }
}

/// A network that gives a number of each patch: a function of its pixels, band by band.
pub struct Mock {
    pub spec: ModelSpec,
    pub of: fn(&[f64]) -> f64,
}

pub fn spec(target: Target, patch_size: usize) -> ModelSpec {
    ModelSpec::untrained(vec!["a".into(), "b".into()], target, patch_size)
}

pub fn value_target() -> Target {
    Target::Value { name: "v".into(), unit: String::new() }
}

pub fn two_classes() -> Target {
    let class = |code: u8| Class { code, name: format!("c{code}"), colour: [code; 3] };
    Target::Classes { classes: vec![class(1), class(5)] }
}

impl Inference for Mock {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }
    fn kind(&self) -> String {
        "mock".to_owned()
    }
    fn infer(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        batch.check(2)?;
        let [n, c, h, w] = batch.shape;
        let size = c * h * w;
        let number = |p: usize| (self.of)(&(p * size..(p + 1) * size).map(|k| batch.pixels.get(k)).collect::<Vec<_>>());
        Ok(match self.spec.target {
            Target::Value { .. } => Array2::from_shape_fn((n, 1), |(p, _)| number(p) as f32),
            // Log-probabilities of number / 1000 and the rest.
            Target::Classes { .. } => Array2::from_shape_fn((n, 2), |(p, k)| {
                let share = (number(p) / 1000.0).clamp(0.01, 0.99);
                [share, 1.0 - share][k].ln() as f32
            }),
        })
    }
    /// Three features: the number, its half and its negative.
    fn features(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        let [n, c, h, w] = batch.shape;
        let size = c * h * w;
        let number = |p: usize| (self.of)(&(p * size..(p + 1) * size).map(|k| batch.pixels.get(k)).collect::<Vec<_>>());
        Ok(Array2::from_shape_fn((n, 3), |(p, f)| number(p) as f32 * [1.0, 0.5, -1.0][f]))
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub struct TestRun {
    pub layout: PatchLayout,
    pub memory: u64,
    pub settings: StreamSettings,
    pub target: Target,
    pub of: fn(&[f64]) -> f64,
}

impl TestRun {
    pub fn order(&self, scene: &Memory) -> PatchOrder {
        let input = OrderInput {
            height: scene.size.0,
            width: scene.size.1,
            block: scene.block,
            pixel_bytes: 5,
            channels: self.merge().channels(),
            batch_size: self.settings.batch_size,
            memory: self.memory,
        };
        PatchOrder::new(self.layout, &input)
    }

    pub fn merge(&self) -> Merge {
        match &self.target {
            Target::Classes { classes } => Merge::Mean { classes: classes.len() },
            Target::Value { .. } => Merge::MeanAndSpread,
        }
    }

    pub fn from(
        &self,
        scene: &Memory,
        first: usize,
        cells: CellAccumulator,
        job: &Job<'_>,
    ) -> Result<Vec<Shard>, PredictError> {
        let mut mock = Mock { spec: spec(self.target.clone(), self.layout.patch_size()), of: self.of };
        let mut shards = Vec::new();
        stream(
            scene,
            &self.order(scene),
            StreamStart { strip: first, cells },
            &mut mock,
            &self.settings,
            job,
            |strip, shard| {
                assert_eq!(strip, first + shards.len());
                shards.push(shard);
                Ok(())
            },
        )?;
        Ok(shards)
    }

    pub fn all(&self, scene: &Memory) -> Vec<Shard> {
        let interrupt = Interrupt::default();
        let job = Job { progress: &NoProgress, interrupt: &interrupt };
        self.from(scene, 0, CellAccumulator::new(self.layout, self.merge()), &job).unwrap()
    }
}

/// What every patch and cell should come to, patch by patch from the definition.
pub fn brute_force(scene: &Memory, run: &TestRun) -> (Vec<Vec<f64>>, Vec<PixelState>) {
    let layout = run.layout;
    let (rows, cols) = layout.cells();
    let (height, width) = scene.size;
    let inside = |r: usize, c: usize| r < height && c < width;
    let mut values = vec![Vec::new(); rows * cols];
    let mut patch_states = BTreeMap::new();
    for (i, j) in layout.iter() {
        let win = layout.window(i, j);
        let at = |r: usize, c: usize| (win.row + r, win.col + c);
        let size = layout.patch_size();
        let grid: Vec<_> = (0..size * size).map(|k| at(k / size, k % size)).collect();
        let states: Vec<_> = grid
            .iter()
            .map(|&(r, c)| if inside(r, c) { scene.states[r * width + c] } else { PixelState::Outside })
            .collect();
        let observed = states.iter().filter(|s| **s == PixelState::Observed).count();
        patch_states.insert((i, j), states.clone());
        if observed == 0 || (observed as f64) < run.settings.min_valid * (size * size) as f64 {
            continue;
        }
        let pixel = |band: usize, (r, c): (usize, usize)| {
            if inside(r, c) { f64::from(scene.pixels[(band * height + r) * width + c]) } else { 0.0 }
        };
        let pixels: Vec<f64> =
            (0..2).flat_map(|b| grid.iter().map(move |&p| (b, p))).map(|(b, p)| pixel(b, p)).collect();
        let number = f64::from((run.of)(&pixels) as f32);
        let cells = layout.cells_of(i, j);
        for r in cells.row..cells.row_end() {
            for c in cells.col..cells.col_end() {
                values[r * cols + c].push(number);
            }
        }
    }
    let states = (0..rows * cols)
        .map(|cell| {
            let (row, col) = (cell / cols, cell % cols);
            let s = layout.stride();
            let own: Vec<_> = (row * s..(row + 1) * s)
                .flat_map(|r| (col * s..(col + 1) * s).map(move |c| (r, c)))
                .filter(|&(r, c)| inside(r, c))
                .map(|(r, c)| scene.states[r * width + c])
                .collect();
            let observed = own.iter().filter(|s| **s == PixelState::Observed).count();
            let enough = observed > 0 && observed as f64 >= run.settings.min_valid * (s * s) as f64;
            if enough && !values[cell].is_empty() {
                return PixelState::Observed;
            }
            values[cell].clear();
            if !enough && observed == own.len() {
                // All that is in the scene is observed: too little of it is.
                return PixelState::Outside;
            }
            let (patch_rows, patch_cols) = layout.patches();
            let owner = &patch_states[&(row.min(patch_rows - 1), col.min(patch_cols - 1))];
            most(&own).or_else(|| most(owner)).unwrap()
        })
        .collect();
    (values, states)
}

pub fn most(states: &[PixelState]) -> Option<PixelState> {
    let kinds = [PixelState::Nodata, PixelState::Masked, PixelState::Outside];
    let count = |k: PixelState| states.iter().filter(|s| **s == k).count();
    let top = kinds.into_iter().map(count).max().unwrap();
    kinds.into_iter().find(|k| top > 0 && count(*k) == top)
}

pub fn settings(batch_size: usize, threads: usize, min_valid: f64) -> StreamSettings {
    StreamSettings { batch_size, threads, min_valid }
}
