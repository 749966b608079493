//! Every patch is cut once, in bounded memory.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn walk_all(order: &PatchOrder) -> Vec<ChunkStep> {
    let mut walk = HeldChunks::default();
    let steps = (0..order.strips().len()).flat_map(|s| order.steps(s, &mut walk)).collect();
    assert!(walk.held.is_empty(), "chunks held at the end: {:?}", walk.held);
    steps
}

proptest! {
    #[test]
    fn every_patch_is_cut_once_from_chunks_that_are_held(
        h in 1usize..300, w in 1usize..300, stride in 1usize..9, k in 1usize..5,
        bh in 1usize..80, bw in 1usize..80, batch in 1usize..40, memory in 1u64..200_000,
    ) {
        let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
        let input = OrderInput { height: h, width: w, block: (bh, bw), pixel_bytes: 3, channels: 2, batch_size: batch, memory };
        let order = PatchOrder::new(layout, &input);
        let mut held = BTreeMap::new();
        let mut cut = BTreeSet::new();
        for step in walk_all(&order) {
            for chunk in &step.reads {
                prop_assert!(held.insert(chunk.serial, chunk.window).is_none());
            }
            for chunk in &step.needs {
                prop_assert_eq!(held.get(&chunk.serial), Some(&chunk.window));
            }
            for i in step.patch_rows.clone() {
                for j in step.patch_cols.clone() {
                    prop_assert!(cut.insert((i, j)));
                    let inside = layout.window(i, j).intersect(&Window::new(0, 0, h, w)).unwrap();
                    let covered: usize =
                        step.needs.iter().filter_map(|c| c.window.intersect(&inside)).map(|w| w.len()).sum();
                    prop_assert_eq!(covered, inside.len());
                }
            }
            for serial in &step.releases {
                prop_assert!(held.remove(serial).is_some());
            }
        }
        prop_assert_eq!(cut.len(), layout.patches().0 * layout.patches().1);
        // Rows of cells are final in order, each once.
        let rows: Vec<usize> = (0..order.strips().len()).flat_map(|s| order.cell_rows(s)).collect();
        prop_assert_eq!(rows, (0..layout.cells().0).collect::<Vec<_>>());
    }

    #[test]
    fn with_room_each_pixel_is_read_once_in_whole_blocks(
        h in 1usize..2000, w in 1usize..2000, stride in 1usize..65, k in 1usize..5,
        bh in 1usize..600, bw in 1usize..600,
    ) {
        let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
        let input =
            OrderInput { height: h, width: w, block: (bh, bw), pixel_bytes: 3, channels: 2, batch_size: 8, memory: 1 << 30 };
        let order = PatchOrder::new(layout, &input);
        let reads: Vec<Window> = walk_all(&order).iter().flat_map(|s| &s.reads).map(|c| c.window).collect();
        prop_assert_eq!(reads.iter().map(Window::len).sum::<usize>(), h * w);
        for r in reads {
            prop_assert!(r.row % bh.min(h) == 0 && r.col % bw.min(w) == 0);
            prop_assert!(r.row_end() == h || r.row_end() % bh == 0);
            prop_assert!(r.col_end() == w || r.col_end() % bw == 0);
        }
    }
}

/// Most bytes of chunks held at once.
fn peak(order: &PatchOrder, pixel_bytes: usize) -> usize {
    let (mut now, mut most) = (0, 0);
    let mut sizes = BTreeMap::new();
    for step in walk_all(order) {
        for c in &step.reads {
            sizes.insert(c.serial, c.window.len() * pixel_bytes);
            now += c.window.len() * pixel_bytes;
        }
        most = most.max(now);
        for serial in &step.releases {
            now -= sizes.remove(serial).unwrap();
        }
    }
    most
}

#[test]
fn what_is_held_is_bounded_by_the_memory_and_not_by_the_scene() {
    let memory = 256 << 20;
    let cases = [(64, 64, (512, 512)), (64, 16, (512, 512)), (224, 112, (256, 256)), (64, 64, (1, 400_000))];
    for (patch, stride, block) in cases {
        let layout = PatchLayout::new(20_000, 400_000, patch, stride).unwrap();
        let input =
            OrderInput { height: 20_000, width: 400_000, block, pixel_bytes: 9, channels: 2, batch_size: 64, memory };
        let held = peak(&PatchOrder::new(layout, &input), 9);
        assert!(held as u64 <= memory, "{held} bytes held for patch {patch}, stride {stride}, block {block:?}");
    }
}

#[test]
fn the_cells_of_a_strip_are_bounded_by_the_memory_at_any_stride() {
    let memory = 256 << 20;
    // Ten classes. One row of blocks of 512 at stride 1 is 512 rows of 100,000 cells.
    for (patch, stride, width) in [(4, 1, 100_000), (64, 8, 400_000), (32, 4, 60_000)] {
        let layout = PatchLayout::new(6_000, width, patch, stride).unwrap();
        let block = (512, 512);
        let input = OrderInput { height: 6_000, width, block, pixel_bytes: 9, channels: 10, batch_size: 64, memory };
        let order = PatchOrder::new(layout, &input);
        // Sums, counts, values and states as they are held; the last strip has no rows after it.
        let bytes = |strip: usize| {
            let rows = order.cell_rows(strip).len();
            let after = if strip + 1 < order.strips().len() { layout.cells_per_patch() - 1 } else { 0 };
            let cols = layout.cells().1;
            cols * (rows * (10 * 8 + 4 + 10 * 4 + 1 + 2) + after * 2 * (10 * 8 + 4))
        };
        let most = (0..order.strips().len()).map(bytes).max().unwrap();
        assert!(most as u64 <= memory, "{most} bytes of cells for patch {patch}, stride {stride}");
        // The bound does not make strips needlessly short.
        assert!(most as u64 > memory / 8, "{most} bytes of cells for patch {patch}, stride {stride}");
    }
}

#[test]
fn a_batch_of_any_size_gives_a_plan() {
    let layout = PatchLayout::new(100, 100, 8, 4).unwrap();
    let (pixel_bytes, batch_size, memory) = (9, usize::MAX, u64::MAX);
    let input = OrderInput { height: 100, width: 100, block: (16, 16), pixel_bytes, channels: 2, batch_size, memory };
    assert_eq!(PatchOrder::new(layout, &input).strips().len(), 1);
}

#[test]
fn patches_that_keep_to_their_chunks_hold_one_chunk() {
    // Blocks of 512, patches of 64: a chunk is a block, 512 * 512 * 9 bytes.
    let layout = PatchLayout::new(4096, 40_960, 64, 64).unwrap();
    let input = OrderInput {
        height: 4096,
        width: 40_960,
        block: (512, 512),
        pixel_bytes: 9,
        channels: 2,
        batch_size: 64,
        memory: 256 << 20,
    };
    assert_eq!(peak(&PatchOrder::new(layout, &input), 9), 512 * 512 * 9);
}
