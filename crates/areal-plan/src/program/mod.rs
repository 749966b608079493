//! Programs: fixed sequences of kernels on planned buffers, the intermediate representation of compiled networks.

mod builder;
#[cfg(test)]
mod tests;

use areal_kernels::reduced::{self, MapEncoding, ReducedConv2d, SLACK};
use areal_kernels::{Buffer, Conv2d, Isa, KernelError, MapShape, MaxPool, mean_pool};

pub use builder::ProgramBuilder;

use crate::crop::{crop, cropped};

/// A map that a program computes; made by [`ProgramBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(usize);

impl Value {
    /// Its place among all values; 0 is the input map.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// What a map is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    /// Single precision, `[H, W, N, C]`.
    Single,
    /// Coded values, `[H, W, N, C]`.
    Reduced(MapEncoding),
    /// bf16 in rows with so wide a border, `[H, N, border + W + border, C]`.
    Rows(usize),
}

/// One operation of a program.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A convolution, with a map to add before its activation.
    Conv(Box<Conv2d>, Option<Value>),
    /// The same of narrow maps.
    Reduced(Box<ReducedConv2d>, Option<Value>),
    /// Single precision into rows.
    Rows,
    /// The maximum of each window.
    MaxPool(MaxPool),
    /// The mean over all positions.
    MeanPool,
    /// A crop by this number of positions on every side.
    Crop(usize),
}

/// One operation, and the map that it reads.
#[derive(Debug, Clone)]
pub struct Step {
    pub operation: Operation,
    pub from: Value,
    /// Form of the result.
    form: Form,
    /// Buffer of the result.
    buffer: usize,
}

/// A fixed sequence of operations on maps. Its buffers are shared by maps that are never alive together, and kept from
/// one run to the next.
#[derive(Debug, Clone)]
pub struct Program {
    isa: Isa,
    steps: Vec<Step>,
    buffers: Vec<Buffer>,
}

impl Form {
    /// Bytes of a map, slack included.
    fn bytes(self, shape: MapShape) -> usize {
        match self {
            Self::Single => shape.len() * size_of::<f32>(),
            Self::Reduced(encoding) => shape.len() * encoding.size() + SLACK,
            Self::Rows(border) => reduced::rows_len(shape, border),
        }
    }
}

impl Step {
    fn reads(&self) -> impl Iterator<Item = Value> + use<> {
        let add = if let Operation::Conv(_, add) | Operation::Reduced(_, add) = &self.operation { *add } else { None };
        [Some(self.from), add].into_iter().flatten()
    }

    /// Whether what it reads has the form that it needs.
    fn reads_form(&self, form: impl Fn(Value) -> Form) -> bool {
        let from = form(self.from);
        match &self.operation {
            Operation::Conv(_, add) => from == Form::Single && add.is_none_or(|add| form(add) == Form::Single),
            Operation::Reduced(conv, add) => {
                let input = match conv.border() {
                    Some(border) => Form::Rows(border),
                    None => Form::Reduced(conv.encodings().input),
                };
                from == input && add.map(&form) == conv.encodings().added.map(Form::Reduced)
            }
            Operation::Rows => from == Form::Single,
            Operation::MaxPool(_) | Operation::Crop(_) => from == self.form && !matches!(self.form, Form::Rows(_)),
            Operation::MeanPool => matches!(from, Form::Single | Form::Reduced(_)),
        }
    }

    fn output(&self, input: MapShape) -> Result<MapShape, KernelError> {
        match &self.operation {
            Operation::Conv(conv, _) => conv.shape().output(input),
            Operation::Reduced(conv, _) => conv.shape().output(input),
            Operation::Rows => Ok(input),
            Operation::MaxPool(pool) => pool.output(input),
            Operation::MeanPool => Ok(MapShape::new(1, 1, input.batch, input.channels)),
            Operation::Crop(margin) => cropped(input, *margin),
        }
    }
}

impl Program {
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// The map that the last operation reads.
    pub(crate) fn last_read(&self) -> Option<Value> {
        self.steps.last().map(|step| step.from)
    }

    /// The operations, each after those it reads from.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Number of buffers, the input's included.
    pub fn buffers(&self) -> usize {
        self.buffers.len()
    }

    /// Lets `fill` write the input map `[H, W, N, C]`, runs the operations, and gives the last result with its shape.
    ///
    /// # Errors
    /// When an operation does not fit the map it reads, or `fill` fails.
    pub fn run<E: From<KernelError>>(
        &mut self,
        input: MapShape,
        fill: impl FnOnce(&mut [f32]) -> Result<(), E>,
    ) -> Result<(MapShape, &[f32]), E> {
        self.run_observed(input, fill, |_, _| {})
    }

    /// The same; `observe` sees each result of single precision as soon as it is computed.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_observed<E: From<KernelError>>(
        &mut self,
        input: MapShape,
        fill: impl FnOnce(&mut [f32]) -> Result<(), E>,
        mut observe: impl FnMut(Value, &[f32]),
    ) -> Result<(MapShape, &[f32]), E> {
        let shapes = self.shapes(input)?;
        fill(&mut self.buffers[0][..input.len()])?;
        for index in 0..self.steps.len() {
            self.step(index, &shapes)?;
            let step = &self.steps[index];
            if step.form == Form::Single {
                observe(Value(index + 1), &self.buffers[step.buffer][..shapes[index + 1].len()]);
            }
        }
        let (shape, buffer) = (shapes[self.steps.len()], self.steps[self.steps.len() - 1].buffer);
        Ok((shape, &self.buffers[buffer][..shape.len()]))
    }

    /// Shapes of all values; makes the buffers large enough.
    fn shapes(&mut self, input: MapShape) -> Result<Vec<MapShape>, KernelError> {
        let mut shapes = vec![input];
        self.buffers[0].grow(input.len());
        for step in &self.steps {
            let shape = step.output(shapes[step.from.0])?;
            self.buffers[step.buffer].grow(step.form.bytes(shape).div_ceil(size_of::<f32>()));
            shapes.push(shape);
        }
        Ok(shapes)
    }

    fn step(&mut self, index: usize, shapes: &[MapShape]) -> Result<(), KernelError> {
        let buffer = self.steps[index].buffer;
        // A result never shares the buffer of a map that is still read, so it can be taken out.
        let mut output = std::mem::take(&mut self.buffers[buffer]);
        let done = self.compute(index, shapes, &mut output);
        if let Form::Reduced(encoding) = self.steps[index].form {
            // What lies here from another map need not be numbers in this one's code.
            output.bytes_mut()[shapes[index + 1].len() * encoding.size()..][..SLACK].fill(0);
        }
        self.buffers[buffer] = output;
        done
    }

    fn compute(&self, index: usize, shapes: &[MapShape], output: &mut Buffer) -> Result<(), KernelError> {
        let step = &self.steps[index];
        let (shape, target, from) = (shapes[step.from.0], shapes[index + 1], step.from);
        let buffer = |value: Value| &self.buffers[if value.0 == 0 { 0 } else { self.steps[value.0 - 1].buffer }];
        let single = |value: Value| &buffer(value)[..shapes[value.0].len()];
        let bytes = |value: Value| buffer(value).bytes();
        let form = if from.0 == 0 { Form::Single } else { self.steps[from.0 - 1].form };
        match (&step.operation, form) {
            (Operation::Conv(conv, add), _) => {
                conv.run(shape, single(from), add.map(single), &mut output[..target.len()]).map(|_| ())
            }
            (Operation::Reduced(conv, add), _) => {
                conv.run(shape, bytes(from), add.map(bytes), output.bytes_mut()).map(|_| ())
            }
            (Operation::Rows, _) => {
                let len = step.form.bytes(shape);
                let border = if let Form::Rows(border) = step.form { border } else { 0 };
                reduced::from_map(shape, border, single(from), &mut output.bytes_mut()[..len])
            }
            (Operation::MaxPool(pool), Form::Reduced(encoding)) => {
                reduced::max_pool(self.isa, pool, encoding, shape, bytes(from), output.bytes_mut()).map(|_| ())
            }
            (Operation::MaxPool(pool), _) => {
                pool.run(self.isa, shape, single(from), &mut output[..target.len()]).map(|_| ())
            }
            (Operation::MeanPool, Form::Reduced(encoding)) => {
                reduced::mean_pool(self.isa, encoding, shape, bytes(from), &mut output[..target.len()])
            }
            (Operation::MeanPool, _) => mean_pool(self.isa, shape, single(from), &mut output[..target.len()]),
            (Operation::Crop(margin), Form::Reduced(encoding)) => {
                let (shape, len) = (encoding.bytes_of(shape), target.len() * encoding.size());
                crop(shape, *margin, &bytes(from)[..shape.len()], &mut output.bytes_mut()[..len])
            }
            (Operation::Crop(margin), _) => crop(shape, *margin, single(from), &mut output[..target.len()]),
        }
    }
}
