//! Help and values of flags of `areal tile`.

use areal_formats::Resampling;
use areal_patches::{LabelRule, PatchPlacement, default_label_fraction};
use clap::builder::{PossibleValuesParser, TypedValueParser};

pub(super) fn label_fraction_help() -> String {
    let default = default_label_fraction(PatchPlacement::Grid, LabelRule::Majority);
    let at_centre = default_label_fraction(PatchPlacement::Polygon, LabelRule::Majority);
    format!(
        "Minimum fraction of the pixels of a patch that must have its class [default: {default}; with --placement polygon or \
         --label-rule centre: {at_centre}]"
    )
}

/// Parses the one resampling method that class codes can have.
pub(super) fn label_resampling() -> impl TypedValueParser<Value = Resampling> {
    PossibleValuesParser::new([Resampling::Nearest.name()]).map(|_| Resampling::Nearest)
}
