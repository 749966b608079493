//! The order of patches in an epoch.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::Sampler;

/// A generator of its own for each purpose, epoch and place, so that a run can continue anywhere.
pub(crate) fn stream(seed: u64, purpose: u64, epoch: usize, place: usize) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    for (part, value) in key.chunks_exact_mut(8).zip([seed, purpose, epoch as u64, place as u64]) {
        part.copy_from_slice(&value.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The batches of one epoch: places in the training split, whose classes are `classes` (empty for a value).
pub(crate) fn epoch_batches(
    sampler: Sampler,
    patches: usize,
    classes: &[usize],
    batch_size: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = match sampler {
        Sampler::Balanced if !classes.is_empty() => balanced(classes, rng),
        _ => (0..patches).collect(),
    };
    order.shuffle(rng);
    even_batches(&order, batch_size)
}

/// As many of each class: each class is drawn from a list that is reshuffled when it is used up.
fn balanced(classes: &[usize], rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut decks = vec![Vec::new(); classes.iter().max().map_or(0, |m| m + 1)];
    for (place, class) in classes.iter().enumerate() {
        decks[*class].push(place);
    }
    decks.retain(|deck| !deck.is_empty());
    let mut next: Vec<usize> = decks.iter().map(Vec::len).collect();
    (0..classes.len())
        .map(|i| {
            let class = i % decks.len();
            if next[class] == decks[class].len() {
                decks[class].shuffle(rng);
                next[class] = 0;
            }
            next[class] += 1;
            decks[class][next[class] - 1]
        })
        .collect()
}

/// Batches of at most `batch_size` whose sizes differ by at most one: a last batch of one patch would spoil the
/// statistics of batch normalisation.
pub(crate) fn even_batches(order: &[usize], batch_size: usize) -> Vec<Vec<usize>> {
    let batches = order.len().div_ceil(batch_size.max(1)).max(1);
    let cut = |i: usize| i * order.len() / batches;
    (0..batches).map(|i| order[cut(i)..cut(i + 1)].to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_shuffled_epoch_has_every_patch_once(n in 1usize..200, size in 2usize..40, seed: u64) {
            let batches = epoch_batches(Sampler::Shuffled, n, &[], size, &mut stream(seed, 0, 1, 0));
            let mut all: Vec<usize> = batches.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
            let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            prop_assert!(*most <= size && most - least <= 1);
        }

        #[test]
        fn a_balanced_epoch_has_as_many_of_each_class(rare in 1usize..10, common in 10usize..100, seed: u64) {
            let classes: Vec<usize> = (0..rare + common).map(|i| if i < rare { 2 } else { 0 }).collect();
            let batches = epoch_batches(Sampler::Balanced, classes.len(), &classes, 16, &mut stream(seed, 0, 1, 0));
            let order = batches.concat();
            prop_assert_eq!(order.len(), classes.len());
            let of_rare = order.iter().filter(|p| classes[**p] == 2).count();
            prop_assert!(of_rare.abs_diff(order.len() - of_rare) <= 1);
            // Every patch of a class comes before any comes once more than another.
            let times = |p: usize| order.iter().filter(|q| **q == p).count();
            let counts: Vec<usize> = (0..rare).map(times).collect();
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }
    }

    #[test]
    fn epochs_differ_and_come_again() {
        let order = |epoch| epoch_batches(Sampler::Shuffled, 50, &[], 8, &mut stream(3, 0, epoch, 0));
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }
}
