//! The compiled plan as one of the programs that `benches/peers/cnn.py` compares:
//! `peer ARCHITECTURE BANDS SIDE BATCH PRECISION FOLDER` writes `weights.safetensors`, the normalised images `input.f32` (`[N, C, H, W]`) and
//! the logits `logits.f32` (`[N, K]`) to the folder, then infers the batch once for each line that it reads.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::PathBuf;

use areal_formats::{ModelSpec, Normalisation};
use areal_grid::{Class, PixelState, Pixels, Target, default_colour};
use areal_kernels::Isa;
use areal_model::{Bundle, DeviceChoice, Inference, Network, NetworkConfig, PatchBatch, StateDict};
use areal_plan::{Calibrator, PlanInference};
use rand::{RngExt, SeedableRng};

const CLASSES: u8 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [architecture, bands, side, batch, precision, folder] = arguments.as_slice() else {
        return Err("usage: peer ARCHITECTURE BANDS SIDE BATCH PRECISION FOLDER".into());
    };
    let (bands, side, patches): (usize, usize, usize) = (bands.parse()?, side.parse()?, batch.parse()?);
    let folder = PathBuf::from(folder);
    let class = |code: u8| Class { code, name: format!("class {code}"), colour: default_colour(usize::from(code)) };
    let target = Target::Classes { classes: (1..=CLASSES).map(class).collect() };
    let spec = ModelSpec {
        architecture: architecture.parse()?,
        normalisation: Normalisation { mean: vec![900.0; bands], std: vec![250.0; bands] },
        ..ModelSpec::untrained((1..=bands).map(|b| format!("band {b}")).collect(), target, side)
    };
    let network = Network::new(&NetworkConfig::of(&spec), 5, &DeviceChoice::Cpu.open()?)?;
    StateDict::of(&network).write(&folder.join("weights.safetensors"))?;
    let batch = random_batch(patches, bands, side);
    std::fs::write(folder.join("input.f32"), bytes(&normalised(&batch, &spec.normalisation)))?;
    let (bundle, isa) = (Bundle { spec, network }, Isa::detect()?);
    let mut calibrator = Calibrator::new(&bundle, isa)?;
    calibrator.observe(&batch)?;
    let ranges = calibrator.finish()?;
    let mut plan = PlanInference::from_bundle(bundle, isa, precision.parse()?, Some(&ranges))?;
    let logits = plan.infer(&batch)?;
    std::fs::write(folder.join("logits.f32"), bytes(&logits.into_iter().collect::<Vec<f32>>()))?;
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in std::io::stdin().lock().lines() {
        line?;
        plan.infer(&batch)?;
        writeln!(out, "done")?;
        out.flush()?;
    }
    Ok(())
}

fn random_batch(patches: usize, bands: usize, side: usize) -> PatchBatch {
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(6);
    let pixels = (0..patches * bands * side * side).map(|_| rng.random_range(400..1400)).collect();
    let states = vec![PixelState::Observed; patches * side * side];
    PatchBatch { shape: [patches, bands, side, side], pixels: Pixels::U16(pixels), states }
}

fn normalised(batch: &PatchBatch, normalisation: &Normalisation) -> Vec<f32> {
    let [patches, bands, height, width] = batch.shape;
    let (image, plane) = (bands * height * width, height * width);
    let mut out = vec![0.0; patches * image];
    for (index, out) in out.chunks_exact_mut(image).enumerate() {
        normalisation.apply(&batch.pixels, index * image, &batch.states[index * plane..][..plane], out);
    }
    out
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}
