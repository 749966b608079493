use areal_grid::{PixelState, Pixels};

use crate::Tally;
use crate::tally::LANES;

/// Area by class, and by probability of a class.
pub(crate) struct ClassSums<'a> {
    /// Place of each cell's code in `codes`; `codes.len()` where it is not observed.
    slots: Vec<u16>,
    codes: Vec<i64>,
    probabilities: &'a [Vec<f32>],
    /// By zone, lane and slot: area.
    areas: Vec<f64>,
    /// By zone: area of cells with probabilities, then by class probability times area.
    probability: Vec<f64>,
}

impl<'a> ClassSums<'a> {
    pub(crate) fn new(pixels: &Pixels, states: &[PixelState], probabilities: &'a [Vec<f32>]) -> Self {
        let (slots, codes) = slots(pixels, states);
        Self { slots, codes, probabilities, areas: Vec::new(), probability: Vec::new() }
    }

    /// Adds cells of a row from number `at` of the window.
    pub(crate) fn add(&mut self, place: usize, coverage: f64, areas: &[f64], at: usize) {
        let n = self.codes.len() + 1;
        let needed = (place + 1) * n * LANES;
        if self.areas.len() < needed {
            self.areas.resize(needed, 0.0);
        }
        let table = &mut self.areas[place * n * LANES..needed];
        let slots = &self.slots[at..at + areas.len()];
        if coverage == 1.0 {
            let (four_slots, last_slots) = slots.as_chunks::<LANES>();
            let (four_areas, last_areas) = areas.as_chunks::<LANES>();
            for (s, a) in four_slots.iter().zip(four_areas) {
                table[usize::from(s[0])] += a[0];
                table[n + usize::from(s[1])] += a[1];
                table[2 * n + usize::from(s[2])] += a[2];
                table[3 * n + usize::from(s[3])] += a[3];
            }
            for (s, a) in last_slots.iter().zip(last_areas) {
                table[usize::from(*s)] += a;
            }
        } else {
            for (s, a) in slots.iter().zip(areas) {
                table[usize::from(*s)] += coverage * a;
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

    pub(crate) fn finish(&self, place: usize, tally: &mut Tally) {
        let n = self.codes.len() + 1;
        for (slot, code) in self.codes.iter().enumerate() {
            let area: f64 = (0..LANES).filter_map(|lane| self.areas.get((place * LANES + lane) * n + slot)).sum();
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

/// The distinct codes of a window, and for each cell the place of its code among them.
fn slots(pixels: &Pixels, states: &[PixelState]) -> (Vec<u16>, Vec<i64>) {
    if let Pixels::U8(values) = pixels {
        return byte_slots(values, states);
    }
    let observed = |k: usize| states[k] == PixelState::Observed;
    let codes: std::collections::BTreeSet<i64> =
        (0..pixels.len()).filter(|k| observed(*k)).map(|k| pixels.get(k) as i64).collect();
    let codes: Vec<i64> = codes.into_iter().take(usize::from(u16::MAX)).collect();
    let none = codes.len();
    let slot = |k: usize| if observed(k) { codes.binary_search(&(pixels.get(k) as i64)).unwrap_or(none) } else { none };
    ((0..pixels.len()).map(|k| slot(k) as u16).collect(), codes)
}

fn byte_slots(values: &[u8], states: &[PixelState]) -> (Vec<u16>, Vec<i64>) {
    let mut seen = [false; 256];
    for (v, s) in values.iter().zip(states) {
        seen[usize::from(*v)] |= *s == PixelState::Observed;
    }
    let mut slot_of = [0u16; 256];
    let mut codes = Vec::new();
    for code in (0..256).filter(|c| seen[*c]) {
        slot_of[code] = codes.len() as u16;
        codes.push(code as i64);
    }
    let none = codes.len() as u16;
    let slot = |(v, s): (&u8, &PixelState)| if *s == PixelState::Observed { slot_of[usize::from(*v)] } else { none };
    (values.iter().zip(states).map(slot).collect(), codes)
}
