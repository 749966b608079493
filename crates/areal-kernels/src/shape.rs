//! Shapes of maps and of convolutions.

use crate::KernelError;

/// The shape of a map, `[H, W, N, C]`: `height` rows of `width` positions, each with `batch` images of `channels` values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MapShape {
    pub height: usize,
    pub width: usize,
    /// Images.
    pub batch: usize,
    /// Values at one position of one image.
    pub channels: usize,
}

impl MapShape {
    /// From sizes in the order of the axes.
    pub fn new(height: usize, width: usize, batch: usize, channels: usize) -> Self {
        Self { height, width, batch, channels }
    }

    pub fn len(&self) -> usize {
        self.height * self.width * self.row_len()
    }

    /// True when an axis is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values at one position: all images, all channels.
    pub fn row_len(&self) -> usize {
        self.batch * self.channels
    }
}

/// What a convolution computes, without its weights. Pairs are (vertical, horizontal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    pub kernel: [usize; 2],
    /// Step of the kernel.
    pub stride: [usize; 2],
    /// Zeros around the map, on both sides.
    pub padding: [usize; 2],
    /// Distance between neighbouring taps.
    pub dilation: [usize; 2],
}

impl ConvShape {
    /// A square kernel with one stride and padding for both axes, no dilation.
    pub fn square(inputs: usize, outputs: usize, kernel: usize, stride: usize, padding: usize) -> Self {
        Self { inputs, outputs, kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2], dilation: [1; 2] }
    }

    /// Number of weights, `[outputs, inputs, kernel rows, kernel columns]`.
    pub fn weights_len(&self) -> usize {
        self.outputs * self.inputs * self.taps()
    }

    /// Positions of the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Size of the output along `axis` (0 vertical, 1 horizontal) for an input of `size`:
    /// `(size + 2 padding - dilation (kernel - 1) - 1) / stride + 1`.
    ///
    /// # Errors
    /// When the kernel is larger than the padded map or any size is zero.
    pub fn output_size(&self, axis: usize, size: usize) -> Result<usize, KernelError> {
        if self.kernel[axis] == 0 || self.stride[axis] == 0 || self.dilation[axis] == 0 || size == 0 {
            return Err(KernelError::Shape(format!("a size of zero in {self:?} on {size} pixels")));
        }
        let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
        let padded = size + 2 * self.padding[axis];
        if reach > padded {
            return Err(KernelError::Shape(format!("a kernel that reaches over {reach} of {padded} padded pixels")));
        }
        Ok((padded - reach) / self.stride[axis] + 1)
    }

    /// The output map for an input map.
    ///
    /// # Errors
    /// As [`ConvShape::output_size`], and when the channels differ.
    pub fn output(&self, input: MapShape) -> Result<MapShape, KernelError> {
        if input.channels != self.inputs {
            return Err(KernelError::Channels { what: "input", expected: self.inputs, found: input.channels });
        }
        let height = self.output_size(0, input.height)?;
        let width = self.output_size(1, input.width)?;
        Ok(MapShape::new(height, width, input.batch, self.outputs))
    }

    /// Multiplications and additions as they are commonly counted: 2 per weight and output value, padding included.
    pub fn flops(&self, output: MapShape) -> f64 {
        2.0 * (output.height * output.width * output.batch) as f64 * self.weights_len() as f64
    }
}
