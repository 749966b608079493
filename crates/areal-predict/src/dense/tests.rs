//! The whole stream in dense mode against a brute-force prediction of a scene in memory.

use std::ops::Range;

use areal_formats::ModelSpec;
use areal_grid::{PatchLayout, PixelBlock, PixelState};
use areal_job::{Interrupt, Job, NoProgress};
use areal_model::{DenseInference, DensePart, DenseRow, ModelError};
use ndarray::Array2;
use proptest::prelude::*;

use super::order::DenseOrder;
use super::{ModeDifference, Networks, dense_stream};
use crate::cells::CellAccumulator;
use crate::chunk_layout::OrderInput;
use crate::stream::StreamStart;
use crate::stream_fixtures::{Memory, Mock, TestRun, brute_force, mean, settings, spec, two_classes, value_target};
use crate::strip::Shard;
use crate::{MemoryPart, PredictError};

/// A network that gives each patch the mean of its pixels, and is as late and as greedy as a real one.
struct MockDense {
    spec: ModelSpec,
    layout: PatchLayout,
    /// Pixels that it sees around a patch.
    reach: usize,
    /// Rows of pixels that it takes at a time.
    rows: usize,
    part: Option<DensePart>,
    /// Values of the rows that are in, two bands one after the other, by row and column of the part.
    seen: Vec<Vec<[f64; 2]>>,
    next: usize,
}

impl MockDense {
    fn new(spec: ModelSpec, layout: PatchLayout, reach: usize, rows: usize) -> Self {
        Self { spec, layout, reach, rows, part: None, seen: Vec::new(), next: 0 }
    }

    fn outputs(&self, part: &DensePart, i: usize, j: usize) -> f64 {
        let window = self.layout.window(i, j);
        let mut values = Vec::new();
        for band in 0..2 {
            for row in window.row..window.row_end() {
                for col in window.col..window.col_end() {
                    values.push(self.seen[row - part.rows.start][col - part.columns.start][band]);
                }
            }
        }
        mean(&values)
    }
}

impl DenseInference for MockDense {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kind(&self) -> String {
        "mock".to_owned()
    }

    fn part(&self, patch_row: usize, patch_columns: &Range<usize>) -> Result<DensePart, ModelError> {
        let (rows, columns) = self.layout.patches();
        let end = self.layout.window(rows - 1, columns - 1);
        let last = self.layout.window(patch_row, patch_columns.end - 1);
        let first = self.layout.window(patch_row, patch_columns.start);
        let columns = first.col.saturating_sub(self.reach)..(last.col_end() + self.reach).min(end.col_end());
        Ok(DensePart {
            patch_rows: patch_row..rows,
            patch_columns: patch_columns.clone(),
            rows: first.row.saturating_sub(self.reach)..end.row_end(),
            bytes: 8 * columns.len() as u64,
            columns,
            lag: self.layout.patch_size() + self.reach + self.rows,
        })
    }

    fn start(&mut self, part: &DensePart) -> Result<(), ModelError> {
        (self.part, self.next) = (Some(part.clone()), part.patch_rows.start);
        self.seen.clear();
        Ok(())
    }

    fn wanted(&self) -> Range<usize> {
        let part = self.part.as_ref().unwrap();
        let first = part.rows.start + self.seen.len();
        first..(first + self.rows).min(part.rows.end)
    }

    fn push(&mut self, blocks: &[&PixelBlock]) -> Result<Vec<DenseRow>, ModelError> {
        let (part, rows) = (self.part.clone().unwrap(), self.wanted());
        for row in rows {
            let mut line = vec![[f64::NAN; 2]; part.columns.len()];
            for block in blocks.iter().filter(|b| (b.window.row..b.window.row_end()).contains(&row)) {
                let w = block.window;
                for col in w.col.max(part.columns.start)..w.col_end().min(part.columns.end) {
                    let at = (row - w.row) * w.width + col - w.col;
                    assert!(line[col - part.columns.start][0].is_nan(), "two blocks hold row {row}, column {col}");
                    line[col - part.columns.start] = [block.pixels.get(at), block.pixels.get(w.len() + at)];
                }
            }
            // What lies past the scene is 0, as in a patch.
            self.seen.push(line.into_iter().map(|v| if v[0].is_nan() { [0.0; 2] } else { v }).collect());
        }
        let pushed = part.rows.start + self.seen.len();
        let mut done = Vec::new();
        while self.next < part.patch_rows.end {
            let end = self.layout.window(self.next, 0).row_end();
            if pushed < (end + self.reach).min(part.rows.end) {
                break;
            }
            let columns = part.patch_columns.clone();
            let numbers: Vec<f64> = columns.map(|j| self.outputs(&part, self.next, j)).collect();
            let outputs = self.spec.target.outputs();
            let logits = Array2::from_shape_fn((numbers.len(), outputs), |(j, k)| {
                if outputs == 1 {
                    return numbers[j] as f32;
                }
                let share = (numbers[j] / 1000.0).clamp(0.01, 0.99);
                [share, 1.0 - share][k].ln() as f32
            });
            done.push(DenseRow { patch_row: self.next, logits });
            self.next += 1;
        }
        Ok(done)
    }
}

struct Case {
    run: TestRun,
    reach: usize,
    rows: usize,
}

impl Case {
    fn dense(&self) -> MockDense {
        MockDense::new(
            spec(self.run.target.clone(), self.run.layout.patch_size()),
            self.run.layout,
            self.reach,
            self.rows,
        )
    }

    fn order(&self, scene: &Memory) -> Result<DenseOrder, PredictError> {
        let input = OrderInput {
            height: scene.size.0,
            width: scene.size.1,
            block: scene.block,
            pixel_bytes: 5,
            channels: self.run.merge().channels(),
            batch_size: self.run.settings.batch_size,
            memory: self.run.memory,
        };
        DenseOrder::new(self.run.layout, &input, &self.dense())
    }

    fn from(&self, scene: &Memory, strip: usize, cells: CellAccumulator) -> Result<Vec<Shard>, PredictError> {
        let (order, mut dense) = (self.order(scene)?, self.dense());
        let mut patches = Mock { spec: dense.spec.clone(), of: self.run.of };
        let networks = Networks { dense: &mut dense, patches: &mut patches };
        let interrupt = Interrupt::default();
        let job = Job { progress: &NoProgress, interrupt: &interrupt };
        let mut shards = Vec::new();
        let keep = |unit: usize, shard| {
            assert_eq!(unit, strip + shards.len());
            shards.push(shard);
            Ok(())
        };
        dense_stream(scene, &order, StreamStart { strip, cells }, networks, &self.run.settings, &job, keep)?;
        Ok(shards)
    }

    fn all(&self, scene: &Memory) -> Result<Vec<Shard>, PredictError> {
        self.from(scene, 0, CellAccumulator::new(self.run.layout, self.run.merge()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn cells_and_states_are_those_of_the_definition(
        h in 1usize..70, w in 1usize..70, stride in 1usize..7, k in 1usize..4, block in (1usize..40, 1usize..40),
        reach in 0usize..20, rows in 1usize..30, threads in 1usize..4, memory in 3_000u64..60_000, holes in 0u64..101,
        min_valid in 0.0..1.0f64,
    ) {
        let scene = Memory::new((h, w), block, holes);
        let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
        let run = TestRun { layout, memory, settings: settings(4, threads, min_valid), target: value_target(), of: mean };
        let case = Case { run, reach, rows };
        let shards = match case.all(&scene) {
            Err(PredictError::Memory { .. }) => return Err(TestCaseError::reject("too little memory")),
            other => other.unwrap(),
        };
        let (expected, states) = brute_force(&scene, &case.run);
        let (cell_rows, cols) = layout.cells();
        let mut pixels = [0; 4];
        let mut seen = vec![false; cell_rows * cols];
        let (mut patches, mut difference) = (0, ModeDifference::default());
        for shard in &shards {
            let c = &shard.cells;
            for cell in 0..c.rows * c.cols {
                let at = (c.first_row + cell / c.cols) * cols + c.first_col + cell % c.cols;
                prop_assert!(!std::mem::replace(&mut seen[at], true));
                prop_assert_eq!(c.states[cell], states[at]);
                let all = &expected[at];
                if all.is_empty() {
                    prop_assert!(c.channel(0)[cell].is_nan() && c.channel(1)[cell].is_nan());
                    continue;
                }
                let m = mean(all);
                let spread = mean(&all.iter().map(|v| (v - m).powi(2)).collect::<Vec<_>>()).sqrt();
                prop_assert!((f64::from(c.channel(0)[cell]) - m).abs() < 1e-3);
                prop_assert!((f64::from(c.channel(1)[cell]) - spread).abs() < 1e-3);
            }
            pixels.iter_mut().zip(shard.pixels).for_each(|(sum, n)| *sum += n);
            patches += shard.patches;
            difference.merge(&shard.difference);
        }
        prop_assert!(seen.into_iter().all(|seen| seen));
        let of = |s: PixelState| scene.states.iter().filter(|x| **x == s).count() as u64;
        prop_assert_eq!(pixels, [PixelState::Observed, PixelState::Nodata, PixelState::Masked, PixelState::Outside].map(of));
        // Sampled patches are the same in both, and no more than there are.
        prop_assert_eq!(difference.greatest, 0.0);
        prop_assert!(difference.patches <= patches);
    }
}

/// Wide enough for panels, high enough for strips.
fn large() -> (Memory, Case) {
    let scene = Memory::new((700, 260), (16, 16), 10);
    let layout = PatchLayout::new(700, 260, 24, 8).unwrap();
    let run = TestRun { layout, memory: 14_000, settings: settings(2, 2, 0.3), target: two_classes(), of: mean };
    (scene, Case { run, reach: 11, rows: 5 })
}

#[test]
fn panels_and_strips_give_the_cells_of_the_whole() {
    let (scene, case) = large();
    let order = case.order(&scene).unwrap();
    assert!(order.panels().len() > 1 && order.units() > order.panels().len(), "{order:?}");
    let whole = Case { run: TestRun { memory: 1 << 30, ..large().1.run }, reach: case.reach, rows: case.rows };
    assert_eq!(whole.order(&scene).unwrap().panels().len(), 1);
    let values = |shards: &[Shard]| {
        let mut all = vec![String::new(); case.run.layout.cells().0 * case.run.layout.cells().1];
        for c in shards.iter().map(|s| &s.cells) {
            for cell in 0..c.rows * c.cols {
                let at = (c.first_row + cell / c.cols) * case.run.layout.cells().1 + c.first_col + cell % c.cols;
                all[at] = format!("{:?} {:?}", c.channel(0)[cell], c.states[cell]);
            }
        }
        all
    };
    let (parts, one) = (case.all(&scene).unwrap(), whole.all(&scene).unwrap());
    assert_eq!(values(&parts), values(&one));
    let sum = |shards: &[Shard]| shards.iter().map(|s| s.patches).sum::<u64>();
    assert_eq!(sum(&parts), sum(&one));
    let difference = |shards: &[Shard]| {
        let mut all = ModeDifference::default();
        for shard in shards {
            all.merge(&shard.difference);
        }
        all
    };
    // 700 rows of pixels have room for 16 rows of patches that do not overlap.
    assert!(difference(&one).patches > 16, "{:?}", difference(&one));
    assert_eq!(difference(&parts), difference(&one));
}

#[test]
fn going_on_after_any_unit_gives_the_same_bits() {
    let (scene, case) = large();
    let whole = case.all(&scene).unwrap();
    let rows = case.run.layout.cells().0;
    let strips = case.order(&scene).unwrap().units() / case.order(&scene).unwrap().panels().len();
    // Around the ends of panels, and somewhere.
    for n in [0, strips / 2, strips - 2, strips - 1, strips, 2 * strips - 1, whole.len() - 2, whole.len() - 1] {
        let last = &whole[n];
        let end = last.cells.first_row + last.cells.rows;
        let cells = if end < rows {
            let (counts, sums) = (last.pending_counts.clone(), last.pending_sums.clone());
            CellAccumulator::restore(case.run.layout, case.run.merge(), end, counts, sums)
        } else {
            CellAccumulator::new(case.run.layout, case.run.merge())
        };
        let rest = case.from(&scene, n + 1, cells).unwrap();
        assert_eq!(format!("{rest:?}"), format!("{:?}", &whole[n + 1..]));
    }
}

#[test]
fn maps_beyond_the_memory_are_refused_with_what_they_take() {
    let (scene, case) = large();
    let case = Case { run: TestRun { memory: 500, ..case.run }, ..case };
    let error = case.order(&scene).unwrap_err();
    assert!(matches!(error, PredictError::Memory { part: MemoryPart::Maps, needed: 1, memory: 0 }), "{error}");
}
