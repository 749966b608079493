//! Outlines and sums as bytes, to be kept out of memory. Numbers come back to the last bit.

use std::collections::BTreeMap;

use geo::{Coord, LineString, MultiPolygon, Polygon};

use crate::{Extra, Moments, ValueTally, ZoneTally};

/// Appends numbers to bytes.
pub(crate) struct Writer<'a>(pub &'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn count(&mut self, n: usize) {
        self.0.extend((n as u32).to_le_bytes());
    }

    pub(crate) fn numbers(&mut self, numbers: &[f64]) {
        self.0.extend(numbers.iter().flat_map(|v| v.to_le_bytes()));
    }
}

/// Takes numbers from bytes that a [`Writer`] made.
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (head, rest) = self.0.split_first_chunk().expect("what is read is what was written");
        self.0 = rest;
        *head
    }

    pub(crate) fn count(&mut self) -> usize {
        u32::from_le_bytes(self.take()) as usize
    }

    pub(crate) fn number(&mut self) -> f64 {
        f64::from_le_bytes(self.take())
    }

    pub(crate) fn numbers<const N: usize>(&mut self) -> [f64; N] {
        std::array::from_fn(|_| self.number())
    }
}

pub(crate) fn write_outline(outline: &MultiPolygon<f64>, bytes: &mut Vec<u8>) {
    let mut writer = Writer(bytes);
    writer.count(outline.0.len());
    for polygon in outline {
        writer.count(polygon.interiors().len());
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            writer.count(ring.0.len());
            writer.0.reserve(16 * ring.0.len());
            ring.0.iter().for_each(|c| writer.numbers(&[c.x, c.y]));
        }
    }
}

pub(crate) fn read_outline(bytes: &[u8]) -> MultiPolygon<f64> {
    let mut reader = Reader(bytes);
    let ring = |reader: &mut Reader<'_>| {
        let n = reader.count();
        let coord = |reader: &mut Reader<'_>| {
            let [x, y] = reader.numbers();
            Coord { x, y }
        };
        LineString((0..n).map(|_| coord(reader)).collect())
    };
    let polygons = reader.count();
    let polygon = |reader: &mut Reader<'_>| {
        let holes = reader.count();
        let shell = ring(reader);
        Polygon::new(shell, (0..holes).map(|_| ring(reader)).collect())
    };
    MultiPolygon((0..polygons).map(|_| polygon(&mut reader)).collect())
}

fn of_moments(m: &Moments) -> [f64; 3] {
    [m.weight, m.mean, m.squares]
}

fn to_moments([weight, mean, squares]: [f64; 3]) -> Moments {
    Moments { weight, mean, squares }
}

pub(crate) fn write_tally(tally: &ZoneTally, bytes: &mut Vec<u8>) {
    let ZoneTally { cells, area, state_areas, class_areas, probability_areas, probability_cells, values, extras } =
        tally;
    let mut writer = Writer(bytes);
    writer.numbers(&[*cells, *area, *probability_cells]);
    let has_states = state_areas.iter().any(|area| area.to_bits() != 0);
    writer.count(usize::from(has_states));
    writer.numbers(if has_states { state_areas } else { &[] });
    writer.count(class_areas.len());
    for (code, area) in class_areas {
        writer.0.extend(code.to_le_bytes());
        writer.numbers(&[*area]);
    }
    writer.count(probability_areas.len());
    writer.numbers(probability_areas);
    writer.count(values.len());
    for v in values {
        writer.numbers(&of_moments(&v.by_area));
        writer.numbers(&[v.cells, v.weight, v.weighted, v.all_weight, v.unweighted, v.zero_weight]);
    }
    writer.count(extras.len());
    for e in extras {
        writer.numbers(&of_moments(&e.by_amount));
        writer.numbers(&[e.sum]);
        writer.count(usize::from(e.extremes.is_some()));
        writer.numbers(e.extremes.as_ref().map_or(&[], |extremes| &extremes[..]));
    }
}

pub(crate) fn read_tally(bytes: &[u8]) -> ZoneTally {
    let mut reader = Reader(bytes);
    let r = &mut reader;
    let [cells, area, probability_cells] = r.numbers();
    let state_areas = if r.count() > 0 { r.numbers() } else { [0.0; 4] };
    let class_areas: BTreeMap<i64, f64> = (0..r.count()).map(|_| (i64::from_le_bytes(r.take()), r.number())).collect();
    let probability_areas = (0..r.count()).map(|_| r.number()).collect();
    let value = |r: &mut Reader<'_>| {
        let by_area = to_moments(r.numbers());
        let [cells, weight, weighted, all_weight, unweighted, zero_weight] = r.numbers();
        ValueTally { cells, by_area, weight, weighted, all_weight, unweighted, zero_weight }
    };
    let values = (0..r.count()).map(|_| value(r)).collect();
    let extra = |r: &mut Reader<'_>| {
        let by_amount = to_moments(r.numbers());
        let sum = r.number();
        let extremes = (r.count() > 0).then(|| r.numbers());
        Extra { sum, extremes, by_amount }
    };
    let extras = (0..r.count()).map(|_| extra(r)).collect();
    ZoneTally { cells, area, state_areas, class_areas, probability_areas, probability_cells, values, extras }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Rect, polygon};

    #[test]
    fn outlines_and_sums_come_back_to_the_last_bit() {
        let hole = Rect::new((0.1, 0.1), (0.2, 0.7)).to_polygon();
        let holed = Polygon::new(
            polygon![(x: 0.0, y: 0.0), (x: 1.0, y: 1e-300), (x: 0.3, y: 1.0)].exterior().clone(),
            vec![hole.exterior().clone()],
        );
        for outline in [vec![], vec![holed.clone()], vec![hole, holed]] {
            let (outline, mut bytes) = (MultiPolygon(outline), Vec::new());
            write_outline(&outline, &mut bytes);
            assert_eq!(read_outline(&bytes), outline);
        }
        let moments = |v: f64| Moments { weight: v, mean: -v, squares: v / 3.0 };
        let value = ValueTally {
            cells: 0.1,
            by_area: moments(0.7),
            weight: 1.0,
            weighted: 2.0,
            all_weight: 3.0,
            unweighted: 4.0,
            zero_weight: 5.0,
        };
        let extra = Extra { sum: 0.3, extremes: Some([-1.0, 1.0 / 3.0]), by_amount: moments(1.1) };
        let full = ZoneTally {
            cells: 1.0 / 7.0,
            area: 2.0,
            state_areas: [0.1, 0.2, 0.3, 0.4],
            class_areas: [(-5, 0.1), (i64::MAX, 0.2)].into(),
            probability_areas: vec![0.5, 0.6],
            probability_cells: 0.9,
            values: vec![value, ValueTally::default()],
            extras: vec![extra, Extra::default()],
        };
        for tally in [ZoneTally::default(), full] {
            let mut bytes = Vec::new();
            write_tally(&tally, &mut bytes);
            assert_eq!(read_tally(&bytes), tally);
        }
    }
}
