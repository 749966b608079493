//! The proof that sums over zones add up to the map's own.

use std::path::{Path, PathBuf};

use areal_formats::Reconciliation;
use areal_grid::PixelState;

use crate::{Layers, Map, ZoneTally, ZonesError};

/// Largest relative difference between sums that are the same but for rounding.
const RECONCILED: f64 = 1e-9;

/// What is observed, nodata, masked and not covered adds up to the whole, and what is observed to the sums of classes
/// or values: they are summed apart.
pub(crate) fn check_states(
    place: &dyn Fn() -> Result<String, ZonesError>,
    tally: &ZoneTally,
) -> Result<(), ZonesError> {
    let observed = match tally.values.first() {
        Some(value) => value.by_area.weight,
        None => tally.classified_area(),
    };
    let all: f64 = tally.state_areas.iter().sum();
    for (what, parts, whole) in
        [("area of all states", all, tally.area), ("observed area", observed, tally.state_area(PixelState::Observed))]
    {
        if (parts - whole).abs() > RECONCILED * tally.area {
            return Err(ZonesError::Unreconciled { what: format!("{}, {what}", place()?), parts, whole });
        }
    }
    Ok(())
}

/// Compares sums over zones with the map's own.
pub(crate) struct Reconciler {
    /// The map, for messages.
    path: PathBuf,
    totals: Vec<Total>,
}

impl Reconciler {
    pub(crate) fn new(map: &Map, whole: &ZoneTally) -> Self {
        let mut totals = vec![Total::new("area of the map".to_owned(), "m2", |t| t.area)];
        if matches!(map.layers, Layers::Classes { .. }) {
            totals.push(Total::new("observed area".to_owned(), "m2", ZoneTally::classified_area));
        }
        if map.states.is_some() {
            for (state, name) in
                [(PixelState::Nodata, "nodata"), (PixelState::Masked, "masked"), (PixelState::Outside, "not covered")]
            {
                totals.push(Total::new(format!("{name} area"), "m2", move |t| t.state_area(state)));
            }
        }
        // Zones without a cell of a class or band have no entry for it: their sum is 0.
        for code in whole.class_areas.keys() {
            let code = *code;
            let area = move |t: &ZoneTally| t.class_areas.get(&code).copied().unwrap_or(0.0);
            totals.push(Total::new(format!("area of class {code}"), "m2", area));
        }
        for band in 0..whole.probability_areas.len() {
            let sum = move |t: &ZoneTally| t.probability_areas.get(band).copied().unwrap_or(0.0);
            totals.push(Total::new(format!("probability times area, band {}", band + 1), "m2", sum));
        }
        for band in 0..whole.values.len() {
            totals.extend(value_totals(band, whole));
        }
        Self { path: map.path.clone(), totals }
    }

    pub(crate) fn add(&mut self, zone: &ZoneTally) {
        for total in &mut self.totals {
            total.in_zones += (total.sum)(zone);
        }
    }

    /// With what is outside, what is counted more than once, and the map.
    pub(crate) fn finish(&self, others: [&ZoneTally; 3]) -> Result<Vec<Reconciliation>, ZonesError> {
        self.totals.iter().map(|total| total.compare(others, &self.path)).collect()
    }
}

fn value_totals(band: usize, whole: &ZoneTally) -> Vec<Total> {
    // A zone without any cell has no entry: its sums are 0.
    let of = move |t: &ZoneTally| t.values.get(band).copied().unwrap_or_default();
    let number = band + 1;
    let spread = of(whole).by_area;
    let product = move |t: &ZoneTally| of(t).by_area.weight * of(t).by_area.mean;
    let mut totals = vec![
        Total::new(format!("observed area, band {number}"), "m2", move |t| of(t).by_area.weight),
        // Values of both signs cancel: the difference is judged against their size.
        Total {
            scale: (spread.weight * (spread.squares + spread.weight * spread.mean.powi(2))).sqrt(),
            ..Total::new(format!("value times area, band {number}"), "", product)
        },
    ];
    let extra = move |t: &ZoneTally| t.extras.get(band).copied().unwrap_or_default();
    if extra(whole).sum != 0.0 {
        let [low, high] = extra(whole).extremes.expect("a sum that is not 0 is of cells, which have extremes");
        totals.push(Total {
            scale: of(whole).cells * low.abs().max(high.abs()),
            ..Total::new(format!("sum of values, band {number}"), "", move |t| extra(t).sum)
        });
    }
    if of(whole).all_weight > 0.0 {
        totals.push(Total::new(format!("weights, band {number}"), "", move |t| of(t).all_weight));
    }
    if of(whole).unweighted > 0.0 {
        totals.push(Total {
            // Judged against the observed area: of two roundings the smaller may be nothing but rounding.
            scale: spread.weight,
            ..Total::new(format!("observed area without weights, band {number}"), "m2", move |t| of(t).unweighted)
        });
    }
    totals
}

/// A sum that is made over zones and over the map.
struct Total {
    what: String,
    unit: &'static str,
    sum: Box<dyn Fn(&ZoneTally) -> f64>,
    /// What a difference is compared with, if that is more than the map's sum.
    scale: f64,
    in_zones: f64,
}

impl Total {
    fn new(what: String, unit: &'static str, sum: impl Fn(&ZoneTally) -> f64 + 'static) -> Self {
        Self { what, unit, sum: Box::new(sum), scale: f64::MIN_POSITIVE, in_zones: 0.0 }
    }

    fn compare(&self, others: [&ZoneTally; 3], path: &Path) -> Result<Reconciliation, ZonesError> {
        let in_zones = self.in_zones;
        let [outside, overlap, map] = others.map(|t| (self.sum)(t));
        let parts = in_zones + outside - overlap;
        let difference = (parts - map).abs();
        // A band of zeros, or of nodata only, has nothing to compare with.
        let relative_difference = if difference == 0.0 { 0.0 } else { difference / self.scale.max(map.abs()) };
        let what = self.what.clone();
        if !parts.is_finite() || !map.is_finite() {
            return Err(ZonesError::NotFinite { path: path.to_path_buf(), what });
        }
        if relative_difference.is_nan() || relative_difference > RECONCILED {
            return Err(ZonesError::Unreconciled { what, parts, whole: map });
        }
        let unit = self.unit.to_owned();
        Ok(Reconciliation { what, unit, zones: in_zones, outside, overlap, map, relative_difference })
    }
}
