//! Quantiles, majority, minority and variety of zones, from how much each has of each value.

use crate::statistic::Percent;
use crate::value_table::{Entry, value_of};

/// What the different values of one zone and band tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranks {
    /// How many there are.
    pub variety: u64,
    pub by_area: Option<Ranked>,
    /// By the amounts of the weights raster; none where there is no amount.
    pub by_amount: Option<Ranked>,
}

/// Values picked by how much there is of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The value of which there is most; of equals the largest.
    pub majority: f64,
    /// The value of which there is least; of equals the smallest.
    pub minority: f64,
    /// In the order of the percentages that were asked for.
    pub quantiles: Vec<f64>,
}

/// Areas that differ by less than this share are equal but for rounding.
const EQUAL: f64 = 1e-9;

/// True where an area is less than another by more than rounding.
pub(crate) fn is_less(a: f64, b: f64) -> bool {
    a < b * (1.0 - EQUAL)
}

/// Sums over the values of a group.
#[derive(Clone, Copy, Default)]
struct Total {
    values: u64,
    weight: f64,
    most: Option<(f64, u64)>,
    least: Option<(f64, u64)>,
}

impl Total {
    fn add(&mut self, key: u64, weight: f64) {
        if weight <= 0.0 {
            return;
        }
        self.values += 1;
        self.weight += weight;
        // Values come in rising order.
        if self.most.is_none_or(|(most, _)| !is_less(weight, most)) {
            self.most = Some((weight, key));
        }
        if self.least.is_none_or(|(least, _)| is_less(weight, least)) {
            self.least = Some((weight, key));
        }
    }

    fn ranked(&self) -> Option<Ranked> {
        let ((_, most), (_, least)) = (self.most?, self.least?);
        Some(Ranked { majority: value_of(most), minority: value_of(least), quantiles: Vec::new() })
    }
}

/// Sums over the values of a group, by area and by amount.
#[derive(Clone, Copy, Default)]
pub(crate) struct Totals([Total; 2]);

impl Totals {
    /// Adds a value; they come in rising order.
    pub(crate) fn add(&mut self, entry: &Entry) {
        let [area, amount] = &mut self.0;
        area.add(entry.key, entry.area);
        amount.add(entry.key, entry.amount);
    }
}

/// The ranks of a group, from each of its values once in rising order.
pub(crate) fn ranks_of(entries: &[Entry], percents: &[Percent]) -> Ranks {
    let mut totals = Totals::default();
    for entry in entries {
        totals.add(entry);
    }
    let mut walk = QuantileWalk::new(&totals);
    if !percents.is_empty() {
        for entry in entries {
            walk.step(entry, percents);
        }
    }
    walk.ranks()
}

/// A way along the values of a group, whose totals are known.
///
/// The quantile of a share is the smallest value such that this and smaller values have that share of the total: the inverse of the
/// distribution function, Hyndman and Fan's type 1 (1996) with weights.
pub(crate) struct QuantileWalk {
    area: RankPosition,
    amount: RankPosition,
}

impl QuantileWalk {
    pub(crate) fn new(totals: &Totals) -> Self {
        let [area, amount] =
            totals.0.map(|total| RankPosition { total, ranked: total.ranked(), ..RankPosition::default() });
        Self { area, amount }
    }

    /// Goes on to the next value; finds the quantiles that lie before it.
    pub(crate) fn step(&mut self, entry: &Entry, percents: &[Percent]) {
        self.area.step(entry, entry.area, percents);
        self.amount.step(entry, entry.amount, percents);
    }

    pub(crate) fn ranks(self) -> Ranks {
        Ranks { variety: self.area.total.values, by_area: self.area.ranked, by_amount: self.amount.ranked }
    }
}

#[derive(Default)]
struct RankPosition {
    total: Total,
    ranked: Option<Ranked>,
    /// Values so far, and what there is of them.
    values: u64,
    weight: f64,
}

impl RankPosition {
    fn step(&mut self, entry: &Entry, weight: f64, percents: &[Percent]) {
        let Some(Ranked { quantiles, .. }) = &mut self.ranked else { return };
        if weight <= 0.0 {
            return;
        }
        self.values += 1;
        self.weight += weight;
        let is_last = self.values == self.total.values;
        // They are found in rising order, as the percentages are.
        while let Some(percent) = percents.get(quantiles.len()) {
            let is_reached = *percent != Percent::ALL && !is_less(self.weight, percent.share() * self.total.weight);
            if !is_reached && !is_last {
                break;
            }
            quantiles.push(value_of(entry.key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistic::Statistic;
    use crate::value_table::{ValueTable, key_of};

    fn percents(texts: &[&str]) -> Vec<Percent> {
        texts.iter().map(|text| text.parse::<Statistic>().unwrap().quantile().unwrap()).collect()
    }

    fn of(values: &[(f64, f64, f64)], texts: &[&str]) -> Ranks {
        let entries: Vec<Entry> = values
            .iter()
            .map(|(value, area, amount)| Entry { group: 1, key: key_of(*value), area: *area, amount: *amount })
            .collect();
        let mut table = ValueTable::new(3, 1 << 20, percents(texts));
        table.extend(&entries, &|_| false).unwrap();
        table.finish().unwrap().remove(1)
    }

    #[test]
    fn weighted_quantiles_by_hand() {
        // Values 10, 20, 40 with areas 1, 2, 1, of 4: up to 10 there is 1/4, up to 20 3/4.
        // Amounts 0, 1, 3: up to 20 there is 1/4; there is none of 10.
        let values = [(20.0, 2.0, 1.0), (40.0, 1.0, 3.0), (10.0, 1.0, 0.0)];
        let ranks = of(&values, &["q0", "q25", "q26", "median", "q75", "q76", "q100"]);
        let area = ranks.by_area.unwrap();
        assert_eq!(area.quantiles, [10.0, 10.0, 20.0, 20.0, 20.0, 40.0, 40.0]);
        assert_eq!((ranks.variety, area.majority, area.minority), (3, 20.0, 10.0));
        let amount = ranks.by_amount.unwrap();
        assert_eq!(amount.quantiles, [20.0, 20.0, 40.0, 40.0, 40.0, 40.0, 40.0]);
        assert_eq!((amount.majority, amount.minority), (40.0, 20.0));
    }

    #[test]
    fn equal_weights_are_type_1() {
        // R: quantile(c(3, 1, 7, 2), c(.1, .5, .9), type = 1) is 1, 2, 7.
        let ranks =
            of(&[(3.0, 2.0, 0.0), (1.0, 2.0, 0.0), (7.0, 2.0, 0.0), (2.0, 2.0, 0.0)], &["q10", "median", "q90"]);
        assert_eq!(ranks.by_area.unwrap().quantiles, [1.0, 2.0, 7.0]);
        assert_eq!(ranks.by_amount, None);
    }

    #[test]
    fn quantiles_of_repeated_values_are_these_values() {
        // 97.7 % ones.
        let ranks = of(&[(0.0, 2.3, 0.0), (1.0, 97.7, 0.0)], &["q0", "q2.3", "q2.4", "median", "q90"]);
        assert_eq!(ranks.by_area.unwrap().quantiles, [0.0, 0.0, 1.0, 1.0, 1.0]);
        // 88.7 % zeros, then many values once.
        let mut values = vec![(0.0, 887.0, 0.0)];
        values.extend((1..=113).map(|k| (f64::from(k) / 8.0, 1.0, 0.0)));
        let ranks = of(&values, &["median", "q88.7", "q88.8", "q95"]);
        assert_eq!(ranks.by_area.unwrap().quantiles, [0.0, 0.0, 0.125, 7.875]);
    }

    #[test]
    fn rounding_does_not_move_a_quantile() {
        // Three tenths, summed, are more than half of six; the largest value is the largest, however little there is of it.
        let ranks = of(&[(1.0, 0.3, 0.0), (2.0, 0.1 + 0.2, 0.0), (9.0, 1e-16, 0.0)], &["median", "q99.999", "q100"]);
        assert_eq!(ranks.by_area.unwrap().quantiles, [1.0, 2.0, 9.0]);
    }

    #[test]
    fn one_value_is_every_quantile_and_none_has_none() {
        assert_eq!(of(&[(4.5, 0.25, 0.0)], &["q0", "q50", "q100"]).by_area.unwrap().quantiles, [4.5; 3]);
        assert_eq!(of(&[], &["q50"]), Ranks::default());
    }
}
