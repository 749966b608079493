//! Instruction sets of the processor. A value of [`Isa`] or of one of its parts exists only where detection found the
//! instructions, so that holding one proves that they may be executed.

#[cfg(target_arch = "x86_64")]
mod amx;
mod dispatch;

use std::sync::Once;

pub(crate) use dispatch::dispatch;
use strum::{EnumDiscriminants, EnumString, VariantNames};

use crate::KernelError;

/// An instruction set of this processor, from the plainest to the fastest.
///
/// ```
/// use areal_kernels::Isa;
///
/// // Values come from detection alone. The environment variable AREAL_CPU_ISA can only lower what is detected.
/// let isa = Isa::detect()?;
/// assert!(Isa::available().any(|available| available == isa));
/// # Ok::<(), areal_kernels::KernelError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, EnumDiscriminants)]
#[strum(serialize_all = "lowercase")]
#[strum_discriminants(name(IsaName), vis(pub(crate)), derive(PartialOrd, Ord, EnumString, VariantNames))]
#[strum_discriminants(strum(serialize_all = "lowercase"))]
pub enum Isa {
    /// What every processor of the target has.
    Portable,
    /// 8 single-precision values a register.
    Avx2(Avx2),
    /// 16 single-precision values a register.
    Avx512(Avx512),
    /// AVX-512 with AMX's tiles for maps of reduced precision; single precision is as with AVX-512.
    Amx(Amx),
}

/// Declares a type whose values prove that this processor has some instructions.
macro_rules! proof {
    ($(#[$meta:meta])* $name:ident = $detected:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(());

        impl $name {
            /// A proof, where this processor and its operating system have the instructions.
            pub(crate) fn detect() -> Option<Self> {
                #[cfg(target_arch = "x86_64")]
                return $detected.then_some(Self(()));
                #[cfg(not(target_arch = "x86_64"))]
                None
            }
        }
    };
}

proof! {
    /// Proof of AVX2 and FMA.
    Avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}
proof! {
    /// Proof of AVX-512 F, BW, DQ and VL, and of AVX2 and FMA.
    Avx512 = Avx2::detect().is_some()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
}
proof! {
    /// Proof of [`Avx512`]'s instructions and products of pairs of bf16.
    Avx512Bf16 = Avx512::detect().is_some() && is_x86_feature_detected!("avx512bf16")
}
proof! {
    /// Proof of [`Avx512`]'s instructions and products of four bytes.
    Avx512Vnni = Avx512::detect().is_some() && is_x86_feature_detected!("avx512vnni")
}
proof! {
    /// Proof of AMX's tiles, with permission to use them, and of the instructions of the other proofs.
    Amx = Avx512Bf16::detect().is_some() && Avx512Vnni::detect().is_some() && amx::is_available()
}

/// Environment variable with the fastest instruction set that [`Isa::detect`] may choose.
const VARIABLE: &str = "AREAL_CPU_ISA";
/// Its former name.
const FORMER_VARIABLE: &str = "AREAL_CPU_LEVEL";

impl Isa {
    /// All instruction sets of this processor, plainest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let detected = [
            Some(Self::Portable),
            Avx2::detect().map(Self::Avx2),
            Avx512::detect().map(Self::Avx512),
            Amx::detect().map(Self::Amx),
        ];
        detected.into_iter().flatten()
    }

    /// The fastest instruction set of this processor, not above the one that the environment variable `AREAL_CPU_ISA`
    /// names: `portable`, `avx2`, `avx512` or `amx`.
    ///
    /// # Errors
    /// [`KernelError::UnknownIsa`] when the variable has another value.
    pub fn detect() -> Result<Self, KernelError> {
        let limit = limit()?;
        Ok(Self::available().filter(|isa| IsaName::from(isa) <= limit).last().unwrap_or(Self::Portable))
    }
}

/// The fastest instruction set that the environment allows.
fn limit() -> Result<IsaName, KernelError> {
    static WARNING: Once = Once::new();
    let former = || {
        let value = std::env::var_os(FORMER_VARIABLE)?;
        WARNING.call_once(|| eprintln!("warning: {FORMER_VARIABLE} is now named {VARIABLE}; use the new name"));
        Some(value)
    };
    match std::env::var_os(VARIABLE).or_else(former) {
        Some(value) => parse(&value.to_string_lossy()),
        None => Ok(IsaName::Amx),
    }
}

fn parse(name: &str) -> Result<IsaName, KernelError> {
    name.parse().map_err(|_| KernelError::UnknownIsa { name: name.to_owned(), known: IsaName::VARIANTS.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_sets_are_ordered_and_have_names() {
        let all: Vec<Isa> = Isa::available().collect();
        assert_eq!(all[0], Isa::Portable);
        assert!(all.is_sorted());
        for isa in all {
            assert_eq!(parse(&isa.to_string()).unwrap(), IsaName::from(isa));
        }
        let unknown = parse("sse9").unwrap_err().to_string();
        assert_eq!(unknown, "unknown instruction set \"sse9\": must be one of portable, avx2, avx512, amx");
    }
}
