//! Plans against Burn: every architecture, every instruction set, odd sizes and batch sizes.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_formats::{Architecture, ModelSpec, Normalisation, Padding};
use areal_grid::{Class, PixelState, Pixels, Target, default_colour};
use areal_kernels::Isa;
use areal_model::{
    Bundle, BurnInference, DeviceChoice, Inference, LogitDifference, Network, NetworkConfig, PatchBatch, Precision,
    StateDict,
};
use areal_plan::{Calibrator, PlanError, PlanInference, Ranges, tolerance};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use strum::VariantArray;

const BANDS: usize = 5;

fn spec(architecture: Architecture, padding: Padding, patch_size: usize) -> ModelSpec {
    let class = |code: u8| Class { code, name: format!("class {code}"), colour: default_colour(usize::from(code)) };
    let bands = (1..=BANDS).map(|b| format!("band {b}")).collect();
    let target = Target::Classes { classes: (1..=7).map(class).collect() };
    ModelSpec {
        architecture,
        padding,
        normalisation: Normalisation { mean: vec![900.0; BANDS], std: vec![250.0; BANDS] },
        ..ModelSpec::untrained(bands, target, patch_size)
    }
}

/// A network whose batch normalisations are no identities, as after training.
fn bundle(architecture: Architecture, patch_size: usize) -> Bundle {
    padded(architecture, Padding::Same, patch_size)
}

fn padded(architecture: Architecture, padding: Padding, patch_size: usize) -> Bundle {
    let (spec, device) = (spec(architecture, padding, patch_size), DeviceChoice::Cpu.open().unwrap());
    let mut state = StateDict::of(&Network::new(&NetworkConfig::of(&spec), 11, &device).unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for (name, tensor) in &mut state.tensors {
        let last = name.rsplit('.').next().unwrap();
        for value in &mut tensor.values {
            match last {
                "running_mean" | "bias" => *value += 0.2 * rng.random::<f32>() - 0.1,
                "running_var" => *value *= 0.5 + rng.random::<f32>(),
                "weight" if tensor.shape.len() == 1 => *value *= 0.7 + 0.6 * rng.random::<f32>(),
                _ => {}
            }
        }
    }
    let network = Network::from_state(&NetworkConfig::of(&spec), &state, &device).unwrap();
    Bundle { spec, network }
}

fn batch(patches: usize, side: usize) -> PatchBatch {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let pixels = (0..patches * BANDS * side * side).map(|_| rng.random_range(400..1400)).collect();
    let states = (0..patches * side * side)
        .map(|_| if rng.random_bool(0.05) { PixelState::Masked } else { PixelState::Observed });
    PatchBatch { shape: [patches, BANDS, side, side], pixels: Pixels::U16(pixels), states: states.collect() }
}

fn plan(bundle: Bundle, isa: Isa) -> Result<PlanInference, PlanError> {
    PlanInference::from_bundle(bundle, isa, Precision::F32, None)
}

/// Ranges on patches like those that are compared.
fn ranges(bundle: &Bundle, isa: Isa, side: usize) -> Ranges {
    let mut calibrator = Calibrator::new(bundle, isa).unwrap();
    calibrator.observe(&batch(8, side)).unwrap();
    calibrator.finish().unwrap()
}

fn agrees(architecture: Architecture, isa: Isa, patches: usize, side: usize) {
    agrees_padded(architecture, Padding::Same, isa, patches, side);
}

fn agrees_padded(architecture: Architecture, padding: Padding, isa: Isa, patches: usize, side: usize) {
    let device = DeviceChoice::Cpu.open().unwrap();
    let mut plan = plan(padded(architecture, padding, side), isa).unwrap();
    let mut burn = BurnInference::new(padded(architecture, padding, side), device);
    let batch = batch(patches, side);
    let (found, expected) = (plan.infer(&batch).unwrap(), burn.infer(&batch).unwrap());
    let agreement = LogitDifference::of(&found, &expected);
    println!("{architecture} {isa} {patches} x {side} px: {agreement:?}");
    assert!(agreement.difference <= tolerance(Precision::F32), "{agreement:?}");
    assert!(agreement.greatest > 0.01, "the logits say nothing: {agreement:?}");
    let (found, expected) = (plan.features(&batch).unwrap(), burn.features(&batch).unwrap());
    assert_eq!(found.dim(), (patches, NetworkConfig::of(burn.spec()).features()));
    let features = LogitDifference::of(&found, &expected);
    assert!(features.difference <= 1e-5 && features.greatest > 0.01, "{architecture} {isa}: features {features:?}");
}

#[test]
fn every_architecture_agrees_with_burn() {
    for architecture in Architecture::VARIANTS {
        agrees(*architecture, Isa::detect().unwrap(), 9, 32);
    }
}

#[test]
fn networks_without_padding_agree_with_burn() {
    let isa = Isa::detect().unwrap();
    for (architecture, patches, side) in
        [(Architecture::Compact, 5, 61), (Architecture::Resnet18, 1, 440), (Architecture::Resnet50, 1, 427)]
    {
        agrees_padded(architecture, Padding::Valid, isa, patches, side);
    }
}

#[test]
fn every_instruction_set_agrees_with_burn() {
    for isa in Isa::available() {
        agrees(Architecture::Compact, isa, 3, 21);
        agrees(Architecture::Resnet18, isa, 2, 33);
    }
}

#[test]
fn a_batch_larger_than_one_part_keeps_its_order() {
    agrees(Architecture::Compact, Isa::detect().unwrap(), 70, 64);
}

#[test]
fn no_patches_give_no_rows() {
    let mut plan = plan(bundle(Architecture::Compact, 16), Isa::detect().unwrap()).unwrap();
    assert_eq!(plan.infer(&batch(0, 16)).unwrap().dim(), (0, 7));
}

#[test]
fn a_batch_of_other_bands_is_refused() {
    let mut plan = plan(bundle(Architecture::Compact, 16), Isa::detect().unwrap()).unwrap();
    let odd =
        PatchBatch { shape: [1, 2, 2, 2], pixels: Pixels::U16(vec![0; 8]), states: vec![PixelState::Observed; 4] };
    assert!(plan.infer(&odd).is_err());
}

#[test]
fn a_plan_that_disagrees_is_refused() {
    // Weights so large that sums overflow: neither side gives numbers, and that counts as disagreement.
    let device = DeviceChoice::Cpu.open().unwrap();
    let Bundle { spec, network } = bundle(Architecture::Compact, 16);
    let mut state = StateDict::of(&network);
    state.tensors.get_mut("conv1.weight").unwrap().values.fill(3e38);
    state.tensors.get_mut("layer1.0.conv1.weight").unwrap().values.fill(3e38);
    let network = Network::from_state(&NetworkConfig::of(&spec), &state, &device).unwrap();
    let error = plan(Bundle { spec, network }, Isa::detect().unwrap()).unwrap_err();
    assert!(matches!(error, PlanError::Disagrees { .. }), "{error}");
}

/// Logits of one batch in a reduced precision.
fn reduced(bundle: impl Fn() -> Bundle, isa: Isa, precision: Precision, side: usize) -> ndarray::Array2<f32> {
    let ranges = ranges(&bundle(), isa, side);
    let plan = PlanInference::from_bundle(bundle(), isa, precision, Some(&ranges));
    plan.unwrap().infer(&batch(8, side)).unwrap()
}

#[test]
fn reduced_precisions_stay_near_single_precision_in_every_architecture() {
    let isa = Isa::detect().unwrap();
    for (architecture, padding, side) in [
        (Architecture::Compact, Padding::Same, 32),
        (Architecture::Compact, Padding::Valid, 61),
        (Architecture::Resnet18, Padding::Same, 32),
        (Architecture::Resnet50, Padding::Same, 32),
    ] {
        let bundle = || padded(architecture, padding, side);
        let expected = plan(bundle(), isa).unwrap().infer(&batch(8, side)).unwrap();
        for (precision, allowed) in [(Precision::Bf16, 0.02), (Precision::Int8, 0.06)] {
            let agreement = LogitDifference::of(&reduced(bundle, isa, precision, side), &expected);
            println!("{architecture} {padding} {precision}: {agreement:?}");
            assert!(agreement.difference <= allowed, "{architecture} {precision}: {agreement:?}");
            assert!(agreement.difference > 1e-6, "{precision} computes in single precision");
        }
    }
}

#[test]
fn bf16_is_about_the_same_on_every_instruction_set() {
    let of = |isa| reduced(|| bundle(Architecture::Compact, 21), isa, Precision::Bf16, 21);
    let expected = of(Isa::Portable);
    for isa in Isa::available() {
        let agreement = LogitDifference::of(&of(isa), &expected);
        println!("{isa}: {agreement:?}");
        assert!(agreement.difference < 2e-3, "{isa}: {agreement:?}");
    }
}

#[test]
fn int8_needs_ranges_and_ranges_need_patches() {
    let bundle = || bundle(Architecture::Compact, 16);
    let isa = Isa::detect().unwrap();
    let error = PlanInference::from_bundle(bundle(), isa, Precision::Int8, None).unwrap_err();
    assert!(matches!(error, PlanError::NoRanges), "{error}");
    let error = Calibrator::new(&bundle(), isa).unwrap().finish().unwrap_err();
    assert!(matches!(error, PlanError::NoPatches), "{error}");
}
