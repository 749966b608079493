//! What is said of sums over zones, and the proof that they add up: one look at each zone.

use std::path::Path;

use areal_formats::{Reconciliation, counted};

use crate::reconcile::{Reconciler, check_states};
use crate::zone_results::ZoneResults;
use crate::{Map, ZoneSet, ZoneState, ZoneTally, ZonesError};

/// Fraction of an area above which a warning is given: overlapping zones, cells without weights.
const SAID_SHARE: f64 = 1e-6;
/// Fraction of the observed area without weight above which a warning is given.
const SAID_ZERO: f64 = 0.05;

/// Sums over all zones that something is said of.
#[derive(Default)]
pub(crate) struct Summary {
    zones: usize,
    partial: usize,
    outside: usize,
    area: f64,
    /// Zones with observed ground without a weight; that ground, and all their observed ground.
    unweighted: (usize, f64, f64),
    /// Observed ground where the weight is 0, and all of it.
    zero_weight: (f64, f64),
}

/// Looks at all zones once. The tallies are those of what is in no zone, in several, and of the map.
pub(crate) fn summarise(
    map: &Map,
    set: &ZoneSet,
    zones: &ZoneResults,
    [outside, overlap, whole]: [&ZoneTally; 3],
) -> Result<(Summary, Vec<Reconciliation>), ZonesError> {
    let mut summary = Summary::default();
    let mut reconciler = Reconciler::new(map, whole);
    for (zone, sums) in zones.iter().enumerate() {
        let sums = sums?;
        if map.states.is_some() {
            let name = || set.zones.name(zone).map(|name| format!("zone \"{}\"", name.id));
            check_states(&name, &sums.tally)?;
        }
        reconciler.add(&sums.tally);
        summary.add(sums.state, &sums.tally);
    }
    if map.states.is_some() {
        check_states(&|| Ok("the map".to_owned()), whole)?;
    }
    Ok((summary, reconciler.finish([outside, overlap, whole])?))
}

impl Summary {
    fn add(&mut self, state: ZoneState, tally: &ZoneTally) {
        self.zones += 1;
        self.partial += usize::from(state == ZoneState::Partial);
        self.outside += usize::from(state == ZoneState::Outside);
        self.area += tally.area;
        let Some(value) = tally.values.first() else { return };
        let observed = value.by_area.weight;
        if value.unweighted > SAID_SHARE * observed {
            let (zones, without, of) = &mut self.unweighted;
            (*zones, *without, *of) = (*zones + 1, *without + value.unweighted, *of + observed);
        }
        let (zero, of) = &mut self.zero_weight;
        (*zero, *of) = (*zero + value.zero_weight, *of + observed);
    }

    /// Warns of zones that overlap or reach beyond the map.
    pub(crate) fn say(&self, overlap: f64) {
        if overlap > SAID_SHARE * self.area {
            tracing::warn!(
                "zones overlap: {:.6} km2 ({:.4} % of their area) is counted in more than one zone, so their totals \
                 exceed those of the map by this area",
                overlap / 1e6,
                100.0 * overlap / self.area
            );
        }
        let Self { zones, partial, outside, .. } = self;
        if partial + outside > 0 {
            tracing::warn!("of {}, {partial} partly and {outside} completely outside the map", counted(*zones, "zone"));
        }
    }

    /// The same of weights, for a map.
    pub(crate) fn say_weights(&self, weights: &Path, map: &Path) {
        self.say_unweighted(weights, map);
        self.say_zero_weight(weights, map);
    }

    /// Reports observed ground without a value in the weights raster: a weighted mean covers only the rest.
    fn say_unweighted(&self, weights: &Path, map: &Path) {
        let (zones, without, observed) = self.unweighted;
        if zones > 0 {
            tracing::warn!(
                "{}: the weights raster has no amount for {:.6} km2 of the observed area of {} in {} ({:.4} % of it); weighted means \
                 exclude it; see unweighted_area in the table",
                weights.display(),
                without / 1e6,
                map.display(),
                counted(zones, "zone"),
                100.0 * without / observed
            );
        }
    }

    /// Says how much ground without weight a mean over area counts. A model trained where people live says little about ground
    /// where nobody does.
    fn say_zero_weight(&self, weights: &Path, map: &Path) {
        let (zero, observed) = self.zero_weight;
        if zero > SAID_ZERO * observed {
            tracing::warn!(
                "{}: the weights raster is 0 on {:.1} % of the observed area of {}: means over area count this ground, of which a model may have \
                 had no training data, and weighted means do not; see zero_weight_area in the table",
                weights.display(),
                100.0 * zero / observed,
                map.display()
            );
        }
    }
}
