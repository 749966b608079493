//! One mechanism for functions in plain Rust that are compiled once for each instruction set.

/// Defines functions whose first argument is an [`Isa`](crate::Isa). The body, an `#[inline(always)]` function without
/// that argument, is compiled once for each instruction set, and the one that the argument proves is run.
///
/// `dispatch! { fn sum(x: &[f32], sums: &mut [f32]) = sum_body; }`
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis unsafe fn $($rest:tt)+) => {
        $crate::isa::dispatch! { @ [unsafe] [$(#[$meta])* $vis] $($rest)+ }
    };
    ($(#[$meta:meta])* $vis:vis fn $($rest:tt)+) => {
        $crate::isa::dispatch! { @ [] [$(#[$meta])* $vis] $($rest)+ }
    };
    (@ [$($unsafe:tt)?] [$($meta:tt)*]
        $name:ident $(<$t:ident: $bound:ident>)? ($($arg:ident: $type:ty),+ $(,)?) = $body:expr;
    ) => {
        #[allow(unsafe_code, reason = "calls of functions with target features")]
        $($meta)* $($unsafe)? fn $name $(<$t: $bound>)? (isa: $crate::Isa, $($arg: $type),+) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
            $($unsafe)? fn avx512 $(<$t: $bound>)? ($($arg: $type),+) {
                // SAFETY: if the body is unsafe, so is this function, with the same contract.
                $($unsafe)? { $body($($arg),+) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            $($unsafe)? fn avx2 $(<$t: $bound>)? ($($arg: $type),+) {
                // SAFETY: as above.
                $($unsafe)? { $body($($arg),+) }
            }
            match isa {
                // SAFETY: `isa` proves the instructions; the rest is the caller's contract.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx512(_) | $crate::Isa::Amx(_) => unsafe { avx512$(::<$t>)?($($arg),+) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx2(_) => unsafe { avx2$(::<$t>)?($($arg),+) },
                // SAFETY: the caller's contract, if there is one.
                _ => $($unsafe)? { $body($($arg),+) },
            }
        }
    };
}
pub(crate) use dispatch;
