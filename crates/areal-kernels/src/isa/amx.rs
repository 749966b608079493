#![allow(unsafe_code)]
//! Whether this process may use AMX's tiles: the processor must have them and the operating system must save them.

use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
use std::sync::OnceLock;

/// Bits of CPUID leaf 7, EDX: bf16 products, tiles, products of 8-bit integers.
const INSTRUCTIONS: u32 = 1 << 22 | 1 << 24 | 1 << 25;
/// Bit of CPUID leaf 1, ECX: the operating system has enabled XGETBV.
const OSXSAVE: u32 = 1 << 27;
/// Bits of XCR0: the operating system saves the tiles' configuration and their data.
const SAVED: u64 = 1 << 17 | 1 << 18;

/// True when tiles can be used. Asks the operating system for permission the first time.
pub fn is_available() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| has_instructions() && is_permitted())
}

fn has_instructions() -> bool {
    let companions = is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512vnni");
    companions
        && __cpuid(0).eax >= 7
        && __cpuid_count(7, 0).edx & INSTRUCTIONS == INSTRUCTIONS
        && __cpuid(1).ecx & OSXSAVE != 0
        // SAFETY: OSXSAVE says that the instruction may be used.
        && unsafe { saved() } & SAVED == SAVED
}

#[target_feature(enable = "xsave")]
fn saved() -> u64 {
    // SAFETY: the caller has seen OSXSAVE.
    unsafe { _xgetbv(0) }
}

/// Linux gives the tiles' memory to processes that ask for it.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: the call takes two numbers and changes nothing but this process's permission.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}
