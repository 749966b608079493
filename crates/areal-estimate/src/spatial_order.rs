//! A random order of grid cells that keeps neighbours together.

/// A random order of grid cells that keeps neighbours together: hierarchical randomisation of a quadrant address (the
/// ordering of GRTS; Stevens and Olsen 2004, JASA 99:262, section 3). A systematic sample along it is spread evenly over
/// the map, whatever its shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpatialOrder {
    seed: u64,
    levels: u32,
}

/// The 24 orders of four quadrants.
const PERMUTATIONS: [[u8; 4]; 24] = permutations();

const fn permutations() -> [[u8; 4]; 24] {
    let mut result = [[0u8; 4]; 24];
    let mut k = 0;
    let mut code = 0;
    while code < 256 {
        let p = [code & 3, (code >> 2) & 3, (code >> 4) & 3, (code >> 6) & 3];
        if p[0] != p[1] && p[0] != p[2] && p[0] != p[3] && p[1] != p[2] && p[1] != p[3] && p[2] != p[3] {
            result[k] = [p[0] as u8, p[1] as u8, p[2] as u8, p[3] as u8];
            k += 1;
        }
        code += 1;
    }
    result
}

impl SpatialOrder {
    /// An order of the cells of a `height` x `width` grid (at most 2^31 on a side).
    pub fn new(seed: u64, height: usize, width: usize) -> Self {
        let side = height.max(width).max(2) as u64;
        Self { seed, levels: (64 - (side - 1).leading_zeros()).min(31) }
    }

    /// Place of a cell in the order: distinct for distinct cells.
    pub fn key(&self, row: usize, col: usize) -> u64 {
        self.walk(row as u64, col as u64, 0)
    }

    /// Place of an aligned block of `2^log2` x `2^log2` cells, counted in blocks, among such blocks: all cells of a
    /// block lie together in the order.
    pub fn block_key(&self, block_row: usize, block_col: usize, log2: u32) -> u64 {
        self.walk((block_row as u64) << log2, (block_col as u64) << log2, log2.min(self.levels))
    }

    fn walk(&self, row: u64, col: u64, stop: u32) -> u64 {
        let (mut path, mut key) = (1u64, 0u64);
        for level in (stop..self.levels).rev() {
            let quadrant = (((row >> level) & 1) << 1) | ((col >> level) & 1);
            let order = PERMUTATIONS[(mix(self.seed ^ mix(path)) % 24) as usize];
            key = (key << 2) | u64::from(order[quadrant as usize]);
            // The path names the node of the tree, so that each has its own order.
            path = (path << 2) | quadrant;
        }
        key
    }
}

/// Steele, Lea and Flood 2014, the output function of `SplitMix64`.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_has_its_own_place_and_blocks_stay_together() {
        let order = SpatialOrder::new(7, 30, 32);
        let mut keys: Vec<u64> = (0..32).flat_map(|r| (0..32).map(move |c| order.key(r, c))).collect();
        keys.sort_unstable();
        assert_eq!(keys, (0..1024).collect::<Vec<u64>>());
        for (r, c) in [(0, 0), (13, 29), (31, 31)] {
            assert_eq!(order.key(r, c) >> 4, order.block_key(r >> 2, c >> 2, 2));
        }
        assert_ne!(SpatialOrder::new(8, 30, 32).key(3, 3), order.key(3, 3));
    }
}
