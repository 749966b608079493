//! Speed of whole networks: patches a second and core, of processor time.
//! `cargo bench -p areal-plan --bench networks`.

use areal_kernels::{Activation, Conv2d, ConvShape, Isa, KernelError, MapShape, MaxPool};
use areal_plan::{Program, ProgramBuilder, Value};

#[path = "../../areal-kernels/benches/peak.rs"]
mod peak;

struct Maker {
    isa: Isa,
    builder: ProgramBuilder,
    flops: f64,
    size: usize,
}

impl Maker {
    fn conv(&mut self, from: Value, c: ConvShape, relu: bool, add: Option<Value>) -> Result<Value, KernelError> {
        let weights: Vec<f32> =
            (0..c.weights_len()).map(|i| ((i * 2_654_435_761) % 1000) as f32 / 1000.0 - 0.5).collect();
        let scale = (2.0 / (c.weights_len() / c.outputs) as f32).sqrt();
        let weights: Vec<f32> = weights.iter().map(|w| w * scale).collect();
        let activation = if relu { Activation::Relu } else { Activation::None };
        let conv = Conv2d::new(self.isa, c, &weights, Some(&vec![0.1; c.outputs]), activation)?;
        self.flops += c.flops(c.output(MapShape::new(self.size, self.size, 1, c.inputs))?);
        Ok(self.builder.conv(from, conv, add))
    }
}

fn resnet18(isa: Isa, bands: usize, size: usize) -> Result<(Program, f64), KernelError> {
    let mut m = Maker { isa, builder: ProgramBuilder::new(isa), flops: 0.0, size };
    let input = m.builder.input();
    let mut x = m.conv(input, ConvShape::square(bands, 64, 7, 2, 3), true, None)?;
    x = m.builder.max_pool(x, MaxPool { kernel: 3, stride: 2, padding: 1 });
    m.size = size.div_ceil(4);
    let mut channels = 64;
    for (stage, width) in [64, 128, 256, 512].into_iter().enumerate() {
        for block in 0..2 {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let short =
                if stride == 2 { m.conv(x, ConvShape::square(channels, width, 1, 2, 0), false, None)? } else { x };
            let y = m.conv(x, ConvShape::square(channels, width, 3, stride, 1), true, None)?;
            m.size = m.size.div_ceil(stride);
            x = m.conv(y, ConvShape::square(width, width, 3, 1, 1), true, Some(short))?;
            channels = width;
        }
    }
    x = m.builder.mean_pool(x);
    m.size = 1;
    m.conv(x, ConvShape::square(512, 10, 1, 1, 0), false, None)?;
    Ok((m.builder.finish()?, m.flops))
}

fn main() -> Result<(), KernelError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
    let _pool = pool.map_err(|e| KernelError::Shape(e.to_string()))?;
    let isa = Isa::detect()?;
    let peak = peak::measure(isa);
    println!("{isa}, peak {:.0} GFLOP/s a core", peak / 1e9);
    for (size, batches) in [(64, &[8, 16, 32, 64][..]), (224, &[4])] {
        for &batch in batches {
            let (mut program, flops) = resnet18(isa, 3, size)?;
            let shape = MapShape::new(size, size, batch, 3);
            let mut best = f64::INFINITY;
            for _ in 0..12 {
                let start = peak::thread_seconds();
                program.run(shape, |x| {
                    x.fill(0.5);
                    Ok::<(), KernelError>(())
                })?;
                best = best.min(peak::thread_seconds() - start);
            }
            let speed = batch as f64 / best;
            println!(
                "resnet18 {size} px, batch {batch:>3}: {speed:>7.1} patches/s a core, {:.0} GFLOP/s, {:.0} % of peak",
                speed * flops / 1e9,
                100.0 * speed * flops / peak
            );
        }
    }
    Ok(())
}
