//! Steps of training, one for each line on standard input: `train_step ARCHITECTURE BANDS SIDE BATCH FOLDER`.
//!
//! Writes the first weights (`weights.safetensors`), a batch (`input.f32`, `[N, C, H, W]`) and its classes (`classes.i64`)
//! to the folder, prints `ready`, and after each step its loss. `benches/peers/train.sh` compares it with other programs.

use std::io::{BufRead, Write};
use std::path::Path;

use areal_formats::Padding;
use areal_model::{Loss, Network, NetworkConfig, StateDict};
use areal_train::{KernelOperations, Optimiser, TrainSettings, among_workers, step};
use burn::tensor::{Device, Int, Tensor, TensorData};

const CLASSES: usize = 10;
const RATE: f64 = 1e-3;

fn main() -> Result<(), String> {
    among_workers(|| run().map_err(|error| error.to_string()))
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [architecture, bands, side, batch, folder] = &arguments[..] else {
        return Err("usage: train_step ARCHITECTURE BANDS SIDE BATCH FOLDER".into());
    };
    let (bands, side, batch): (usize, usize, usize) = (bands.parse()?, side.parse()?, batch.parse()?);
    let folder = Path::new(folder);
    let device = Device::flex().autodiff();
    let config = NetworkConfig { architecture: architecture.parse()?, padding: Padding::Same, bands, outputs: CLASSES };
    let mut network = Network::new(&config, 1, &device)?;
    StateDict::of(&network).write(&folder.join("weights.safetensors"))?;

    let shape = [batch, bands, side, side];
    let pixels: Vec<f32> = (0..shape.iter().product()).map(|i| noise(i as u32)).collect();
    let classes: Vec<i64> = (0..batch).map(|i| (i * 7 % CLASSES) as i64).collect();
    std::fs::write(folder.join("input.f32"), pixels.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())?;
    std::fs::write(folder.join("classes.i64"), classes.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())?;

    let settings = TrainSettings { clip_norm: None, weight_decay: 0.01, ..TrainSettings::default() };
    let operations = KernelOperations::detect()?;
    let mut optimiser = Optimiser::new(&settings, operations);
    let mut out = std::io::stdout();
    writeln!(out, "ready")?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let x = Tensor::<4>::from_data(TensorData::new(pixels.clone(), shape), &device);
        let truth = Tensor::<1, Int>::from_data(TensorData::from(classes.as_slice()), &device);
        let loss;
        (network, loss) = step(network, &mut optimiser, RATE, |network| {
            Loss::CrossEntropy.of_classes(network.forward_with(x, &operations), truth).mean()
        });
        writeln!(out, "{loss}")?;
        out.flush()?;
    }
    Ok(())
}

/// Values between -2 and 2 that look random.
fn noise(index: u32) -> f32 {
    let mixed = (index ^ (index >> 15)).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ (mixed >> 12)).wrapping_mul(0x297a_2d39);
    (mixed ^ (mixed >> 15)) as f32 / u32::MAX as f32 * 4.0 - 2.0
}
