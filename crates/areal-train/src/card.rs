//! The model card.

use std::fmt::Write;
use std::path::Path;

use areal_formats::{ModelSpec, Padding, counted_do};
use areal_grid::Target;
use areal_job::FileError;

use crate::{ClassMetrics, Metrics, TrainReport, TrainSettings, ValueMetrics};

/// The contents of a model card.
pub(crate) struct Card<'a> {
    pub spec: &'a ModelSpec,
    pub report: &'a TrainReport,
    pub settings: &'a TrainSettings,
}

/// Writes `card.md`: what the model is, for what, from what, how good, and where not to use it.
pub(crate) fn write_card(path: &Path, card: &Card<'_>) -> Result<(), FileError> {
    let sections =
        [card.model(), card.use_and_limits(), card.data(), card.initial_weights(), card.measures(), card.training()];
    let text = sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n");
    std::fs::write(path, text).map_err(FileError::io("write", path))
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "not defined".to_owned(), |v| format!("{v:.4}"))
}

impl Card<'_> {
    fn model(&self) -> String {
        let s = self.spec;
        let resolution = s.ground_resolution.map_or("not known".to_owned(), |g| format!("{:.2} m", g.mean()));
        let what = match &s.target {
            Target::Classes { classes } => {
                let names: Vec<&str> = classes.iter().map(|c| c.name.as_str()).collect();
                format!("one of {} classes: {}", names.len(), names.join(", "))
            }
            Target::Value { name, unit } if unit.is_empty() => format!("the value {name}"),
            Target::Value { name, unit } => format!("the value {name} in {unit}"),
        };
        format!(
            "# Model card\n\nA `{}` network that reads a patch of {} x {} px and gives {what}.\n\n\
             - padding: {}\n- bands, in order: {}\n- pixel type: {}\n- ground resolution: {resolution}\n- made by: {}\n",
            s.architecture,
            s.patch_size,
            s.patch_size,
            match s.padding {
                Padding::Same => "same",
                Padding::Valid => "valid: convolutions without padding, shortcuts cropped to fit",
            },
            s.bands.join(", "),
            s.pixel_type,
            s.provenance.made_by,
        )
    }

    fn use_and_limits(&self) -> String {
        let mut text = "## Intended use\n\nMapping scenes like those it was trained on, and area statistics from the \
             map. An area summed from the map is biased where the map errs: estimate areas from a probability sample of \
             reference data before they are published.\n\n## Limits\n\n\
             - Other sensors, bands, ground resolutions, seasons or regions than the training data's were not measured.\n\
             - The measures below are of one validation split that also chose the epoch: they are optimistic. Measure \
             on the test split before the model is used.\n"
            .to_owned();
        if let Metrics::Classes(m) = &self.report.validation {
            let weak: Vec<String> = m
                .classes
                .iter()
                .filter(|c| c.patches < 30)
                .map(|c| format!("{} ({} validation patches)", c.name, c.patches))
                .collect();
            if !weak.is_empty() {
                let _ = writeln!(text, "- Too few patches to judge: {}.", weak.join(", "));
            }
            text.push_str(
                "- Probabilities assume the class prior below, not that of a scene. Correct them for it before summing.\n",
            );
        }
        text
    }

    fn data(&self) -> String {
        let mut text = "## Training data\n\n".to_owned();
        for input in &self.spec.provenance.inputs {
            let (kind, value) = input.identity();
            let _ = writeln!(text, "- `{}`, {kind} `{value}`", input.name());
        }
        let licence = self.settings.licence.as_deref().unwrap_or("not stated");
        let _ = writeln!(text, "- Licence of the data and labels: {licence}");
        if !self.spec.class_counts.is_empty() {
            text.push_str("\n| class | training patches | implied prior |\n|---|---|---|\n");
            let rows = self.spec.target.classes().iter().zip(&self.spec.class_counts).zip(&self.spec.training_prior);
            for ((class, n), prior) in rows {
                let _ = writeln!(text, "| {} | {n} | {prior:.4} |", class.name);
            }
        }
        text
    }

    /// Where training began from other weights, what they are and what was changed.
    fn initial_weights(&self) -> String {
        let Some(weights) = &self.spec.initial_weights else { return String::new() };
        let mut text = format!("## Initial weights\n\nTraining began from weights of the kind `{}`.\n\n", weights.kind);
        for note in &weights.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }

    fn measures(&self) -> String {
        let head = format!("## Measures\n\nOn the validation split, epoch {}.\n\n", self.report.best_epoch);
        head + &match &self.report.validation {
            Metrics::Classes(m) => class_text(m, self.report),
            Metrics::Value(m) => value_text(m),
        }
    }

    fn training(&self) -> String {
        let settings =
            serde_json::to_string_pretty(self.settings).expect("`check` saw that the path of the weights is UTF-8");
        let epochs = counted_do(self.report.history.len(), "epoch", ["was", "were"]);
        let frozen = self.settings.frozen_text().map(|text| format!("{text}.\n\n")).unwrap_or_default();
        format!("## Training\n\n{epochs} trained: see `metrics.csv`.\n\n{frozen}```json\n{settings}\n```\n")
    }
}

fn class_text(m: &ClassMetrics, report: &TrainReport) -> String {
    let mut text = format!(
        "- accuracy {}\n- balanced accuracy {}\n- macro-F1 {}\n- Matthews' correlation {}\n- kappa {}\n- log loss {:.4}\n",
        number(m.accuracy),
        number(m.balanced_accuracy),
        number(m.macro_f1),
        number(m.mcc),
        number(m.kappa),
        m.log_loss
    );
    if let Some([before, after]) = report.calibration_error {
        let t = report.temperature;
        let _ = writeln!(
            text,
            "- expected calibration error {before:.4}, {after:.4} after calibration (temperature {t:.3})"
        );
    }
    text.push_str("\n| class | patches | precision | recall | F1 |\n|---|---|---|---|---|\n");
    for c in &m.classes {
        let (precision, recall, f1) = (number(c.precision), number(c.recall), number(c.f1));
        let _ = writeln!(text, "| {} | {} | {precision} | {recall} | {f1} |", c.name, c.patches);
    }
    text
}

fn value_text(m: &ValueMetrics) -> String {
    format!(
        "- patches {}\n- RMSE {:.4}\n- MAE {:.4}\n- bias {:.4}\n- R2 (1 - SSE / SST) {}\n- r2 (squared correlation) {}\n",
        m.patches,
        m.rmse,
        m.mae,
        m.bias,
        number(m.r2),
        number(m.pearson_r2)
    )
}
