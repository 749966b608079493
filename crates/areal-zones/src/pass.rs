//! One pass over a map in windows: every zone's sums.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use areal_grid::{CellAreas, Window};
use areal_job::{Job, Unit};
use areal_raster::EarthPositions;
use rayon::prelude::*;

use crate::ground::Ground;
use crate::map_reader::MapReader;
use crate::off_earth::put_outside;
use crate::strays::Seen;
use crate::{AggregateSettings, AreaBasis, MAX_CODES, Map, Tally, TooManyCodes, ZonesError, tally_window};

/// One pass over a map.
pub(crate) struct Pass<'a> {
    map: &'a Map,
    ground: &'a Ground,
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

/// What one thread reads with.
struct Reader {
    map: MapReader,
    positions: EarthPositions,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(
        map: &'a Map,
        ground: &'a Ground,
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
    pub(crate) fn run(&self, windows: &[Window], job: Job<'_>, tallies: &mut [Tally]) -> Result<Seen, ZonesError> {
        let first = windows.first().map_or(0, |window| window.row);
        let last = windows.last().map_or(first, Window::row_end);
        let task = job.task("aggregate", Some((last - first) as u64), Unit::Rows);
        let readers: Mutex<Vec<Reader>> = Mutex::new(Vec::new());
        // Many windows for each thread at a time, so that little time is spent waiting for the last of them, and not so many
        // that their sums fill the memory.
        let mut rows = first;
        for batch in windows.chunks(rayon::current_num_threads() * 16) {
            job.check()?;
            let sums: Result<Vec<_>, ZonesError> = batch.par_iter().map(|w| self.window(w, &readers, job)).collect();
            // In the order of windows, so that the last digit does not depend on threads.
            for (zone, tally) in sums?.iter().flatten() {
                tallies[*zone as usize].merge(tally);
            }
            // The last tally is the whole map's.
            if tallies.last().is_some_and(|t| t.class_areas.len() > MAX_CODES) {
                return Err(self.too_many_codes());
            }
            let done = batch.last().map_or(rows, Window::row_end);
            task.advance((done - rows) as u64);
            rows = done;
        }
        let readers = readers.into_inner().expect("nothing panics while it holds the lock");
        let mut seen = Seen::default();
        for reader in &readers {
            seen.merge(&reader.map);
        }
        Ok(seen)
    }

    fn window(
        &self,
        window: &Window,
        readers: &Mutex<Vec<Reader>>,
        job: Job<'_>,
    ) -> Result<Vec<(u32, Tally)>, ZonesError> {
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
        let coverage = self.ground.coverage(*window, &areas.rim());
        if coverage.spans().is_empty() && self.may_skip {
            readers.lock().expect("nothing panics while it holds the lock").push(reader);
            return Ok(Vec::new());
        }
        let mut data = reader.map.read(window)?;
        self.read.fetch_add(window.len() as u64, Ordering::Relaxed);
        readers.lock().expect("nothing panics while it holds the lock").push(reader);
        if areas.may_leave_the_earth() {
            self.off_earth.fetch_add(put_outside(window, &areas, &mut data), Ordering::Relaxed);
        }
        let zones = self.ground.sizes.len();
        tally_window(&coverage, zones, &areas, &data).map_err(|TooManyCodes| self.too_many_codes())
    }

    /// Says what was left out; returns the number of cells that were read.
    pub(crate) fn say(&self) -> u64 {
        let cells = self.off_earth.load(Ordering::Relaxed);
        if cells > 0 {
            tracing::warn!(
                "{}: {cells} cells hold data but have no place on the Earth in {}; they are left out",
                self.map.path.display(),
                self.map.grid.crs.name
            );
        }
        self.read.load(Ordering::Relaxed)
    }

    fn too_many_codes(&self) -> ZonesError {
        ZonesError::TooManyCodes { path: self.map.path.clone(), most: MAX_CODES }
    }
}
