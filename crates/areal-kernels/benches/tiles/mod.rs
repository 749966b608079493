//! The peak of one core on quantised maps: tile products in registers only.
#![allow(unsafe_code)]

use areal_kernels::Isa;

use crate::peak;

/// Rounds of one timing.
const ROUNDS: usize = 100_000;

/// Operations a second with maps of bf16 or of bytes: by tiles, whose products are those of bf16 pairs or of four bytes; else
/// as in single precision.
pub fn measure(isa: Isa, bytes: bool) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if matches!(isa, Isa::Amx(_)) {
        return (0..20).map(|_| tiles(bytes)).fold(0.0, f64::max);
    }
    _ = bytes;
    peak::measure(isa)
}

/// Products of tiles of 16 x 16 on four independent sums.
#[cfg(target_arch = "x86_64")]
fn tiles(bytes: bool) -> f64 {
    use std::arch::asm;
    let mut configuration = [0u8; 64];
    configuration[0] = 1;
    for tile in 0..8 {
        configuration[16 + 2 * tile] = 64;
        configuration[48 + tile] = 16;
    }
    let start = peak::thread_seconds();
    macro_rules! products {
        ($product:literal) => {
            asm!(
                "ldtilecfg [{configuration}]",
                "2:",
                concat!($product, " tmm0, tmm4, tmm6"),
                concat!($product, " tmm1, tmm4, tmm7"),
                concat!($product, " tmm2, tmm5, tmm6"),
                concat!($product, " tmm3, tmm5, tmm7"),
                "dec {left}",
                "jnz 2b",
                "tilerelease",
                configuration = in(reg) configuration.as_ptr(),
                left = inout(reg) ROUNDS => _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            )
        };
    }
    // SAFETY: the instructions were detected; the tiles are set and given back here.
    unsafe {
        if bytes {
            products!("tdpbusd");
        } else {
            products!("tdpbf16ps");
        }
    }
    let products = 16 * 16 * if bytes { 64 } else { 32 };
    2.0 * (4 * products * ROUNDS) as f64 / (peak::thread_seconds() - start)
}
