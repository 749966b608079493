use areal_kernels::reduced::{self, Encoding, ReducedConv2d, SLACK};
use areal_kernels::{Buffer, Conv2d, Isa, KernelError, MapShape, MaxPool, mean_pool};

use crate::crop::{crop, cropped};

/// A map that a program computes; made by [`ProgramBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(usize);

impl Value {
    /// Its place among all values; 0 is the map that goes in.
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
    Reduced(Encoding),
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
    /// The greatest value of each window.
    MaxPool(MaxPool),
    /// The mean over all positions.
    MeanPool,
    /// All but so many positions on every side.
    Crop(usize),
}

/// One operation, and the map that it reads.
#[derive(Debug, Clone)]
pub struct Step {
    /// The operation.
    pub operation: Operation,
    /// The map.
    pub from: Value,
    /// Form of the result.
    form: Form,
    /// Buffer of the result.
    buffer: usize,
}

/// Collects the operations of a program, each after those it reads from.
#[derive(Debug)]
pub struct ProgramBuilder {
    isa: Isa,
    steps: Vec<Step>,
}

/// A fixed sequence of operations on maps. Its buffers are shared by maps that are never alive together, and kept from
/// one run to the next.
#[derive(Debug, Clone)]
pub struct Program {
    isa: Isa,
    steps: Vec<Step>,
    buffers: Vec<Buffer>,
}

impl ProgramBuilder {
    /// A program without operations.
    pub fn new(isa: Isa) -> Self {
        Self { isa, steps: Vec::new() }
    }

    /// The map that goes in, of single precision.
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// Adds a convolution of `from`; `add` is added before its activation.
    pub fn conv(&mut self, from: Value, conv: Conv2d, add: Option<Value>) -> Value {
        self.push(from, Operation::Conv(Box::new(conv), add), Form::Single)
    }

    /// Adds a convolution of narrow maps; `add` is added before its activation. One made by [`ReducedConv2d::of_rows`] reads
    /// [`ProgramBuilder::rows`].
    pub fn reduced_conv(&mut self, from: Value, conv: ReducedConv2d, add: Option<Value>) -> Value {
        let form = Form::Reduced(conv.encodings().output);
        self.push(from, Operation::Reduced(Box::new(conv), add), form)
    }

    /// Lays a map of single precision out in rows of bf16 with a border.
    pub fn rows(&mut self, from: Value, border: usize) -> Value {
        self.push(from, Operation::Rows, Form::Rows(border))
    }

    /// Adds a pooling of `from`.
    pub fn max_pool(&mut self, from: Value, pool: MaxPool) -> Value {
        let form = self.form(from).unwrap_or(Form::Single);
        self.push(from, Operation::MaxPool(pool), form)
    }

    /// Adds the mean of `from` over all positions: a map of one position, of single precision.
    pub fn mean_pool(&mut self, from: Value) -> Value {
        self.push(from, Operation::MeanPool, Form::Single)
    }

    /// Adds `from` less `margin` positions on every side.
    pub fn crop(&mut self, from: Value, margin: usize) -> Value {
        let form = self.form(from).unwrap_or(Form::Single);
        self.push(from, Operation::Crop(margin), form)
    }

    fn push(&mut self, from: Value, operation: Operation, form: Form) -> Value {
        self.steps.push(Step { operation, from, form, buffer: 0 });
        Value(self.steps.len())
    }

    fn form(&self, value: Value) -> Option<Form> {
        match value.0 {
            0 => Some(Form::Single),
            at => self.steps.get(at - 1).map(|step| step.form),
        }
    }

    /// Plans the buffers. The result of the last operation is the program's.
    ///
    /// # Errors
    /// When there is no operation, one reads a value that no earlier one computes or of a form that it does not read, or the
    /// last one does not give single precision.
    pub fn finish(mut self) -> Result<Program, KernelError> {
        let mut last_use = vec![0; self.steps.len() + 1];
        for (index, step) in self.steps.iter().enumerate() {
            for value in step.reads() {
                if value.0 > index {
                    return Err(KernelError::Shape(format!("operation {index} reads the later value {}", value.0)));
                }
                last_use[value.0] = index;
            }
            if !step.reads_form(|value| self.form(value)) {
                return Err(KernelError::Shape(format!("operation {index} reads a map of another form")));
            }
        }
        if self.steps.last().is_none_or(|step| step.form != Form::Single) {
            return Err(KernelError::Shape("a program that ends without a map of single precision".to_owned()));
        }
        // Buffer 0 is the input's; a buffer is free once the last operation that reads its map is done.
        let (mut buffers, mut free) = (1, Vec::new());
        for index in 0..self.steps.len() {
            self.steps[index].buffer = free.pop().unwrap_or_else(|| {
                buffers += 1;
                buffers - 1
            });
            let mut done: Vec<usize> =
                self.steps[index].reads().map(|v| v.0).filter(|v| last_use[*v] == index).collect();
            done.dedup();
            free.extend(done.into_iter().map(|value| if value == 0 { 0 } else { self.steps[value - 1].buffer }));
        }
        Ok(Program { isa: self.isa, steps: self.steps, buffers: vec![Buffer::default(); buffers] })
    }
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
    fn reads_form(&self, form: impl Fn(Value) -> Option<Form>) -> bool {
        let from = form(self.from);
        match &self.operation {
            Operation::Conv(_, add) => {
                from == Some(Form::Single) && add.is_none_or(|add| form(add) == Some(Form::Single))
            }
            Operation::Reduced(conv, add) => {
                let input = match conv.border() {
                    Some(border) => Form::Rows(border),
                    None => Form::Reduced(conv.encodings().input),
                };
                from == Some(input) && add.and_then(&form) == conv.encodings().added.map(Form::Reduced)
            }
            Operation::Rows => from == Some(Form::Single),
            Operation::MaxPool(_) | Operation::Crop(_) => {
                from == Some(self.form) && !matches!(self.form, Form::Rows(_))
            }
            Operation::MeanPool => matches!(from, Some(Form::Single | Form::Reduced(_))),
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
    /// The instructions that it uses.
    pub fn isa(&self) -> Isa {
        self.isa
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

#[cfg(test)]
mod tests {
    use super::*;
    use areal_kernels::reduced::Encodings;
    use areal_kernels::{Activation, ConvShape};

    fn scale(factor: f32) -> Conv2d {
        Conv2d::new(Isa::Portable, ConvShape::square(1, 1, 1, 1, 0), &[factor], None, Activation::None).unwrap()
    }

    #[test]
    fn a_residual_keeps_its_buffer_until_it_is_added() {
        // x -> a = 2x -> b = 3a -> c = 5b + a -> d = 7c: 7 (5 * 6x + 2x) = 224x.
        let mut builder = ProgramBuilder::new(Isa::Portable);
        let a = builder.conv(builder.input(), scale(2.0), None);
        let b = builder.conv(a, scale(3.0), None);
        let c = builder.conv(b, scale(5.0), Some(a));
        builder.conv(c, scale(7.0), None);
        let mut program = builder.finish().unwrap();
        assert_eq!(program.buffers(), 3);
        for round in 1..3 {
            let fill = |x: &mut [f32]| -> Result<(), KernelError> {
                x.copy_from_slice(&[1.0, round as f32]);
                Ok(())
            };
            let (shape, out) = program.run(MapShape::new(1, 2, 1, 1), fill).unwrap();
            assert_eq!((shape.len(), out), (2, &[224.0, 224.0 * round as f32][..]));
        }
    }

    #[test]
    fn a_value_from_elsewhere_is_refused() {
        let mut builder = ProgramBuilder::new(Isa::Portable);
        builder.conv(Value(7), scale(1.0), None);
        assert!(builder.finish().is_err());
    }

    #[test]
    fn narrow_maps_follow_each_other_and_their_forms_are_checked() {
        // x -> rows -> a = 2x (bf16) -> b = 3a + a (bf16) -> mean over both positions.
        let conv = |factor: f32, added: Option<Encoding>, rows: bool| {
            let shape = ConvShape::square(1, 1, 1, 1, 0);
            let encodings = Encodings { input: Encoding::Bf16, added, output: Encoding::Bf16 };
            if rows {
                return ReducedConv2d::of_rows(
                    Isa::Portable,
                    shape,
                    &[factor],
                    &[0.0],
                    Activation::None,
                    Encoding::Bf16,
                );
            }
            ReducedConv2d::new(Isa::Portable, shape, &[factor], &[0.0], Activation::None, encodings)
        };
        let mut builder = ProgramBuilder::new(Isa::Portable);
        let rows = builder.rows(builder.input(), 0);
        let a = builder.reduced_conv(rows, conv(2.0, None, true).unwrap(), None);
        let b = builder.reduced_conv(a, conv(3.0, Some(Encoding::Bf16), false).unwrap(), Some(a));
        builder.mean_pool(b);
        let mut program = builder.finish().unwrap();
        let fill = |x: &mut [f32]| -> Result<(), KernelError> {
            x.copy_from_slice(&[1.0, 2.0]);
            Ok(())
        };
        assert_eq!(program.run(MapShape::new(1, 2, 1, 1), fill).unwrap().1, [12.0]);

        let mut builder = ProgramBuilder::new(Isa::Portable);
        builder.reduced_conv(builder.input(), conv(2.0, None, false).unwrap(), None);
        assert!(builder.finish().is_err(), "a narrow convolution of single precision");
        let mut builder = ProgramBuilder::new(Isa::Portable);
        let rows = builder.rows(builder.input(), 0);
        builder.reduced_conv(rows, conv(2.0, None, true).unwrap(), None);
        assert!(builder.finish().is_err(), "a narrow result");
    }
}
