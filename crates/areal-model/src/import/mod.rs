//! Weights of other trainings to begin from.

mod band_name;
mod first_convolution;
mod locate;
mod numbers;
mod published;
mod read;
mod rule;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod torch_tests;

use std::path::Path;

use areal_formats::{ModelSpec, Normalisation};
use areal_grid::Target;
use rand::SeedableRng;

use self::first_convolution::{Matched, match_bands, notes};
pub use self::first_convolution::{MissingBand, StoreBands};
use self::numbers::OtherNumbers;
pub use self::numbers::StoreNumbers;
pub use self::published::{TorchGeo, WeightsKind};
use self::rule::InputRule;
use crate::weights::{initial_state, shapes};
use crate::{Bundle, ModelError, NetworkConfig, StateDict, WEIGHTS_FILE};

/// What to import for which network.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The file, or a bundle's folder.
    pub path: &'a Path,
    /// What the weights are; none is told by a `model.json` or the file's name.
    pub kind: Option<WeightsKind>,
    pub config: &'a NetworkConfig,
    pub store: StoreBands<'a>,
    /// The store's numbers, to which the normalisation of the weights is carried over; none where the store's own is kept.
    pub numbers: Option<StoreNumbers<'a>>,
    /// What is to be predicted.
    pub target: &'a Target,
    /// Rule for bands that the weights have and the store lacks; none refuses them.
    pub missing_band: Option<MissingBand>,
    /// Seed of what is initialised anew.
    pub seed: u64,
}

/// Weights to begin from, and what was changed to make them fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The weights, fit for the network.
    pub state: StateDict,
    /// What they were taken for.
    pub kind: WeightsKind,
    /// The normalisation that they were trained with, in the store's numbers; none where it is not known or not asked for.
    pub normalisation: Option<Normalisation>,
    /// What was assumed and changed, a sentence each.
    pub notes: Vec<String>,
}

impl Import<'_> {
    /// Reads weights of another training: a safetensors file, a PyTorch state dict (`.pth`, `.pt`) or a bundle, of a residual
    /// network with the names of published weights, at whatever place in the file.
    ///
    /// - **Bands** are matched by name. A band that only the store has begins with filters of 0.
    /// - **Head**: a linear layer for other classes (or none) is initialised from `seed`.
    ///
    /// `of_store` is the normalisation by the store's own statistics, for bands that the weights do not have.
    ///
    /// # Errors
    /// When the file cannot be read, it is not clear what it is, a band is missing without a rule, the store's numbers are not those
    /// of the weights, or its tensors do not fit the architecture.
    pub fn run(&self, of_store: &Normalisation) -> Result<Imported, ModelError> {
        let mut notes = Vec::new();
        let folder = bundle_folder(self.path);
        if folder.is_none() && self.path.is_dir() {
            return Err(ModelError::WeightsFolder { path: self.path.to_path_buf() });
        }
        let spec = folder.map(Bundle::load_spec).transpose()?;
        let file = folder.map_or_else(|| self.path.to_path_buf(), |folder| folder.join(WEIGHTS_FILE));
        let mut state = locate::locate(&file, read::list(&file)?, self.config, &shapes(self.config), &mut notes)?;
        let bands = state.tensors.get("conv1.weight").and_then(|t| t.shape.get(1)).copied();
        let (kind, reason) = self.settle_kind(spec.is_some(), bands.unwrap_or(self.config.bands))?;
        notes.insert(0, format!("taken for {kind} ({reason})"));
        let normalisation = if let Some(rule) = rule_of(self.path, kind, spec.as_ref())? {
            self.adapt(&mut state, kind, &rule, of_store, &mut notes)?
        } else {
            notes.push("how its input was normalised is not known; the store's statistics are used".to_owned());
            None
        };
        self.adapt_head(&mut state, spec.as_ref(), &mut notes);
        state.check(self.config)?;
        Ok(Imported { state, kind, normalisation, notes })
    }

    /// What the weights are, and how that is known. The number of bands tells nothing: anyone may have trained on three.
    fn settle_kind(&self, is_bundle: bool, bands: usize) -> Result<(WeightsKind, String), ModelError> {
        if let Some(kind) = self.kind {
            return Ok((kind, "as said".to_owned()));
        }
        if is_bundle {
            return Ok((WeightsKind::Bundle, "by its model.json".to_owned()));
        }
        let name = file_name(self.path);
        let architecture = self.config.architecture;
        let digests = WeightsKind::architectures_of_file_name(&name);
        let of_name = WeightsKind::of_file_name(&name);
        match of_name[..] {
            [_] if !digests.is_empty() && !digests.contains(&architecture) => {
                let (path, found) = (self.path.to_path_buf(), digests[0].to_string());
                Err(ModelError::WeightsArchitecture { path, found, architecture: architecture.to_string() })
            }
            [only] => Ok((only, "by the name of the file".to_owned())),
            [] => {
                let mut candidates = WeightsKind::of_shape(architecture, bands);
                candidates.push(WeightsKind::SameBands);
                Err(unclear(self.path, &candidates))
            }
            ref several => Err(unclear(self.path, several)),
        }
    }

    fn adapt(
        &self,
        state: &mut StateDict,
        kind: WeightsKind,
        rule: &InputRule,
        of_store: &Normalisation,
        said: &mut Vec<String>,
    ) -> Result<Option<Normalisation>, ModelError> {
        let (matched, missing) = match_all(kind, rule, &self.store, self.missing_band)?;
        state.adapt_bands(rule, &matched, missing)?;
        said.extend(notes(rule, &matched, missing, &self.store));
        let Some(store) = &self.numbers else { return Ok(None) };
        let normalisation = rule.normalisation_of(&matched, store, of_store, said);
        normalisation.map(Some).map_err(|OtherNumbers { expected, bands }| ModelError::WeightsNumbers {
            kind: kind.to_string(),
            expected,
            found: store.found(&bands),
            bands: bands.iter().map(|band| self.store.names[*band].clone()).collect(),
        })
    }

    fn adapt_head(&self, state: &mut StateDict, spec: Option<&ModelSpec>, notes: &mut Vec<String>) {
        let expected = shapes(self.config);
        let outputs = self.config.outputs;
        let fits = |name: &str| state.tensors.get(name).map(|t| &t.shape) == expected.get(name);
        let is_like = spec.is_none_or(|spec| is_same_target(&spec.target, self.target));
        if fits("fc.weight") && fits("fc.bias") && is_like {
            notes.push(match spec {
                Some(_) => "the head was kept: what it predicts is the same".to_owned(),
                None => {
                    format!("the head was kept: it has {outputs} outputs too; whether they are the same is not known")
                }
            });
            return;
        }
        state.tensors.retain(|name, _| !name.starts_with("fc."));
        let fresh = initial_state(self.config, &mut rand_chacha::ChaCha8Rng::seed_from_u64(self.seed));
        state.tensors.extend(fresh.tensors.into_iter().filter(|(name, _)| name.starts_with("fc.")));
        let reason = if is_like { "" } else { ": it predicted something else" };
        notes.push(format!("the head is initialised anew with {outputs} outputs{reason}"));
    }
}

/// Compares the bands of a store with those of weights as far as they are known without reading any tensor.
///
/// # Errors
/// When a band is missing without a rule, or a name is none of the weights.
pub fn check_weights_bands(
    path: &Path,
    kind: Option<WeightsKind>,
    store: &StoreBands<'_>,
    missing_band: Option<MissingBand>,
) -> Result<(), ModelError> {
    let spec = bundle_folder(path).map(Bundle::load_spec).transpose()?;
    let kind = match (kind, &spec) {
        (Some(kind), _) => kind,
        (None, Some(_)) => WeightsKind::Bundle,
        (None, None) => match WeightsKind::of_file_name(&file_name(path))[..] {
            [only] => only,
            // What they are is settled when their tensors are read.
            _ => return Ok(()),
        },
    };
    let rule = rule_of(path, kind, spec.as_ref())?;
    rule.map_or(Ok(()), |rule| match_all(kind, &rule, store, missing_band).map(|_| ()))
}

/// The bundle that a path names, as a folder or by its weights.
fn bundle_folder(path: &Path) -> Option<&Path> {
    let is_bundle = |folder: &&Path| folder.join("model.json").is_file();
    let by_file = || path.parent().filter(|_| path.file_name().is_some_and(|n| n == WEIGHTS_FILE));
    if path.is_dir() { Some(path).filter(is_bundle) } else { by_file().filter(is_bundle) }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn unclear(path: &Path, candidates: &[WeightsKind]) -> ModelError {
    let candidates = candidates.iter().map(ToString::to_string).collect();
    ModelError::WeightsKind { path: path.to_path_buf(), candidates }
}

fn rule_of(path: &Path, kind: WeightsKind, spec: Option<&ModelSpec>) -> Result<Option<InputRule>, ModelError> {
    match (kind, spec) {
        (WeightsKind::Bundle, Some(spec)) => Ok(Some(InputRule::of_bundle(spec))),
        (WeightsKind::Bundle, None) => Err(unclear(path, &[])),
        _ => Ok(kind.rule()),
    }
}

fn match_all(
    kind: WeightsKind,
    rule: &InputRule,
    store: &StoreBands<'_>,
    missing_band: Option<MissingBand>,
) -> Result<(Matched, MissingBand), ModelError> {
    let matched = match_bands(kind, rule, store, missing_band)?;
    match missing_band {
        Some(missing) => Ok((matched, missing)),
        None if matched.missing.is_empty() => Ok((matched, MissingBand::Drop)),
        None => {
            let names = matched.missing.iter().map(|band| rule.bands[*band].clone()).collect();
            Err(ModelError::WeightsMissingBands { kind: kind.to_string(), names })
        }
    }
}

/// True where each output stands for the same: a class of this name, or a value of this name and unit.
fn is_same_target(of_weights: &Target, wanted: &Target) -> bool {
    match (of_weights, wanted) {
        (Target::Classes { classes: a }, Target::Classes { classes: b }) => {
            a.iter().map(|class| &class.name).eq(b.iter().map(|class| &class.name))
        }
        (Target::Value { .. }, Target::Value { .. }) => of_weights == wanted,
        _ => false,
    }
}

/// The first names of a list, and how many more there are.
fn first_names(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let more = names.len().saturating_sub(SHOWN);
    let first = names[..names.len() - more].join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}
