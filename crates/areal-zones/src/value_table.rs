//! How much of a zone has each value: in memory, and in sorted runs on the disk where that is too little.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Error, Read, Seek, Write};

use rayon::prelude::*;

use crate::ranks::{QuantileWalk, Ranks, Totals, ranks_of};
use crate::statistic::Percent;

/// What some cells of one zone have of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    /// Zone and band, as one number.
    pub group: u64,
    /// The value, as a number in the same order.
    pub key: u64,
    /// True area, square metres.
    pub area: f64,
    /// Amount of the weights raster.
    pub amount: f64,
}

/// Bytes of an entry, on the disk too.
const SIZE: usize = 32;
/// To sort takes as much again.
const SORTED: usize = 2 * SIZE;
/// Entries that are always held.
const FEWEST: usize = 1 << 12;
/// Entries at which it is first looked which zones can leave.
const FIRST: usize = 1 << 20;
/// Entries that are read and written at a time.
const BLOCK: usize = 1 << 11;

const SIGN: u64 = 1 << 63;

/// A number whose order is that of the values. Both zeros are the same value.
pub(crate) fn key_of(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

pub(crate) fn value_of(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

impl Entry {
    fn place(&self) -> (u64, u64) {
        (self.group, self.key)
    }

    fn to_bytes(self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        for (part, number) in
            bytes.chunks_exact_mut(8).zip([self.group, self.key, self.area.to_bits(), self.amount.to_bits()])
        {
            part.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: [u8; SIZE]) -> Self {
        let number = |k: usize| {
            let part = bytes[8 * k..8 * k + 8].try_into().expect("8 bytes are a number");
            u64::from_le_bytes(part)
        };
        Self { group: number(0), key: number(1), area: f64::from_bits(number(2)), amount: f64::from_bits(number(3)) }
    }
}

/// Entries of all zones. Zones that are complete are ranked and leave; what still does not fit a memory goes to temporary files,
/// each sorted.
pub(crate) struct ValueTable {
    entries: Vec<Entry>,
    /// Entries that fit the memory, and at how many it is looked which zones can leave.
    most: usize,
    check: usize,
    runs: Vec<File>,
    /// By group: whether some of it is on the disk.
    on_disk: Vec<bool>,
    percents: Vec<Percent>,
    /// By group.
    found: Vec<Ranks>,
}

impl ValueTable {
    /// For so many groups, with so many bytes of memory.
    pub(crate) fn new(groups: usize, bytes: usize, percents: Vec<Percent>) -> Self {
        let most = (bytes / SORTED).max(FEWEST);
        let (on_disk, found) = (vec![false; groups], vec![Ranks::default(); groups]);
        Self { entries: Vec::new(), most, check: most.min(FIRST), runs: Vec::new(), on_disk, percents, found }
    }

    /// Adds entries; those of one place are summed in the order in which they come. `is_complete` says of a group that no more
    /// of it will come.
    pub(crate) fn extend(&mut self, entries: &[Entry], is_complete: &dyn Fn(u64) -> bool) -> Result<(), Error> {
        for part in entries.chunks(self.most / 2) {
            if self.entries.len() + part.len() > self.check {
                self.settle();
                self.rank_complete(is_complete);
                if self.check == self.most && self.entries.len() > self.most / 2 {
                    self.spill()?;
                }
                self.check = (2 * (self.entries.len() + part.len())).clamp(self.most.min(FIRST), self.most);
            }
            // Never more than the memory: a vector would grow to twice its size.
            let needed = self.entries.len() + part.len();
            if needed > self.entries.capacity() {
                self.entries.reserve_exact(self.check.max(needed) - self.entries.len());
            }
            self.entries.extend_from_slice(part);
        }
        Ok(())
    }

    /// Takes the ranks of groups that are complete.
    pub(crate) fn settled(&mut self, ranks: Vec<(u64, Ranks)>) {
        for (group, ranks) in ranks {
            self.found[group as usize] = ranks;
        }
    }

    /// Sorts what is in memory, and sums what has the same place.
    fn settle(&mut self) {
        self.entries.par_sort_by_key(Entry::place);
        self.entries.dedup_by(|next, kept| {
            let same = next.place() == kept.place();
            if same {
                kept.area += next.area;
                kept.amount += next.amount;
            }
            same
        });
    }

    /// Ranks the groups that are complete and wholly in memory, and forgets their values. The entries are settled.
    fn rank_complete(&mut self, is_complete: &dyn Fn(u64) -> bool) {
        let Self { entries, on_disk, percents, .. } = self;
        let leaves = |group: u64| !on_disk[group as usize] && is_complete(group);
        let leaving: Vec<&[Entry]> =
            entries.chunk_by(|a, b| a.group == b.group).filter(|group| leaves(group[0].group)).collect();
        let ranked: Vec<(u64, Ranks)> =
            leaving.into_par_iter().map(|group| (group[0].group, ranks_of(group, percents))).collect();
        let mut left = ranked.iter().map(|(group, _)| *group).peekable();
        entries.retain(|entry| {
            while left.next_if(|group| *group < entry.group).is_some() {}
            left.peek() != Some(&entry.group)
        });
        self.settled(ranked);
    }

    fn spill(&mut self) -> Result<(), Error> {
        let mut file = BufWriter::with_capacity(SIZE * BLOCK, tempfile::tempfile()?);
        for entry in &self.entries {
            self.on_disk[entry.group as usize] = true;
            file.write_all(&entry.to_bytes())?;
        }
        self.runs.push(file.into_inner().map_err(std::io::IntoInnerError::into_error)?);
        self.entries.clear();
        Ok(())
    }

    /// Temporary files so far.
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// The ranks of all groups: no more entries come.
    pub(crate) fn finish(mut self) -> Result<Vec<Ranks>, Error> {
        self.settle();
        self.rank_complete(&|_| true);
        if self.runs.is_empty() {
            return Ok(self.found);
        }
        let mut totals: HashMap<u64, Totals> = HashMap::new();
        self.for_each(|entry| totals.entry(entry.group).or_default().add(entry))?;
        let mut walk: Option<(u64, QuantileWalk)> = None;
        let percents = std::mem::take(&mut self.percents);
        let mut found = std::mem::take(&mut self.found);
        self.for_each(|entry| {
            let mut next = match walk.take() {
                Some((group, walk)) if group == entry.group => walk,
                before => {
                    if let Some((group, walk)) = before {
                        found[group as usize] = walk.ranks();
                    }
                    QuantileWalk::new(&totals[&entry.group])
                }
            };
            next.step(entry, &percents);
            walk = Some((entry.group, next));
        })?;
        if let Some((group, walk)) = walk {
            found[group as usize] = walk.ranks();
        }
        Ok(found)
    }

    /// Calls `each` with every place once, in order.
    fn for_each(&mut self, mut each: impl FnMut(&Entry)) -> Result<(), Error> {
        let mut runs = Vec::with_capacity(self.runs.len() + 1);
        for file in &mut self.runs {
            file.rewind()?;
            runs.push(SortedRun { source: Source::File(file), block: Vec::new(), at: 0 });
        }
        runs.push(SortedRun { source: Source::Memory, block: std::mem::take(&mut self.entries), at: 0 });
        let mut next = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(run.peek()?.map(|entry| Reverse((entry.place(), number))));
        }
        let mut sum: Option<Entry> = None;
        // Those of one place come in the order in which they were written.
        while let Some(Reverse((place, number))) = next.pop() {
            let run = &mut runs[number];
            let entry = run.peek()?.expect("a run in the heap has an entry");
            run.at += 1;
            next.extend(run.peek()?.map(|entry| Reverse((entry.place(), number))));
            match &mut sum {
                Some(sum) if sum.place() == place => {
                    sum.area += entry.area;
                    sum.amount += entry.amount;
                }
                _ => sum.replace(entry).iter().for_each(&mut each),
            }
        }
        sum.iter().for_each(each);
        // What was in memory stays there.
        self.entries = runs.pop().expect("the last run is that in memory").block;
        Ok(())
    }
}

/// A sorted run that is read from its start.
struct SortedRun<'a> {
    source: Source<'a>,
    block: Vec<Entry>,
    /// Place of the next entry in the block.
    at: usize,
}

enum Source<'a> {
    Memory,
    File(&'a mut File),
}

impl SortedRun<'_> {
    fn peek(&mut self) -> Result<Option<Entry>, Error> {
        if let (Source::File(file), true) = (&mut self.source, self.at == self.block.len()) {
            let mut bytes = Vec::with_capacity(SIZE * BLOCK);
            Read::by_ref(file).take((SIZE * BLOCK) as u64).read_to_end(&mut bytes)?;
            self.block.clear();
            self.block.extend(bytes.as_chunks().0.iter().map(|bytes| Entry::from_bytes(*bytes)));
            self.at = 0;
        }
        Ok(self.block.get(self.at).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistic::Statistic;

    #[test]
    fn keys_have_the_order_of_values() {
        let values = [f64::NEG_INFINITY, -3.5, -1e-300, 0.0, 1e-300, 2.0, 1e300, f64::INFINITY];
        for pair in values.windows(2) {
            assert!(key_of(pair[0]) < key_of(pair[1]), "{pair:?}");
        }
        assert!(values.iter().all(|v| value_of(key_of(*v)).to_bits() == v.to_bits()));
        assert_eq!(key_of(-0.0), key_of(0.0));
    }

    /// Entries of 50 groups with 400 values each, several of each place.
    fn entries() -> Vec<Entry> {
        (0..60_000u64)
            .map(|k| {
                let noise = k.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                Entry {
                    group: noise % 50,
                    key: key_of((noise / 50 % 400) as f64 - 200.0),
                    area: 1.0,
                    amount: (k % 3) as f64,
                }
            })
            .collect()
    }

    #[test]
    fn a_table_on_the_disk_is_the_same_as_one_in_memory() {
        let percents: Vec<Percent> =
            ["q5", "median"].iter().map(|q| q.parse::<Statistic>().unwrap().quantile().unwrap()).collect();
        let of = |bytes: usize, complete: &dyn Fn(u64) -> bool| {
            let mut table = ValueTable::new(51, bytes, percents.clone());
            for part in entries().chunks(997) {
                table.extend(part, complete).unwrap();
            }
            (table.runs(), table.finish().unwrap())
        };
        let ((none, memory), (runs, disk)) = (of(1 << 24, &|_| false), of(0, &|_| false));
        assert!(none == 0 && runs > 2, "{none} {runs}");
        assert_eq!(memory, disk);
        assert!(memory[..50].iter().all(|ranks| ranks.variety == 400) && memory[50] == Ranks::default());
    }

    #[test]
    fn groups_that_are_complete_leave_the_memory() {
        // One group after the other, each of 1000 values.
        let mut table = ValueTable::new(200, 0, vec![Percent::HALF]);
        for group in 0..200u64 {
            let values = (0..1000u64).map(|k| f64::from((k * 7 % 1000) as u32));
            let part: Vec<Entry> = values.map(|v| Entry { group, key: key_of(v), area: 1.0, amount: 0.0 }).collect();
            table.extend(&part, &|other| other < group).unwrap();
        }
        assert_eq!(table.runs(), 0);
        let found = table.finish().unwrap();
        // 499 is the smallest value that half of 0 to 999 do not exceed; numpy's inverted_cdf gives the same.
        assert!(found.iter().all(|r| r.variety == 1000 && r.by_area.as_ref().unwrap().quantiles == [499.0]));
    }
}
