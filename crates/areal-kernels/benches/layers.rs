//! Speed of the layers of ResNet-18 and ResNet-50 on one thread, as a share of the peak that a loop of fused
//! multiply-adds reaches on the same core: `AREAL_CPU_ISA=avx2 cargo bench -p areal-kernels --bench layers`.
//!
//! The two columns after that are the gradients by input and by weights, packing of the weights included; the last four
//! the same layer on maps of bf16 and of bytes, each with its share of the peak of its own instructions.
//!
//! The figure counts the operations as they are commonly counted, taps on padding included; the kernels skip these, so
//! that the share of a small map may exceed 100 %. Time is the thread's processor time,
//! the shortest of many short repetitions.

use std::time::{Duration, Instant};

use areal_kernels::reduced::{Encodings, MapEncoding, ReducedConv2d, SLACK, rows_len};
use areal_kernels::{
    Activation, Buffer, Conv2d, ConvShape, Isa, KernelError, MapShape, input_gradient, weights_gradient,
};

#[path = "peak.rs"]
mod peak;
mod tiles;

/// Name, inputs, outputs, kernel, stride, padding, size of the input map.
const LAYERS: [(&str, usize, usize, usize, usize, usize, usize); 16] = [
    ("stem 7x7/2, 4 bands", 4, 64, 7, 2, 3, 64),
    ("3x3 64", 64, 64, 3, 1, 1, 16),
    ("3x3/2 64-128", 64, 128, 3, 2, 1, 16),
    ("1x1/2 64-128", 64, 128, 1, 2, 0, 16),
    ("3x3 128", 128, 128, 3, 1, 1, 8),
    ("3x3/2 128-256", 128, 256, 3, 2, 1, 8),
    ("3x3 256", 256, 256, 3, 1, 1, 4),
    ("3x3/2 256-512", 256, 512, 3, 2, 1, 4),
    ("3x3 512", 512, 512, 3, 1, 1, 2),
    ("1x1 64-256", 64, 256, 1, 1, 0, 16),
    ("1x1 256-64", 256, 64, 1, 1, 0, 16),
    ("1x1 1024-256", 1024, 256, 1, 1, 0, 4),
    ("1x1 512-2048", 512, 2048, 1, 1, 0, 2),
    ("3x3 64, 56 px", 64, 64, 3, 1, 1, 56),
    ("3x3 32", 32, 32, 3, 1, 1, 32),
    ("3x3 16", 16, 16, 3, 1, 1, 32),
];

/// Shortest time of a call among those of half a second.
pub fn shortest(mut call: impl FnMut()) -> f64 {
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed() < Duration::from_millis(150) {
        let start = peak::thread_seconds();
        call();
        best = best.min(peak::thread_seconds() - start);
    }
    best
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build()?;
    threads.install(|| -> Result<(), KernelError> {
        let isa = Isa::detect()?;
        let peak = peak::measure(isa);
        let reduced_peaks = [false, true].map(|bytes| tiles::measure(isa, bytes));
        println!(
            "{isa}, one thread, peak {:.0} GFLOP/s; bf16 {:.0}, bytes {:.0}",
            peak / 1e9,
            reduced_peaks[0] / 1e9,
            reduced_peaks[1] / 1e9
        );
        println!(
            "{:<22} {:>5} {:>6} {:>9} {:>7} {:>14} {:>9} {:>10} {:>8} {:>5} {:>8} {:>5}",
            "layer", "map", "batch", "GFLOP/s", "peak", "done, of peak", "by input", "by weights", "bf16", "", "bytes", ""
        );
        for (name, inputs, outputs, kernel, stride, padding, size) in LAYERS {
            for batch in [64, 1] {
                let c = ConvShape::square(inputs, outputs, kernel, stride, padding);
                let shape = MapShape::new(size, size, if size > 40 { batch.min(8) } else { batch }, inputs);
                let target = c.output(shape)?;
                let conv = Conv2d::new(isa, c, &vec![0.5; c.weights_len()], None, Activation::Relu)?;
                let (mut input, mut output) = (Buffer::zeros(shape.len()), Buffer::zeros(target.len()));
                input.fill(0.5);
                let mut failed = Ok(target);
                let seconds = shortest(|| failed = conv.run(shape, &input, None, &mut output));
                failed?;
                let speed = c.flops(target) / seconds;
                let done = speed * inside(&c, shape, target);
                let (mut dx, mut dw) = (Buffer::zeros(shape.len()), vec![0.0; c.weights_len()]);
                let weights = vec![0.5; c.weights_len()];
                let by_input = shortest(|| _ = input_gradient(isa, &c, shape, &weights, &output, None, &mut dx));
                let by_weights = shortest(|| _ = weights_gradient(isa, &c, shape, &input, &output, &mut dw));
                let reduced = [MapEncoding::Bf16, MapEncoding::U8 { scale: 1.0 }].map(|encoding| reduced(isa, c, shape, encoding));
                let [bf16, bytes] = [reduced[0].clone()?, reduced[1].clone()?].map(|seconds| c.flops(target) / seconds);
                println!(
                    "{name:<22} {size:>5} {:>6} {:>9.1} {:>6.0}% {:>13.0}% {:>9.1} {:>10.1} {:>8.1} {:>4.0}% {:>8.1} {:>4.0}%",
                    shape.batch,
                    speed / 1e9,
                    100.0 * speed / peak,
                    100.0 * done / peak,
                    c.flops(target) / by_input / 1e9,
                    c.flops(target) / by_weights / 1e9,
                    bf16 / 1e9,
                    100.0 * bf16 / reduced_peaks[0],
                    bytes / 1e9,
                    100.0 * bytes / reduced_peaks[1]
                );
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Seconds of the same layer on a reduced map; a stem reads rows of bf16 whatever its result.
fn reduced(isa: Isa, c: ConvShape, shape: MapShape, encoding: MapEncoding) -> Result<f64, KernelError> {
    let (weights, bias, target) = (vec![0.5; c.weights_len()], vec![0.5; c.outputs], c.output(shape)?);
    let encodings = Encodings { input: encoding, added: None, output: encoding };
    let (conv, len) = if c.inputs < 16 {
        let conv = ReducedConv2d::of_rows(isa, c, &weights, &bias, Activation::Relu, encoding)?;
        (conv, rows_len(shape, c.padding[1]))
    } else {
        let conv = ReducedConv2d::new(isa, c, &weights, &bias, Activation::Relu, encodings)?;
        (conv, shape.len() * encoding.size() + SLACK)
    };
    let (input, mut output) = (Buffer::zeros(len.div_ceil(4)), Buffer::zeros(target.len()));
    let mut failed = Ok(target);
    let seconds = shortest(|| failed = conv.run(shape, input.bytes(), None, output.bytes_mut()));
    failed.map(|_| seconds)
}

/// Share of the taps that fall inside the map.
fn inside(c: &ConvShape, shape: MapShape, target: MapShape) -> f64 {
    let axis = |a: usize, targets: usize, sources: usize| {
        let hits = |o: usize| {
            (0..c.kernel[a]).filter(|k| (c.padding[a]..sources + c.padding[a]).contains(&(o * c.stride[a] + k))).count()
        };
        (0..targets).map(hits).sum::<usize>() as f64 / (targets * c.kernel[a]) as f64
    };
    axis(0, target.height, shape.height) * axis(1, target.width, shape.width)
}
