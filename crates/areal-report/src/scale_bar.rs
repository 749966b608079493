//! A scale bar of a round length.

use crate::number::round_below;

/// A bar of a round length beside a drawing.
pub(crate) struct ScaleBar {
    /// Its length, per cent of the drawing's width.
    pub percent: String,
    /// Its length on the ground.
    pub label: String,
}

impl ScaleBar {
    /// For a drawing that is `ground` metres wide: a round length of up to three tenths of it.
    pub(crate) fn of(ground: f64) -> Self {
        let bar = round_below(0.3 * ground);
        Self {
            percent: format!("{:.3}", 100.0 * bar / ground),
            label: if bar >= 1000.0 { format!("{} km", bar / 1000.0) } else { format!("{bar} m") },
        }
    }
}
