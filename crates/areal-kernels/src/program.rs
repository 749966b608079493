use crate::crop::{crop, cropped};
use crate::pool::mean_pool;
use crate::{Buffer, Conv2d, KernelError, Level, MapShape, MaxPool};

/// A map that a program computes; made by [`ProgramBuilder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(usize);

impl Value {
    /// Its place among all values; 0 is the map that goes in.
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// One operation of a program.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A convolution, with a map to add before its activation.
    Conv(Box<Conv2d>, Option<Value>),
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
    /// Buffer of the result.
    buffer: usize,
}

/// Collects the operations of a program, each after those it reads from.
#[derive(Debug)]
pub struct ProgramBuilder {
    level: Level,
    steps: Vec<Step>,
}

/// A fixed sequence of operations on maps. Its buffers are shared by maps that are never alive together, and kept from
/// one run to the next.
#[derive(Debug, Clone)]
pub struct Program {
    level: Level,
    steps: Vec<Step>,
    buffers: Vec<Buffer>,
}

impl ProgramBuilder {
    /// A program without operations.
    pub fn new(level: Level) -> Self {
        Self { level, steps: Vec::new() }
    }

    /// The map that goes in.
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// Adds a convolution of `from`; `add` is added before its activation.
    pub fn conv(&mut self, from: Value, conv: Conv2d, add: Option<Value>) -> Value {
        self.push(from, Operation::Conv(Box::new(conv), add))
    }

    /// Adds a pooling of `from`.
    pub fn max_pool(&mut self, from: Value, pool: MaxPool) -> Value {
        self.push(from, Operation::MaxPool(pool))
    }

    /// Adds the mean of `from` over all positions: a map of one position.
    pub fn mean_pool(&mut self, from: Value) -> Value {
        self.push(from, Operation::MeanPool)
    }

    /// Adds `from` less `margin` positions on every side.
    pub fn crop(&mut self, from: Value, margin: usize) -> Value {
        self.push(from, Operation::Crop(margin))
    }

    fn push(&mut self, from: Value, operation: Operation) -> Value {
        self.steps.push(Step { operation, from, buffer: 0 });
        Value(self.steps.len())
    }

    /// Plans the buffers. The result of the last operation is the program's.
    ///
    /// # Errors
    /// When there is no operation, or one reads a value that no earlier one computes.
    pub fn finish(mut self) -> Result<Program, KernelError> {
        let mut last_use = vec![0; self.steps.len() + 1];
        for (index, step) in self.steps.iter().enumerate() {
            for value in step.reads() {
                if value.0 > index {
                    return Err(KernelError::Shape(format!("operation {index} reads the later value {}", value.0)));
                }
                last_use[value.0] = index;
            }
        }
        if self.steps.is_empty() {
            return Err(KernelError::Shape("a program without operations".to_owned()));
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
        Ok(Program { level: self.level, steps: self.steps, buffers: vec![Buffer::default(); buffers] })
    }
}

impl Step {
    fn reads(&self) -> impl Iterator<Item = Value> + use<> {
        let add = if let Operation::Conv(_, add) = &self.operation { *add } else { None };
        [Some(self.from), add].into_iter().flatten()
    }

    fn output(&self, input: MapShape) -> Result<MapShape, KernelError> {
        match &self.operation {
            Operation::Conv(conv, _) => conv.shape().output(input),
            Operation::MaxPool(pool) => pool.output(input),
            Operation::MeanPool => Ok(MapShape::new(1, 1, input.batch, input.channels)),
            Operation::Crop(margin) => cropped(input, *margin),
        }
    }
}

impl Program {
    /// The instructions that it uses.
    pub fn level(&self) -> Level {
        self.level
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
        let shapes = self.shapes(input)?;
        fill(&mut self.buffers[0][..input.len()])?;
        for index in 0..self.steps.len() {
            self.step(index, &shapes)?;
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
            self.buffers[step.buffer].grow(shape.len());
            shapes.push(shape);
        }
        Ok(shapes)
    }

    fn step(&mut self, index: usize, shapes: &[MapShape]) -> Result<(), KernelError> {
        let step = &self.steps[index];
        let (shape, target) = (shapes[step.from.0], shapes[index + 1]);
        // A result never shares the buffer of a map that is still read, so it can be taken out.
        let mut output = std::mem::take(&mut self.buffers[step.buffer]);
        let read = |value: Value| {
            let buffer = if value.0 == 0 { 0 } else { self.steps[value.0 - 1].buffer };
            &self.buffers[buffer][..shapes[value.0].len()]
        };
        let out = &mut output[..target.len()];
        let done = match &step.operation {
            Operation::Conv(conv, add) => conv.run(shape, read(step.from), add.map(read), out).map(|_| ()),
            Operation::MaxPool(pool) => pool.run(self.level, shape, read(step.from), out).map(|_| ()),
            Operation::MeanPool => mean_pool(self.level, shape, read(step.from), out),
            Operation::Crop(margin) => crop(shape, *margin, read(step.from), out),
        };
        self.buffers[self.steps[index].buffer] = output;
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, ConvShape};

    fn scale(factor: f32) -> Conv2d {
        Conv2d::new(Level::Portable, ConvShape::square(1, 1, 1, 1, 0), &[factor], None, Activation::None).unwrap()
    }

    #[test]
    fn a_residual_keeps_its_buffer_until_it_is_added() {
        // x -> a = 2x -> b = 3a -> c = 5b + a -> d = 7c: 7 (5 * 6x + 2x) = 224x.
        let mut builder = ProgramBuilder::new(Level::Portable);
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
        let mut builder = ProgramBuilder::new(Level::Portable);
        builder.conv(Value(7), scale(1.0), None);
        assert!(builder.finish().is_err());
    }
}
