//! Quantiles, majority, minority and variety of zones, from how much each has of each value.

use crate::statistic::Percent;
use crate::value_table::{Entry, value_of};

/// What the different values of one zone and band tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ranks {
    /// How many there are.
    pub variety: u64,
    /// By true area.
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
    let mut walk = Walk::new(&totals);
    if !percents.is_empty() {
        for entry in entries {
            walk.step(entry, percents);
        }
    }
    walk.ranks()
}

/// A way along the values of a group, whose totals are known.
///
/// A quantile lies on the line through the values, sorted, each at the place `s_k = k w_k + (n - 1) (w_0 + ... + w_(k-1))`,
/// `k` from 0, of `n` different values with the weights `w`: the share `q` is at `q (n - 1) (w_0 + ... + w_(n-1))`. With equal
/// weights that is Hyndman and Fan's type 7 (1996). exactextract has the same.
pub(crate) struct Walk {
    area: Line,
    amount: Line,
}

impl Walk {
    pub(crate) fn new(totals: &Totals) -> Self {
        let [area, amount] = totals.0.map(|total| Line { total, ranked: total.ranked(), ..Line::default() });
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
struct Line {
    total: Total,
    ranked: Option<Ranked>,
    /// Values so far, and what there is of them.
    values: u64,
    weight: f64,
    /// The last place and its value.
    before: (f64, f64),
}

impl Line {
    fn step(&mut self, entry: &Entry, weight: f64, percents: &[Percent]) {
        let Some(Ranked { quantiles, .. }) = &mut self.ranked else { return };
        if weight <= 0.0 {
            return;
        }
        quantiles.resize(percents.len(), f64::NAN);
        let steps = (self.total.values - 1) as f64;
        let place = self.values as f64 * weight + steps * self.weight;
        let value = value_of(entry.key);
        let (from, low) = self.before;
        let is_first = self.values == 0;
        self.values += 1;
        let is_last = self.values == self.total.values;
        for (percent, quantile) in percents.iter().zip(quantiles) {
            let wanted = percent.share() * steps * self.total.weight;
            if !is_first && (from..place).contains(&wanted) {
                *quantile = low + (wanted - from) * (value - low) / (place - from);
            } else if is_last && wanted >= place {
                *quantile = value;
            }
        }
        self.weight += weight;
        self.before = (place, value);
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
        // Values 10, 20, 40 with areas 1, 2, 1: places 0; 1 * 2 + 2 * 1 = 4; 2 * 1 + 2 * 3 = 8, of 2 * 4 = 8.
        // q25 at 2: half-way from 10 to 20; the median at 4: 20; q75 at 6: half-way from 20 to 40.
        // Amounts 0, 1, 3: places of 20 and 40 are 0 and 1 * 3 + 1 * 1 = 4 of 4; q25 at 1: 20 + 20 / 4.
        let ranks =
            of(&[(20.0, 2.0, 1.0), (40.0, 1.0, 3.0), (10.0, 1.0, 0.0)], &["q0", "q25", "median", "q75", "q100"]);
        let area = ranks.by_area.unwrap();
        assert_eq!(area.quantiles, [10.0, 15.0, 20.0, 30.0, 40.0]);
        assert_eq!((ranks.variety, area.majority, area.minority), (3, 20.0, 10.0));
        let amount = ranks.by_amount.unwrap();
        assert_eq!(amount.quantiles, [20.0, 25.0, 30.0, 35.0, 40.0]);
        assert_eq!((amount.majority, amount.minority), (40.0, 20.0));
    }

    #[test]
    fn equal_weights_are_type_7() {
        // R: quantile(c(3, 1, 7, 2), c(.1, .5, .9)) is 1.3, 2.5, 5.8.
        let ranks =
            of(&[(3.0, 2.0, 0.0), (1.0, 2.0, 0.0), (7.0, 2.0, 0.0), (2.0, 2.0, 0.0)], &["q10", "median", "q90"]);
        for (found, expected) in ranks.by_area.unwrap().quantiles.iter().zip([1.3, 2.5, 5.8]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(ranks.by_amount, None);
    }

    #[test]
    fn one_value_is_every_quantile_and_none_has_none() {
        assert_eq!(of(&[(4.5, 0.25, 0.0)], &["q0", "q50", "q100"]).by_area.unwrap().quantiles, [4.5; 3]);
        assert_eq!(of(&[], &["q50"]), Ranks::default());
    }
}
