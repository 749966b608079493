//! Values that look like undeclared nodata, found by how extreme and how frequent they are.

/// No physical quantity that a sensor gives is as large: what is, stands for no data.
const ABSURD: f64 = 1e15;

/// How many times further a value must lie from all others than these from one another.
const APART: f64 = 1000.0;

/// The two least and the two greatest different values of a band, which tell whether a value that stands for no data
/// was not declared as such.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extremes {
    /// Ascending.
    least: [f64; 2],
    /// Descending.
    greatest: [f64; 2],
}

impl Default for Extremes {
    fn default() -> Self {
        Self { least: [f64::INFINITY; 2], greatest: [f64::NEG_INFINITY; 2] }
    }
}

impl Extremes {
    /// Takes a value in.
    pub fn add(&mut self, value: f64) {
        if value < self.least[0] {
            self.least = [value, self.least[0]];
        } else if value > self.least[0] && value < self.least[1] {
            self.least[1] = value;
        }
        if value > self.greatest[0] {
            self.greatest = [value, self.greatest[0]];
        } else if value < self.greatest[0] && value > self.greatest[1] {
            self.greatest[1] = value;
        }
    }

    /// Takes in what another one has seen.
    pub fn merge(&mut self, other: &Self) {
        for value in other.least.iter().chain(&other.greatest).filter(|v| v.is_finite()) {
            self.add(*value);
        }
    }

    /// The value that seems to stand for no data: an extreme above 1e15, or one that lies a thousand times further
    /// from all others than these from one another.
    pub fn stray(&self) -> Option<f64> {
        let ([low, second], [high, last]) = (self.least, self.greatest);
        let alone = |gap: f64, rest: f64| rest > 0.0 && gap > APART * rest;
        let low = Some(low).filter(|v| v.is_finite() && (v.abs() >= ABSURD || alone(second - v, high - second)));
        let high = Some(high).filter(|v| v.is_finite() && (v.abs() >= ABSURD || alone(v - last, last - self.least[0])));
        [low, high].into_iter().flatten().max_by(|a, b| a.abs().total_cmp(&b.abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(values: &[f64]) -> Option<f64> {
        let (mut whole, mut parts) = (Extremes::default(), Extremes::default());
        for value in values {
            whole.add(*value);
        }
        for part in values.chunks(2) {
            let mut extremes = Extremes::default();
            for value in part {
                extremes.add(*value);
            }
            parts.merge(&extremes);
        }
        assert_eq!(whole, parts);
        whole.stray()
    }

    #[test]
    fn values_that_stand_for_no_data_are_found() {
        assert_eq!(stray(&[0.1, 0.2, -3.4e38, 0.3]), Some(-3.4e38));
        assert_eq!(stray(&[0.1, 3.4e38, -9.0, 0.2]), Some(3.4e38));
        assert_eq!(stray(&[0.1, -9999.0, 0.5, -9999.0, 0.2]), Some(-9999.0));
        assert_eq!(stray(&[3.4e38, 3.4e38]), Some(3.4e38));
    }

    #[test]
    fn values_of_any_sensor_are_left_alone() {
        assert_eq!(stray(&[]), None);
        assert_eq!(stray(&[7.0, 7.0]), None);
        // A flag of two values, counts with a bright spot, nodata of integers among their like.
        assert_eq!(stray(&[0.0, 255.0, 0.0]), None);
        assert_eq!(stray(&[120.0, 300.0, 800.0, 65_535.0]), None);
        assert_eq!(stray(&[-9999.0, 100.0, 4000.0]), None);
    }
}
