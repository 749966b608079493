//! Published weights: the bands that each reads, in its order, and how its numbers were normalised.

use std::fmt;
use std::str::FromStr;

use areal_formats::Architecture;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray};

use super::numbers::Numbers;
use super::rule::InputRule;
use crate::ModelError;

/// Where weights come from, which says what their network read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WeightsKind {
    /// A network that read the bands of the store in the same order. How its input was normalised is not known.
    SameBands,
    /// A bundle of areal, whose `model.json` names bands and normalisation.
    Bundle,
    /// Torchvision's networks for photographs: red, green and blue bytes.
    Torchvision,
    /// An entry of `TorchGeo`.
    TorchGeo(TorchGeo),
}

/// Entries of `TorchGeo` for residual networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, Display, VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", ascii_case_insensitive)]
pub enum TorchGeo {
    Sentinel2AllMoco,
    Sentinel2AllDino,
    Sentinel2AllDecur,
    Sentinel2AllSoftcon,
    Sentinel2RgbMoco,
    Sentinel2RgbSeco,
    Sentinel2SiMsSatlas,
    Sentinel2MiMsSatlas,
    LandsatOliSrMoco,
    LandsatOliTirsToaMoco,
    LandsatEtmSrMoco,
    Sentinel1AllMoco,
}

/// Bands of Sentinel-2 level 1C in the order of their names.
const SENTINEL2: [&str; 13] = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"];
/// Means and deviations of `SENTINEL2_ALL_SOFTCON`, ten-thousandths of reflectance.
const SOFTCON: [(f64, f64); 13] = [
    (1612.9, 791.0),
    (1397.6, 854.3),
    (1322.3, 878.7),
    (1373.1, 1144.9),
    (1561.0, 1127.5),
    (2108.4, 1164.2),
    (2390.7, 1276.0),
    (2318.7, 1249.5),
    (2581.0, 1345.9),
    (837.7, 577.5),
    (22.0, 47.5),
    (2195.2, 1340.0),
    (1537.4, 1142.9),
];
/// Means and deviations of photographs, red, green and blue, as fractions of 255.
const PHOTOGRAPHS: [(f64, f64); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];
/// Stored numbers that `SENTINEL2_RGB_SECO` takes for 0 and for 255, red, green and blue.
const SECO_RANGE: [(f64, f64); 3] = [(3.0, 88.0), (2.0, 103.0), (0.0, 129.0)];
/// Bytes in every band.
const BYTES: Numbers = Numbers::Bytes { first: usize::MAX };

/// Digests in the names of torchvision's files.
const TORCHVISION_FILES: [(Architecture, &str); 4] = [
    (Architecture::Resnet18, "f37072fd"),
    (Architecture::Resnet34, "b627a593"),
    (Architecture::Resnet50, "0676ba61"),
    (Architecture::Resnet50, "11ad3fa6"),
];

impl TorchGeo {
    /// Architecture of each published file, with the text by which its name is known.
    fn files(self) -> &'static [(Architecture, &'static str)] {
        use Architecture::{Resnet18, Resnet50};
        match self {
            Self::Sentinel2AllMoco => &[(Resnet18, "59bfdff9"), (Resnet50, "df8b932e")],
            Self::Sentinel2AllDino => &[(Resnet50, "d6c330e9")],
            Self::Sentinel2AllDecur => &[(Resnet50, "fc6b09ff")],
            Self::Sentinel2AllSoftcon => &[(Resnet50, "b13_rn50_softcon")],
            Self::Sentinel2RgbMoco => &[(Resnet18, "e3a335e3"), (Resnet50, "2b57ba8b")],
            Self::Sentinel2RgbSeco => &[(Resnet18, "cefca942"), (Resnet50, "018bf397")],
            Self::Sentinel2SiMsSatlas => &[(Resnet50, "1f454cc6")],
            Self::Sentinel2MiMsSatlas => &[(Resnet50, "da5413d2")],
            Self::LandsatOliSrMoco => &[(Resnet18, "660e82ed"), (Resnet50, "ff580dad")],
            Self::LandsatOliTirsToaMoco => &[(Resnet18, "a3002f51")],
            Self::LandsatEtmSrMoco => &[(Resnet18, "4f078acd")],
            Self::Sentinel1AllMoco => &[(Resnet50, "906e4356")],
        }
    }

    fn rule(self) -> InputRule {
        match self {
            Self::Sentinel2AllMoco | Self::Sentinel2AllDino | Self::Sentinel2AllDecur => {
                InputRule::new(&SENTINEL2, &[(0.0, 10_000.0); 13], Numbers::Reflectance)
            }
            Self::Sentinel2AllSoftcon => InputRule::new(&SENTINEL2, &SOFTCON, Numbers::Reflectance),
            Self::Sentinel2RgbMoco => InputRule::new(&["B4", "B3", "B2"], &[(0.0, 10_000.0); 3], Numbers::Reflectance),
            Self::Sentinel2RgbSeco => {
                // (x - low) / (high - low) * 255, from which the mean of photographs is taken as it is, not times 255.
                let of = |k: usize| {
                    let ((low, high), (mean, std)) = (SECO_RANGE[k], PHOTOGRAPHS[k]);
                    let step = (high - low) / 255.0;
                    (low + mean * step, std * step)
                };
                let rule = InputRule::new(&["B4", "B3", "B2"], &[of(0), of(1), of(2)], BYTES);
                // What is subtracted is hardly above 0, and no mean of any image.
                InputRule { has_means: false, ..rule }
            }
            Self::Sentinel2SiMsSatlas | Self::Sentinel2MiMsSatlas => {
                let bands = ["B4", "B3", "B2", "B5", "B6", "B7", "B8", "B11", "B12"];
                let of = |k: usize| (0.0, if k < 3 { 255.0 } else { 8160.0 });
                InputRule::new(&bands, &std::array::from_fn::<_, 9, _>(of), Numbers::Bytes { first: 3 })
            }
            Self::LandsatOliSrMoco => landsat(&["B1", "B2", "B3", "B4", "B5", "B6", "B7"]),
            Self::LandsatOliTirsToaMoco => {
                landsat(&["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9", "B10", "B11"])
            }
            Self::LandsatEtmSrMoco => landsat(&["B1", "B2", "B3", "B4", "B5", "B7"]),
            Self::Sentinel1AllMoco => {
                InputRule::new(&["VV", "VH"], &[(-12.59, 5.26), (-20.26, 5.91)], Numbers::Decibels)
            }
        }
    }
}

/// Landsat's bands as bytes.
fn landsat(bands: &[&str]) -> InputRule {
    InputRule { surface_prefix: true, ..InputRule::new(bands, &vec![(0.0, 255.0); bands.len()], BYTES) }
}

impl WeightsKind {
    /// Everything that was published, torchvision's first.
    fn published() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Torchvision).chain(TorchGeo::VARIANTS.iter().copied().map(Self::TorchGeo))
    }

    fn files(self) -> &'static [(Architecture, &'static str)] {
        match self {
            Self::Torchvision => &TORCHVISION_FILES,
            Self::TorchGeo(entry) => entry.files(),
            Self::SameBands | Self::Bundle => &[],
        }
    }

    /// What the network read; none where only the store or a `model.json` can tell.
    pub(super) fn rule(self) -> Option<InputRule> {
        match self {
            Self::SameBands | Self::Bundle => None,
            Self::Torchvision => {
                let bytes = PHOTOGRAPHS.map(|(mean, std)| (255.0 * mean, 255.0 * std));
                Some(InputRule::new(&["RED", "GREEN", "BLUE"], &bytes, BYTES))
            }
            Self::TorchGeo(entry) => Some(entry.rule()),
        }
    }

    /// The published weights that a file name tells: by the digest that the publisher puts into it, or by the entry's name.
    pub(super) fn of_file_name(name: &str) -> Vec<Self> {
        let name = name.to_ascii_lowercase();
        let by_digest = |kind: &Self| kind.files().iter().any(|(_, digest)| name.contains(digest));
        let by_name = |kind: &Self| match kind {
            Self::TorchGeo(entry) => name.contains(&entry.to_string().to_ascii_lowercase()),
            _ => false,
        };
        Self::published().filter(|kind| by_digest(kind) || by_name(kind)).collect()
    }

    /// The architectures of the files whose digests are in a file name.
    pub(super) fn architectures_of_file_name(name: &str) -> Vec<Architecture> {
        let name = name.to_ascii_lowercase();
        let files = Self::published().flat_map(Self::files);
        files.filter(|(_, digest)| name.contains(digest)).map(|(architecture, _)| *architecture).collect()
    }

    /// The published weights of an architecture for a number of bands.
    pub(super) fn of_shape(architecture: Architecture, bands: usize) -> Vec<Self> {
        let fits = |kind: &Self| {
            kind.files().iter().any(|(a, _)| *a == architecture) && kind.rule().is_some_and(|r| r.bands.len() == bands)
        };
        Self::published().filter(fits).collect()
    }
}

impl fmt::Display for WeightsKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameBands => f.write_str("same-bands"),
            Self::Bundle => f.write_str("bundle"),
            Self::Torchvision => f.write_str("torchvision"),
            Self::TorchGeo(entry) => write!(f, "torchgeo:{entry}"),
        }
    }
}

impl FromStr for WeightsKind {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let unknown = || ModelError::Choice {
            what: "kind of weights",
            given: text.to_owned(),
            choices: [Self::SameBands, Self::Bundle]
                .into_iter()
                .chain(Self::published())
                .map(|k| k.to_string())
                .collect(),
        };
        match text {
            "same-bands" => Ok(Self::SameBands),
            "bundle" => Ok(Self::Bundle),
            "torchvision" => Ok(Self::Torchvision),
            _ => {
                let name = text.strip_prefix("torchgeo:").ok_or_else(unknown)?;
                name.parse().map(Self::TorchGeo).map_err(|_| unknown())
            }
        }
    }
}

crate::choice::text_form!(WeightsKind);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_as_it_is_written_and_has_one_normalisation_a_band() {
        for kind in WeightsKind::published().chain([WeightsKind::SameBands, WeightsKind::Bundle]) {
            assert_eq!(kind.to_string().parse::<WeightsKind>().unwrap(), kind);
            if let Some(rule) = kind.rule() {
                assert_eq!(rule.bands.len(), rule.normalisation.len(), "{kind}");
            }
        }
        let moco = WeightsKind::TorchGeo(TorchGeo::Sentinel2AllMoco);
        assert_eq!("torchgeo:sentinel2_all_moco".parse::<WeightsKind>().unwrap(), moco);
        assert!(
            "torchgeo:NOBODY".parse::<WeightsKind>().unwrap_err().to_string().contains("torchgeo:SENTINEL2_RGB_SECO")
        );
    }

    #[test]
    fn file_names_tell_the_kind() {
        let of = |name| match WeightsKind::of_file_name(name)[..] {
            [] => None,
            [only] => Some(only.to_string()),
            _ => Some("several".to_owned()),
        };
        assert_eq!(of("resnet18-f37072fd.pth").as_deref(), Some("torchvision"));
        assert_eq!(of("resnet50_sentinel2_all_moco-df8b932e.pth").as_deref(), Some("torchgeo:SENTINEL2_ALL_MOCO"));
        assert_eq!(of("resnet50_sentinel2_all_dino-d6c330e9.pth").as_deref(), Some("torchgeo:SENTINEL2_ALL_DINO"));
        assert_eq!(of("B13_rn50_softcon.pth").as_deref(), Some("torchgeo:SENTINEL2_ALL_SOFTCON"));
        assert_eq!(of("my_SENTINEL2_RGB_MOCO_copy.safetensors").as_deref(), Some("torchgeo:SENTINEL2_RGB_MOCO"));
        assert_eq!(of("weights.pth"), None);
        // An entry of three bands with the digest of torchvision's resnet34.
        let two = "sentinel2_rgb_moco_b627a593.pth";
        assert_eq!(of(two).as_deref(), Some("several"));
        assert_eq!(WeightsKind::architectures_of_file_name(two), [Architecture::Resnet34]);
    }

    #[test]
    fn seco_normalises_as_published() {
        // Red 45: (45 - 3) / (88 - 3) * 255 = 126; (126 - 0.485) / 0.229 = 548.10...
        let rule = TorchGeo::Sentinel2RgbSeco.rule();
        let (mean, std) = rule.normalisation[0];
        assert!(((45.0 - mean) / std - (126.0 - 0.485) / 0.229).abs() < 1e-9);
    }
}
