//! Which rows of which map are computed when.

use std::ops::Range;

use crate::stream::axis::Reads;
use crate::stream::graph::{Graph, Node, reads};
use areal_kernels::MapShape;

/// Positions of a map, all images, that an operation computes at a time, so that reading its weights pays: a row of them
/// where that is longer, and whole tiles.
const POSITIONS: usize = 1024;

/// Which rows of which value are computed when: a function of the shapes alone.
///
/// The last operation that has enough to read goes first, so that what is there is used up before more is made: of each
/// value little more is held than its readers' windows see.
#[derive(Debug, Clone)]
pub struct Schedule {
    shapes: Vec<MapShape>,
    /// What each node reads along the rows, the value it reads, and the value it adds.
    nodes: Vec<(Reads, usize, Option<usize>)>,
    /// The nodes that read each value.
    readers: Vec<Vec<usize>>,
    /// Rows that each node computes at a time; the last time there may be fewer.
    together: Vec<usize>,
    /// Rows of each value that are done.
    done: Vec<usize>,
    features: usize,
    /// Feature rows before this one are no longer needed.
    taken: usize,
}

/// Rows of a node's result that can be computed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledRows {
    pub node: usize,
    /// Rows of its result.
    pub rows: Range<usize>,
    /// Rows that it reads.
    pub reads: Range<usize>,
    /// Zeros before the first row that it reads.
    pub above: usize,
    /// The first row of its result that may still be read.
    pub keep: usize,
}

/// What is held of an image at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamCapacity {
    /// Rows of each value.
    pub rows: Vec<usize>,
    /// Rows of the image that are in, from the first of a row of features that is not taken.
    pub lag: usize,
}

impl Schedule {
    /// Nothing done yet.
    pub fn new(graph: &Graph, shapes: Vec<MapShape>, winograd: &[bool]) -> Self {
        let node =
            |(index, node): (usize, &Node)| (reads(&node.operation, 0, winograd[index]), node.from, graph.add(index));
        let nodes: Vec<_> = graph.nodes.iter().enumerate().map(node).collect();
        let mut readers = vec![Vec::new(); shapes.len()];
        for (index, (_, from, add)) in nodes.iter().enumerate() {
            readers[*from].push(index);
            if let Some(add) = add.filter(|add| add != from) {
                readers[add].push(index);
            }
        }
        let together = |index: usize| {
            let shape: MapShape = shapes[index + 1];
            let rows = POSITIONS.div_ceil((shape.width * shape.batch).max(1));
            rows.next_multiple_of(nodes[index].0.together())
        };
        let together = (0..nodes.len()).map(together).collect();
        let done = vec![0; shapes.len()];
        Self { shapes, nodes, readers, together, done, features: graph.features, taken: 0 }
    }

    pub fn shape(&self, value: usize) -> MapShape {
        self.shapes[value]
    }

    /// Values in a row of a value's map.
    pub fn row_len(&self, value: usize) -> usize {
        self.shapes[value].width * self.shapes[value].row_len()
    }

    /// Rows of a value that are done.
    pub fn done(&self, value: usize) -> usize {
        self.done[value]
    }

    /// Feature rows before `row` are no longer needed.
    pub fn take(&mut self, row: usize) {
        self.taken = self.taken.max(row);
    }

    /// The first row of a value that may still be read.
    pub fn keep(&self, value: usize) -> usize {
        let needed = |node: &usize| {
            let (reads, from, add) = self.nodes[*node];
            let done = self.done[node + 1];
            let read = if from == value { reads.first(done) } else { usize::MAX };
            if add == Some(value) { read.min(done) } else { read }
        };
        let features = if value == self.features { self.taken } else { usize::MAX };
        self.readers[value].iter().map(needed).fold(features, usize::min)
    }

    /// More rows of the image are there.
    pub fn push(&mut self, rows: usize) {
        self.done[0] += rows;
    }

    /// What can be computed next with what is there; it counts as done.
    pub fn next(&mut self) -> Option<ScheduledRows> {
        (0..self.nodes.len()).rev().find_map(|node| self.run(node))
    }

    /// The next rows of a node's result, if it can compute all of them.
    fn run(&mut self, index: usize) -> Option<ScheduledRows> {
        let (reads, from, add) = self.nodes[index];
        let (source, target) = (self.shapes[from].height, self.shapes[index + 1].height);
        let start = self.done[index + 1];
        let end = target.min(start + self.together[index]);
        let there = self.done[from];
        let enough = there == source || reads.outputs_before(there) >= end;
        if start == end || !enough || add.is_some_and(|add| self.done[add] < end) {
            return None;
        }
        let keep = self.keep(index + 1);
        self.done[index + 1] = end;
        let first = reads.first(start);
        let above =
            if let Reads::Window { stride, padding, .. } = reads { padding.saturating_sub(start * stride) } else { 0 };
        Some(ScheduledRows { node: index, rows: start..end, reads: first..reads.end(end, source), above, keep })
    }

    /// What is held when the image comes in so many rows at a time and windows are `window` rows of features high, which lie
    /// `stride` rows of the image apart.
    pub fn room(mut self, rows: usize, window: usize, stride: usize) -> StreamCapacity {
        let (mut room, mut lag) = (vec![0; self.shapes.len()], 0);
        while self.done[0] < self.shapes[0].height {
            let rows = rows.min(self.shapes[0].height - self.done[0]);
            room[0] = room[0].max(self.done[0] + rows - self.keep(0).min(self.done[0]));
            self.push(rows);
            while let Some(run) = self.next() {
                let room = &mut room[run.node + 1];
                *room = (*room).max(run.rows.end - run.keep.min(run.rows.start));
                self.take((self.done[self.features] + 1).saturating_sub(window));
            }
            lag = lag.max(self.done[0].saturating_sub(self.taken * stride));
        }
        StreamCapacity { rows: room, lag }
    }
}
