/// A function of slices that is compiled once for each level, and picks one at run time: `body` is inlined into each.
/// The level must have been required of this processor.
macro_rules! by_level {
    ($(#[$meta:meta])* $name:ident($($arg:ident: $type:ty),+ $(,)?) = $body:path) => {
        $(#[$meta])*
        #[allow(unsafe_code)]
        fn $name(level: crate::Level, $($arg: $type),+) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            fn avx512($($arg: $type),+) {
                $body($($arg),+);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),+) {
                $body($($arg),+);
            }
            match level {
                // SAFETY: the level was required of this processor.
                #[cfg(target_arch = "x86_64")]
                crate::Level::Avx512 | crate::Level::Amx => unsafe { avx512($($arg),+) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                crate::Level::Avx2 => unsafe { avx2($($arg),+) },
                _ => $body($($arg),+),
            }
        }
    };
}
pub(crate) use by_level;
