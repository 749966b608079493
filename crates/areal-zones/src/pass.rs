//! One pass over a map in windows: every zone's sums.

use areal_formats::counted;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use areal_grid::{CellAreas, Window};
use areal_job::{Job, Unit};
use areal_raster::EarthPositions;
use rayon::prelude::*;

use crate::extra_sums::add_extras;
use crate::map_reader::MapReader;
use crate::off_earth::put_outside;
use crate::placed_zones::PlacedZones;
use crate::strays::ReaderExtremes;
use crate::value_table::ValueTable;
use crate::window_values::{WindowValues, window_values};
use crate::zone_results::ZoneTallies;
use crate::{AggregateSettings, AreaBasis, MAX_CODES, Map, TooManyCodes, ZoneSet, ZoneTally, ZonesError, tally_window};

/// One pass over a map.
pub(crate) struct Pass<'a> {
    map: &'a Map,
    ground: &'a PlacedZones,
    basis: &'a AreaBasis,
    cell_areas: CellAreas,
    settings: &'a AggregateSettings,
    /// Whether windows that no zone touches are left unread.
    may_skip: bool,
    /// Cells that hold something and have no place on the Earth.
    off_earth: AtomicU64,
    /// Cells that were read.
    read: AtomicU64,
}

/// What is summed up.
pub(crate) struct PassSums {
    /// Of each zone.
    pub tallies: ZoneTallies,
    /// What is outside, overlaps, the map: as numbered by [`crate::tally::ExtraTallies`].
    pub others: [ZoneTally; 3],
    /// What zones have of each value, where that is asked for.
    pub values: Option<ValueTable>,
}

impl PassSums {
    pub(crate) fn new(zones: usize, map: &Map, set: &ZoneSet, settings: &AggregateSettings) -> Self {
        let memory = settings.table_memory.saturating_mul(1 << 20);
        let table = |bands: usize| ValueTable::new(zones * bands, memory, settings.percents());
        let bands = map.value_bands().filter(|_| settings.needs_values());
        let tallies = ZoneTallies::new(zones, set.memory);
        Self { tallies, others: Default::default(), values: bands.map(table) }
    }
}

/// What is found in one window.
#[derive(Default)]
struct Found {
    tallies: Vec<(u32, ZoneTally)>,
    values: WindowValues,
}

/// What one thread reads with.
struct Reader {
    map: MapReader,
    positions: EarthPositions,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(
        map: &'a Map,
        ground: &'a PlacedZones,
        basis: &'a AreaBasis,
        settings: &'a AggregateSettings,
        may_skip: bool,
    ) -> Result<Self, ZonesError> {
        let cell_areas = basis.cells(&map.grid)?;
        Ok(Self {
            map,
            ground,
            basis,
            cell_areas,
            settings,
            may_skip,
            off_earth: AtomicU64::new(0),
            read: AtomicU64::new(0),
        })
    }

    /// Adds all windows up; returns the extremes of each band of values.
    pub(crate) fn run(
        &self,
        windows: &[Window],
        job: Job<'_>,
        sums: &mut PassSums,
    ) -> Result<ReaderExtremes, ZonesError> {
        let first = windows.first().map_or(0, |window| window.row);
        let last = windows.last().map_or(first, Window::row_end);
        let task = job.task("aggregate", Some((last - first) as u64), Unit::Rows);
        let readers: Mutex<Vec<Reader>> = Mutex::new(Vec::new());
        // Many windows for each thread at a time, so that little time is spent waiting for the last of them, and not so many
        // that their sums fill the memory.
        let each = if sums.values.is_some() { 4 } else { 16 };
        let mut rows = first;
        let (each, first_rows) = (rayon::current_num_threads() * each, first_rows_from(windows));
        for (k, batch) in windows.chunks(each).enumerate() {
            job.check()?;
            let found: Result<Vec<Found>, ZonesError> =
                batch.par_iter().map(|w| self.window(w, &readers, job)).collect();
            // In the order of windows, so that the last digit does not depend on threads.
            self.add(found?, first_rows[k * each], sums)?;
            let next = first_rows.get((k + 1) * each).copied().unwrap_or(usize::MAX);
            sums.tallies.settle(&|zone| self.ground.end_row(zone) <= next)?;
            let [_, _, whole] = &sums.others;
            if whole.class_areas.len() > MAX_CODES {
                return Err(self.too_many_codes());
            }
            let done = batch.last().map_or(rows, Window::row_end);
            task.advance((done - rows) as u64);
            rows = done;
        }
        let readers = readers.into_inner().expect("nothing panics while it holds the lock");
        let mut seen = ReaderExtremes::default();
        for reader in &readers {
            seen.merge(&reader.map);
        }
        Ok(seen)
    }

    /// Adds what is found in windows; `first_row` is the first one of them.
    fn add(&self, found: Vec<Found>, first_row: usize, sums: &mut PassSums) -> Result<(), ZonesError> {
        let bands = self.map.value_bands().unwrap_or(1) as u64;
        let is_complete = |group: u64| self.ground.end_row((group / bands) as usize) <= first_row;
        let zones = self.ground.zones();
        for found in found {
            for (number, tally) in &found.tallies {
                match (*number as usize).checked_sub(zones) {
                    None => sums.tallies.add(*number as usize, tally),
                    Some(other) => sums.others[other].merge(tally),
                }
            }
            if let Some(table) = &mut sums.values {
                table.extend(&found.values.entries, &is_complete).map_err(ZonesError::Temporary)?;
                table.settled(found.values.ranks);
            }
        }
        Ok(())
    }

    fn window(&self, window: &Window, readers: &Mutex<Vec<Reader>>, job: Job<'_>) -> Result<Found, ZonesError> {
        job.check()?;
        let free = readers.lock().expect("nothing panics while it holds the lock").pop();
        let mut reader = match free {
            Some(reader) => reader,
            None => Reader {
                map: MapReader::open(self.map, self.settings)?,
                positions: self.basis.positions(&self.map.grid.crs)?,
            },
        };
        let areas = self.cell_areas.of(window, &reader.positions);
        let coverage = self.ground.coverage(*window, &areas.rim())?;
        if coverage.spans().is_empty() && self.may_skip {
            readers.lock().expect("nothing panics while it holds the lock").push(reader);
            return Ok(Found::default());
        }
        let mut data = reader.map.read(window)?;
        self.read.fetch_add(window.len() as u64, Ordering::Relaxed);
        readers.lock().expect("nothing panics while it holds the lock").push(reader);
        if areas.may_leave_the_earth() {
            self.off_earth.fetch_add(put_outside(window, &areas, &mut data), Ordering::Relaxed);
        }
        let zones = self.ground.zones();
        let mut tallies =
            tally_window(&coverage, zones, &areas, &data).map_err(|TooManyCodes| self.too_many_codes())?;
        if self.settings.needs_extras() {
            add_extras(&coverage, zones, &data, &mut tallies);
        }
        let mut values = WindowValues::default();
        if self.settings.needs_values() {
            let size = [self.map.grid.height, self.map.grid.width];
            let is_within = |zone: u32| self.ground.is_within(zone as usize, window, size);
            values = window_values(&coverage, zones, &areas, &data, (&self.settings.percents(), is_within));
        }
        Ok(Found { tallies, values })
    }

    /// Says what was left out; returns the number of cells that were read.
    pub(crate) fn say(&self) -> u64 {
        let cells = self.off_earth.load(Ordering::Relaxed);
        if cells > 0 {
            tracing::warn!(
                "{}: {} with data outside the Earth in {} {} ignored",
                self.map.path.display(),
                counted(cells, "cell"),
                self.map.grid.crs.name,
                if cells == 1 { "is" } else { "are" }
            );
        }
        self.read.load(Ordering::Relaxed)
    }

    fn too_many_codes(&self) -> ZonesError {
        ZonesError::TooManyCodes { path: self.map.path.clone(), most: MAX_CODES }
    }
}

/// By window: the first row of it and of all after it.
fn first_rows_from(windows: &[Window]) -> Vec<usize> {
    let mut rows: Vec<usize> = windows.iter().map(|window| window.row).collect();
    for k in (1..rows.len()).rev() {
        rows[k - 1] = rows[k - 1].min(rows[k]);
    }
    rows
}
