use areal_kernels::{Activation, Level, MaxPool, Program, ProgramBuilder, Value};
use areal_model::{Block, Network};
use burn::nn::pool::MaxPool2d;

use crate::PlanError;
use crate::fold::{convolution, linear, symmetric};

/// Compiles a network for one processor level: maps `[H, W, N, bands]` in, logits `[1, 1, N, K]` out.
///
/// # Errors
/// When the network holds a layer that plans do not know.
pub fn compile(network: &Network, level: Level) -> Result<Program, PlanError> {
    let mut builder = ProgramBuilder::new(level);
    let stem = convolution(level, &network.conv1, &network.bn1, Activation::Relu)?;
    let mut x = builder.conv(builder.input(), stem, None);
    if let Some(pool) = &network.maxpool {
        x = builder.max_pool(x, max_pool(pool)?);
    }
    for layer in [&network.layer1, &network.layer2, &network.layer3, &network.layer4] {
        for residual in layer {
            x = block(&mut builder, level, x, residual)?;
        }
    }
    x = builder.mean_pool(x);
    builder.conv(x, linear(level, &network.fc)?, None);
    Ok(builder.finish()?)
}

/// A residual block: the shortcut is added in the last convolution's epilogue.
fn block(builder: &mut ProgramBuilder, level: Level, x: Value, block: &Block) -> Result<Value, PlanError> {
    let shortcut = if block.margin() == 0 { x } else { builder.crop(x, block.margin()) };
    let shortcut = match &block.downsample {
        Some((conv, norm)) => builder.conv(shortcut, convolution(level, conv, norm, Activation::None)?, None),
        None => shortcut,
    };
    let y = builder.conv(x, convolution(level, &block.conv1, &block.bn1, Activation::Relu)?, None);
    let second = convolution(level, &block.conv2, &block.bn2, Activation::Relu)?;
    let (Some(conv3), Some(bn3)) = (&block.conv3, &block.bn3) else {
        return Ok(builder.conv(y, second, Some(shortcut)));
    };
    let y = builder.conv(y, second, None);
    Ok(builder.conv(y, convolution(level, conv3, bn3, Activation::Relu)?, Some(shortcut)))
}

fn max_pool(pool: &MaxPool2d) -> Result<MaxPool, PlanError> {
    let [padding, across] = symmetric(&pool.padding)?;
    let square = pool.kernel_size[0] == pool.kernel_size[1] && pool.stride[0] == pool.stride[1] && padding == across;
    if !square || pool.dilation != [1, 1] || pool.ceil_mode {
        return Err(PlanError::Layer(format!("pooling {pool:?}")));
    }
    Ok(MaxPool { kernel: pool.kernel_size[0], stride: pool.stride[0], padding })
}
