//! Building programs: the order of operations is checked and buffers are planned.

use areal_kernels::reduced::ReducedConv2d;
use areal_kernels::{Buffer, Conv2d, Isa, KernelError, MaxPool};

use super::{Form, Operation, Program, Step, Value};

/// Collects the operations of a program, each after those it reads from.
#[derive(Debug)]
pub struct ProgramBuilder {
    isa: Isa,
    steps: Vec<Step>,
}

impl ProgramBuilder {
    /// A program without operations.
    pub fn new(isa: Isa) -> Self {
        Self { isa, steps: Vec::new() }
    }

    /// The input map, of single precision.
    pub fn input(&self) -> Value {
        Value(0)
    }

    /// Adds a convolution of `from`; `add` is added before its activation.
    pub fn conv(&mut self, from: Value, conv: Conv2d, add: Option<Value>) -> Value {
        self.push(from, Operation::Conv(Box::new(conv), add), Form::Single)
    }

    /// Adds a convolution of reduced-precision maps; `add` is added before its activation. One made by [`ReducedConv2d::of_rows`] reads
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
        let form = self.form(from);
        self.push(from, Operation::MaxPool(pool), form)
    }

    /// Adds the mean of `from` over all positions: a map of one position, of single precision.
    pub fn mean_pool(&mut self, from: Value) -> Value {
        self.push(from, Operation::MeanPool, Form::Single)
    }

    /// Adds `from` less `margin` positions on every side.
    pub fn crop(&mut self, from: Value, margin: usize) -> Value {
        let form = self.form(from);
        self.push(from, Operation::Crop(margin), form)
    }

    fn push(&mut self, from: Value, operation: Operation, form: Form) -> Value {
        self.steps.push(Step { operation, from, form, buffer: 0 });
        Value(self.steps.len())
    }

    /// The form of a value; single precision for one that is not computed, which [`finish`](Self::finish) refuses.
    fn form(&self, value: Value) -> Form {
        match value.0 {
            0 => Form::Single,
            at => self.steps.get(at - 1).map_or(Form::Single, |step| step.form),
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
        let buffers = assign_buffers(&mut self.steps, &last_use);
        Ok(Program { isa: self.isa, steps: self.steps, buffers: vec![Buffer::default(); buffers] })
    }
}

/// Assigns a buffer to the result of each step and returns their number. Buffer 0 is the input's; a buffer is free once the
/// last step that reads its map is done.
fn assign_buffers(steps: &mut [Step], last_use: &[usize]) -> usize {
    let (mut buffers, mut free) = (1, Vec::new());
    for index in 0..steps.len() {
        steps[index].buffer = free.pop().unwrap_or_else(|| {
            buffers += 1;
            buffers - 1
        });
        let mut done: Vec<usize> = steps[index].reads().map(|v| v.0).filter(|v| last_use[*v] == index).collect();
        done.dedup();
        free.extend(done.into_iter().map(|value| if value == 0 { 0 } else { steps[value - 1].buffer }));
    }
    buffers
}
