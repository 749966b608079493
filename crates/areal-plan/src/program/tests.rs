//! Programs by hand.

use areal_kernels::reduced::{MapEncoding, ReducedConv2d};
use areal_kernels::{Conv2d, Isa, KernelError, MapShape};

use super::{ProgramBuilder, Value};
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
fn maps_of_reduced_precision_follow_each_other_and_their_forms_are_checked() {
    // x -> rows -> a = 2x (bf16) -> b = 3a + a (bf16) -> mean over both positions.
    let conv = |factor: f32, added: Option<MapEncoding>, rows: bool| {
        let shape = ConvShape::square(1, 1, 1, 1, 0);
        let encodings = Encodings { input: MapEncoding::Bf16, added, output: MapEncoding::Bf16 };
        if rows {
            return ReducedConv2d::of_rows(
                Isa::Portable,
                shape,
                &[factor],
                &[0.0],
                Activation::None,
                MapEncoding::Bf16,
            );
        }
        ReducedConv2d::new(Isa::Portable, shape, &[factor], &[0.0], Activation::None, encodings)
    };
    let mut builder = ProgramBuilder::new(Isa::Portable);
    let rows = builder.rows(builder.input(), 0);
    let a = builder.reduced_conv(rows, conv(2.0, None, true).unwrap(), None);
    let b = builder.reduced_conv(a, conv(3.0, Some(MapEncoding::Bf16), false).unwrap(), Some(a));
    builder.mean_pool(b);
    let mut program = builder.finish().unwrap();
    let fill = |x: &mut [f32]| -> Result<(), KernelError> {
        x.copy_from_slice(&[1.0, 2.0]);
        Ok(())
    };
    assert_eq!(program.run(MapShape::new(1, 2, 1, 1), fill).unwrap().1, [12.0]);

    let mut builder = ProgramBuilder::new(Isa::Portable);
    builder.reduced_conv(builder.input(), conv(2.0, None, false).unwrap(), None);
    assert!(builder.finish().is_err(), "a reduced convolution of single precision");
    let mut builder = ProgramBuilder::new(Isa::Portable);
    let rows = builder.rows(builder.input(), 0);
    builder.reduced_conv(rows, conv(2.0, None, true).unwrap(), None);
    assert!(builder.finish().is_err(), "a reduced result");
}
