//! Sums of zones: those of zones that are complete leave the memory.

use crate::codec::{read_tally, write_tally};
use crate::placed_zones::ZoneSize;
use crate::spill::Records;
use crate::{Ranks, ZoneState, ZoneSums, ZoneTally, ZonesError};

/// No record yet.
const NONE: u32 = u32::MAX;

/// Sums of zones while windows are added up.
pub(crate) struct ZoneTallies {
    /// By zone: its sums, while more may come.
    open: Vec<Option<Box<ZoneTally>>>,
    /// Zones that have some, in no order.
    touched: Vec<u32>,
    /// Sums of the others, and by zone the number of the last record.
    done: Records,
    places: Vec<u32>,
    buffer: Vec<u8>,
}

impl ZoneTallies {
    /// Of so many zones, with so many bytes of memory for those that are complete.
    pub(crate) fn new(zones: usize, memory: usize) -> Self {
        let open = std::iter::repeat_with(|| None).take(zones).collect();
        Self { open, touched: Vec::new(), done: Records::new(memory), places: vec![NONE; zones], buffer: Vec::new() }
    }

    pub(crate) fn add(&mut self, zone: usize, tally: &ZoneTally) {
        let sums = match &mut self.open[zone] {
            Some(sums) => sums,
            none => {
                self.touched.push(zone as u32);
                none.insert(Box::default())
            }
        };
        sums.merge(tally);
    }

    /// Puts the sums of complete zones aside: nothing is added to them any more.
    pub(crate) fn settle(&mut self, is_complete: &dyn Fn(usize) -> bool) -> Result<(), ZonesError> {
        let mut touched = std::mem::take(&mut self.touched);
        // In one order, whatever the windows.
        touched.sort_unstable();
        for zone in touched {
            if !is_complete(zone as usize) {
                self.touched.push(zone);
            } else if let Some(tally) = self.open[zone as usize].take() {
                self.buffer.clear();
                write_tally(&tally, &mut self.buffer);
                self.places[zone as usize] = self.done.len() as u32;
                self.done.push(&self.buffer).map_err(ZonesError::Temporary)?;
            }
        }
        Ok(())
    }

    /// When all windows are added up. `ranks` are by zone, or none at all.
    pub(crate) fn finish(mut self, sizes: Vec<ZoneSize>, ranks: Vec<Vec<Ranks>>) -> Result<ZoneResults, ZonesError> {
        self.settle(&|_| true)?;
        self.done.settle().map_err(ZonesError::Temporary)?;
        Ok(ZoneResults { sizes, tallies: self.done, places: self.places, ranks })
    }
}

/// What zones hold, in the order of the zone set.
#[derive(Debug)]
pub struct ZoneResults {
    sizes: Vec<ZoneSize>,
    tallies: Records,
    places: Vec<u32>,
    ranks: Vec<Vec<Ranks>>,
}

impl ZoneResults {
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// What one zone holds.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn get(&self, zone: usize) -> Result<ZoneSums, ZonesError> {
        let tally = match self.places[zone] {
            NONE => ZoneTally::default(),
            place => self.tallies.read(place as usize, read_tally).map_err(ZonesError::Temporary)?,
        };
        let ranks = self.ranks.get(zone).cloned().unwrap_or_default();
        Ok(zone_sums(&self.sizes[zone], tally, ranks))
    }

    /// All, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Result<ZoneSums, ZonesError>> + '_ {
        (0..self.len()).map(|zone| self.get(zone))
    }
}

fn zone_sums(size: &ZoneSize, tally: ZoneTally, ranks: Vec<Ranks>) -> ZoneSums {
    let state = match size.cells {
        _ if tally.cells <= 0.0 => ZoneState::Outside,
        Some(cells) if tally.cells >= cells * (1.0 - 1e-9) => ZoneState::Inside,
        _ => ZoneState::Partial,
    };
    let outside = match state {
        ZoneState::Inside => 0.0,
        ZoneState::Partial | ZoneState::Outside => (size.area - tally.area).max(0.0),
    };
    ZoneSums { state, area: size.area, outside, tally, ranks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_when_zones_leave_the_memory() {
        let part = |k: usize| ZoneTally { cells: 0.1 * k as f64, area: 1.0 / (k + 1) as f64, ..ZoneTally::default() };
        let sums = |every: usize, memory: usize| {
            let mut tallies = ZoneTallies::new(20, memory);
            for k in 0..200 {
                // Zones in order, each ten times.
                tallies.add(k / 10, &part(k));
                if k % every == 0 {
                    tallies.settle(&|zone| zone < k / 10).unwrap();
                }
            }
            let size = ZoneSize { area: 5.0, cells: None };
            let results = tallies.finish(vec![size; 20], Vec::new()).unwrap();
            results.iter().collect::<Result<Vec<_>, _>>().unwrap()
        };
        let all = sums(1000, usize::MAX);
        for (every, memory) in [(1, 0), (1, usize::MAX), (7, 100)] {
            assert_eq!(sums(every, memory), all);
        }
    }
}
