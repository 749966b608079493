//! The settings of frozen layers and layer-wise learning rates: which make sense, and what is frozen when.

use areal_model::{Freeze, stage_count};

use crate::{TrainError, TrainSettings};

impl TrainSettings {
    /// Checks the settings of frozen layers and layer-wise rates against each other.
    pub(crate) fn check_freeze(&self) -> Result<(), TrainError> {
        let fault = |setting, value: String, expected| Err(TrainError::Setting { setting, value, expected });
        let is_probe = self.freeze == Freeze::Backbone;
        if self.freeze.stages(self.architecture).is_some_and(|stages| stages > stage_count(self.architecture)) {
            let expected = if stage_count(self.architecture) == 3 {
                "at most stages(3): compact has three stages"
            } else {
                "at most stages(4): residual networks have four stages"
            };
            return fault("freeze", self.freeze.to_string(), expected);
        }
        let (frozen, decay) = (self.epochs_frozen.to_string(), self.layer_decay);
        if is_probe && self.epochs_frozen > 0 {
            return fault(
                "epochs-frozen",
                frozen,
                "0 with freeze = backbone, which freezes the backbone in all epochs",
            );
        }
        if self.epochs_frozen >= self.epochs {
            return fault("epochs-frozen", frozen, "less than epochs; freeze = backbone trains the head alone");
        }
        if !(decay > 0.0 && decay <= 1.0) {
            return fault("layer-decay", decay.to_string(), "above 0 and at most 1");
        }
        if is_probe && decay != 1.0 {
            return fault("layer-decay", decay.to_string(), "1 with freeze = backbone, which trains the head alone");
        }
        Ok(())
    }

    /// Whether nothing but the head is trained in any epoch.
    pub(crate) fn trains_head_alone(&self) -> bool {
        self.freeze.stages(self.architecture) == Some(stage_count(self.architecture))
    }

    /// Number of stages after the stem that are frozen with it in an epoch (from 1); none where nothing is.
    pub(crate) fn frozen_stages(&self, epoch: usize) -> Option<usize> {
        if epoch <= self.epochs_frozen {
            return Some(stage_count(self.architecture));
        }
        self.freeze.stages(self.architecture)
    }

    /// What is frozen, in words; none where nothing is.
    pub(crate) fn frozen_text(&self) -> Option<String> {
        let always = match self.freeze {
            Freeze::None => None,
            Freeze::Backbone => Some("the backbone was frozen: only the head was trained".to_owned()),
            Freeze::Stages(0) => Some("the stem was frozen".to_owned()),
            Freeze::Stages(1) => Some("the stem and the first stage were frozen".to_owned()),
            Freeze::Stages(n) => Some(format!("the stem and the first {n} stages were frozen")),
        };
        let first = match self.epochs_frozen {
            0 => None,
            1 => Some("the backbone was frozen in the first epoch".to_owned()),
            n => Some(format!("the backbone was frozen in the first {n} epochs")),
        };
        let all: Vec<String> = [always, first].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_layers_that_make_no_sense_are_refused() {
        let said = |settings: TrainSettings| settings.check().unwrap_err().to_string();
        let probe = TrainSettings { freeze: Freeze::Backbone, ..TrainSettings::default() };
        probe.check().unwrap();
        assert!(
            said(TrainSettings { epochs_frozen: 2, ..probe.clone() })
                .starts_with("epochs-frozen is 2; it must be 0 with")
        );
        assert!(said(TrainSettings { layer_decay: 0.8, ..probe }).starts_with("layer-decay is 0.8; it must be 1 with"));
        let deep = TrainSettings { freeze: Freeze::Stages(4), ..TrainSettings::default() };
        assert!(said(deep).starts_with("freeze is stages(4); it must be at most stages(3)"));
        let all = TrainSettings { epochs: 5, epochs_frozen: 5, ..TrainSettings::default() };
        assert!(said(all).starts_with("epochs-frozen is 5; it must be less than epochs"));
        for layer_decay in [0.0, -0.5, 1.5, f64::NAN] {
            let said = said(TrainSettings { layer_decay, ..TrainSettings::default() });
            assert!(said.ends_with("must be above 0 and at most 1"), "{said}");
        }
        let two = TrainSettings { freeze: Freeze::Stages(2), epochs_frozen: 3, ..TrainSettings::default() };
        assert_eq!((two.frozen_stages(3), two.frozen_stages(4)), (Some(3), Some(2)));
        let text = "the stem and the first 2 stages were frozen; the backbone was frozen in the first 3 epochs";
        assert_eq!(two.frozen_text().unwrap(), text);
    }
}
