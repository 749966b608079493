//! Loss functions.

use std::ops::RangeInclusive;
use std::str::FromStr;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

use crate::ModelError;

const GAMMA: f64 = 2.0;
const ALPHA: f64 = 0.25;

/// Where a loss and its gradient stay finite in single precision, and a patch still counts.
const GAMMAS: RangeInclusive<f64> = 0.0..=100.0;
const SCALES: RangeInclusive<f64> = 1e-6..=1e6;

/// What training minimises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Loss {
    /// `-ln p` of the true class.
    CrossEntropy,
    /// `-alpha (1 - p)^gamma ln p` of the true class (Lin et al. 2017, eq. 5).
    Focal {
        /// How much less a patch counts that is already classified well; 0 is cross-entropy. 0 to 100.
        gamma: f64,
        /// Scale, a millionth to a million.
        alpha: f64,
    },
    /// Squared error of a standardised value.
    Mse,
    /// Squared error up to `delta`, linear beyond (Huber 1964): `r^2 / 2` or `delta (|r| - delta / 2)`, in units of
    /// the training split's standard deviation.
    Huber {
        /// Where it turns linear, a millionth to a million.
        delta: f64,
    },
}

impl Loss {
    /// The focal loss of the paper: gamma 2, alpha 0.25.
    pub const FOCAL: Self = Self::Focal { gamma: GAMMA, alpha: ALPHA };

    /// True for the losses of a value target.
    pub fn is_for_values(self) -> bool {
        matches!(self, Self::Mse | Self::Huber { .. })
    }

    /// Loss `[N]` of each patch: logits `[N, K]`, true classes `[N]`.
    pub fn of_classes(self, logits: Tensor<2>, truth: Tensor<1, Int>) -> Tensor<1> {
        let [n, _] = logits.dims();
        let log_p = log_softmax(logits, 1).gather(1, truth.reshape([n, 1])).reshape([n]);
        match self {
            // The gradient of 0^gamma is not finite for gamma below 1, hence the least value.
            Self::Focal { gamma, alpha } => {
                let rest = (log_p.clone().exp().neg() + 1.0).clamp_min(1e-7);
                rest.powf_scalar(gamma) * log_p * -alpha
            }
            _ => log_p.neg(),
        }
    }

    /// Loss `[N]` of each patch: standardised predictions `[N]` and values `[N]`.
    pub fn of_values(self, predicted: Tensor<1>, truth: Tensor<1>) -> Tensor<1> {
        let residual = predicted - truth;
        match self {
            Self::Huber { delta } => {
                let size = residual.abs();
                let near = size.clone().clamp_max(delta);
                // r^2 / 2 = near^2 / 2 within delta; beyond it, delta (|r| - delta) is added.
                near.clone().powf_scalar(2.0) * 0.5 + (size - near) * delta
            }
            _ => residual.clone() * residual,
        }
    }

    /// Mean of losses `[N]` weighted by `weights` `[N]`: `sum(w l) / sum(w)`.
    pub fn mean(losses: Tensor<1>, weights: Option<Tensor<1>>) -> Tensor<1> {
        match weights {
            Some(weights) => (losses * weights.clone()).sum() / weights.sum(),
            None => losses.mean(),
        }
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CrossEntropy => f.write_str("cross-entropy"),
            Self::Focal { gamma, alpha } => write!(f, "focal({gamma},{alpha})"),
            Self::Mse => f.write_str("mse"),
            Self::Huber { delta } => write!(f, "huber({delta})"),
        }
    }
}

impl FromStr for Loss {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let (name, numbers) = crate::choice::call(text);
        match (name, numbers.as_deref()) {
            ("cross-entropy", Some([])) => Ok(Self::CrossEntropy),
            ("focal", Some([])) => Ok(Self::FOCAL),
            ("focal", Some([gamma])) if GAMMAS.contains(gamma) => Ok(Self::Focal { gamma: *gamma, alpha: ALPHA }),
            ("focal", Some([gamma, alpha])) if GAMMAS.contains(gamma) && SCALES.contains(alpha) => {
                Ok(Self::Focal { gamma: *gamma, alpha: *alpha })
            }
            ("mse", Some([])) => Ok(Self::Mse),
            ("huber", Some([])) => Ok(Self::Huber { delta: 1.0 }),
            ("huber", Some([delta])) if SCALES.contains(delta) => Ok(Self::Huber { delta: *delta }),
            _ => Err(ModelError::Choice {
                what: "loss",
                given: text.to_owned(),
                choices: [
                    "cross-entropy",
                    "focal",
                    "focal(GAMMA) with GAMMA from 0 to 100",
                    "focal(GAMMA,ALPHA) with ALPHA from 0.000001 to 1000000",
                    "mse",
                    "huber(DELTA) with DELTA from 0.000001 to 1000000",
                ]
                .map(str::to_owned)
                .to_vec(),
            }),
        }
    }
}

crate::choice::text_form!(Loss);

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    fn values(tensor: Tensor<1>) -> Vec<f32> {
        tensor.into_data().iter::<f32>().collect()
    }

    fn vector(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::from(values), &Device::flex())
    }

    /// Two classes, logits (ln p, ln(1 - p)): the softmax gives p back.
    fn of_probability(loss: Loss, p: f32) -> f32 {
        let device = Device::flex();
        let logits = Tensor::<2>::from_data([[p.ln(), (1.0 - p).ln()]], &device);
        let truth = Tensor::<1, Int>::from_data([0], &device);
        values(loss.of_classes(logits, truth))[0]
    }

    #[test]
    fn cross_entropy_and_focal_in_closed_form() {
        for p in [0.1f32, 0.5, 0.9] {
            assert!((of_probability(Loss::CrossEntropy, p) + p.ln()).abs() < 1e-5);
            let focal = -0.25 * (1.0 - p).powi(2) * p.ln();
            assert!((of_probability(Loss::FOCAL, p) - focal).abs() < 1e-6, "{p}");
            let plain = Loss::Focal { gamma: 0.0, alpha: 1.0 };
            assert!((of_probability(plain, p) + p.ln()).abs() < 1e-5);
        }
    }

    #[test]
    fn squared_error_and_huber_in_closed_form() {
        let (predicted, truth) = (vector(&[0.5, -3.0, 2.0]), vector(&[0.0, 0.0, 0.0]));
        assert_eq!(values(Loss::Mse.of_values(predicted.clone(), truth.clone())), [0.25, 9.0, 4.0]);
        // Delta 1: 0.5^2 / 2; 1 (3 - 0.5); 1 (2 - 0.5).
        assert_eq!(values(Loss::Huber { delta: 1.0 }.of_values(predicted, truth)), [0.125, 2.5, 1.5]);
    }

    #[test]
    fn the_mean_is_weighed() {
        let mean = Loss::mean(vector(&[1.0, 4.0]), Some(vector(&[3.0, 1.0])));
        assert_eq!(values(mean), [1.75]);
    }

    #[test]
    fn a_certain_patch_has_a_finite_gradient() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::from_data([[90.0, -90.0]], &device).require_grad();
        let truth = Tensor::<1, Int>::from_data([0], &device);
        let loss = Loss::Focal { gamma: 0.5, alpha: 1.0 }.of_classes(logits.clone(), truth);
        let gradient = logits.grad(&loss.sum().backward()).unwrap();
        assert!(gradient.into_data().iter::<f32>().all(f32::is_finite));
    }

    #[test]
    fn words_come_back() {
        for text in ["cross-entropy", "focal(1.5,0.5)", "mse", "huber(0.5)"] {
            assert_eq!(text.parse::<Loss>().unwrap().to_string(), text);
        }
        assert_eq!("focal".parse::<Loss>().unwrap(), Loss::FOCAL);
        for text in [
            "focal(-1)",
            "huber(0)",
            "l1",
            "mse(1)",
            "focal(1,0)",
            "focal(inf)",
            "focal(nan)",
            "focal(1e300)",
            "focal(1,inf)",
            "huber(inf)",
            "huber(nan)",
            "huber(1e-300)",
        ] {
            assert!(text.parse::<Loss>().is_err(), "{text}");
        }
    }
}
