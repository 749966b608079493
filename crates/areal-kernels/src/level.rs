use std::fmt;
use std::str::FromStr;

use crate::KernelError;
#[cfg(target_arch = "x86_64")]
use crate::amx;

/// Which instructions a kernel uses; ordered from the plainest to the fastest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// What every processor of the target has.
    Portable,
    /// AVX2 with FMA: 8 values a register.
    Avx2,
    /// AVX-512 F: 16 values a register.
    Avx512,
    /// AVX-512 with AMX's tiles for maps of 16 and 8 bits; single precision is as at the level before.
    Amx,
}

/// Environment variable that caps [`Level::detect`]: `portable`, `avx2`, `avx512` or `amx`.
const CAP: &str = "AREAL_CPU_LEVEL";

impl Level {
    /// All levels, plainest first.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx];

    /// True when this processor can run the level.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f") && Self::Avx2.is_available(),
            #[cfg(target_arch = "x86_64")]
            Self::Amx => Self::Avx512.is_available() && amx::is_available(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 | Self::Amx => false,
        }
    }

    /// The fastest level of this processor, not above the one that the environment variable `AREAL_CPU_LEVEL` names.
    ///
    /// # Errors
    /// When the variable holds anything but a level's name.
    pub fn detect() -> Result<Self, KernelError> {
        let cap = match std::env::var(CAP) {
            Ok(text) => text.parse()?,
            Err(_) => Self::Amx,
        };
        let usable = |level: &Self| *level <= cap && level.is_available();
        Ok(Self::ALL.into_iter().rev().find(usable).unwrap_or(Self::Portable))
    }

    /// Fails when this processor cannot run the level.
    pub(crate) fn require(self) -> Result<Self, KernelError> {
        if self.is_available() { Ok(self) } else { Err(KernelError::Unsupported(self)) }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
        })
    }
}

impl FromStr for Level {
    type Err = KernelError;

    fn from_str(text: &str) -> Result<Self, KernelError> {
        Self::ALL
            .into_iter()
            .find(|level| level.to_string() == text)
            .ok_or_else(|| KernelError::UnknownLevel(text.to_owned()))
    }
}
