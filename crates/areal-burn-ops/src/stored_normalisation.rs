//! Batch normalisation with stored moments, without gradients: frozen layers of a network that is trained.

use areal_kernels::buffer_pool::take;
use areal_kernels::{Isa, Moments, Norm};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use crate::layout::{images_of, map_of, map_shape, plain};
use crate::{CHECKED, FlexFloat, Kernels, is_ours};

/// The arguments of a normalisation beside its tensors.
#[derive(Debug, Clone, Copy)]
struct StoredNorm {
    isa: Isa,
    epsilon: f64,
    relu: bool,
}

/// The normalisation as an operation of Burn's backends.
#[backend_extension(Flex)]
trait StoredNormalisation: Backend {
    fn stored_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        how: StoredNorm,
    ) -> FloatTensor<Self>;

    fn stored_norm_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        variance: FloatTensor<Self>,
        add: FloatTensor<Self>,
        how: StoredNorm,
    ) -> FloatTensor<Self>;
}

impl Kernels {
    /// Normalises images `[N, C, H, W]` by channel with `[gamma, beta, mean, variance]`, `[C]` each, adds other images if there
    /// are any, and rectifies if asked to. On devices without gradients only.
    ///
    /// Burn's own operation is used for other types than `f32` and other devices than the CPU.
    pub fn normalise(
        self,
        x: Tensor<4>,
        parameters: [Tensor<1>; 4],
        epsilon: f64,
        add: Option<Tensor<4>>,
        rectify: bool,
    ) -> Tensor<4> {
        let channels = x.dims()[1];
        let fits = add.as_ref().is_none_or(|add| is_ours(add) && add.dims() == x.dims());
        let are_ours = parameters.iter().all(|p| is_ours(p) && p.dims() == [channels]);
        if !is_ours(&x) || x.device().is_autodiff() || !fits || !are_ours || x.dims().contains(&0) {
            let [gamma, beta, mean, variance] = parameters;
            let y = burn::tensor::module::batch_norm(x, gamma, beta, mean, variance, epsilon);
            let y = add.into_iter().fold(y, |y, add| y + add);
            return if rectify { relu(y) } else { y };
        }
        let how = StoredNorm { isa: self.isa, epsilon, relu: rectify };
        let [gamma, beta, mean, variance] = parameters.map(Tensor::into_dispatch);
        let x = x.into_dispatch();
        Tensor::from_dispatch(match add {
            Some(add) => <Dispatch as StoredNormalisation>::stored_norm_add(
                x,
                gamma,
                beta,
                mean,
                variance,
                add.into_dispatch(),
                how,
            ),
            None => <Dispatch as StoredNormalisation>::stored_norm(x, gamma, beta, mean, variance, how),
        })
    }
}

fn forward(x: &FlexFloat, parameters: [&FlexFloat; 4], add: Option<&FlexFloat>, how: StoredNorm) -> FlexFloat {
    let shape = map_shape(x);
    let [gamma, beta, mean, variance] = parameters.map(plain);
    let moments = Moments { mean: mean.to_vec(), variance: variance.to_vec() };
    let norm = Norm::new(&moments, &gamma, &beta, how.epsilon, how.relu).expect(CHECKED);
    let (map, add) = (map_of(x), add.map(map_of));
    let mut y = take(shape.len());
    norm.run(how.isa, &map, add.as_deref(), &mut y).expect(CHECKED);
    images_of(y, shape)
}

impl StoredNormalisation for Flex {
    fn stored_norm(
        x: FlexFloat,
        gamma: FlexFloat,
        beta: FlexFloat,
        mean: FlexFloat,
        variance: FlexFloat,
        how: StoredNorm,
    ) -> FlexFloat {
        forward(&x, [&gamma, &beta, &mean, &variance], None, how)
    }

    fn stored_norm_add(
        x: FlexFloat,
        gamma: FlexFloat,
        beta: FlexFloat,
        mean: FlexFloat,
        variance: FlexFloat,
        add: FlexFloat,
        how: StoredNorm,
    ) -> FlexFloat {
        forward(&x, [&gamma, &beta, &mean, &variance], Some(&add), how)
    }
}
