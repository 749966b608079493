//! Steps from low to high in which a number is shown on maps.

/// Colours of steps, light to dark: told apart in print and by colour-blind readers (`YlGnBu` of `ColorBrewer`, Harrower and
/// Brewer 2003).
pub const STEP_COLOURS: [[u8; 3]; 5] =
    [[255, 255, 204], [161, 218, 180], [65, 182, 196], [44, 127, 184], [37, 52, 148]];

/// Limits of at most five groups of about equally many values, each limit once; none without a finite value.
pub fn step_limits(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut known: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
    known.sort_by(f64::total_cmp);
    let Some(last) = known.last().copied() else { return Vec::new() };
    let at = |k: usize| known[(k * known.len() / STEP_COLOURS.len()).min(known.len() - 1)];
    let mut limits: Vec<f64> = (0..STEP_COLOURS.len()).map(at).collect();
    limits.push(last);
    limits.dedup();
    if limits.len() == 1 { vec![last, last] } else { limits }
}

/// The colour of a step of so many: the lightest and darkest at the ends, the middle one for a single step.
pub fn step_colour(step: usize, steps: usize) -> [u8; 3] {
    STEP_COLOURS[if steps > 1 { step * (STEP_COLOURS.len() - 1) / (steps - 1) } else { 2 }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_equally_many_values() {
        assert_eq!(step_limits((0..10).rev().map(f64::from)), [0.0, 2.0, 4.0, 6.0, 8.0, 9.0]);
        assert_eq!(step_limits([3.0, f64::NAN]), [3.0, 3.0]);
        assert_eq!(step_limits([1.0, 2.0, 1.0]), [1.0, 2.0]);
        assert_eq!(step_limits([0.0, 0.0, 0.0, 4.0]), [0.0, 4.0]);
        assert!(step_limits([]).is_empty());
        assert_eq!([step_colour(0, 2), step_colour(1, 2), step_colour(0, 1)], [0, 4, 2].map(|k| STEP_COLOURS[k]));
    }
}
