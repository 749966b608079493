//! Sums of a map over zones, and the proof that they add up.

use std::path::PathBuf;

use areal_formats::Reconciliation;
use areal_grid::PixelState;
use areal_job::Job;
use serde::{Deserialize, Serialize};

use crate::extent::{ReadExtent, Windows};
use crate::ground::{Ground, ZoneSize};
use crate::pass::Pass;
use crate::weights::WeightReader;
use crate::{AreaBasis, Layers, Map, Tally, ZoneSet, ZonesError};

/// How a map is aggregated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct AggregateSettings {
    /// Raster of amounts (people per cell) that a value is weighted by.
    pub weights: Option<PathBuf>,
    /// A value that means nodata in the weights, besides what the file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_nodata: Option<f64>,
    /// Cells of the map that one thread holds in memory.
    pub window_cells: usize,
    /// Which cells of the map are read.
    pub read: ReadExtent,
}

impl Default for AggregateSettings {
    fn default() -> Self {
        Self { weights: None, weights_nodata: None, window_cells: 1 << 21, read: ReadExtent::default() }
    }
}

/// Where a zone lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum ZoneState {
    /// On the map as a whole.
    Inside,
    /// On the map in part.
    Partial,
    /// Nowhere on the map.
    Outside,
}

/// What one zone holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneSums {
    /// Where it lies.
    pub state: ZoneState,
    /// True area of the whole zone, square metres.
    pub area: f64,
    /// True area of the part that lies beyond the map, square metres.
    pub outside: f64,
    /// Sums over the part on the map.
    pub tally: Tally,
}

/// The sums of a map over zones.
#[derive(Debug, Clone, PartialEq)]
pub struct Areas {
    /// In the order of the zone set.
    pub zones: Vec<ZoneSums>,
    /// What lies in no zone.
    pub outside: Tally,
    /// What lies in more than one zone, counted once for each zone beyond the first.
    pub overlap: Tally,
    /// What was read of the map: all of it, unless less cells were read than it has.
    pub map: Tally,
    /// Cells of the map.
    pub cells: u64,
    /// Cells of it that were read.
    pub cells_read: u64,
    /// The comparison of sums over zones with the map.
    pub reconciliation: Vec<Reconciliation>,
}

/// Largest relative difference between sums that are the same but for rounding.
const RECONCILED: f64 = 1e-9;

/// Aggregates a map over zones, in one pass and several threads; memory is bounded by `settings.window_cells`.
pub fn aggregate(map: &Map, set: &ZoneSet, settings: &AggregateSettings, job: Job<'_>) -> Result<Areas, ZonesError> {
    if settings.window_cells == 0 {
        return Err(ZonesError::NoWindowCells);
    }
    if let Some(path) = &settings.weights {
        WeightReader::open(path, settings.weights_nodata, &map.grid)?.say();
    }
    let ground = Ground::place(set, &map.grid)?;
    let basis = AreaBasis::new(&set.crs)?;
    let mut tallies = vec![Tally::default(); ground.sizes.len() + 3];
    let Windows { windows, all } = Windows::of(map, &ground, settings.window_cells, settings.read);
    let pass = Pass::new(map, &ground, &basis, settings, !all)?;
    let seen = pass.run(&windows, job, &mut tallies)?;
    let cells_read = pass.say();
    // After the zones come what is outside, overlaps and the map: see `Others`.
    let mut take = || tallies.pop().expect("there are three more tallies than zones");
    let (whole, overlap, outside) = (take(), take(), take());
    let zones: Vec<ZoneSums> = ground.sizes.iter().zip(tallies).map(|(z, t)| zone_sums(z, t)).collect();
    if map.states.is_some() {
        let named = set.zones.iter().zip(&zones).map(|(zone, sums)| (format!("zone \"{}\"", zone.id), &sums.tally));
        check_states(named.chain([("the map".to_owned(), &whole)]))?;
    }
    let reconciliation = reconcile(map, &zones, &outside, &overlap, &whole)?;
    let cells = map.grid.height as u64 * map.grid.width as u64;
    let areas = Areas { zones, outside, overlap, map: whole, cells, cells_read, reconciliation };
    say(&areas);
    seen.say(map, &areas.map);
    Ok(areas)
}

/// Share of an area above which something is said of it: zones that overlap, cells without weights.
const SAID_SHARE: f64 = 1e-6;

fn say(areas: &Areas) {
    if areas.cells_read < areas.cells {
        tracing::info!(
            "{} of {} cells of the map are read: no zone is near the others; --read map reads all",
            areas.cells_read,
            areas.cells
        );
    }
    let in_zones: f64 = areas.zones.iter().map(|z| z.tally.area).sum();
    let overlap = areas.overlap.area;
    if overlap > SAID_SHARE * in_zones {
        tracing::warn!(
            "zones overlap: {:.6} km2 ({:.4} % of their area) is counted in more than one zone, so their totals \
             exceed those of the map by this area",
            overlap / 1e6,
            100.0 * overlap / in_zones
        );
    }
    let count = |state: ZoneState| areas.zones.iter().filter(|z| z.state == state).count();
    let (partial, outside) = (count(ZoneState::Partial), count(ZoneState::Outside));
    if partial + outside > 0 {
        tracing::warn!("of {} zones, {partial} are partly and {outside} completely outside the map", areas.zones.len());
    }
    say_unweighted(areas);
    let worst = areas.reconciliation.iter().map(|r| r.relative_difference).fold(0.0, f64::max);
    tracing::info!(
        "zones and the rest add up to the map in {} totals; largest relative difference {worst:.1e}",
        areas.reconciliation.len()
    );
}

/// Reports observed ground without a value in the weights raster: a weighted mean covers only the rest.
fn say_unweighted(areas: &Areas) {
    let of = |t: &Tally| t.values.first().map_or((0.0, 0.0), |v| (v.unweighted, v.by_area.weight));
    let lacks = |t: &Tally| of(t).0 > SAID_SHARE * of(t).1;
    let zones: Vec<&Tally> = areas.zones.iter().map(|z| &z.tally).filter(|t| lacks(t)).collect();
    let (without, observed) = zones.iter().map(|t| of(t)).fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    if !zones.is_empty() {
        tracing::warn!(
            "the weights raster has no amount for {:.6} km2 of the observed area in {} zones ({:.4} % of it); their \
             weighted means exclude it; see unweighted_area in the table",
            without / 1e6,
            zones.len(),
            100.0 * without / observed
        );
    }
}

fn zone_sums(size: &ZoneSize, tally: Tally) -> ZoneSums {
    let state = match size.cells {
        _ if tally.cells <= 0.0 => ZoneState::Outside,
        Some(cells) if tally.cells >= cells * (1.0 - 1e-9) => ZoneState::Inside,
        _ => ZoneState::Partial,
    };
    let outside = match state {
        ZoneState::Inside => 0.0,
        ZoneState::Partial | ZoneState::Outside => (size.area - tally.area).max(0.0),
    };
    ZoneSums { state, area: size.area, outside, tally }
}

/// What is observed, nodata, masked and not covered adds up to the whole, and what is observed to the sums of classes
/// or values: they are summed apart.
fn check_states<'a>(sums: impl Iterator<Item = (String, &'a Tally)>) -> Result<(), ZonesError> {
    for (place, tally) in sums {
        let observed = match tally.values.first() {
            Some(value) => value.by_area.weight,
            None => tally.classified_area(),
        };
        let all: f64 = tally.state_areas.iter().sum();
        for (what, parts, whole) in [
            ("area of all states", all, tally.area),
            ("observed area", observed, tally.state_area(PixelState::Observed)),
        ] {
            if (parts - whole).abs() > RECONCILED * tally.area {
                return Err(ZonesError::Unreconciled { what: format!("{place}, {what}"), parts, whole });
            }
        }
    }
    Ok(())
}

/// Compares sums over zones with the map's own.
fn reconcile(
    map: &Map,
    zones: &[ZoneSums],
    outside: &Tally,
    overlap: &Tally,
    whole: &Tally,
) -> Result<Vec<Reconciliation>, ZonesError> {
    let mut totals = vec![Total::new("area of the map".to_owned(), "m2", |t| t.area)];
    if matches!(map.layers, Layers::Classes { .. }) {
        totals.push(Total::new("observed area".to_owned(), "m2", Tally::classified_area));
    }
    if map.states.is_some() {
        for (state, name) in
            [(PixelState::Nodata, "nodata"), (PixelState::Masked, "masked"), (PixelState::Outside, "not covered")]
        {
            totals.push(Total::new(format!("{name} area"), "m2", move |t| t.state_area(state)));
        }
    }
    for code in whole.class_areas.keys() {
        let area = move |t: &Tally| t.class_areas.get(code).copied().unwrap_or(0.0);
        totals.push(Total::new(format!("area of class {code}"), "m2", area));
    }
    for band in 0..whole.probability_areas.len() {
        let sum = move |t: &Tally| t.probability_areas.get(band).copied().unwrap_or(0.0);
        totals.push(Total::new(format!("probability times area, band {}", band + 1), "m2", sum));
    }
    for band in 0..whole.values.len() {
        totals.extend(value_totals(band, whole));
    }
    totals.iter().map(|total| total.compare(zones, [outside, overlap, whole])).collect()
}

fn value_totals(band: usize, whole: &Tally) -> Vec<Total<'static>> {
    let of = move |t: &Tally| t.values.get(band).copied().unwrap_or_default();
    let number = band + 1;
    let spread = of(whole).by_area;
    let product = move |t: &Tally| of(t).by_area.weight * of(t).by_area.mean;
    let mut totals = vec![
        Total::new(format!("observed area, band {number}"), "m2", move |t| of(t).by_area.weight),
        // Values of both signs cancel: the difference is judged against their size.
        Total {
            scale: (spread.weight * (spread.squares + spread.weight * spread.mean.powi(2))).sqrt(),
            ..Total::new(format!("value times area, band {number}"), "", product)
        },
    ];
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
struct Total<'a> {
    what: String,
    unit: &'static str,
    sum: Box<dyn Fn(&Tally) -> f64 + 'a>,
    /// What a difference is compared with, if that is more than the map's sum.
    scale: f64,
}

impl<'a> Total<'a> {
    fn new(what: String, unit: &'static str, sum: impl Fn(&Tally) -> f64 + 'a) -> Self {
        Self { what, unit, sum: Box::new(sum), scale: f64::MIN_POSITIVE }
    }

    fn compare(
        &self,
        zones: &[ZoneSums],
        [outside, overlap, whole]: [&Tally; 3],
    ) -> Result<Reconciliation, ZonesError> {
        let in_zones: f64 = zones.iter().map(|z| (self.sum)(&z.tally)).sum();
        let [outside, overlap, map] = [outside, overlap, whole].map(|t| (self.sum)(t));
        let parts = in_zones + outside - overlap;
        let relative_difference = (parts - map).abs() / self.scale.max(map.abs());
        let what = self.what.clone();
        if relative_difference.is_nan() || relative_difference > RECONCILED {
            return Err(ZonesError::Unreconciled { what, parts, whole: map });
        }
        let unit = self.unit.to_owned();
        Ok(Reconciliation { what, unit, zones: in_zones, outside, overlap, map, relative_difference })
    }
}
