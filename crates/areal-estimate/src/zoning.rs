//! How the labelled units and the map's classes lie in zones.

use crate::labelled_unit::LabelledUnit;

/// Zones of an estimate, and how units and classes lie in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Zoning {
    /// For each labelled unit, the zones it lies in and the fraction of its cell in each.
    pub membership: Vec<Vec<(usize, f64)>>,
    /// For each labelled unit, the fraction of its cell in all zones together; ground that several zones share counts once.
    pub inside: Vec<f64>,
    /// For each zone, the mapped area of each class.
    pub mapped: Vec<Vec<f64>>,
    /// For each zone the strata that lie in it, with their areas there; empty where that is not known.
    pub strata: Vec<Vec<(usize, f64)>>,
    /// What the map tells beside its classes; without it, errors are grouped by map class and there are no probabilities.
    pub detail: Option<MapDetail>,
}

/// What a map tells beside its classes.
#[derive(Debug, Clone, PartialEq)]
pub struct MapDetail {
    /// For each labelled unit its group: cells of one map class whose errors are estimated together.
    pub group: Vec<usize>,
    /// For each zone, the area of each group.
    pub groups: Vec<Vec<f64>>,
    /// For each labelled unit, the map's probability of each class; empty without probabilities.
    pub probabilities: Vec<Vec<f64>>,
    /// For each zone, the area of each class by the map's probabilities; empty without probabilities.
    pub probable: Vec<Vec<f64>>,
}

impl Zoning {
    /// The zones of a survey, each with the mapped area of each class.
    pub fn new(units: &[LabelledUnit], mapped: Vec<Vec<f64>>) -> Self {
        Self {
            membership: units.iter().map(|u| u.zones.clone()).collect(),
            inside: units.iter().map(|u| u.in_zones).collect(),
            mapped,
            strata: Vec::new(),
            detail: None,
        }
    }

    /// The fraction of each unit that lies in one zone.
    pub(crate) fn indicator(&self, zone: usize) -> Vec<f64> {
        let fraction = |m: &Vec<(usize, f64)>| m.iter().filter(|(z, _)| *z == zone).map(|(_, f)| f).sum();
        self.membership.iter().map(fraction).collect()
    }

    /// For each zone the units in it, each with the fraction of it that lies there.
    pub(crate) fn units_of_zones(&self) -> Vec<Vec<(usize, f64)>> {
        let mut units: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.mapped.len()];
        for (unit, of) in self.membership.iter().enumerate() {
            for &(zone, fraction) in of.iter().filter(|(_, fraction)| *fraction != 0.0) {
                // A zone named twice has the sum, as of `indicator`.
                match units[zone].last_mut().filter(|last| last.0 == unit) {
                    Some(last) => last.1 += fraction,
                    None => units[zone].push((unit, fraction)),
                }
            }
        }
        units
    }

    /// Labelled units that lie in each zone, at least in part.
    pub(crate) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.mapped.len()];
        for &(zone, _) in self.membership.iter().flatten() {
            counts[zone] += 1;
        }
        counts
    }
}

/// Areas as fractions of their sum; zeros where that is zero.
pub(crate) fn fractions(areas: &[f64]) -> Vec<f64> {
    let sum: f64 = areas.iter().sum();
    areas.iter().map(|area| if sum > 0.0 { area / sum } else { 0.0 }).collect()
}
