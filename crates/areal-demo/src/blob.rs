//! Rounded, irregular outlines.

use std::f64::consts::TAU;

use crate::noise::{Point, roll};

/// A rounded, irregular outline: distance from the centre as a function of the direction.
#[derive(Debug, Clone)]
pub struct Blob {
    pub centre: Point,
    /// Mean radius in metres.
    pub radius: f64,
    waves: [(f64, f64); 5],
}

impl Blob {
    /// A blob whose outline deviates from a circle by at most 30 %.
    pub fn new(centre: Point, radius: f64, key: u64) -> Self {
        let waves =
            [2, 3, 4, 5, 7].map(|k| (0.32 * (roll(key, k) - 0.5) / (k as f64).sqrt(), TAU * roll(key, 100 + k)));
        Self { centre, radius, waves }
    }

    fn reach(&self, direction: f64) -> f64 {
        let sum: f64 =
            [2.0, 3.0, 4.0, 5.0, 7.0].iter().zip(self.waves).map(|(k, (a, p))| a * (k * direction + p).cos()).sum();
        self.radius * (1.0 + sum)
    }

    /// True inside.
    pub fn contains(&self, p: Point) -> bool {
        let (dx, dy) = (p[0] - self.centre[0], p[1] - self.centre[1]);
        let d2 = dx * dx + dy * dy;
        d2 < (1.5 * self.radius).powi(2) && d2.sqrt() < self.reach(dy.atan2(dx))
    }

    /// The outline as `n` points, counter-clockwise, not closed; `grow` 1 is the outline itself.
    pub fn ring(&self, n: usize, grow: f64) -> Vec<Point> {
        (0..n)
            .map(|k| {
                let direction = TAU * k as f64 / n as f64;
                let r = grow * self.reach(direction);
                [self.centre[0] + r * direction.cos(), self.centre[1] + r * direction.sin()]
            })
            .collect()
    }
}
