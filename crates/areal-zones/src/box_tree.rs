//! Which of many boxes touch a window: a packed tree of boxes, of a few bytes a box.

use crate::shape::Bounds;

/// Boxes under one of the next level.
const WIDTH: usize = 16;

/// A tree over boxes that are kept elsewhere.
#[derive(Debug, Default)]
pub(crate) struct BoxTree {
    /// Numbers of boxes, neighbours near each other.
    order: Vec<u32>,
    /// From the level above the boxes to the root: each box holds [`WIDTH`] of the level below.
    levels: Vec<Vec<Bounds>>,
}

impl BoxTree {
    /// Over the boxes of numbers up to `count`; numbers without one are in no window.
    pub(crate) fn new(count: usize, of: &dyn Fn(usize) -> Option<Bounds>) -> Self {
        let boxes = || (0..count).filter_map(|k| of(k).map(|b| (k as u32, b)));
        let Some(all) = boxes().map(|(_, b)| b).reduce(Bounds::join) else { return Self::default() };
        let place = |b: &Bounds| {
            let share = |low: f64, high: f64, from: f64, to: f64| {
                let share = (0.5 * (low + high) - from) / (to - from);
                // A number that is none is put first.
                (share.clamp(0.0, 1.0) * f64::from(u16::MAX)) as u32
            };
            spread(share(b.x0, b.x1, all.x0, all.x1)) | spread(share(b.y0, b.y1, all.y0, all.y1)) << 1
        };
        let mut places: Vec<(u32, u32)> = boxes().map(|(k, b)| (place(&b), k)).collect();
        places.sort_unstable();
        let order: Vec<u32> = places.into_iter().map(|(_, k)| k).collect();
        let join = |boxes: &mut dyn Iterator<Item = Bounds>| boxes.reduce(Bounds::join).expect("a chunk is not empty");
        let mut levels: Vec<Vec<Bounds>> = Vec::new();
        let mut level: Vec<Bounds> =
            order.chunks(WIDTH).map(|chunk| join(&mut chunk.iter().filter_map(|k| of(*k as usize)))).collect();
        while level.len() > 1 {
            let above = level.chunks(WIDTH).map(|chunk| join(&mut chunk.iter().copied())).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { order, levels }
    }

    /// The box around all boxes.
    pub(crate) fn root(&self) -> Option<Bounds> {
        self.levels.last().and_then(|level| level.first()).copied()
    }

    /// Calls `each` with the numbers of boxes that may touch another one, in no order.
    pub(crate) fn near(&self, window: &Bounds, each: &mut dyn FnMut(u32)) {
        if let Some(top) = self.levels.len().checked_sub(1) {
            self.walk(top, 0, window, each);
        }
    }

    fn walk(&self, level: usize, node: usize, window: &Bounds, each: &mut dyn FnMut(u32)) {
        if !self.levels[level][node].touches(window) {
            return;
        }
        let below = |len: usize| node * WIDTH..((node + 1) * WIDTH).min(len);
        match level.checked_sub(1) {
            Some(next) => below(self.levels[next].len()).for_each(|node| self.walk(next, node, window, each)),
            None => self.order[below(self.order.len())].iter().for_each(|number| each(*number)),
        }
    }
}

/// Puts a zero between the bits of a number of 16 bits.
fn spread(bits: u32) -> u32 {
    let mut x = bits & 0xffff;
    x = (x | x << 8) & 0x00ff_00ff;
    x = (x | x << 4) & 0x0f0f_0f0f;
    x = (x | x << 2) & 0x3333_3333;
    (x | x << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_near_a_window_are_those_that_touch_it() {
        let mut seed = 7u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as f64 / (1u64 << 31) as f64
        };
        let mut random = |size: f64| {
            let (x0, y0) = (100.0 * next(), 100.0 * next());
            Bounds { x0, y0, x1: x0 + size * next(), y1: y0 + size * next() }
        };
        for count in [0, 1, 15, 16, 17, 257, 1000] {
            let boxes: Vec<Option<Bounds>> = (0..count).map(|k| (k % 5 > 0).then(|| random(9.0))).collect();
            let tree = BoxTree::new(count, &|k| boxes[k]);
            for _ in 0..50 {
                let window = random(30.0);
                let touches = |k: &u32| boxes[*k as usize].is_some_and(|b| b.touches(&window));
                let mut found = Vec::new();
                tree.near(&window, &mut |k| found.push(k));
                found.retain(touches);
                found.sort_unstable();
                assert_eq!(found, (0..count as u32).filter(touches).collect::<Vec<_>>());
            }
        }
    }
}
