//! Which instructions the kernels use, and the arithmetic made of them.

#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, ifma::Ifma};

/// A set of instructions with arithmetic of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backend) enum Level {
    /// What every processor has.
    Portable,
    /// AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// AVX-512 IFMA.
    #[cfg(target_arch = "x86_64")]
    Ifma(Ifma),
}

impl Level {
    /// How many levels there are.
    pub(in crate::backend) const COUNT: usize = 3;

    /// Those that this processor has, the best first.
    pub(in crate::backend) fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors = [Ifma::detect().map(Self::Ifma), Avx2::detect().map(Self::Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = [None; 0];
        vectors.into_iter().flatten().chain([Self::Portable])
    }

    /// The best that this processor has.
    pub(super) fn best() -> Self {
        Self::all().next().unwrap_or(Self::Portable)
    }

    pub(in crate::backend) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => "avx512ifma",
        }
    }

    /// Its number among all levels there are.
    pub(in crate::backend) fn number(self) -> usize {
        match self {
            Self::Portable => 0,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 2,
        }
    }
}

/// Runs `$body` with `$m` bound to a modulus's [`Lanes`](crate::arith::lanes::Lanes), once compiled for each level and
/// size; or with those of two moduli of one size.
macro_rules! with_lanes {
    ($cpu:expr, [$first:expr, $second:expr], [$m:ident, $n:ident] => $body:expr) => {
        match $cpu.level() {
            $crate::backend::cpu::level::Level::Portable => {
                $crate::arith::modulus::with_moduli!([$first, $second], [$m, $n] => $body)
            }
            #[cfg(target_arch = "x86_64")]
            $crate::backend::cpu::level::Level::Avx2(avx2) => {
                $crate::backend::cpu::avx2::with_size!($first, Avx2Lanes => {
                    let ($m, $n) = (&Avx2Lanes::new(avx2, &$first), &Avx2Lanes::new(avx2, &$second));
                    $body
                })
            }
            #[cfg(target_arch = "x86_64")]
            $crate::backend::cpu::level::Level::Ifma(ifma) => {
                $crate::backend::cpu::ifma::with_size!($first, IfmaLanes => {
                    let ($m, $n) = (&IfmaLanes::new(ifma, &$first), &IfmaLanes::new(ifma, &$second));
                    $body
                })
            }
        }
    };
    ($cpu:expr, $modulus:expr, $m:ident => $body:expr) => {
        match $cpu.level() {
            $crate::backend::cpu::level::Level::Portable => $crate::arith::modulus::with_modulus!($modulus, $m => $body),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::cpu::level::Level::Avx2(avx2) => {
                $crate::backend::cpu::avx2::with_size!($modulus, Avx2Lanes => {
                    let $m = &Avx2Lanes::new(avx2, $modulus);
                    $body
                })
            }
            #[cfg(target_arch = "x86_64")]
            $crate::backend::cpu::level::Level::Ifma(ifma) => {
                $crate::backend::cpu::ifma::with_size!($modulus, IfmaLanes => {
                    let $m = &IfmaLanes::new(ifma, $modulus);
                    $body
                })
            }
        }
    };
}
pub(super) use with_lanes;

#[cfg(test)]
mod tests;
