//! Colours of maps.

use areal_grid::STEP_COLOURS as STEPS;

/// A colour of the ramp, `t` from 0 (low) to 1 (high).
pub fn ramp(t: f64) -> [u8; 3] {
    let x = t.clamp(0.0, 1.0) * (STEPS.len() - 1) as f64;
    let k = (x as usize).min(STEPS.len() - 2);
    let u = x - k as f64;
    std::array::from_fn(|c| (f64::from(STEPS[k][c]) * (1.0 - u) + f64::from(STEPS[k + 1][c]) * u).round() as u8)
}

/// `#rrggbb`.
pub fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ramp_runs_through_its_steps() {
        assert_eq!((ramp(0.0), ramp(0.5), ramp(1.0)), (STEPS[0], STEPS[2], STEPS[4]));
        // Half way between the first two: (255+161)/2, (255+218)/2, (204+180)/2.
        assert_eq!(ramp(0.125), [208, 237, 192]);
        assert_eq!(hex([1, 171, 255]), "#01abff");
    }
}
