use std::sync::OnceLock;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::ModuleOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Device, Tensor, TensorData};

use crate::{
    Activation, Buffer, Conv2d, ConvShape, KernelError, Level, MapShape, from_nchw, input_gradient, to_nchw,
    weights_gradient,
};

/// The convolution as an operation of Burn's backends.
#[backend_extension(Flex, Autodiff)]
trait MapConvolution: Backend {
    /// Convolves images `[N, C, H, W]` with weights `[outputs, C, kernel rows, kernel columns]`.
    fn map_conv2d(x: FloatTensor<Self>, weights: FloatTensor<Self>, options: ConvOptions<2>) -> FloatTensor<Self>;
}

/// Convolves images `[N, C, H, W]` with weights `[outputs, C, kernel rows, kernel columns]`, without bias: with these
/// kernels on Burn's CPU backend, forward and backward; elsewhere, and for what they do not cover (groups, unequal
/// padding, other types than `f32`), with Burn's own operation.
pub fn conv2d(x: Tensor<4>, weights: Tensor<4>, options: ConvOptions<2>) -> Tensor<4> {
    let covered = x.device().inner() == Device::flex()
        && x.dtype() == DType::F32
        && weights.dtype() == DType::F32
        && shapes(x.dims(), weights.dims(), &options).is_some();
    if covered {
        Tensor::from_dispatch(<Dispatch as MapConvolution>::map_conv2d(
            x.into_dispatch(),
            weights.into_dispatch(),
            options,
        ))
    } else {
        burn::tensor::module::conv2d(x, weights, None, options)
    }
}

/// What is convolved, the map that goes in and the one that comes out; none for what the kernels do not cover.
fn shapes(
    [n, c, h, w]: [usize; 4],
    [o, i, rows, columns]: [usize; 4],
    options: &ConvOptions<2>,
) -> Option<(ConvShape, MapShape, MapShape)> {
    let [(top, bottom), (left, right)] = options.padding;
    if options.groups != 1 || i != c || top != bottom || left != right {
        return None;
    }
    let shape = ConvShape {
        inputs: i,
        outputs: o,
        kernel: [rows, columns],
        stride: options.stride,
        padding: [top, left],
        dilation: options.dilation,
    };
    let input = MapShape::new(h, w, n, c);
    Some((shape, input, shape.output(input).ok()?))
}

/// The level of this processor; a wrong name in the environment is reported where plans are loaded.
fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| Level::detect().unwrap_or(Level::Portable))
}

type FlexFloat = FloatTensor<Flex>;

/// A tensor's values, row-major, in one piece.
fn contiguous(tensor: &FlexFloat) -> FlexFloat {
    tensor.to_contiguous()
}

fn values(tensor: &FlexFloat) -> Result<&[f32], KernelError> {
    tensor.as_slice().ok_or_else(|| KernelError::Shape("a tensor that is not contiguous single precision".to_owned()))
}

fn dims(tensor: &FlexFloat) -> [usize; 4] {
    let shape = tensor.shape();
    std::array::from_fn(|axis| shape[axis])
}

fn tensor(values: Vec<f32>, dims: [usize; 4]) -> FlexFloat {
    FlexFloat::from_data(TensorData::new(values, dims))
}

/// Images `[N, C, H, W]` as a map.
fn map_of(images: &FlexFloat, shape: MapShape) -> Result<Buffer, KernelError> {
    let mut map = Buffer::zeros(shape.len());
    from_nchw(shape, values(&contiguous(images))?, &mut map)?;
    Ok(map)
}

/// A map as images `[N, C, H, W]`.
fn images_of(map: &[f32], shape: MapShape) -> Result<FlexFloat, KernelError> {
    let mut planar = vec![0.0; shape.len()];
    to_nchw(shape, map, &mut planar)?;
    Ok(tensor(planar, [shape.batch, shape.channels, shape.height, shape.width]))
}

fn uncovered() -> KernelError {
    KernelError::Shape("a convolution that the kernels do not cover".to_owned())
}

fn forward(x: &FlexFloat, weights: &FlexFloat, options: &ConvOptions<2>) -> Result<FlexFloat, KernelError> {
    let (shape, input, output) = shapes(dims(x), dims(weights), options).ok_or_else(uncovered)?;
    let conv = Conv2d::new(level(), shape, values(&contiguous(weights))?, None, Activation::None)?.direct();
    let mut y = Buffer::zeros(output.len());
    conv.run(input, &map_of(x, input)?, None, &mut y)?;
    images_of(&y, output)
}

/// Gradients by the input and by the weights, each where it is wanted.
fn backward(
    x: &FlexFloat,
    weights: &FlexFloat,
    gradient: &FlexFloat,
    options: &ConvOptions<2>,
    wanted: [bool; 2],
) -> Result<[Option<FlexFloat>; 2], KernelError> {
    let (shape, input, output) = shapes(dims(x), dims(weights), options).ok_or_else(uncovered)?;
    let gradient = map_of(gradient, output)?;
    let mut result = [None, None];
    if wanted[0] {
        let mut dx = Buffer::zeros(input.len());
        input_gradient(level(), &shape, input, values(&contiguous(weights))?, &gradient, &mut dx)?;
        result[0] = Some(images_of(&dx, input)?);
    }
    if wanted[1] {
        let mut dw = vec![0.0; shape.weights_len()];
        weights_gradient(level(), &shape, input, &map_of(x, input)?, &gradient, &mut dw)?;
        result[1] = Some(tensor(dw, dims(weights)));
    }
    Ok(result)
}

impl MapConvolution for Flex {
    fn map_conv2d(x: FlexFloat, weights: FlexFloat, options: ConvOptions<2>) -> FlexFloat {
        // `conv2d` asked before; Burn's own operation stands in for what a direct caller may bring.
        forward(&x, &weights, &options).unwrap_or_else(|_| Flex::conv2d(x, weights, None, options))
    }
}

impl<C: CheckpointStrategy> MapConvolution for Autodiff<Flex, C> {
    fn map_conv2d(x: FloatTensor<Self>, weights: FloatTensor<Self>, options: ConvOptions<2>) -> FloatTensor<Self> {
        match Step.prepare::<C>([x.node(), weights.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (x, weights) = (x.into_primitive(), weights.into_primitive());
                let y = Flex::map_conv2d(x.clone(), weights.clone(), options.clone());
                prepared.finish((x, weights, options), y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::map_conv2d(x.into_primitive(), weights.into_primitive(), options))
            }
        }
    }
}

/// The backward step.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 2> for Step {
    type State = (FlexFloat, FlexFloat, ConvOptions<2>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [by_x, by_weights] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let (x, weights, options) = ops.state;
        let wanted = [by_x.is_some(), by_weights.is_some()];
        let [dx, dw] = backward(&x, &weights, &gradient, &options, wanted).unwrap_or_else(|_| {
            let dx = wanted[0]
                .then(|| Flex::conv2d_x_backward(x.clone(), weights.clone(), gradient.clone(), options.clone()));
            let dw = wanted[1].then(|| Flex::conv2d_weight_backward(x, weights, gradient, options));
            [dx, dw]
        });
        for (node, gradient) in [(by_x, dx), (by_weights, dw)] {
            if let (Some(node), Some(gradient)) = (node, gradient) {
                grads.register::<Flex>(node.id, gradient);
            }
        }
    }
}
