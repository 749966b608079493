//! What is checked and described before the first epoch.

use areal_formats::{BUNDLE_FORMAT, Calibration, InitialWeights, ModelSpec, Padding, Provenance, input_file};
use areal_grid::Target;
use areal_job::{Job, hash_bytes};
use areal_model::{ClassWeights, Import, Loss, NetworkConfig, StateDict, StoreBands, StoreNumbers, implied_prior};
use areal_store::{PatchStore, Split};

use crate::data::Samples;
use crate::settings::{LOSS_OF_CLASSES, LOSS_OF_VALUES};
use crate::{NormalisationFrom, Sampler, TrainError, TrainSettings};

pub(super) fn check_classes(
    store: &PatchStore,
    train: &Samples<'_>,
    validation: &Samples<'_>,
) -> Result<(), TrainError> {
    let classes = store.meta().target.classes();
    let (learnt, measured) = (train.class_counts(), validation.class_counts());
    let path = || store.path().to_path_buf();
    for (k, class) in classes.iter().enumerate() {
        if learnt[k] == 0 && measured[k] > 0 {
            let (class, split, patches) = (class.name.clone(), Split::Validation, measured[k]);
            return Err(TrainError::UnseenClass { store: path(), class, split, patches });
        }
        if learnt[k] == 0 {
            tracing::warn!("no training patch has the class {}; the model cannot learn to predict it", class.name);
        }
    }
    let present: Vec<usize> = (0..classes.len()).filter(|k| learnt[*k] > 0).collect();
    match present[..] {
        [only] => {
            let (class, patches) = (classes[only].name.clone(), learnt[only]);
            Err(TrainError::OneClass { store: path(), class, patches })
        }
        _ => Ok(()),
    }
}

pub(super) fn loss_for(settings: &TrainSettings, target: &Target) -> Result<Loss, TrainError> {
    let is_value = matches!(target, Target::Value { .. });
    if is_value && (settings.sampler, settings.class_weights) != (Sampler::Shuffled, ClassWeights::None) {
        let value = format!("{} and {}", settings.sampler, settings.class_weights);
        let expected = "shuffled and none for a value: there are no classes to balance";
        return Err(TrainError::Setting { setting: "sampler and class-weights", value, expected });
    }
    let loss = settings.loss.unwrap_or(if is_value { LOSS_OF_VALUES } else { LOSS_OF_CLASSES });
    if loss.is_for_values() == is_value {
        return Ok(loss);
    }
    Err(TrainError::Loss { loss: loss.to_string(), target: if is_value { "values" } else { "classes" } })
}

pub(super) fn provenance(store: &PatchStore, settings: &TrainSettings) -> Result<Provenance, TrainError> {
    let mut inputs = vec![input_file(store.path())?.into()];
    if let Some(weights) = &settings.weights {
        inputs.push(input_file(weights)?.into());
    }
    Ok(Provenance {
        made_by: areal_formats::MADE_BY.to_owned(),
        command: "train".to_owned(),
        inputs,
        settings: serde_json::to_value(settings).expect("`check` saw that the path of the weights is UTF-8"),
        seed: Some(settings.seed),
    })
}

/// The model before it is trained, with the store's training patches and without a history of its own.
pub(crate) fn describe_store(
    store: &PatchStore,
    settings: &TrainSettings,
    job: Job<'_>,
) -> Result<ModelSpec, TrainError> {
    let train = Samples::of(store, Split::Train)?;
    let class_weights = settings.class_weights.weights(&train.class_counts());
    describe(&train, &class_weights, settings, provenance(store, settings)?, job)
}

/// The model before it is trained.
pub(super) fn describe(
    train: &Samples<'_>,
    class_weights: &[f64],
    settings: &TrainSettings,
    provenance: Provenance,
    job: Job<'_>,
) -> Result<ModelSpec, TrainError> {
    let meta = train.store.meta();
    let counts = train.class_counts();
    let present = counts.iter().filter(|n| **n > 0).count() as f64;
    let fraction = |n: &u64| match settings.sampler {
        Sampler::Balanced => f64::from(u8::from(*n > 0)) / present,
        Sampler::Shuffled => *n as f64 / train.len() as f64,
    };
    let fractions: Vec<f64> = counts.iter().map(fraction).collect();
    let is_value = matches!(meta.target, Target::Value { .. });
    let (normalisation, band_quantiles) = train.bands(job)?;
    Ok(ModelSpec {
        format: BUNDLE_FORMAT.to_owned(),
        architecture: settings.architecture,
        padding: settings.padding,
        bands: meta.bands.clone(),
        pixel_type: meta.pixel_type,
        masked_by: meta.scenes.iter().find_map(|s| s.settings.quality.as_ref()).map(ToString::to_string),
        scaling: meta.scaling.clone(),
        normalisation,
        band_quantiles,
        target: meta.target.clone(),
        value_scale: if is_value { Some(train.value_scale()?) } else { None },
        patch_size: meta.patch_size,
        ground_resolution: meta.ground_resolution,
        calibration: Calibration::default(),
        training_prior: implied_prior(&fractions, class_weights),
        class_counts: counts,
        initial_weights: None,
        weights_sha256: hash_bytes(&[]),
        provenance,
    })
}

/// The weights of another training to begin from, if the settings name some. Published ones bring their normalisation, which
/// replaces that of the store unless the settings keep it.
pub(crate) fn import_weights(spec: &mut ModelSpec, settings: &TrainSettings) -> Result<Option<StateDict>, TrainError> {
    let config = NetworkConfig::of(spec);
    let frozen = settings.frozen_text();
    let Some(path) = &settings.weights else {
        if let Some(frozen) = frozen {
            tracing::warn!("{frozen}, but no weights are given: these layers have random weights");
        }
        return Ok(None);
    };
    let numbers =
        StoreNumbers { pixel_type: spec.pixel_type, scaling: spec.scaling.as_deref(), quantiles: &spec.band_quantiles };
    let import = Import {
        path,
        kind: settings.weights_kind,
        config: &config,
        store: StoreBands { names: &spec.bands, named_as: &settings.weights_bands },
        numbers: (settings.normalisation == NormalisationFrom::Weights).then_some(numbers),
        target: &spec.target,
        missing_band: settings.missing_band,
        seed: settings.seed,
    };
    let mut imported = import.run(&spec.normalisation)?;
    match (imported.normalisation, settings.normalisation) {
        (Some(normalisation), _) => {
            imported.notes.push("the input is normalised as that of the weights was".to_owned());
            spec.normalisation = normalisation;
        }
        (None, NormalisationFrom::Store) => {
            let note = "the input is normalised by the statistics of the store, as asked for";
            imported.notes.push(note.to_owned());
        }
        (None, NormalisationFrom::Weights) => {}
    }
    if config.padding == Padding::Valid {
        tracing::warn!("published weights come from networks with padding = same; those in {} may too", path.display());
    }
    imported.notes.extend(frozen);
    imported.notes.iter().for_each(|note| tracing::info!("{}: {note}", path.display()));
    spec.initial_weights = Some(InitialWeights { kind: imported.kind.to_string(), notes: imported.notes });
    Ok(Some(imported.state))
}
