//! Weights that PyTorch saved, with what PyTorch computes from them (`tests/oracles/published_weights.py`).

use std::path::Path;
use std::process::Command;

use areal_formats::Architecture;
use serde::Deserialize;

use crate::{oracle, workspace};

/// Classes of the networks.
pub const OUTPUTS: usize = 5;

/// A network as PyTorch saved it.
#[derive(Deserialize)]
pub struct PublishedWeights {
    /// Its file in the folder.
    pub file: String,
    pub architecture: Architecture,
    pub bands: usize,
    /// Shape `[N, C, H, W]` of the pixels.
    pub shape: [usize; 4],
    /// Logits of the pixels.
    pub logits: Vec<f32>,
    /// Loss with batch statistics, in double precision.
    pub loss: f64,
    /// Logits after a step of training, in double precision.
    pub stepped: Vec<f32>,
    /// How far the step moved them.
    pub moved: f32,
    /// How far PyTorch's own step in single precision ends from there.
    pub single: f32,
}

impl PublishedWeights {
    /// Has PyTorch save the networks into a folder; `None` where there is no PyTorch.
    pub fn save(folder: &Path) -> Option<Vec<Self>> {
        let python = oracle("torch, torchvision, timm, safetensors")?;
        let script = workspace().join("tests/oracles/published_weights.py");
        let made = Command::new(python).arg(script).arg(folder).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let cases: Vec<Self> =
            serde_json::from_str(&std::fs::read_to_string(folder.join("weights.json")).unwrap()).unwrap();
        assert_eq!(cases.len(), 7);
        Some(cases)
    }

    /// Names of its bands.
    pub fn band_names(&self) -> Vec<String> {
        (1..=self.bands).map(|b| format!("band {b}")).collect()
    }

    /// Pixels `cos(0.11 j)`, where `j` counts them.
    pub fn pixels(&self) -> Vec<f32> {
        (0..self.shape.iter().product::<usize>()).map(|j| (0.11 * j as f64).cos() as f32).collect()
    }
}

/// The largest difference between two lists of the same length.
pub fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
