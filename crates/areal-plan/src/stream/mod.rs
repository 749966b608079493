//! A program over a map that is too large to be held: rows come in at the top, and every operation keeps only the rows
//! that its next ones still read.

mod axis;
mod graph;
mod rows;
mod schedule;

use std::ops::Range;

use rayon::prelude::*;

use areal_kernels::{Conv2d, Isa, KernelError, MapShape, PoolColumns, RowAlgorithm};

use crate::crop::crop_rows;
use crate::program::Program;
use axis::ExactRange;
use graph::{Graph, Node, RowOperation};
use rows::HeldRows;
use schedule::{Schedule, ScheduledRows};

/// A program as far as its features, for images of any size, with features as far apart as is asked for.
///
/// A program's features lie [`RowProgram::stride`] pixels apart; here they lie `density` pixels apart, which divides that.
/// Those of one window of the image are again `stride` apart: they have the same **phase**, `stride / density` of which
/// there are along each axis, and each phase is an image of the feature map.
#[derive(Debug, Clone)]
pub struct RowProgram {
    graph: Graph,
    /// The same with the program's own features alone.
    plain: Graph,
    isa: Isa,
}

/// Windows along one axis of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// How many, at least 1.
    pub count: usize,
    /// From one to the next.
    pub stride: usize,
    pub size: usize,
}

impl Windows {
    /// Pixel after the last window.
    pub fn end(&self) -> usize {
        (self.count - 1) * self.stride + self.size
    }
}

/// An image that holds some windows, and the way in which it and each part of it are computed.
#[derive(Debug, Clone)]
pub struct ImagePlan {
    size: [usize; 2],
    winograd: Vec<bool>,
}

/// Pixels of an image from which features are computed: all rows from `row` on, columns `columns`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePart {
    pub row: usize,
    /// Columns; they may reach past what there is to see.
    pub columns: Range<usize>,
}

impl ImagePlan {
    /// Rows and columns of the image; it may reach past what there is to see.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }
}

impl RowProgram {
    /// The features of a program that ends with a mean over all positions and a linear layer, as far apart as windows that
    /// begin `spacing` pixels apart need them.
    ///
    /// # Errors
    /// When the program has another form, or no features at that spacing.
    pub fn new(program: &Program, spacing: usize) -> Result<Self, KernelError> {
        let plain = Graph::new(program, None)?;
        let graph = Graph::new(program, Some(common_divisor(spacing, plain.stride)))?;
        Ok(Self { graph, plain, isa: program.isa() })
    }

    /// Pixels from one feature of a window to the next.
    pub fn stride(&self) -> usize {
        self.graph.stride
    }

    /// What makes outputs of the mean of a window's features.
    pub fn head(&self) -> &Conv2d {
        &self.graph.head
    }

    /// Where the features of the window that begins at pixel `start` of an axis lie: the first one's position, and its
    /// phase.
    pub fn place(&self, start: usize) -> (usize, usize) {
        (start / self.graph.stride, start % self.graph.stride / self.graph.density)
    }

    /// The image of the feature map that holds the features of a row phase and a column phase.
    pub fn image(&self, row: usize, column: usize) -> usize {
        self.graph.image(row, column)
    }

    /// Features along one side of a window of this number of pixels.
    ///
    /// # Errors
    /// When the window is too small for one.
    pub fn features_in(&self, size: usize) -> Result<usize, KernelError> {
        let none = || KernelError::Shape(format!("a window of {size} pixels has no feature"));
        Ok(self.plain.sizes(0, size).ok_or_else(none)?[self.plain.features])
    }

    /// The smallest image that holds windows by rows and by columns and has all their features.
    ///
    /// # Errors
    /// When a window is too small for a feature.
    pub fn image_of(&self, windows: [Windows; 2]) -> Result<ImagePlan, KernelError> {
        let mut size = [0; 2];
        for (axis, windows) in windows.iter().enumerate() {
            let last = self.place(windows.end() - windows.size).0 + self.features_in(windows.size)?;
            let fits =
                |size: &usize| self.graph.sizes(axis, *size).is_some_and(|sizes| sizes[self.graph.features] >= last);
            let end = windows.end();
            size[axis] = (end..end + 8 * self.graph.stride)
                .find(fits)
                .ok_or_else(|| KernelError::Shape(format!("no image has the features of {windows:?}")))?;
        }
        let winograd = self.graph.winograd(size[0], size[1]).expect("the image was found to fit");
        Ok(ImagePlan { size, winograd })
    }

    /// The part of an image that gives the same features, to the last bit, as the whole: those from row `row` on
    /// and in columns `columns`, as [`RowProgram::place`] counts.
    pub fn part(&self, image: &ImagePlan, row: usize, columns: &Range<usize>) -> ImagePart {
        let first_row = self.begin(0, image, row);
        let first = self.begin(1, image, columns.start);
        let shift = first / self.graph.stride;
        let wanted = columns.start - shift..columns.end - shift;
        let whole = image.size[1] - first;
        let fits = |size: &usize| {
            let known = self.graph.known(1, ExactRange::of(*size, [first > 0, true]), &image.winograd);
            let sizes = self.graph.sizes(1, *size);
            sizes.is_some_and(|sizes| sizes[self.graph.features] >= wanted.end) && known.covers(&wanted)
        };
        let size = (wanted.end..whole).find(fits).unwrap_or(whole);
        ImagePart { row: first_row, columns: first..first + size }
    }

    /// The last pixel of an axis to begin at for the feature at `position` and those after it: tiles of all maps must
    /// begin where they do in the whole image.
    fn begin(&self, axis: usize, image: &ImagePlan, position: usize) -> usize {
        let unit = axis::TILE * self.graph.stride;
        let mut begin = position * self.graph.stride / unit * unit;
        while begin > 0 {
            let known =
                self.graph.known(axis, ExactRange::of(image.size[axis] - begin, [true, false]), &image.winograd);
            let at = position - begin / self.graph.stride;
            if known.covers(&(at..at + 1)) {
                break;
            }
            begin -= unit;
        }
        begin
    }

    /// What a part of an image needs when it comes in `rows` rows at a time and windows are `window` features high.
    ///
    /// # Errors
    /// When the part is none of the image's.
    pub fn need(
        &self,
        image: &ImagePlan,
        part: &ImagePart,
        rows: usize,
        window: usize,
    ) -> Result<StreamNeeds, KernelError> {
        let schedule = self.schedule(image, part)?;
        let room = schedule.clone().room(rows, window, self.stride());
        let values = |(value, rows): (usize, &usize)| (rows * schedule.row_len(value)) as u64;
        let bytes = 4 * room.rows.iter().enumerate().map(values).sum::<u64>();
        Ok(StreamNeeds { bytes, lag: room.lag })
    }

    /// Begins with a part of an image that comes in at most `rows` rows at a time.
    ///
    /// # Errors
    /// When the part is none of the image's.
    pub fn start(
        &self,
        image: &ImagePlan,
        part: &ImagePart,
        rows: usize,
        window: usize,
    ) -> Result<RowStream, KernelError> {
        let schedule = self.schedule(image, part)?;
        let way = |(index, node): (usize, &Node)| -> Result<Columns, KernelError> {
            let width = schedule.shape(node.from).width;
            Ok(match &node.operation {
                RowOperation::Conv(conv, _) => Columns::Conv(conv.algorithm(width, image.winograd[index])?),
                RowOperation::MaxPool(pool) => Columns::Pool(pool.columns(width)?),
                RowOperation::Crop(_) | RowOperation::Phases(_) => Columns::Any,
            })
        };
        let columns = self.graph.nodes.iter().enumerate().map(way).collect::<Result<_, _>>()?;
        let room = schedule.clone().room(rows, window, self.stride());
        let values =
            room.rows.into_iter().enumerate().map(|(value, rows)| HeldRows::new(schedule.row_len(value), rows));
        Ok(RowStream { graph: self.graph.clone(), isa: self.isa, columns, values: values.collect(), schedule })
    }

    fn schedule(&self, image: &ImagePlan, part: &ImagePart) -> Result<Schedule, KernelError> {
        let none = || KernelError::Shape(format!("{part:?} is not inside the image of {:?} pixels", image.size));
        let height = image.size[0].checked_sub(part.row).ok_or_else(none)?;
        let shapes = self.graph.shapes(height, part.columns.len()).ok_or_else(none)?;
        Ok(Schedule::new(&self.graph, shapes, &image.winograd))
    }
}

/// What a part of an image needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamNeeds {
    /// Most bytes of maps that are held at once.
    pub bytes: u64,
    /// Greatest number of rows of pixels, from a window's first on, that are read before its features are complete.
    pub lag: usize,
}

/// A program at work on a part of an image.
#[derive(Debug)]
pub struct RowStream {
    graph: Graph,
    isa: Isa,
    /// What each node reads along its rows.
    columns: Vec<Columns>,
    schedule: Schedule,
    values: Vec<HeldRows>,
}

/// What an operation reads along the rows of a map, computed once.
#[derive(Debug, Clone)]
enum Columns {
    Conv(RowAlgorithm),
    Pool(PoolColumns),
    /// Nothing that needs working out.
    Any,
}

impl RowStream {
    /// Rows of the part that were pushed, and all its rows.
    pub fn pushed(&self) -> (usize, usize) {
        (self.schedule.done(0), self.schedule.shape(0).height)
    }

    /// Lets `fill` write the next rows of the image, `[columns of the part, channels]` each. All that can be computed must
    /// have been: [`RowStream::advance`] until it says so.
    ///
    /// # Errors
    /// When fewer rows are left, or `fill` fails.
    pub fn push<E: From<KernelError>>(
        &mut self,
        rows: usize,
        fill: impl FnOnce(Vec<&mut [f32]>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (pushed, all) = self.pushed();
        if pushed + rows > all {
            return Err(KernelError::Shape(format!("{rows} rows after {pushed} of {all}")).into());
        }
        let first = self.values[0].append(self.schedule.keep(0), rows)?;
        fill(self.values[0].get_mut(first..first + rows))?;
        self.schedule.push(rows);
        Ok(())
    }

    /// Computes until there are new features, or nothing more can be computed: whether there are.
    ///
    /// # Errors
    /// When features were not taken as planned and there is no room for new ones.
    pub fn advance(&mut self) -> Result<bool, KernelError> {
        while let Some(run) = self.schedule.next() {
            self.run(&run)?;
            if run.node + 1 == self.graph.features {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shape of the feature map, and its rows held.
    pub fn features(&self) -> (MapShape, Range<usize>) {
        let rows = &self.values[self.graph.features];
        (self.schedule.shape(self.graph.features), rows.first()..rows.end())
    }

    /// Rows of the feature map that are held.
    pub fn feature_rows(&self, rows: Range<usize>) -> Vec<&[f32]> {
        self.values[self.graph.features].get(rows)
    }

    /// Rows of the feature map before `row` are no longer needed.
    pub fn take(&mut self, row: usize) {
        self.schedule.take(row);
    }

    fn run(&mut self, run: &ScheduledRows) -> Result<(), KernelError> {
        let node = &self.graph.nodes[run.node];
        let (rows, source) = (run.rows.clone(), self.schedule.shape(node.from));
        // A result never reads itself, so it can be taken out.
        let mut result = std::mem::take(&mut self.values[run.node + 1]);
        result.append(run.keep, rows.len())?;
        let input = |rows: &Range<usize>| self.values[node.from].get(rows.clone());
        match (&node.operation, &self.columns[run.node]) {
            (RowOperation::Conv(conv, add), Columns::Conv(way)) => {
                let there = MapShape { height: run.reads.len(), ..source };
                let maps = (
                    self.values[node.from].map_from(run.reads.start),
                    add.map(|add| self.values[add].map_from(rows.start)),
                );
                conv.run_rows(there, [run.above, rows.len()], way, maps, result.places_mut(rows.start))?;
            }
            (RowOperation::MaxPool(pool), Columns::Pool(columns)) => {
                pool.run_rows(
                    self.isa,
                    source.row_len(),
                    run.above,
                    columns,
                    &input(&run.reads),
                    result.get_mut(rows),
                )?;
            }
            (RowOperation::Crop(margin), _) => {
                crop_rows(margin * source.row_len(), &input(&run.reads), result.get_mut(rows));
            }
            (RowOperation::Phases(phases), _) => {
                separate_phases(*phases, source.row_len(), &input(&run.reads), result.get_mut(rows));
            }
            (RowOperation::Conv(..) | RowOperation::MaxPool(_), _) => {
                return Err(KernelError::Shape(format!("the columns of another operation than {:?}", node.operation)));
            }
        }
        self.values[run.node + 1] = result;
        Ok(())
    }
}

/// Makes images of the phases of a map with positions of `len` values: `phases` rows and columns become one.
fn separate_phases(phases: usize, len: usize, input: &[&[f32]], output: Vec<&mut [f32]>) {
    // Positions side by side are the column phases of one position already.
    let run = phases * len;
    output.into_par_iter().zip(input.par_chunks(phases)).for_each(|(out, rows)| {
        for (at, out) in out.chunks_exact_mut(phases * run).enumerate() {
            for (row, out) in rows.iter().zip(out.chunks_exact_mut(run)) {
                out.copy_from_slice(&row[at * run..][..run]);
            }
        }
    });
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
