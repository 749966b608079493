//! Tensors as the kernels read them, and back: `[N, C, H, W]` as maps `[H, W, N, C]`, weights as `[rows, columns, I, O]`.

use std::ops::Deref;

use areal_kernels::buffer_pool::{give, take};
use areal_kernels::{MapShape, from_nchw};
use burn::backend::TensorMetadata;
use burn::backend::flex::Layout;
use burn::tensor::{Shape, TensorData};

use crate::{CHECKED, FlexFloat};

/// The order in memory of the axes of images `[N, C, H, W]` that lie as a map `[H, W, N, C]`.
const MAP: [usize; 4] = [2, 3, 0, 1];
/// Where these axes are found in the map.
const IMAGES: [usize; 4] = [2, 3, 0, 1];
/// The order in memory of the axes of weights `[O, I, rows, columns]` that lie as `[rows, columns, I, O]`.
const KERNEL: [usize; 4] = [2, 3, 1, 0];
/// Where these axes are found there.
const WEIGHTS: [usize; 4] = [3, 2, 0, 1];

/// A tensor's values in one piece, in the order of its axes.
pub(crate) struct Values(FlexFloat);

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.as_slice().expect(CHECKED)
    }
}

/// A tensor's values in the order of its own axes.
pub(crate) fn plain(tensor: &FlexFloat) -> Values {
    Values(if tensor.is_contiguous() { tensor.clone() } else { tensor.to_contiguous() })
}

/// The values of images `[N, C, H, W]` as a map `[H, W, N, C]`; copied only where they lie otherwise.
pub(crate) fn map_of(images: &FlexFloat) -> Values {
    let map = images.permute(&MAP);
    if map.is_contiguous() {
        return Values(map);
    }
    let shape = map_shape(images);
    if images.is_contiguous() {
        let mut values = take(shape.len());
        from_nchw(shape, &plain(images), &mut values).expect("both have the length of the shape");
        return Values(as_map(values, shape));
    }
    Values(map.to_contiguous())
}

/// A map `[H, W, N, C]` as images `[N, C, H, W]`.
pub(crate) fn images_of(map: Vec<f32>, shape: MapShape) -> FlexFloat {
    as_map(map, shape).permute(&IMAGES)
}

fn as_map(values: Vec<f32>, shape: MapShape) -> FlexFloat {
    FlexFloat::from_data(TensorData::new(values, [shape.height, shape.width, shape.batch, shape.channels]))
}

/// The values of images as a map that may be changed: in place where nothing else refers to them and they lie in that order.
pub(crate) fn into_map(images: FlexFloat) -> Vec<f32> {
    let map = images.permute(&MAP);
    drop(images);
    let map = if map.is_contiguous() { map } else { map.to_contiguous() };
    // Takes the memory itself over where it is not shared.
    map.into_data().try_into_vec().expect(CHECKED)
}

/// Returns the memory of a tensor to the buffer pool, where nothing else refers to it.
pub(crate) fn return_buffer(tensor: FlexFloat) {
    if tensor.is_unique() && tensor.shape().num_elements() > 0 {
        // Its order does not matter: as one row of as many values as it has in memory.
        let len = tensor.bytes().len() / size_of::<f32>();
        let whole = tensor.with_layout(Layout::contiguous(Shape::new([len])));
        give(whole.into_data().try_into_vec().expect(CHECKED));
    }
}

/// The values of weights `[O, I, rows, columns]` as `[rows, columns, I, O]`.
pub(crate) fn kernel_of(weights: &FlexFloat) -> Values {
    let kernel = weights.permute(&KERNEL);
    Values(if kernel.is_contiguous() { kernel } else { kernel.to_contiguous() })
}

/// Values `[rows, columns, I, O]` as weights `[O, I, rows, columns]`.
pub(crate) fn weights_of(kernel: Vec<f32>, [o, i, rows, columns]: [usize; 4]) -> FlexFloat {
    FlexFloat::from_data(TensorData::new(kernel, [rows, columns, i, o])).permute(&WEIGHTS)
}

/// Whether weights lie as `[rows, columns, I, O]` and not in the order of their axes.
pub(crate) fn is_kernel(weights: &FlexFloat) -> bool {
    weights.rank() == 4 && !weights.is_contiguous() && weights.permute(&KERNEL).is_contiguous()
}

/// The four sizes of a tensor of four axes.
pub(crate) fn dims(tensor: &FlexFloat) -> [usize; 4] {
    tensor.shape().dims()
}

/// The map that images `[N, C, H, W]` are.
pub(crate) fn map_shape(images: &FlexFloat) -> MapShape {
    let [n, c, h, w] = dims(images);
    MapShape::new(h, w, n, c)
}

/// Values as a tensor of one axis.
pub(crate) fn vector(values: Vec<f32>) -> FlexFloat {
    let len = values.len();
    FlexFloat::from_data(TensorData::new(values, [len]))
}
