//! Values that look like undeclared nodata, found by how extreme they are.

use crate::PixelState;

/// No physical quantity that a sensor gives is as large: what is, stands for no data.
const ABSURD: f64 = 1e15;

/// How many times further a value must lie from all others than these from one another.
const APART: f64 = 1000.0;

/// Numbers that stand for no data by custom, where a file need not say so.
const PLACEHOLDERS: [f64; 7] = [-999.0, -9999.0, -99_999.0, -999_999.0, -32_767.0, -32_768.0, -2_147_483_648.0];

/// Values that are looked at side by side.
const LANES: usize = 8;

/// The two least and the two greatest different values of a band, and how often the outermost occur, which tell whether a value
/// that stands for no data was not declared as such.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    least: End,
    /// Of the values with the other sign.
    greatest: End,
}

/// One end of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct End {
    outermost: f64,
    /// The next different value.
    next: f64,
    /// Number of the outermost.
    count: u64,
}

/// A value that seems to stand for no data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stray {
    pub value: f64,
    /// Pixels that hold it.
    pub count: u64,
}

impl Stray {
    /// The value as it is typed after `--nodata=`.
    pub fn text(&self) -> String {
        if self.value.abs() < 1e10 { self.value.to_string() } else { format!("{:e}", self.value) }
    }
}

impl Default for Extremes {
    fn default() -> Self {
        Self { least: End::NONE, greatest: End::NONE }
    }
}

impl End {
    const NONE: Self = Self { outermost: f64::INFINITY, next: f64::INFINITY, count: 0 };

    /// The lower end of these values; NaN are left out.
    fn of(values: &[f64; LANES], end: &mut [Self; LANES]) {
        for (end, v) in end.iter_mut().zip(values) {
            let below = *v < end.outermost;
            let between = *v > end.outermost && *v < end.next;
            end.next = if below {
                end.outermost
            } else if between {
                *v
            } else {
                end.next
            };
            end.count = if below { 1 } else { end.count + u64::from(*v == end.outermost) };
            end.outermost = if below { *v } else { end.outermost };
        }
    }

    fn merge(self, other: Self) -> Self {
        let (a, b) = if self.outermost <= other.outermost { (self, other) } else { (other, self) };
        if a.outermost == b.outermost {
            return Self { next: a.next.min(b.next), count: a.count + b.count, ..a };
        }
        Self { next: a.next.min(b.outermost), ..a }
    }
}

impl Extremes {
    /// Of the observed values.
    pub fn of<T: Copy + Into<f64>>(values: &[T], states: &[PixelState]) -> Self {
        let (mut least, mut greatest) = ([End::NONE; LANES], [End::NONE; LANES]);
        for (values, states) in values.chunks(LANES).zip(states.chunks(LANES)) {
            let mut observed = [f64::NAN; LANES];
            for ((o, v), s) in observed.iter_mut().zip(values).zip(states) {
                *o = if *s == PixelState::Observed { (*v).into() } else { f64::NAN };
            }
            End::of(&observed, &mut least);
            End::of(&observed.map(|v| -v), &mut greatest);
        }
        let all = |ends: [End; LANES]| ends.into_iter().fold(End::NONE, End::merge);
        Self { least: all(least), greatest: all(greatest) }
    }

    /// Takes the observed values of a block in.
    pub fn see<T: Copy + PartialOrd + Into<f64>>(&mut self, values: &[T], states: &[PixelState]) {
        let Some((least, greatest)) = range(values) else { return };
        // Most blocks lie well within what was seen: they change nothing.
        if least.into() < self.least.next || -greatest.into() < self.greatest.next {
            self.merge(&Self::of(values, states));
        }
    }

    /// Takes one value in.
    pub fn add(&mut self, value: f64) {
        self.merge(&Self::of(&[value], &[PixelState::Observed]));
    }

    /// Takes in what another one has seen.
    pub fn merge(&mut self, other: &Self) {
        *self = Self { least: self.least.merge(other.least), greatest: self.greatest.merge(other.greatest) };
    }

    /// The value that seems to stand for no data: an extreme above 1e15; one that lies a thousand times further from all others
    /// than these from one another; or a customary one, such as -9999, with none near it.
    pub fn stray(&self) -> Option<Stray> {
        let (low, high) = (self.least, self.greatest);
        let alone = |end: End, other: f64| {
            let (gap, rest) = (end.next - end.outermost, other - end.next);
            let customary = PLACEHOLDERS.contains(&end.outermost) && gap.is_finite() && gap > end.outermost.abs() / 2.0;
            end.outermost.is_finite()
                && (end.outermost.abs() >= ABSURD || (rest > 0.0 && gap > APART * rest) || customary)
        };
        let low = alone(low, -high.outermost).then_some(Stray { value: low.outermost, count: low.count });
        let high = alone(high, -self.least.outermost).then_some(Stray { value: -high.outermost, count: high.count });
        [low, high].into_iter().flatten().max_by(|a, b| a.value.abs().total_cmp(&b.value.abs()))
    }
}

/// The least and greatest of all values, observed or not.
fn range<T: Copy + PartialOrd>(values: &[T]) -> Option<(T, T)> {
    let first = *values.first()?;
    let (mut least, mut greatest) = ([first; LANES], [first; LANES]);
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for ((v, least), greatest) in block.iter().zip(&mut least).zip(&mut greatest) {
            *least = if *v < *least { *v } else { *least };
            *greatest = if *v > *greatest { *v } else { *greatest };
        }
    }
    let all = || rest.iter().chain(&least).chain(&greatest).copied();
    let least = all().fold(first, |a, b| if b < a { b } else { a });
    Some((least, all().fold(first, |a, b| if b > a { b } else { a })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(values: &[f64]) -> Option<Stray> {
        let all = |values: &[f64]| Extremes::of(values, &vec![PixelState::Observed; values.len()]);
        let mut parts = Extremes::default();
        let mut seen = Extremes::default();
        for part in values.chunks(2) {
            parts.merge(&all(part));
            seen.see(part, &[PixelState::Observed; 2][..part.len()]);
        }
        let whole = all(values);
        assert_eq!(whole, parts);
        assert_eq!(whole, seen);
        whole.stray()
    }

    fn of(value: f64, count: u64) -> Stray {
        Stray { value, count }
    }

    #[test]
    fn values_that_stand_for_no_data_are_found() {
        assert_eq!(stray(&[0.1, 0.2, -3.4e38, 0.3]), Some(of(-3.4e38, 1)));
        assert_eq!(stray(&[0.1, 3.4e38, -9.0, 0.2]), Some(of(3.4e38, 1)));
        assert_eq!(stray(&[0.1, -9999.0, 0.5, -9999.0, 0.2]), Some(of(-9999.0, 2)));
        assert_eq!(stray(&[3.4e38, 3.4e38]), Some(of(3.4e38, 2)));
        assert_eq!(stray(&[-9999.0, 100.0, 4000.0, -9999.0, 20_000.0]), Some(of(-9999.0, 2)));
    }

    #[test]
    fn values_of_any_sensor_are_left_alone() {
        assert_eq!(stray(&[]), None);
        assert_eq!(stray(&[7.0, 7.0]), None);
        // A flag of two values, counts with a bright spot, nodata of integers among their like.
        assert_eq!(stray(&[0.0, 255.0, 0.0]), None);
        assert_eq!(stray(&[120.0, 300.0, 800.0, 65_535.0]), None);
        assert_eq!(stray(&[-9999.0, -9000.0, 4000.0]), None);
        assert_eq!(stray(&[-9999.0, -9999.0]), None);
        assert_eq!(Extremes::of(&[-9999.0, 1.0], &[PixelState::Nodata, PixelState::Observed]).stray(), None);
    }
}
