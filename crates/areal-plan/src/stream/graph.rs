//! A program in the form in which it runs row by row, at any density of features.

use crate::program::{Operation, Program};
use crate::stream::axis::{ExactRange, Reads};
use areal_kernels::{Conv2d, KernelError, MapShape, MaxPool};

/// One operation on maps that arrive row by row.
#[derive(Debug, Clone)]
pub enum RowOperation {
    /// A convolution, with the index of a value to add before its activation.
    Conv(Box<Conv2d>, Option<usize>),
    /// The maximum of each window.
    MaxPool(MaxPool),
    /// A crop by this number of positions on every side.
    Crop(usize),
    /// So many rows and columns become one, each of their positions an image: `[H, W, N, C]` to
    /// `[H / p, W / p, p p N, C]`, image `(row p + column) N + n`.
    Phases(usize),
}

/// An operation and the index of the value that it reads; value 0 is the image, value `i + 1` the result of node `i`.
#[derive(Debug, Clone)]
pub struct Node {
    pub operation: RowOperation,
    pub from: usize,
}

/// A program as far as its features, in a form in which each feature can be had at every phase: features lie `density`
/// pixels apart where the program's lie `stride` apart.
///
/// Where an operation's stride would leave features out, it runs with stride 1 instead, and the positions that its
/// stride would have separated become images of the batch (the à trous algorithm of Holschneider et al. 1989, with the
/// holes taken out): all that follows runs on each of them as it stands.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The operations, each after those it reads from.
    pub nodes: Vec<Node>,
    /// Pixels from one feature of a window to the next.
    pub stride: usize,
    /// Pixels from one feature of the map to the next.
    pub density: usize,
    /// Index of the value that holds the features.
    pub features: usize,
    /// What makes outputs of a window's mean feature.
    pub head: Conv2d,
    /// How many positions become one where strides are left out, in the order of the operations.
    factors: Vec<usize>,
    channels: usize,
}

/// Where a value of the program is found, and at what scale.
#[derive(Debug, Clone)]
struct ScaledValue {
    value: usize,
    /// Pixels from one position to the next of the same phase.
    scale: usize,
    /// Factors of the phases of each axis.
    factors: Vec<usize>,
}

impl ScaledValue {
    fn phases(&self) -> usize {
        self.factors.iter().product()
    }
}

impl Graph {
    /// Of a program that ends with a mean over all positions and one convolution of it; without a density, every stride
    /// is left as it is.
    ///
    /// # Errors
    /// When the program has another form or no features at that spacing.
    pub fn new(program: &Program, density: Option<usize>) -> Result<Self, KernelError> {
        let other = |what: &str| KernelError::Shape(format!("a program that {what} cannot run row by row"));
        let [steps @ .., mean, last] = program.steps() else { return Err(other("has too few steps")) };
        let (Operation::MeanPool, Operation::Conv(head, None)) = (&mean.operation, &last.operation) else {
            return Err(other("ends without a mean and a linear layer"));
        };
        let mut nodes: Vec<Node> = Vec::new();
        let mut places = vec![ScaledValue { value: 0, scale: 1, factors: Vec::new() }];
        for step in steps {
            let ScaledValue { value: from, scale, factors } = places[step.from.index()].clone();
            let mut push = |operation, from| {
                nodes.push(Node { operation, from });
                nodes.len()
            };
            let (operation, stride) = match &step.operation {
                Operation::Conv(conv, add) => {
                    let add = add.map(|value| places[value.index()].value);
                    (RowOperation::Conv(conv.clone(), add), conv.shape().stride[0])
                }
                Operation::MaxPool(pool) => (RowOperation::MaxPool(*pool), pool.stride),
                Operation::Crop(margin) => (RowOperation::Crop(*margin), 1),
                Operation::MeanPool => return Err(other("takes a mean before its end")),
                Operation::Reduced(..) | Operation::Rows => return Err(other("computes in reduced precision")),
            };
            let scale = scale * stride;
            let apart = scale / factors.iter().product::<usize>();
            places.push(if stride == 1 || density.is_none_or(|density| density.is_multiple_of(apart)) {
                ScaledValue { value: push(operation, from), scale, factors }
            } else {
                let every = push(without_stride(operation), from);
                let factors = factors.into_iter().chain([stride]).collect();
                ScaledValue { value: push(RowOperation::Phases(stride), every), scale, factors }
            });
        }
        let features = places[mean.from.index()].clone();
        let found = features.scale / features.phases();
        if let Some(density) = density.filter(|density| found != *density) {
            return Err(KernelError::Shape(format!("features {density} pixels apart, in place of {found}")));
        }
        let inputs = |node: &Node| match &node.operation {
            RowOperation::Conv(conv, _) => Some(conv.shape().inputs),
            _ => None,
        };
        let channels = nodes.iter().find_map(inputs).ok_or_else(|| other("has no convolution"))?;
        Ok(Self {
            nodes,
            stride: features.scale,
            density: found,
            features: features.value,
            head: (**head).clone(),
            factors: features.factors,
            channels,
        })
    }

    /// The value that a node adds to its sums.
    pub fn add(&self, node: usize) -> Option<usize> {
        if let RowOperation::Conv(_, add) = &self.nodes[node].operation { *add } else { None }
    }

    /// The image of the feature map that holds the features of a row phase and a column phase.
    pub fn image(&self, row: usize, column: usize) -> usize {
        let (mut image, mut images, mut step) = (0, 1, 1);
        for factor in &self.factors {
            let (r, c) = (row / step % factor, column / step % factor);
            image += (r * factor + c) * images;
            images *= factor * factor;
            step *= factor;
        }
        image
    }

    /// Sizes of all values along an axis (0 rows, 1 columns) for an image of `size`; none where an operation does not fit.
    pub fn sizes(&self, axis: usize, size: usize) -> Option<Vec<usize>> {
        let mut sizes = vec![size];
        for node in &self.nodes {
            sizes.push(reads(&node.operation, axis, false).outputs(sizes[node.from])?);
        }
        Some(sizes)
    }

    /// Shapes of all values for an image of this size; none where an operation does not fit.
    pub fn shapes(&self, height: usize, width: usize) -> Option<Vec<MapShape>> {
        let (heights, widths) = (self.sizes(0, height)?, self.sizes(1, width)?);
        let mut shapes = vec![MapShape::new(height, width, 1, self.channels)];
        for (index, node) in self.nodes.iter().enumerate() {
            let MapShape { batch, channels, .. } = shapes[node.from];
            let (batch, channels) = match &node.operation {
                RowOperation::Conv(conv, _) => (batch, conv.shape().outputs),
                RowOperation::MaxPool(_) | RowOperation::Crop(_) => (batch, channels),
                RowOperation::Phases(phases) => (batch * phases * phases, channels),
            };
            shapes.push(MapShape::new(heights[index + 1], widths[index + 1], batch, channels));
        }
        Some(shapes)
    }

    /// Which nodes run Winograd's algorithm on an image of this size. Parts of that image are computed in the same way, so that
    /// they come out the same.
    pub fn winograd(&self, height: usize, width: usize) -> Option<Vec<bool>> {
        let shapes = self.shapes(height, width)?;
        let way = |(index, node): (usize, &Node)| match &node.operation {
            RowOperation::Conv(conv, _) => conv.prefers_winograd(shapes[node.from], shapes[index + 1]),
            _ => false,
        };
        Some(self.nodes.iter().enumerate().map(way).collect())
    }

    /// Feature positions that are known along an axis (0 rows, 1 columns) when the image is cut off.
    pub fn known(&self, axis: usize, image: ExactRange, winograd: &[bool]) -> ExactRange {
        let mut known = vec![image];
        for (index, node) in self.nodes.iter().enumerate() {
            let mut here = reads(&node.operation, axis, winograd[index]).known(known[node.from]);
            if let Some(add) = self.add(index) {
                here = here.and(known[add]);
            }
            known.push(here);
        }
        known[self.features]
    }
}

/// What an operation reads along an axis.
pub fn reads(operation: &RowOperation, axis: usize, tiles: bool) -> Reads {
    match operation {
        RowOperation::Conv(conv, _) => {
            let c = conv.shape();
            let kernel = c.dilation[axis] * (c.kernel[axis] - 1) + 1;
            Reads::Window { kernel, stride: c.stride[axis], padding: c.padding[axis], tiles }
        }
        RowOperation::MaxPool(pool) => {
            Reads::Window { kernel: pool.kernel, stride: pool.stride, padding: pool.padding, tiles: false }
        }
        RowOperation::Crop(margin) => Reads::Crop { margin: *margin },
        RowOperation::Phases(phases) => Reads::Phases { phases: *phases },
    }
}

fn without_stride(operation: RowOperation) -> RowOperation {
    match operation {
        RowOperation::Conv(conv, add) => RowOperation::Conv(Box::new(conv.with_stride([1, 1])), add),
        RowOperation::MaxPool(pool) => RowOperation::MaxPool(MaxPool { stride: 1, ..pool }),
        other => other,
    }
}
