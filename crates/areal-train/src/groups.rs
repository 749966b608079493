//! Learning rates by part of the network, and the step at which a part begins to be trained.

use std::collections::BTreeMap;

use areal_model::{Network, Part, stage_count};

use crate::TrainSettings;

/// How one parameter is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Group {
    /// Its learning rate is that of the head times this.
    pub factor: f64,
    /// Steps of the run before its first one: the optimiser's count of its steps begins there.
    pub begins: u64,
}

impl Group {
    /// The head's: trained from the first step at the full rate.
    pub const HEAD: Self = Self { factor: 1.0, begins: 0 };

    /// That of a part: the rate falls by `layer_decay` from each part to the one before it, and all but the head begin after
    /// the epochs in which the backbone is frozen.
    fn of(part: Part, settings: &TrainSettings, steps_per_epoch: usize) -> Self {
        let stages = stage_count(settings.architecture);
        let below_head = match part {
            Part::Head => return Self::HEAD,
            Part::Stage(stage) => stages + 1 - stage,
            Part::Stem => stages + 1,
        };
        let factor = settings.layer_decay.powi(below_head as i32);
        Self { factor, begins: (settings.epochs_frozen * steps_per_epoch) as u64 }
    }
}

/// The group of each parameter, by its number.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Groups(BTreeMap<u64, Group>);

impl Groups {
    pub fn new(network: &Network, settings: &TrainSettings, steps_per_epoch: usize) -> Self {
        let of = |(id, part)| (id, Group::of(part, settings, steps_per_epoch));
        Self(network.parts().into_iter().map(of).collect())
    }

    /// Of one parameter; one that is not known is trained as the head is.
    pub fn of(&self, parameter: u64) -> Group {
        self.0.get(&parameter).copied().unwrap_or(Group::HEAD)
    }
}

#[cfg(test)]
mod tests {
    use areal_formats::Architecture;

    use super::*;

    #[test]
    fn the_rate_falls_from_part_to_part() {
        let settings = TrainSettings {
            layer_decay: 0.5,
            epochs_frozen: 2,
            architecture: Architecture::Compact,
            ..TrainSettings::default()
        };
        let group = |part| Group::of(part, &settings, 10);
        assert_eq!(group(Part::Head), Group { factor: 1.0, begins: 0 });
        // Three stages: 1/2, 1/4, 1/8 towards the input, 1/16 for the stem.
        assert_eq!(group(Part::Stage(3)), Group { factor: 0.5, begins: 20 });
        assert_eq!(group(Part::Stage(1)).factor, 0.125);
        assert_eq!(group(Part::Stem).factor, 0.0625);
        let resnet = TrainSettings { architecture: Architecture::Resnet18, ..settings };
        assert_eq!(Group::of(Part::Stage(4), &resnet, 10).factor, 0.5);
    }
}
