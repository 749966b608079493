//! How one row of coverage is written down.
//!
//! Zone after zone: by how much its number is above that of the one before (0 ends the row's zones), then its spans. A span
//! begins with its distance from the end of the one before, times 4, plus its kind: [`WHOLE`] cells, with their number;
//! cells covered in [`PART`], with their number and the fraction in 7 bytes; or one cell of which the zone has all that the
//! zones before it left over ([`REMAINDER`]): on a border between two zones, the second one's fraction needs no bytes.
//! Last come the number of spans that are no zone, and of each which it is, first column, number of cells and 8 bytes of
//! fraction. Whole numbers have 7 bits a byte, the lowest first; fractions are numbers of 2^-52.

use std::ops::Range;

use crate::Span;
use crate::walker::{ONE, from_fixed, to_fixed};

const END: u64 = 0;
const WHOLE: u64 = 1;
const PART: u64 = 2;
const REMAINDER: u64 = 3;

/// Codes and decodes rows of a grid, one after another.
#[derive(Debug, Clone)]
pub(crate) struct RowCoder {
    width: usize,
    zones: u32,
    /// By column: what the zones so far cover of a cell that is covered in part.
    covered: Vec<i64>,
    /// Columns of which that is not 0.
    touched: Vec<u32>,
}

impl RowCoder {
    pub(crate) fn new(width: usize, zones: usize) -> Self {
        Self { width, zones: zones as u32, covered: vec![0; width], touched: Vec::new() }
    }

    /// Writes a row of the whole grid: spans by zone, then by column; and what is no zone.
    pub(crate) fn encode(&mut self, zones: &[Span], rest: &[Span], bytes: &mut Vec<u8>) {
        let mut before = 0;
        for spans in zones.chunk_by(|a, b| a.zone == b.zone) {
            let number = u64::from(spans[0].zone) + 1;
            put(bytes, number - before);
            before = number;
            let mut end = 0;
            for span in spans {
                self.encode_span(span, end, bytes);
                end = span.col + span.len;
            }
            put(bytes, END);
        }
        put(bytes, 0);
        put(bytes, rest.len() as u64);
        for span in rest {
            put(bytes, u64::from(span.zone - self.zones));
            put(bytes, u64::from(span.col));
            put(bytes, u64::from(span.len));
            bytes.extend(to_fixed(span.coverage).to_le_bytes());
        }
        self.clear();
    }

    fn encode_span(&mut self, span: &Span, end: u32, bytes: &mut Vec<u8>) {
        let gap = u64::from(span.col - end) << 2;
        let coverage = to_fixed(span.coverage);
        if coverage == ONE {
            put(bytes, gap | WHOLE);
            put(bytes, u64::from(span.len));
        } else if span.len == 1 && coverage == ONE - self.covered[span.col as usize] {
            put(bytes, gap | REMAINDER);
        } else {
            put(bytes, gap | PART);
            put(bytes, u64::from(span.len));
            bytes.extend(&coverage.to_le_bytes()[..7]);
            self.cover(span.col, span.len, coverage);
        }
    }

    /// Reads a row, and adds what of it lies in `cols`. `None` when the bytes are no row of this grid.
    pub(crate) fn decode(
        &mut self,
        bytes: &[u8],
        cols: &Range<u32>,
        zones: &mut Vec<Span>,
        rest: &mut Vec<Span>,
    ) -> Option<()> {
        let mut bytes = bytes;
        let mut number = 0;
        loop {
            let step = take(&mut bytes)?;
            if step == 0 {
                break;
            }
            number = step.checked_add(number)?;
            let zone = u32::try_from(number - 1).ok().filter(|zone| *zone < self.zones)?;
            let mut end = 0;
            while let Some(span) = self.decode_span(&mut bytes, zone, end)? {
                end = span.col + span.len;
                push(zones, span, cols);
            }
        }
        for _ in 0..take(&mut bytes)? {
            let which = take(&mut bytes).filter(|which| *which < 2)?;
            let zone = self.zones + which as u32;
            let (col, len) = self.columns(take(&mut bytes)?, take(&mut bytes)?)?;
            let (fraction, after) = bytes.split_first_chunk::<8>()?;
            bytes = after;
            push(rest, Span { zone, col, len, coverage: from_fixed(i64::from_le_bytes(*fraction)) }, cols);
        }
        self.clear();
        bytes.is_empty().then_some(())
    }

    /// The next span of a zone; nothing at its end.
    #[expect(clippy::option_option, reason = "no span and no row are two things")]
    fn decode_span(&mut self, bytes: &mut &[u8], zone: u32, end: u32) -> Option<Option<Span>> {
        let token = take(bytes)?;
        let start = u64::from(end) + (token >> 2);
        let (col, len, coverage) = match token & 3 {
            WHOLE => {
                let (col, len) = self.columns(start, take(bytes)?)?;
                (col, len, ONE)
            }
            PART => {
                let (col, len) = self.columns(start, take(bytes)?)?;
                let (fraction, after) = bytes.split_first_chunk::<7>()?;
                *bytes = after;
                let mut whole = [0u8; 8];
                whole[..7].copy_from_slice(fraction);
                let coverage = i64::from_le_bytes(whole);
                self.cover(col, len, coverage);
                (col, len, coverage)
            }
            REMAINDER => {
                let (col, len) = self.columns(start, 1)?;
                (col, len, ONE.wrapping_sub(self.covered[col as usize]))
            }
            _ => return Some(None),
        };
        Some(Some(Span { zone, col, len, coverage: from_fixed(coverage) }))
    }

    /// Columns that are in the row.
    fn columns(&self, col: u64, len: u64) -> Option<(u32, u32)> {
        let inside = len > 0 && col.checked_add(len)? <= self.width as u64;
        inside.then_some((col as u32, len as u32))
    }

    fn cover(&mut self, col: u32, len: u32, coverage: i64) {
        for k in col..col + len {
            // Only damage makes it run over.
            let covered = &mut self.covered[k as usize];
            *covered = covered.wrapping_add(coverage);
            self.touched.push(k);
        }
    }

    fn clear(&mut self) {
        for k in self.touched.drain(..) {
            self.covered[k as usize] = 0;
        }
    }
}

/// Adds what of a span lies in some columns.
fn push(spans: &mut Vec<Span>, span: Span, cols: &Range<u32>) {
    let (from, to) = (span.col.max(cols.start), (span.col + span.len).min(cols.end));
    if from < to {
        spans.push(Span { col: from, len: to - from, ..span });
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (byte, after) = bytes.split_first()?;
        *bytes = after;
        number |= u64::from(byte & 127) << shift;
        if byte & 128 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of up to 40 columns: zones with spans that do not touch, of any fraction.
    fn rows() -> impl Strategy<Value = (Vec<Span>, Vec<Span>)> {
        let span = (0u32..4, 1u32..6, prop_oneof![Just(ONE), 1..ONE, Just(ONE / 3), Just(ONE - ONE / 3)]);
        let zone = prop::collection::vec(span, 1..4);
        let rest = prop::collection::vec((0u32..2, 0u32..20, 1u32..20, 1..3 * ONE), 0..3);
        (prop::collection::vec((1u32..300, zone), 0..6), rest).prop_map(|(zones, rest)| {
            let mut spans = Vec::new();
            let mut number = 0;
            for (step, list) in zones {
                number += step;
                let mut col = 0;
                for (gap, len, coverage) in list {
                    let (start, coverage) = (col + gap, from_fixed(coverage));
                    spans.push(Span { zone: number - 1, col: start, len, coverage });
                    col = start + len;
                }
            }
            let other =
                |(which, col, len, coverage)| Span { zone: 2000 + which, col, len, coverage: from_fixed(coverage) };
            (spans, rest.into_iter().map(other).collect())
        })
    }

    proptest! {
        #[test]
        fn a_row_comes_back_as_it_was((zones, rest) in rows(), from in 0u32..40, len in 0u32..40) {
            let mut coder = RowCoder::new(40, 2000);
            let (mut bytes, mut found, mut others) = (Vec::new(), Vec::new(), Vec::new());
            coder.encode(&zones, &rest, &mut bytes);
            coder.decode(&bytes, &(0..40), &mut found, &mut others).unwrap();
            prop_assert_eq!(&found, &zones);
            prop_assert_eq!(&others, &rest);
            // A part of the columns.
            let cols = from..(from + len).min(40);
            let (mut part, mut others) = (Vec::new(), Vec::new());
            coder.decode(&bytes, &cols, &mut part, &mut others).unwrap();
            let mut expected = Vec::new();
            for span in &zones {
                push(&mut expected, *span, &cols);
            }
            prop_assert_eq!(part, expected);
        }

        #[test]
        fn any_bytes_are_a_row_or_none(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut coder = RowCoder::new(40, 10);
            let (mut zones, mut rest) = (Vec::new(), Vec::new());
            let _ = coder.decode(&bytes, &(0..40), &mut zones, &mut rest);
            prop_assert!(zones.iter().all(|s| s.zone < 10 && s.col + s.len <= 40));
        }
    }

    #[test]
    fn the_second_zone_of_a_border_cell_takes_one_byte() {
        let half = |zone: u32, coverage: f64| Span { zone, col: 3, len: 1, coverage };
        let (mut one, mut two) = (Vec::new(), Vec::new());
        let mut coder = RowCoder::new(8, 2);
        coder.encode(&[half(0, 0.25)], &[], &mut one);
        coder.encode(&[half(0, 0.25), half(1, 0.75)], &[], &mut two);
        // Its number, its one byte, its end.
        assert_eq!(two.len() - one.len(), 3);
    }
}
