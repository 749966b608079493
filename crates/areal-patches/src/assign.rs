//! Units of place (blocks, polygons) to splits, so that every split gets its share of every class.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::SplitFractions;
use areal_store::Split;

/// A unit that is never divided: its patches by class.
pub(crate) type Counts = Vec<u64>;

/// Assigns units to splits: iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011) over units of many
/// patches. The class with the fewest patches left goes first, its units from the largest down, each to the split that
/// lacks most of that class; but when only as many units are left as there are splits without the class, each of those
/// splits gets one, training first, then the split with the larger share. So a class found in one unit is trained on,
/// and one found in three is in every split.
///
/// `units` are in an order of their own (by place or name); equal ones are shuffled by the seed.
pub(crate) fn assign(units: &[Counts], fractions: &SplitFractions, seed: u64) -> Vec<Split> {
    let classes = units.iter().map(Vec::len).max().unwrap_or(0);
    let mut state = State::new(units, fractions, classes);
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    while let Some(class) = state.rarest(&order) {
        let of = |unit: usize| units[unit].get(class).copied().unwrap_or(0);
        let mut with: Vec<usize> = order.iter().copied().filter(|u| state.open(*u) && of(*u) > 0).collect();
        with.sort_by_key(|unit| std::cmp::Reverse(of(*unit)));
        for (i, unit) in with.iter().enumerate() {
            let split = state.choose(class, with.len() - i);
            state.put(*unit, split);
        }
    }
    state.result()
}

struct State<'a> {
    units: &'a [Counts],
    fractions: &'a SplitFractions,
    /// Splits with a share, in the order in which they get a class that is in few units.
    splits: Vec<Split>,
    chosen: Vec<Option<Split>>,
    /// By split and class: patches still wanted (may fall below 0), and patches given.
    wanted: [Vec<f64>; 3],
    given: [Vec<u64>; 3],
}

impl<'a> State<'a> {
    fn new(units: &'a [Counts], fractions: &'a SplitFractions, classes: usize) -> Self {
        let total = |class: usize| units.iter().filter_map(|u| u.get(class)).sum::<u64>() as f64;
        let wanted = Split::ALL.map(|split| (0..classes).map(|c| fractions.of(split) * total(c)).collect());
        let mut splits: Vec<Split> = fractions.wanted().collect();
        // Training first; then the larger share, of equal ones the test.
        splits.sort_by(|a, b| {
            let key = |s: &Split| (*s != Split::Train, -fractions.of(*s), std::cmp::Reverse(*s));
            key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal)
        });
        let chosen = vec![None; units.len()];
        Self { units, fractions, splits, chosen, wanted, given: std::array::from_fn(|_| vec![0; classes]) }
    }

    fn open(&self, unit: usize) -> bool {
        self.chosen[unit].is_none()
    }

    /// The class with the fewest patches in open units, but some; of equal ones the first.
    fn rarest(&self, order: &[usize]) -> Option<usize> {
        let left = |class: usize| -> u64 {
            order.iter().filter(|u| self.open(**u)).filter_map(|u| self.units[*u].get(class)).sum()
        };
        (0..self.given[0].len()).map(|c| (left(c), c)).filter(|(n, _)| *n > 0).min().map(|(_, c)| c)
    }

    /// The split for the next of `left` open units that have the class.
    fn choose(&self, class: usize, left: usize) -> Split {
        let lacking: Vec<Split> = self.splits.iter().copied().filter(|s| self.given[s.index()][class] == 0).collect();
        if let Some(first) = lacking.first()
            && left <= lacking.len()
        {
            return *first;
        }
        let all = |split: Split| self.wanted[split.index()].iter().sum::<f64>();
        let most = self.splits.iter().copied().max_by(|a, b| {
            let key = |s: Split| (self.wanted[s.index()][class], all(s), self.fractions.of(s));
            // Of equal ones the earlier in the list of splits.
            key(*a).partial_cmp(&key(*b)).unwrap_or(std::cmp::Ordering::Equal).then(std::cmp::Ordering::Greater)
        });
        most.unwrap_or(Split::Train)
    }

    fn put(&mut self, unit: usize, split: Split) {
        self.chosen[unit] = Some(split);
        for (class, n) in self.units[unit].iter().enumerate() {
            self.wanted[split.index()][class] -= *n as f64;
            self.given[split.index()][class] += n;
        }
    }

    fn result(self) -> Vec<Split> {
        // A unit without any patch is in no class's turn; it does not matter where it goes.
        self.chosen.into_iter().map(|split| split.unwrap_or(Split::Train)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fractions(s: [f64; 3]) -> SplitFractions {
        SplitFractions::try_from(s).unwrap()
    }

    fn splits_of(units: &[Counts], assigned: &[Split], class: usize) -> usize {
        Split::ALL.iter().filter(|s| units.iter().zip(assigned).any(|(u, a)| a == *s && u[class] > 0)).count()
    }

    proptest! {
        #[test]
        fn a_class_of_its_own_is_in_as_many_splits_as_it_can_be(
            units in prop::collection::vec((0usize..4, 1u64..50), 1..30), seed: u64,
        ) {
            let classes = 4;
            let units: Vec<Counts> = units.into_iter().map(|(class, n)| {
                (0..classes).map(|c| if c == class { n } else { 0 }).collect()
            }).collect();
            let assigned = assign(&units, &SplitFractions::default(), seed);
            prop_assert_eq!(&assigned, &assign(&units, &SplitFractions::default(), seed));
            for class in 0..classes {
                let having = units.iter().filter(|u| u[class] > 0).count();
                prop_assert_eq!(splits_of(&units, &assigned, class), having.min(3));
                let trained = units.iter().zip(&assigned).any(|(u, a)| *a == Split::Train && u[class] > 0);
                prop_assert_eq!(trained, having > 0);
            }
        }
    }

    #[test]
    fn shares_are_met_when_units_are_many() {
        let units: Vec<Counts> = (0..200).map(|i| vec![10, u64::from(i % 10 == 0) * 5]).collect();
        let assigned = assign(&units, &fractions([0.6, 0.2, 0.2]), 7);
        for (class, total) in [(0, 2000.0), (1, 100.0)] {
            for (split, share) in Split::ALL.into_iter().zip([0.6, 0.2, 0.2]) {
                let n: u64 = units.iter().zip(&assigned).filter(|(_, a)| **a == split).map(|(u, _)| u[class]).sum();
                assert!((n as f64 / total - share).abs() < 0.03, "class {class}, {split}: {n}");
            }
        }
    }

    #[test]
    fn a_class_in_two_units_is_trained_on_and_tested() {
        let assigned = assign(&[vec![5], vec![8]], &SplitFractions::default(), 1);
        assert_eq!(assigned, [Split::Test, Split::Train]);
        let assigned = assign(&[vec![5], vec![8]], &fractions([0.8, 0.2, 0.0]), 1);
        assert_eq!(assigned, [Split::Validation, Split::Train]);
    }

    #[test]
    fn the_seed_decides_among_equal_units() {
        let units = vec![vec![1]; 40];
        let by_seed = |seed| assign(&units, &SplitFractions::default(), seed);
        assert_ne!(by_seed(1), by_seed(2));
        assert_eq!(by_seed(3), by_seed(3));
    }
}
