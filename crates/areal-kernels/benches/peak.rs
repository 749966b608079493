//! The peak of one core: fused multiply-adds on registers alone.
#![allow(unsafe_code)]

use std::hint::black_box;

use areal_kernels::Isa;

/// Rounds of one timing.
const ROUNDS: usize = 100_000;
/// Independent sums, enough to hide the latency of an addition on two units.
const SUMS: usize = 12;

/// Operations a second, two for each multiply-add of each lane; the best of several timings.
pub fn measure(isa: Isa) -> f64 {
    (0..20).map(|_| once(isa)).fold(0.0, f64::max)
}

fn once(isa: Isa) -> f64 {
    let start = thread_seconds();
    let lanes = match isa {
        // SAFETY: the instructions were detected.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) | Isa::Amx(_) => unsafe { wide() },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => unsafe { narrow() },
        _ => plain(),
    };
    2.0 * (lanes * SUMS * ROUNDS) as f64 / (thread_seconds() - start)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn wide() -> usize {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_reduce_add_ps, _mm512_set1_ps};
    let mut sums = [_mm512_set1_ps(black_box(1.0)); SUMS];
    let (a, b) = (_mm512_set1_ps(black_box(0.5)), _mm512_set1_ps(black_box(0.25)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, a, b);
        }
    }
    for sum in sums {
        black_box(_mm512_reduce_add_ps(sum));
    }
    16
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn narrow() -> usize {
    use std::arch::x86_64::{_mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_set1_ps};
    let mut sums = [_mm256_set1_ps(black_box(1.0)); SUMS];
    let (a, b) = (_mm256_set1_ps(black_box(0.5)), _mm256_set1_ps(black_box(0.25)));
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, a, b);
        }
    }
    for sum in sums {
        black_box(_mm256_cvtss_f32(sum));
    }
    8
}

/// Four lanes of multiplication and addition apart.
fn plain() -> usize {
    let mut sums = [[black_box(1.0f32); 4]; SUMS];
    let (a, b) = (black_box(0.5), black_box(0.25));
    for _ in 0..ROUNDS {
        for sum in sums.iter_mut().flatten() {
            *sum = *sum * a + b;
        }
    }
    black_box(sums);
    4
}

/// Processor time of this thread, in seconds.
pub fn thread_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
