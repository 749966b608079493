//! The whole stream against a brute-force prediction of a scene in memory.

use areal_grid::{PatchLayout, PixelBlock, PixelState, PixelType, Window};
use areal_job::{Interrupt, Job, NoProgress};
use areal_raster::RasterError;
use proptest::prelude::*;

use crate::PredictError;
use crate::cells::{CellAccumulator, Merge};
use crate::chunk_layout::OrderInput;
use crate::patch_order::PatchOrder;
use crate::source::{PixelReader, PixelSource};
use crate::stream::{StreamStart, stream};
use crate::stream_fixtures::{Memory, Mock, TestRun, brute_force, mean, settings, spec, two_classes, value_target};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn cells_and_states_are_those_of_the_definition(
        h in 1usize..70, w in 1usize..70, stride in 1usize..7, k in 1usize..4, block in (1usize..40, 1usize..40),
        batch in 1usize..9, threads in 1usize..4, memory in 1u64..60_000, holes in 0u64..101, min_valid in 0.0..1.0f64,
    ) {
        let scene = Memory::new((h, w), block, holes);
        let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
        let run =
            TestRun { layout, memory, settings: settings(batch, threads, min_valid), target: value_target(), of: mean };
        let (expected, states) = brute_force(&scene, &run);
        let cols = layout.cells().1;
        let mut pixels = [0; 4];
        let mut seen = 0;
        for shard in run.all(&scene) {
            let c = &shard.cells;
            prop_assert_eq!(c.first_row * cols, seen);
            for cell in 0..c.rows * c.cols {
                let all = &expected[seen + cell];
                prop_assert_eq!(c.states[cell], states[seen + cell]);
                if all.is_empty() {
                    prop_assert!(c.channel(0)[cell].is_nan() && c.channel(1)[cell].is_nan());
                    continue;
                }
                let m = mean(all);
                let spread = mean(&all.iter().map(|v| (v - m).powi(2)).collect::<Vec<_>>()).sqrt();
                prop_assert!((f64::from(c.channel(0)[cell]) - m).abs() < 1e-3);
                prop_assert!((f64::from(c.channel(1)[cell]) - spread).abs() < 1e-3);
            }
            seen += c.rows * c.cols;
            pixels.iter_mut().zip(shard.pixels).for_each(|(sum, n)| *sum += n);
        }
        prop_assert_eq!(seen, layout.cells().0 * cols);
        let of = |s: PixelState| scene.states.iter().filter(|x| **x == s).count() as u64;
        let kinds = [PixelState::Observed, PixelState::Nodata, PixelState::Masked, PixelState::Outside];
        prop_assert_eq!(pixels, kinds.map(of));
    }

    #[test]
    fn a_network_that_gives_the_first_pixel_gives_the_scene_back(
        h in 1usize..60, w in 1usize..60, stride in 1usize..9, block in (1usize..30, 1usize..30), batch in 1usize..20,
    ) {
        let scene = Memory::new((h, w), block, 0);
        let layout = PatchLayout::new(h, w, stride, stride).unwrap();
        let run = TestRun {
            layout, memory: 1 << 20, settings: settings(batch, 2, 0.0), target: value_target(), of: |p| p[0],
        };
        let values: Vec<f32> = run.all(&scene).iter().flat_map(|s| s.cells.channel(0).to_vec()).collect();
        let (rows, cols) = layout.cells();
        let first = |cell: usize| f32::from(scene.pixels[cell / cols * stride * w + cell % cols * stride]);
        prop_assert_eq!(values, (0..rows * cols).map(first).collect::<Vec<_>>());
    }
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let mut scene = Memory::new((150, 170), (16, 16), 20);
    scene.dawdle = true;
    let layout = PatchLayout::new(150, 170, 24, 8).unwrap();
    let with = |threads| {
        let settings = settings(7, threads, 0.3);
        let run = TestRun { layout, memory: 40_000, settings, target: two_classes(), of: mean };
        format!("{:?}", run.all(&scene))
    };
    let one = with(1);
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn class_probabilities_are_averaged_over_the_patches() {
    let scene = Memory::new((40, 40), (8, 8), 0);
    let layout = PatchLayout::new(40, 40, 16, 8).unwrap();
    let of = |p: &[f64]| p[0].clamp(10.0, 990.0);
    let run = TestRun { layout, memory: 1 << 20, settings: settings(5, 2, 0.0), target: two_classes(), of };
    let (expected, _) = brute_force(&scene, &run);
    let shards = run.all(&scene);
    let [first, second] = [0, 1].map(|k| shards.iter().flat_map(|s| s.cells.channel(k).to_vec()).collect::<Vec<f32>>());
    for (cell, all) in expected.iter().enumerate() {
        let share = mean(all) / 1000.0;
        assert!((f64::from(first[cell]) - share).abs() < 1e-5);
        assert!((f64::from(first[cell] + second[cell]) - 1.0).abs() < 1e-6);
    }
}

#[test]
fn going_on_after_any_strip_gives_the_same_bits() {
    let scene = Memory::new((300, 40), (16, 16), 10);
    let layout = PatchLayout::new(300, 40, 24, 8).unwrap();
    let run = TestRun { layout, memory: 30_000, settings: settings(2, 2, 0.3), target: two_classes(), of: mean };
    let whole = run.all(&scene);
    assert!(whole.len() > 3, "{} strips", whole.len());
    let interrupt = Interrupt::default();
    let job = Job { progress: &NoProgress, interrupt: &interrupt };
    for (n, last) in whole.iter().enumerate() {
        let row = last.cells.first_row + last.cells.rows;
        let (counts, sums) = (last.pending_counts.clone(), last.pending_sums.clone());
        let rest =
            run.from(&scene, n + 1, CellAccumulator::restore(layout, run.merge(), row, counts, sums), &job).unwrap();
        assert_eq!(format!("{rest:?}"), format!("{:?}", &whole[n + 1..]));
    }
}

#[test]
fn a_request_to_stop_is_heeded() {
    let scene = Memory::new((300, 300), (16, 16), 0);
    let layout = PatchLayout::new(300, 300, 8, 8).unwrap();
    let run = TestRun { layout, memory: 1 << 20, settings: settings(2, 2, 0.0), target: value_target(), of: mean };
    let interrupt = Interrupt::default();
    interrupt.request();
    let job = Job { progress: &NoProgress, interrupt: &interrupt };
    let stopped = run.from(&scene, 0, CellAccumulator::new(layout, run.merge()), &job);
    assert!(matches!(stopped, Err(PredictError::Interrupted(_))));
}

#[test]
fn a_network_that_gives_nan_is_refused_with_the_place() {
    let scene = Memory::new((32, 32), (16, 16), 0);
    let layout = PatchLayout::new(32, 32, 8, 8).unwrap();
    let of = |p: &[f64]| if p[0] > 900.0 { f64::NAN } else { p[0] };
    let run = TestRun { layout, memory: 1 << 20, settings: settings(4, 1, 0.0), target: value_target(), of };
    let bad = layout.iter().find(|(i, j)| scene.pixels[i * 8 * 32 + j * 8] > 900).unwrap();
    let interrupt = Interrupt::default();
    let job = Job { progress: &NoProgress, interrupt: &interrupt };
    let error = run.from(&scene, 0, CellAccumulator::new(layout, run.merge()), &job).unwrap_err().to_string();
    let place = format!("row {}, column {}", bad.0 * 8, bad.1 * 8);
    assert!(error.contains(&place) && error.contains("NaN"), "{error}, expected {place}");
}

#[test]
fn a_scene_that_cannot_be_read_ends_the_job_with_its_reason() {
    #[derive(Clone)]
    struct Broken(Memory);
    impl PixelSource for Broken {
        fn size(&self) -> (usize, usize) {
            self.0.size
        }
        fn block_size(&self) -> (usize, usize) {
            self.0.block
        }
        fn bands(&self) -> usize {
            2
        }
        fn pixel_type(&self) -> PixelType {
            PixelType::U16
        }
        fn reader(&self) -> Result<Box<dyn PixelReader>, RasterError> {
            Ok(Box::new(self.clone()))
        }
    }
    impl PixelReader for Broken {
        fn read(&mut self, window: &Window) -> Result<PixelBlock, RasterError> {
            if window.row > 0 {
                let message = "torn".to_owned();
                return Err(RasterError::Read { path: "x.tif".into(), window: *window, message });
            }
            self.0.read(window)
        }
    }
    let scene = Broken(Memory::new((600, 600), (64, 64), 0));
    let layout = PatchLayout::new(600, 600, 8, 8).unwrap();
    let plan_input = OrderInput {
        height: 600,
        width: 600,
        block: (64, 64),
        pixel_bytes: 5,
        channels: 2,
        batch_size: 4,
        memory: 100_000,
    };
    let order = PatchOrder::new(layout, &plan_input);
    let mut mock = Mock { spec: spec(value_target(), 8), of: mean };
    let interrupt = Interrupt::default();
    let job = Job { progress: &NoProgress, interrupt: &interrupt };
    let cells = CellAccumulator::new(layout, Merge::MeanAndSpread);
    let result =
        stream(&scene, &order, StreamStart { strip: 0, cells }, &mut mock, &settings(4, 2, 0.0), &job, |_, _| Ok(()));
    assert!(matches!(result, Err(PredictError::Raster(RasterError::Read { .. }))), "{result:?}");
}
