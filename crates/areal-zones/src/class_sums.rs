//! Area and probability sums by class.

use areal_grid::{PixelState, Pixels};

use crate::ZoneTally;
use crate::codes::{MAX_CODES, TooManyCodes};
use crate::tally::LANES;

/// Most classes, with what is not observed as one, for which tables have a fixed size.
const FEW: usize = 16;

/// Area by class, and by probability of a class.
pub(crate) struct ClassSums<'a> {
    /// By cell: 0 where it is not observed, else from 1 the place of its code in `codes`.
    slots: Vec<u16>,
    codes: Vec<i64>,
    probabilities: &'a [Vec<f32>],
    areas: Tables,
    /// By zone: area of cells with probabilities, then by class probability times area.
    probability: Vec<f64>,
}

/// By zone, lane and slot: area.
enum Tables {
    Few(Vec<[[f64; FEW]; LANES]>),
    Many { slots: usize, areas: Vec<f64> },
}

impl<'a> ClassSums<'a> {
    pub(crate) fn new(
        pixels: &Pixels,
        states: &[PixelState],
        probabilities: &'a [Vec<f32>],
    ) -> Result<Self, TooManyCodes> {
        let (slots, codes) = slots(pixels, states)?;
        let areas = match codes.len() + 1 {
            ..=FEW => Tables::Few(Vec::new()),
            slots => Tables::Many { slots, areas: Vec::new() },
        };
        Ok(Self { slots, codes, probabilities, areas, probability: Vec::new() })
    }

    /// Adds cells of a row from number `at` of the window.
    pub(crate) fn add(&mut self, place: usize, coverage: f64, areas: &[f64], at: usize) {
        let slots = &self.slots[at..at + areas.len()];
        match &mut self.areas {
            Tables::Few(tables) => {
                if tables.len() <= place {
                    tables.resize(place + 1, [[0.0; FEW]; LANES]);
                }
                // The remainder is the slot itself, and needs no check.
                let add = |table: &mut [[f64; FEW]; LANES], lane: usize, slot: u16, area: f64| {
                    table[lane][usize::from(slot) % FEW] += area;
                };
                add_lanes(&mut tables[place], slots, areas, coverage, add);
            }
            Tables::Many { slots: n, areas: table } => {
                let (start, size) = (place * *n * LANES, *n * LANES);
                if table.len() < start + size {
                    table.resize(start + size, 0.0);
                }
                let add = |table: &mut [f64], lane: usize, slot: u16, area: f64| {
                    table[lane * *n + usize::from(slot)] += area;
                };
                add_lanes(&mut table[start..start + size], slots, areas, coverage, add);
            }
        }
        if !self.probabilities.is_empty() {
            self.add_probabilities(place, coverage, areas, at);
        }
    }

    fn add_probabilities(&mut self, place: usize, coverage: f64, areas: &[f64], at: usize) {
        let n = self.probabilities.len() + 1;
        let needed = (place + 1) * n;
        if self.probability.len() < needed {
            self.probability.resize(needed, 0.0);
        }
        let sums = &mut self.probability[place * n..needed];
        for (k, plane) in self.probabilities.iter().enumerate() {
            let plane = &plane[at..at + areas.len()];
            let (mut known, mut sum) = ([0.0; LANES], [0.0; LANES]);
            for (ps, areas) in plane.chunks(LANES).zip(areas.chunks(LANES)) {
                for (lane, (p, a)) in ps.iter().zip(areas).enumerate() {
                    let is_known = !p.is_nan();
                    known[lane] += if is_known { *a } else { 0.0 };
                    sum[lane] += if is_known { f64::from(*p) * a } else { 0.0 };
                }
            }
            sums[k + 1] += coverage * sum.iter().sum::<f64>();
            if k == 0 {
                sums[0] += coverage * known.iter().sum::<f64>();
            }
        }
    }

    pub(crate) fn finish(&self, place: usize, tally: &mut ZoneTally) {
        for (k, code) in self.codes.iter().enumerate() {
            let slot = k + 1;
            let area: f64 = match &self.areas {
                Tables::Few(tables) => tables.get(place).into_iter().flatten().map(|lane| lane[slot]).sum(),
                Tables::Many { slots, areas } => {
                    (0..LANES).filter_map(|lane| areas.get((place * LANES + lane) * slots + slot)).sum()
                }
            };
            if area > 0.0 {
                tally.class_areas.insert(*code, area);
            }
        }
        let n = self.probabilities.len() + 1;
        if let Some(sums) = self.probability.get(place * n..(place + 1) * n).filter(|s| s.len() > 1) {
            tally.probability_cells = sums[0];
            tally.probability_areas = sums[1..].to_vec();
        }
    }
}

/// Adds cells to a zone's table, whole ones in several lanes.
fn add_lanes<T: ?Sized>(
    table: &mut T,
    slots: &[u16],
    areas: &[f64],
    coverage: f64,
    add: impl Fn(&mut T, usize, u16, f64),
) {
    if coverage != 1.0 {
        for (slot, area) in slots.iter().zip(areas) {
            add(table, 0, *slot, coverage * area);
        }
        return;
    }
    let (four_slots, last_slots) = slots.as_chunks::<LANES>();
    let (four_areas, last_areas) = areas.as_chunks::<LANES>();
    for (slots, areas) in four_slots.iter().zip(four_areas) {
        for lane in 0..LANES {
            add(table, lane, slots[lane], areas[lane]);
        }
    }
    for (slot, area) in last_slots.iter().zip(last_areas) {
        add(table, 0, *slot, *area);
    }
}

/// For each cell of a window 0 where it is not observed, else from 1 the place of its code among the codes of the window.
fn slots(pixels: &Pixels, states: &[PixelState]) -> Result<(Vec<u16>, Vec<i64>), TooManyCodes> {
    if let Pixels::U8(values) = pixels {
        return Ok(byte_slots(values, states));
    }
    let mut places: std::collections::HashMap<i64, u16> = std::collections::HashMap::new();
    let mut codes = Vec::new();
    // Neighbours are mostly of one class.
    let mut last = None;
    let mut slot = |k: usize| -> Result<u16, TooManyCodes> {
        if states[k] != PixelState::Observed {
            return Ok(0);
        }
        let code = pixels.get(k) as i64;
        if let Some((before, slot)) = last
            && before == code
        {
            return Ok(slot);
        }
        let slot = *places.entry(code).or_insert_with(|| {
            codes.push(code);
            codes.len() as u16
        });
        if codes.len() > MAX_CODES {
            return Err(TooManyCodes);
        }
        last = Some((code, slot));
        Ok(slot)
    };
    let slots: Vec<u16> = (0..pixels.len()).map(&mut slot).collect::<Result<_, _>>()?;
    Ok((slots, codes))
}

fn byte_slots(values: &[u8], states: &[PixelState]) -> (Vec<u16>, Vec<i64>) {
    let mut slot_of = [0u16; 256];
    let mut codes = Vec::new();
    let slot = |(v, s): (&u8, &PixelState)| {
        if *s != PixelState::Observed {
            return 0;
        }
        let slot = &mut slot_of[usize::from(*v)];
        if *slot == 0 {
            codes.push(i64::from(*v));
            *slot = codes.len() as u16;
        }
        *slot
    };
    (values.iter().zip(states).map(slot).collect(), codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_beyond_the_most_are_refused_and_none_is_dropped() {
        let of = |count: i32| {
            let pixels = Pixels::I32((0..count).map(|k| k * 7 - 3000).collect());
            slots(&pixels, &vec![PixelState::Observed; pixels.len()])
        };
        assert!(of(MAX_CODES as i32 + 1).is_err() && of(70_000).is_err());
        let (slots, codes) = of(MAX_CODES as i32).unwrap();
        assert_eq!(codes.len(), MAX_CODES);
        assert!(slots.iter().enumerate().all(|(k, s)| codes[usize::from(*s) - 1] == k as i64 * 7 - 3000));
    }
}
