//! Whole scenes against their patches one by one.

use areal_formats::{Architecture, ModelSpec, Normalisation, Padding};
use areal_grid::{Class, PatchLayout, PixelBlock, PixelState, PixelType, Pixels, Target, Window, default_colour};
use areal_kernels::Isa;
use areal_model::{Bundle, DenseInference, DeviceChoice, Inference, Network, NetworkConfig, PatchBatch, Precision};
use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::DensePlan;
use crate::PlanInference;

const BANDS: usize = 2;

fn plan(architecture: Architecture, padding: Padding, patch_size: usize) -> PlanInference {
    let class = |code: u8| Class { code, name: format!("class {code}"), colour: default_colour(usize::from(code)) };
    let bands = (1..=BANDS).map(|b| format!("band {b}")).collect();
    let target = Target::Classes { classes: (1..=5).map(class).collect() };
    let spec = ModelSpec {
        architecture,
        padding,
        normalisation: Normalisation { mean: vec![900.0; BANDS], std: vec![250.0; BANDS] },
        ..ModelSpec::untrained(bands, target, patch_size)
    };
    let network = Network::new(&NetworkConfig::of(&spec), 11, &DeviceChoice::Cpu.open().unwrap()).unwrap();
    PlanInference::from_bundle(Bundle { spec, network }, Isa::detect().unwrap(), Precision::F32, None).unwrap()
}

/// A scene in one block, about a tenth of it not observed.
fn scene(height: usize, width: usize, seed: u64) -> PixelBlock {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut block = PixelBlock::outside(Window::new(0, 0, height, width), BANDS, PixelType::U16);
    let state = |chance: f64| if chance < 0.1 { PixelState::Nodata } else { PixelState::Observed };
    block.states = (0..height * width).map(|_| state(rng.random())).collect();
    block.pixels = Pixels::U16((0..BANDS * height * width).map(|_| rng.random_range(400..1400)).collect());
    block
}

/// A window of a scene as a patch; what lies past the scene is outside.
fn patch(scene: &PixelBlock, window: &Window) -> PatchBatch {
    let (height, width) = (scene.window.height, scene.window.width);
    let places: Vec<Option<usize>> = (window.row..window.row_end())
        .flat_map(|r| (window.col..window.col_end()).map(move |c| (r, c)))
        .map(|(r, c)| (r < height && c < width).then_some(r * width + c))
        .collect();
    let value =
        |band: usize, place: &Option<usize>| place.map_or(0, |at| scene.pixels.get(band * height * width + at) as u16);
    PatchBatch {
        shape: [1, BANDS, window.height, window.width],
        pixels: Pixels::U16(
            (0..BANDS).flat_map(|b| places.iter().map(move |p| (b, p))).map(|(b, p)| value(b, p)).collect(),
        ),
        states: places.iter().map(|p| p.map_or(PixelState::Outside, |at| scene.states[at])).collect(),
    }
}

/// Logits `[patch row, patch column, class]` of a part, from the first patch row on.
fn run(
    dense: &mut dyn DenseInference,
    scene: &PixelBlock,
    first: usize,
    columns: std::ops::Range<usize>,
) -> Vec<Array2<f32>> {
    let part = dense.part(first, &columns).unwrap();
    dense.start(&part).unwrap();
    let mut rows = Vec::new();
    while !dense.wanted().is_empty() {
        for row in dense.push(&[scene]).unwrap() {
            assert_eq!(row.patch_row, first + rows.len());
            rows.push(row.logits);
        }
    }
    assert_eq!(rows.len(), part.patch_rows.len());
    rows
}

fn all(dense: &mut dyn DenseInference, scene: &PixelBlock, layout: &PatchLayout) -> Vec<Array2<f32>> {
    run(dense, scene, 0, 0..layout.patches().1)
}

fn exact(architecture: Architecture, [patch_size, stride]: [usize; 2], [height, width]: [usize; 2], seed: u64) {
    let mut plan = plan(architecture, Padding::Valid, patch_size);
    let scene = scene(height, width, seed);
    let layout = PatchLayout::new(height, width, patch_size, stride).unwrap();
    let found = all(plan.dense(&layout).unwrap().as_mut(), &scene, &layout);
    let mut greatest = 0.0f32;
    let mut apart = 0.0f32;
    for (i, j) in layout.iter() {
        let expected = plan.infer(&patch(&scene, &layout.window(i, j))).unwrap();
        for (found, expected) in found[i].row(j).iter().zip(&expected) {
            greatest = greatest.max(expected.abs());
            apart = apart.max((found - expected).abs());
        }
    }
    assert!(greatest > 0.01, "the logits say nothing");
    let case = format!("{architecture}, patch {patch_size}, stride {stride}, {height} x {width} px");
    assert!(apart <= 2e-5 * greatest.max(1.0), "{case}: {apart} of {greatest}");
}

#[test]
fn without_padding_a_scene_gives_what_its_patches_give() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (patch_size, stride) in [(64, 64), (64, 16), (48, 8), (48, 24), (48, 12), (48, 6), (51, 3), (47, 47), (49, 7)] {
        let sides = [rng.random_range(30..90), rng.random_range(40..150)];
        exact(Architecture::Compact, [patch_size, stride], sides, 7);
    }
}

#[test]
fn residual_networks_without_padding_too() {
    exact(Architecture::Resnet18, [448, 16], [450, 464], 8);
    exact(Architecture::Resnet50, [432, 16], [448, 440], 9);
}

#[test]
fn heights_of_what_goes_in_and_parts_do_not_change_a_bit() {
    for (architecture, padding, stride, sides) in [
        (Architecture::Compact, Padding::Same, 16, [300, 200]),
        (Architecture::Compact, Padding::Valid, 4, [170, 161]),
        (Architecture::Resnet18, Padding::Same, 16, [700, 260]),
    ] {
        let plan = plan(architecture, padding, 64);
        let scene = scene(sides[0], sides[1], 3);
        let layout = PatchLayout::new(sides[0], sides[1], 64, stride).unwrap();
        let dense =
            |rows| DensePlan::with_rows(plan.spec().clone(), plan.kind(), plan.program(), layout, rows).unwrap();
        let whole = all(&mut dense(16), &scene, &layout);
        for rows in [1, 37, 1000] {
            assert!(all(&mut dense(rows), &scene, &layout) == whole, "{architecture}, {rows} rows at a time");
        }
        let (patch_rows, patch_columns) = layout.patches();
        let mut dense = dense(16);
        for (first, columns) in [(patch_rows - 1, 0..patch_columns), (0, 3..4), (patch_rows / 2, 1..patch_columns / 2)]
        {
            let part = run(&mut dense, &scene, first, columns.clone());
            for (row, part) in part.iter().enumerate() {
                let expected = whole[first + row].slice(ndarray::s![columns.clone(), ..]);
                assert!(part == expected, "{architecture}: row {row} after {first}, columns {columns:?}");
            }
        }
    }
}

#[test]
fn a_phase_is_what_the_network_gives_for_the_scene_from_there_on() {
    // compact has a feature in 8 px: at stride 4 there are two phases each way. Away from the borders, the patch that
    // begins at (4 i, 4 j) is one of the plain network's of the scene less its first four rows and columns.
    let plan = plan(Architecture::Compact, Padding::Same, 32);
    let (height, width) = (176, 160);
    let whole = scene(height, width, 4);
    let shifted = {
        let batch = patch(&whole, &Window::new(4, 4, height - 4, width - 4));
        let block = PixelBlock::outside(Window::new(0, 0, height - 4, width - 4), BANDS, PixelType::U16);
        PixelBlock { pixels: batch.pixels, states: batch.states, ..block }
    };
    let fine = PatchLayout::new(height, width, 32, 4).unwrap();
    let coarse = PatchLayout::new(height - 4, width - 4, 32, 8).unwrap();
    let found = all(plan.dense(&fine).unwrap().as_mut(), &whole, &fine);
    let expected = all(plan.dense(&coarse).unwrap().as_mut(), &shifted, &coarse);
    let mut compared = 0;
    for (i, j) in coarse.iter() {
        let window = coarse.window(i, j);
        if window.row < 24 || window.col < 24 || window.row_end() + 28 > height || window.col_end() + 28 > width {
            continue;
        }
        for (found, expected) in found[2 * i + 1].row(2 * j + 1).iter().zip(expected[i].row(j)) {
            assert!((found - expected).abs() < 1e-5, "patch {i}, {j}: {found} {expected}");
        }
        compared += 1;
    }
    assert!(compared > 50, "{compared}");
}

#[test]
fn with_padding_a_patch_sees_what_lies_around_it() {
    let mut plan = plan(Architecture::Compact, Padding::Same, 64);
    let scene = scene(192, 192, 6);
    let layout = PatchLayout::new(192, 192, 64, 64).unwrap();
    let found = all(plan.dense(&layout).unwrap().as_mut(), &scene, &layout);
    let alone = plan.infer(&patch(&scene, &layout.window(1, 1))).unwrap();
    let apart = found[1].row(1).iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart > 1e-4, "{apart}");
    // One patch is a whole scene.
    let only = PatchLayout::new(64, 64, 64, 64).unwrap();
    let small = {
        let batch = patch(&scene, &layout.window(1, 1));
        let block = PixelBlock::outside(Window::new(0, 0, 64, 64), BANDS, PixelType::U16);
        PixelBlock { pixels: batch.pixels, states: batch.states, ..block }
    };
    let found = all(plan.dense(&only).unwrap().as_mut(), &small, &only);
    for (found, expected) in found[0].iter().zip(&alone) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn the_maps_that_are_held_are_few_rows() {
    // 16 times the height takes no more.
    let plan = plan(Architecture::Compact, Padding::Same, 64);
    let bytes = |height: usize| {
        let layout = PatchLayout::new(height, 1024, 64, 16).unwrap();
        plan.dense(&layout).unwrap().part(0, &(0..layout.patches().1)).unwrap()
    };
    let (low, high) = (bytes(1024), bytes(16 * 1024));
    assert_eq!((low.bytes, low.lag), (high.bytes, high.lag));
    assert!(high.bytes < 1024 * 6_000, "{high:?}");
}

#[test]
fn a_large_network_over_a_wide_scene_fits_into_the_usual_memory() {
    // 256 MiB: a quarter for what is read ahead, and a row of blocks of 512 px, 9 bytes a pixel.
    let plan = plan(Architecture::Resnet18, Padding::Same, 64);
    let layout = PatchLayout::new(8192, 8192, 64, 16).unwrap();
    let part = plan.dense(&layout).unwrap().part(0, &(0..layout.patches().1)).unwrap();
    assert!(part.bytes < (192 << 20) - 512 * 8192 * 9, "{part:?}");
}
