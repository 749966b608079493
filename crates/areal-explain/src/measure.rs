//! Areas under curves and rank correlation.

use ndarray::Array2;

/// Area under a curve by the trapezoid rule, over `x` from 0 to 1 in equal steps.
pub fn area_under(scores: &[f64]) -> f64 {
    if scores.len() < 2 {
        return scores.first().copied().unwrap_or(0.0);
    }
    let step = 1.0 / (scores.len() - 1) as f64;
    scores.windows(2).map(|w| 0.5 * (w[0] + w[1]) * step).sum()
}

/// Pixels from the most to the least salient; equal ones in reading order.
pub fn order(map: &Array2<f32>) -> Vec<usize> {
    let values: Vec<f32> = map.iter().copied().collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order
}

/// Spearman's rank correlation (1904): Pearson's of the ranks, equal values sharing their mean rank. None
/// where one side has no spread.
pub fn rank_correlation(a: &Array2<f32>, b: &Array2<f32>) -> Option<f64> {
    let (a, b) = (ranks(a), ranks(b));
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
    let (ma, mb) = (mean(&a), mean(&b));
    let sum = |f: fn(f64, f64) -> f64| a.iter().zip(&b).map(|(x, y)| f(x - ma, y - mb)).sum::<f64>();
    let (ab, aa, bb) = (sum(|x, y| x * y), sum(|x, _| x * x), sum(|_, y| y * y));
    (aa > 0.0 && bb > 0.0).then(|| ab / (aa * bb).sqrt())
}

fn ranks(map: &Array2<f32>) -> Vec<f64> {
    let values: Vec<f32> = map.iter().copied().collect();
    let order = order(map);
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let mut end = first + 1;
        while end < order.len() && values[order[end]] == values[order[first]] {
            end += 1;
        }
        for place in &order[first..end] {
            ranks[*place] = (first + end - 1) as f64 / 2.0;
        }
        first = end;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_trapezoid_rule_by_hand() {
        // (1 + 0.5)/2 * 0.5 + (0.5 + 0)/2 * 0.5 = 0.375 + 0.125
        assert_eq!(area_under(&[1.0, 0.5, 0.0]), 0.5);
        assert_eq!(area_under(&[1.0, 1.0, 0.0]), 0.75);
    }

    #[test]
    fn rank_correlation_by_hand() {
        let a = array![[1.0, 2.0], [3.0, 4.0]];
        assert_eq!(rank_correlation(&a, &a.mapv(|v: f32| v.exp())), Some(1.0));
        assert_eq!(rank_correlation(&a, &a.mapv(|v: f32| -v)), Some(-1.0));
        // Ranks 1 2 3 4 against 1 2.5 2.5 4: cov 4.5, variances 5 and 4.5; 4.5 / sqrt(22.5) = 0.9486833.
        let r = rank_correlation(&a, &array![[1.0, 2.0], [2.0, 4.0]]).unwrap();
        assert!((r - 0.948_683_298_050_513_8).abs() < 1e-12);
        assert_eq!(rank_correlation(&a, &array![[1.0, 1.0], [1.0, 1.0]]), None);
    }
}
