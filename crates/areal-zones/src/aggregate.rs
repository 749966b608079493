//! Sums of a map over zones, and messages about them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use areal_formats::Reconciliation;
use areal_job::Job;
use areal_raster::{Prediction, RasterError};
use serde::{Deserialize, Serialize};

use crate::extent::{ReadExtent, Windows};
use crate::pass::{Pass, PassSums};
use crate::placed_zones::PlacedZones;
use crate::ranks::Ranks;
use crate::strays::ReaderExtremes;
use crate::summary::{Summary, summarise};
use crate::table::check_statistics;
use crate::value_table::ValueTable;
use crate::weights::WeightReader;
use crate::zone_results::ZoneResults;
use crate::{AreaBasis, Layers, Map, Percent, Statistic, ZoneSet, ZoneTally, ZonesError};

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
    /// Statistics of values, in addition to the observed area. Empty for cells, mean and standard deviation.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statistics: Vec<Statistic>,
    /// Memory, in MiB, for tables of the values of zones: quantiles, majority, minority and variety need them. What does not
    /// fit goes to temporary files.
    pub table_memory: usize,
}

impl AggregateSettings {
    /// True when a statistic needs more than the moments of values.
    pub(crate) fn needs_extras(&self) -> bool {
        let spread = |s: &Statistic| matches!(s, Statistic::Variance | Statistic::StandardDeviation);
        let simple = |s: &Statistic| matches!(s, Statistic::Sum | Statistic::Min | Statistic::Max | Statistic::Range);
        self.statistics.iter().any(|s| simple(s) || spread(s) && self.weights.is_some())
    }

    pub(crate) fn needs_values(&self) -> bool {
        self.statistics.iter().any(|s| s.needs_values())
    }

    /// Quantiles that are wanted, each once.
    pub(crate) fn percents(&self) -> Vec<Percent> {
        let percents: BTreeSet<Percent> = self.statistics.iter().filter_map(|s| s.quantile()).collect();
        percents.into_iter().collect()
    }
}

impl Default for AggregateSettings {
    fn default() -> Self {
        Self {
            weights: None,
            weights_nodata: None,
            window_cells: 1 << 21,
            read: ReadExtent::default(),
            statistics: Vec::new(),
            table_memory: 512,
        }
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
    /// Outside the map.
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
    pub tally: ZoneTally,
    /// By band: what its different values tell, where that is asked for.
    pub ranks: Vec<Ranks>,
}

/// The sums of a map over zones.
#[derive(Debug)]
pub struct Areas {
    /// In the order of the zone set.
    pub zones: ZoneResults,
    /// What lies in no zone.
    pub outside: ZoneTally,
    /// What lies in more than one zone, counted once for each zone beyond the first.
    pub overlap: ZoneTally,
    /// What was read of the map: all of it, unless less cells were read than it has.
    pub map: ZoneTally,
    /// Cells of the map.
    pub cells: u64,
    /// Cells of it that were read.
    pub cells_read: u64,
    /// The comparison of sums over zones with the map.
    pub reconciliation: Vec<Reconciliation>,
}

/// Aggregates a map over zones, in one pass and several threads; memory is bounded by `settings.window_cells`.
pub fn aggregate(map: &Map, set: &ZoneSet, settings: &AggregateSettings, job: Job<'_>) -> Result<Areas, ZonesError> {
    let mut areas = aggregate_maps(std::slice::from_ref(map), set, settings, job)?;
    Ok(areas.pop().expect("one map has one result"))
}

/// The same of several maps, one after the other. Zones are brought onto a grid once for neighbouring maps on it.
///
/// # Errors
/// As [`aggregate`], and for statistics that fit none of the maps.
pub fn aggregate_maps(
    maps: &[Map],
    set: &ZoneSet,
    settings: &AggregateSettings,
    job: Job<'_>,
) -> Result<Vec<Areas>, ZonesError> {
    check_statistics(maps, &settings.statistics)?;
    if settings.weights.is_some() && maps.iter().all(|map| matches!(map.layers, Layers::Classes { .. })) {
        tracing::warn!("the weights raster has no effect: it applies to values, and the map has only classes");
    }
    let mut placed: Option<(&Map, PlacedZones)> = None;
    let mut weights = ReaderExtremes::default();
    let mut all = Vec::with_capacity(maps.len());
    for map in maps {
        // The weights are the same for all maps.
        let is_first =
            maps.iter().find(|map| map.value_bands().is_some()).is_some_and(|first| std::ptr::eq(first, map));
        prepare(map, settings, is_first)?;
        let ground = match placed.take() {
            Some((before, ground)) if before.grid == map.grid => ground,
            _ => PlacedZones::place(set, &map.grid, job)?,
        };
        let (areas, seen) = aggregate_on(&ground, map, set, settings, job).map_err(|error| explained(map, error))?;
        weights.merge_weights(&seen);
        all.push(areas);
        placed = Some((map, ground));
    }
    settings.weights.iter().for_each(|path| weights.say_weights(path));
    Ok(all)
}

/// The error of a prediction whose files contradict each other: of the damaged file, where the prediction's manifest tells.
fn explained(map: &Map, error: ZonesError) -> ZonesError {
    let contradicts = matches!(
        error,
        ZonesError::Source(RasterError::Prediction { .. })
            | ZonesError::Unreconciled { .. }
            | ZonesError::Raster { .. }
    );
    let is_prediction = map.states.is_some();
    if is_prediction && contradicts { Prediction::damage(&map.path).map_or(error, ZonesError::Source) } else { error }
}

/// Looks at what can be refused at once; says how weights are read.
fn prepare(map: &Map, settings: &AggregateSettings, is_first: bool) -> Result<(), ZonesError> {
    if settings.window_cells == 0 {
        return Err(ZonesError::NoWindowCells);
    }
    if let (Some(path), Layers::Values { .. }) = (&settings.weights, &map.layers) {
        let reader = WeightReader::open(path, settings.weights_nodata, &map.grid)?;
        if is_first {
            reader.say();
        }
    }
    Ok(())
}

/// As [`aggregate`], of zones that are on the map's grid already.
fn aggregate_on(
    ground: &PlacedZones,
    map: &Map,
    set: &ZoneSet,
    settings: &AggregateSettings,
    job: Job<'_>,
) -> Result<(Areas, ReaderExtremes), ZonesError> {
    let basis = AreaBasis::new(&set.crs)?;
    let mut sums = PassSums::new(ground.zones(), map, set, settings);
    let Windows { windows, all } = Windows::of(map, ground, settings.window_cells, settings.read);
    let pass = Pass::new(map, ground, &basis, settings, !all)?;
    let seen = pass.run(&windows, job, &mut sums)?;
    let PassSums { tallies, others: [outside, overlap, whole], values } = sums;
    let ranks = values.map(|table| zone_ranks(table, map, settings)).transpose()?.unwrap_or_default();
    let cells_read = pass.say();
    if map.states.is_some() {
        check_predicted_codes(map, &whole)?;
    }
    let zones = tallies.finish(ground.sizes.clone(), ranks)?;
    let (summary, reconciliation) = summarise(map, set, &zones, [&outside, &overlap, &whole])?;
    let cells = map.grid.height as u64 * map.grid.width as u64;
    let areas = Areas { zones, outside, overlap, map: whole, cells, cells_read, reconciliation };
    say(&areas, &summary);
    if let Some(weights) = settings.weights.as_deref() {
        summary.say_weights(weights, &map.path);
    }
    seen.say(map, &areas.map);
    Ok((areas, seen))
}

/// Every code of a prediction is one of its classes.
fn check_predicted_codes(map: &Map, whole: &ZoneTally) -> Result<(), ZonesError> {
    let Layers::Classes { legend, codes, .. } = &map.layers else { return Ok(()) };
    match whole.class_areas.keys().find(|code| legend.iter().all(|(named, _)| named != *code)) {
        None => Ok(()),
        Some(code) => {
            let path = codes.0.files.first().cloned().unwrap_or_default();
            let reason = format!("it holds code {code}, which is not a class of its legend");
            Err(RasterError::Prediction { path, reason }.into())
        }
    }
}

fn say(areas: &Areas, summary: &Summary) {
    if areas.cells_read < areas.cells {
        tracing::info!(
            "{} of {} cells of the map are read, those near zones; --read map reads all",
            areas.cells_read,
            areas.cells
        );
    }
    summary.say(areas.overlap.area);
    let worst = areas.reconciliation.iter().map(|r| r.relative_difference).fold(0.0, f64::max);
    tracing::info!(
        "zones and the rest add up to the map in {} totals; largest relative difference {worst:.1e}",
        areas.reconciliation.len()
    );
}

/// By zone and band: what its different values tell.
fn zone_ranks(table: ValueTable, map: &Map, settings: &AggregateSettings) -> Result<Vec<Vec<Ranks>>, ZonesError> {
    if table.runs() > 0 {
        tracing::info!(
            "the values of zones need more than --table-memory {} MiB and are kept in {} temporary files in {}",
            settings.table_memory,
            table.runs(),
            std::env::temp_dir().display()
        );
    }
    let found = table.finish().map_err(ZonesError::Temporary)?;
    Ok(found.chunks(map.value_bands().unwrap_or(1)).map(<[Ranks]>::to_vec).collect())
}
