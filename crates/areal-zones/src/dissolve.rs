//! The union of the features of one zone, with a check of its area.

use geo::orient::Direction;
use geo::{Area, BooleanOps, BoundingRect, Euclidean, Length, MultiPolygon, Orient, Polygon, unary_union};

use crate::validity::find_fault;

/// A union whose area cannot be right, in square units of the CRS of the zones.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error(
    "its {features} features were united to an area of {found}, but it must be from {least} to {most} (square units of the \
     CRS of the zones)"
)]
pub struct LostArea {
    pub features: usize,
    /// Area of the union.
    pub found: f64,
    /// The least and the most that it can be.
    pub least: f64,
    pub most: f64,
}

/// Areas that differ by less than this share are equal but for rounding.
const EQUAL: f64 = 1e-6;
/// Steps of the grid that a union rounds vertices to, over the longer side of all it unites; at least.
const STEPS: f64 = (1u64 << 28) as f64;

/// The union of valid features. Those that neither touch nor overlap are kept to the last digit.
pub(crate) fn unite(mut features: Vec<MultiPolygon<f64>>) -> Result<MultiPolygon<f64>, LostArea> {
    if features.len() < 2 {
        return Ok(features.pop().unwrap_or_else(|| MultiPolygon::new(Vec::new())));
    }
    let all = MultiPolygon::new(features.iter().flatten().cloned().collect());
    if find_fault(&all).is_none() {
        return Ok(all);
    }
    let united = union(&all);
    check(&features, &all, united.unsigned_area())?;
    Ok(united)
}

/// The union of valid polygons, wound either way. `unary_union` tells inside from outside by the winding of the first ring, and
/// loses polygons that are wound the other way.
fn union(parts: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let oriented: Vec<Polygon<f64>> = parts.iter().map(|part| part.orient(Direction::Default)).collect();
    unary_union(&oriented)
}

/// The area of a union is that of the features together, or where some overlap that of a union made in another way: of two
/// at a time, by the even-odd rule.
fn check(features: &[MultiPolygon<f64>], all: &MultiPolygon<f64>, found: f64) -> Result<(), LostArea> {
    let areas = || features.iter().map(Area::unsigned_area);
    let sum: f64 = areas().sum();
    let step = all.bounding_rect().map_or(0.0, |b| b.width().max(b.height())) / STEPS;
    let outlines: f64 = all.iter().map(|part| Euclidean.length(part.exterior())).sum();
    let rounding = EQUAL * sum + step * outlines;
    let lost = |least, most| LostArea { features: features.len(), found, least, most };
    let largest = areas().fold(0.0, f64::max);
    if found < largest - rounding || found > sum + rounding {
        return Err(lost(largest, sum));
    }
    if found >= sum - rounding {
        return Ok(());
    }
    let expected = in_pairs(features).unsigned_area();
    if (found - expected).abs() > rounding { Err(lost(expected, expected)) } else { Ok(()) }
}

/// The union of one half of the features with that of the other half.
fn in_pairs(features: &[MultiPolygon<f64>]) -> MultiPolygon<f64> {
    match features {
        [] => MultiPolygon::new(Vec::new()),
        [one] => one.clone(),
        _ => {
            let (a, b) = features.split_at(features.len() / 2);
            in_pairs(a).union(&in_pairs(b))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::wkt;

    /// Squares with sides of 2, all touching or overlapping: the second is wound clockwise.
    fn squares() -> Vec<MultiPolygon<f64>> {
        vec![
            wkt!(MULTIPOLYGON(((0. 0.,2. 0.,2. 2.,0. 2.,0. 0.)))),
            wkt!(MULTIPOLYGON(((2. 0.,2. 2.,4. 2.,4. 0.,2. 0.)))),
            wkt!(MULTIPOLYGON(((3. 1.,5. 1.,5. 3.,3. 3.,3. 1.)))),
        ]
    }

    #[test]
    fn features_wound_either_way_are_united_whole() {
        let parts = squares();
        // Side by side: 4 + 4. The third covers a unit of the second: 8 + 4 - 1.
        for (count, expected) in [(2, 8.0), (3, 11.0)] {
            for turned in [false, true] {
                let mut some = parts[..count].to_vec();
                if turned {
                    some.reverse();
                }
                let area = unite(some).unwrap().unsigned_area();
                assert!((area - expected).abs() < 1e-6, "{count} {turned}: {area}");
            }
        }
    }

    #[test]
    fn a_union_that_lost_a_feature_is_an_error() {
        let parts = squares();
        let checked = |count: usize, found: f64| {
            let all = MultiPolygon::new(parts[..count].iter().flatten().cloned().collect());
            check(&parts[..count], &all, found)
        };
        assert_eq!(checked(2, 8.0), Ok(()));
        assert_eq!(checked(3, 11.0), Ok(()));
        // Less than the largest, more than the sum, a feature missing.
        for (found, least, most) in [(3.0, 4.0, 12.0), (12.1, 4.0, 12.0)] {
            assert_eq!(checked(3, found), Err(LostArea { features: 3, found, least, most }));
        }
        let lost = checked(2, 4.0).unwrap_err();
        assert!((lost.least - 8.0).abs() < 1e-6 && lost.most == lost.least, "{lost}");
        assert!(checked(3, 8.0).is_err());
    }

    #[test]
    fn features_apart_are_kept_to_the_last_digit() {
        let apart =
            vec![wkt!(MULTIPOLYGON(((0.1 0.,2. 0.,2. 2.,0.1 0.)))), wkt!(MULTIPOLYGON(((7. 0.,8. 0.3,9. 0.1,7. 0.))))];
        let expected = MultiPolygon::new(apart.iter().flatten().cloned().collect());
        assert_eq!(unite(apart), Ok(expected));
    }
}
