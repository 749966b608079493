//! Zone outlines on a grid, in a spatial index.

use areal_grid::Window;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, Envelope, RTree};

use crate::ZoneShape;

/// Shapes on a grid, found by where they lie.
pub struct PlacedShapes {
    shapes: Vec<ZoneShape>,
    /// Their boxes, with their numbers; shapes that enclose nothing are not there.
    boxes: RTree<GeomWithData<Rectangle<[f64; 2]>, u32>>,
}

impl PlacedShapes {
    pub fn new(shapes: Vec<ZoneShape>) -> Self {
        let entry = |(number, shape): (usize, &ZoneShape)| {
            let [x0, y0, x1, y1] = shape.extent()?;
            Some(GeomWithData::new(Rectangle::from_corners([x0, y0], [x1, y1]), number as u32))
        };
        let boxes = RTree::bulk_load(shapes.iter().enumerate().filter_map(entry).collect());
        Self { shapes, boxes }
    }

    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// True where no cell of the grid beyond a window is in a shape. `size` is rows and columns of the grid.
    pub(crate) fn is_within(&self, number: usize, window: &Window, [height, width]: [usize; 2]) -> bool {
        let Some([x0, y0, x1, y1]) = self.shapes[number].extent() else { return true };
        let (low, high) = corners(window);
        let starts = x0.max(0.0) >= low[0] && y0.max(0.0) >= low[1];
        starts && x1.min(width as f64) <= high[0] && y1.min(height as f64) <= high[1]
    }

    /// First row below a shape, by its number; 0 where it encloses nothing.
    pub(crate) fn end_row(&self, number: usize) -> usize {
        self.shapes[number].extent().map_or(0, |[_, _, _, y1]| y1.max(0.0).ceil() as usize)
    }

    /// The extent, within a window, of the boxes that touch it: first column and row, last column and row. `None` where none
    /// does.
    pub(crate) fn extent_in(&self, window: &Window) -> Option<[f64; 4]> {
        let (low, high) = corners(window);
        let (all, mut found) = (self.boxes.root().envelope(), None);
        if all.intersection_area(&AABB::from_corners(low, high)) <= 0.0 {
            return None;
        }
        for entry in self.boxes.locate_in_envelope_intersecting(&AABB::from_corners(low, high)) {
            let (a, b) = (entry.geom().lower(), entry.geom().upper());
            let own = [a[0].max(low[0]), a[1].max(low[1]), b[0].min(high[0]), b[1].min(high[1])];
            let [x0, y0, x1, y1] = *found.get_or_insert(own);
            found = Some([x0.min(own[0]), y0.min(own[1]), x1.max(own[2]), y1.max(own[3])]);
        }
        found.filter(|[x0, y0, x1, y1]| x1 > x0 && y1 > y0)
    }

    /// Those whose boxes touch a window, by number.
    pub(crate) fn near(&self, window: &Window) -> impl Iterator<Item = (u32, &ZoneShape)> {
        let (low, high) = corners(window);
        let envelope = AABB::from_corners(low, high);
        let mut numbers: Vec<u32> = self.boxes.locate_in_envelope_intersecting(&envelope).map(|e| e.data).collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|number| (number, &self.shapes[number as usize]))
    }
}

fn corners(window: &Window) -> ([f64; 2], [f64; 2]) {
    let (low, high) = ([window.col, window.row], [window.col_end(), window.row_end()]);
    (low.map(|v| v as f64), high.map(|v| v as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{MultiPolygon, Rect};

    #[test]
    fn shapes_are_found_where_they_lie_in_the_order_of_their_numbers() {
        let square = |x: f64, y: f64| {
            ZoneShape::new(&MultiPolygon::new(vec![Rect::new((x, y), (x + 10.0, y + 10.0)).to_polygon()]))
        };
        let shapes = vec![square(50.0, 50.0), ZoneShape::default(), square(0.0, 0.0), square(5.0, 5.0)];
        let shapes = PlacedShapes::new(shapes);
        let near = |row, col| shapes.near(&Window::new(row, col, 8, 8)).map(|(k, _)| k).collect::<Vec<_>>();
        assert_eq!(near(0, 0), [2, 3]);
        assert_eq!(near(12, 12), [3]);
        assert_eq!(near(56, 45), [0]);
        assert!(near(30, 30).is_empty());
        assert_eq!(shapes.len(), 4);
    }
}
