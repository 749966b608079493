//! The maps that `areal aggregate` sums: how they are opened, and what is worth a warning.

use std::path::Path;

use areal_job::Unit;
use areal_tables::Recoding;
use areal_zones::{AreaTable, Map, MapInput, Measure, Quantity, Statistic, ZoneLayerSettings, ZoneSet, ZonesError};

use crate::context::Context;
use crate::errors::{CliError, Exit};

/// Opens maps. Of several, names of classes are for those of classes, of which there must be one.
pub(super) fn open_maps(inputs: Vec<MapInput>) -> Result<Vec<Map>, CliError> {
    let mut refused = None;
    let converts = inputs.iter().any(|input| matches!(input, MapInput::Raster { reading, .. } if reading.converts()));
    let mut maps = Vec::with_capacity(inputs.len());
    for input in inputs {
        match (Map::open(&input), input) {
            (
                Err(error @ ZonesError::ValuesWithClasses { .. }),
                MapInput::Raster { reading, content, encoding, .. },
            ) => {
                let recoding = Recoding::default();
                maps.push(Map::open(&MapInput::Raster { reading, content, recoding, encoding })?);
                refused = Some(error);
            }
            (map, _) => maps.push(map?),
        }
    }
    if converts && maps.iter().all(Map::is_of_classes) {
        let message = "--band-scale and --band-offset make values, and the cells hold class codes";
        return Err(CliError::new(Exit::Usage, message)
            .help("leave them out, or pass --content values if the cells hold values"));
    }
    match refused {
        Some(error) if !maps.iter().any(Map::is_of_classes) => Err(error.into()),
        _ => Ok(maps),
    }
}

/// Size of a file of zones, in bytes, from which on to read it takes long enough to be shown.
const LARGE: u64 = 4 << 20;

/// Reads zones. A stage of its own where the file is large: how many there are is known at the end only.
pub(super) fn read_zones(path: &Path, settings: &ZoneLayerSettings, context: &Context) -> Result<ZoneSet, ZonesError> {
    let is_large = path.metadata().is_ok_and(|meta| meta.len() >= LARGE);
    let task = is_large.then(|| context.job().task("read zones", None, Unit::Zones));
    let set = ZoneSet::read(path, settings)?;
    if let Some(task) = task {
        task.advance(set.zones.len() as u64);
    }
    Ok(set)
}

/// Statistics without those that are asked for twice, which are said.
pub(super) fn each_once(statistics: &[Statistic]) -> Vec<Statistic> {
    let is_first = |k: &usize| !statistics[..*k].contains(&statistics[*k]);
    let (once, again): (Vec<usize>, Vec<usize>) = (0..statistics.len()).partition(is_first);
    if !again.is_empty() {
        let again: Vec<String> = again.into_iter().map(|k| statistics[k].to_string()).collect();
        tracing::info!("--statistics names {} more than once; the table has it once", again.join(", "));
    }
    once.into_iter().map(|k| statistics[k]).collect()
}

/// Says of means of a predicted value that they count all ground.
pub(super) fn warn_of_area_means(table: &AreaTable<'_>) {
    if table.items.iter().any(|item| item.measure == Measure::Statistic(Statistic::Mean)) {
        tracing::warn!(
            "means are over all observed ground. A survey of people has no places where nobody lives, so the model has not seen such \
             ground. For means over people pass a population raster as --weights"
        );
    }
}

/// Says why the rows of what is not a zone have no quantiles.
pub(super) fn say_dashes(table: &AreaTable<'_>) {
    if table.items.iter().any(Quantity::is_of_zones_only) {
        tracing::info!(
            "the rows of what is outside all zones and of the map have no quantiles, majority, minority and variety of values: only the \
             values of zones are kept. For those of the map pass a zone that covers it"
        );
    }
}

/// Says that nothing is observed in any zone.
///
/// # Errors
/// When a temporary file cannot be read.
pub(super) fn warn_of_nothing(table: &AreaTable<'_>) -> Result<(), ZonesError> {
    let observed: Vec<&Quantity> = table.items.iter().filter(|item| item.measure == Measure::ObservedArea).collect();
    for row in table.rows() {
        let row = row?;
        if observed.iter().any(|item| row.value(item).is_some_and(|area| area > 0.0)) {
            return Ok(());
        }
    }
    tracing::warn!("no zone has an observed cell: the map has only nodata there");
    Ok(())
}
