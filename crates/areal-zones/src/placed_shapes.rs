//! Zone outlines on a grid, found by where they lie: in memory up to a bound, then in a temporary file.

use areal_grid::Window;

use crate::box_tree::BoxTree;
use crate::codec::{Reader, Writer};
use crate::shape::{Bounds, CHUNK, Edge};
use crate::spill::Spill;
use crate::{ZoneShape, ZonesError};

/// Bytes of an edge.
const EDGE: usize = 40;

/// Shapes on a grid, found by where they lie.
#[derive(Debug, Default)]
pub(crate) struct PlacedShapes {
    edges: Spill,
    /// Of each shape that encloses something its box; where it has several chunks of edges, their boxes after it.
    boxes: Vec<Bounds>,
    /// Where the edges and boxes of each shape begin, and after the last where they end.
    starts: Vec<(u64, u32)>,
    tree: BoxTree,
}

/// Takes shapes one by one.
pub(crate) struct Placing(PlacedShapes);

impl Placing {
    /// With so many bytes in memory.
    pub(crate) fn new(memory: usize) -> Self {
        Self(PlacedShapes { edges: Spill::new(memory), starts: vec![(0, 0)], ..PlacedShapes::default() })
    }

    pub(crate) fn push(&mut self, shape: &ZoneShape) -> Result<(), ZonesError> {
        let Self(placed) = self;
        let mut bytes = Vec::with_capacity(EDGE * shape.edges().len());
        let mut writer = Writer(&mut bytes);
        shape.edges().iter().for_each(|e| writer.numbers(&[e.x0, e.y0, e.x1, e.y1, e.sign]));
        placed.edges.push(&bytes).map_err(ZonesError::Temporary)?;
        placed.boxes.extend(shape.bounds());
        if shape.edges().len() > CHUNK {
            placed.boxes.extend(shape.chunks().map(|(bounds, _)| *bounds));
        }
        placed.starts.push((placed.edges.len(), placed.boxes.len() as u32));
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<PlacedShapes, ZonesError> {
        let Self(mut placed) = self;
        placed.edges.settle().map_err(ZonesError::Temporary)?;
        placed.tree = BoxTree::new(placed.len(), &|k| placed.bounds(k));
        Ok(placed)
    }
}

impl PlacedShapes {
    /// Of few shapes.
    ///
    /// # Errors
    /// As for all that may be in a temporary file.
    pub(crate) fn new(shapes: &[ZoneShape]) -> Result<Self, ZonesError> {
        let mut placing = Placing::new(usize::MAX);
        shapes.iter().try_for_each(|shape| placing.push(shape))?;
        placing.finish()
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The box of a shape; `None` where it encloses nothing.
    fn bounds(&self, number: usize) -> Option<Bounds> {
        self.boxes_of(number).first().copied()
    }

    fn boxes_of(&self, number: usize) -> &[Bounds] {
        &self.boxes[self.starts[number].1 as usize..self.starts[number + 1].1 as usize]
    }

    /// True where no cell of the grid beyond a window is in a shape. `size` is rows and columns of the grid.
    pub(crate) fn is_within(&self, number: usize, window: &Window, [height, width]: [usize; 2]) -> bool {
        let Some(b) = self.bounds(number) else { return true };
        let w = Bounds::of_window(window);
        let starts = b.x0.max(0.0) >= w.x0 && b.y0.max(0.0) >= w.y0;
        starts && b.x1.min(width as f64) <= w.x1 && b.y1.min(height as f64) <= w.y1
    }

    /// First row below a shape, by its number; 0 where it encloses nothing.
    pub(crate) fn end_row(&self, number: usize) -> usize {
        self.bounds(number).map_or(0, |b| b.y1.max(0.0).ceil() as usize)
    }

    /// The extent, within a window, of the boxes that touch it: first column and row, last column and row. `None` where none
    /// does.
    pub(crate) fn extent_in(&self, window: &Window) -> Option<[f64; 4]> {
        let w = Bounds::of_window(window);
        let all = self.tree.root()?;
        if all.x0.max(w.x0) >= all.x1.min(w.x1) || all.y0.max(w.y0) >= all.y1.min(w.y1) {
            return None;
        }
        let mut found: Option<Bounds> = None;
        self.tree.near(&w, &mut |number| {
            let Some(b) = self.bounds(number as usize).filter(|b| b.touches(&w)) else { return };
            let own = Bounds { x0: b.x0.max(w.x0), y0: b.y0.max(w.y0), x1: b.x1.min(w.x1), y1: b.y1.min(w.y1) };
            found = Some(found.map_or(own, |f| f.join(own)));
        });
        found.filter(|f| f.x1 > f.x0 && f.y1 > f.y0).map(|f| [f.x0, f.y0, f.x1, f.y1])
    }

    /// Numbers of those whose boxes touch a window, in order.
    pub(crate) fn near(&self, window: &Window) -> Vec<u32> {
        let w = Bounds::of_window(window);
        let mut numbers = Vec::new();
        self.tree.near(&w, &mut |number| {
            if self.bounds(number as usize).is_some_and(|b| b.touches(&w)) {
                numbers.push(number);
            }
        });
        numbers.sort_unstable();
        numbers
    }

    /// True where a shape may cover cells of a window.
    pub(crate) fn reaches(&self, number: u32, window: &Window) -> bool {
        self.bounds(number as usize).is_some_and(|b| b.matters_to(window) && b.x1 > window.col as f64)
    }

    /// Puts the edges of a shape that can matter to a window into `edges`.
    pub(crate) fn edges(&self, number: u32, window: &Window, edges: &mut Vec<Edge>) -> Result<(), ZonesError> {
        edges.clear();
        let number = number as usize;
        let (boxes, first, end) = (self.boxes_of(number), self.starts[number].0, self.starts[number + 1].0);
        let chunks = if boxes.len() > 1 { &boxes[1..] } else { boxes };
        let len = (end - first) as usize;
        let mut parse = |bytes: &[u8]| {
            let mut reader = Reader(bytes);
            edges.extend((0..bytes.len() / EDGE).map(|_| {
                let [x0, y0, x1, y1, sign] = reader.numbers();
                Edge { x0, y0, x1, y1, sign }
            }));
        };
        let mut from = 0;
        for wanted in chunks.chunk_by(|a, b| a.matters_to(window) == b.matters_to(window)) {
            let to = from + wanted.len();
            if wanted[0].matters_to(window) {
                let (start, stop) = (from * CHUNK * EDGE, (to * CHUNK * EDGE).min(len));
                let read = self.edges.read(first + start as u64, stop - start, &mut parse);
                read.map_err(ZonesError::Temporary)?;
            }
            from = to;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{LineString, MultiPolygon, Polygon, Rect};

    #[test]
    fn shapes_are_found_where_they_lie_in_the_order_of_their_numbers() {
        let square = |x: f64, y: f64| {
            ZoneShape::new(&MultiPolygon::new(vec![Rect::new((x, y), (x + 10.0, y + 10.0)).to_polygon()]))
        };
        let shapes = [square(50.0, 50.0), ZoneShape::default(), square(0.0, 0.0), square(5.0, 5.0)];
        let shapes = PlacedShapes::new(&shapes).unwrap();
        let near = |row, col| shapes.near(&Window::new(row, col, 8, 8));
        assert_eq!(near(0, 0), [2, 3]);
        assert_eq!(near(12, 12), [3]);
        assert_eq!(near(56, 45), [0]);
        assert!(near(30, 30).is_empty());
        assert_eq!(shapes.len(), 4);
    }

    #[test]
    fn edges_are_the_same_in_memory_and_on_the_disk() {
        let star = |n: usize| {
            let corner = |k: usize| {
                let (t, r) = (k as f64 / n as f64 * std::f64::consts::TAU, 30.0 + (k % 2) as f64);
                (40.0 + r * t.cos(), 40.0 + r * t.sin())
            };
            let ring = LineString::from((0..n).map(corner).collect::<Vec<_>>());
            ZoneShape::new(&MultiPolygon::new(vec![Polygon::new(ring, Vec::new())]))
        };
        let shapes = [star(5), star(1000), star(32), star(33)];
        for memory in [0, 200, 50_000, usize::MAX] {
            let mut placing = Placing::new(memory);
            for shape in &shapes {
                placing.push(shape).unwrap();
            }
            let placed = placing.finish().unwrap();
            for window in [Window::new(0, 0, 100, 100), Window::new(60, 10, 5, 20), Window::new(8, 50, 3, 90)] {
                for (k, shape) in shapes.iter().enumerate() {
                    let mut found = Vec::new();
                    placed.edges(k as u32, &window, &mut found).unwrap();
                    let wanted = shape.chunks().filter(|(b, _)| b.matters_to(&window));
                    assert_eq!(found, wanted.flat_map(|(_, edges)| edges).copied().collect::<Vec<_>>());
                }
            }
        }
    }
}
