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

    /// How many powers have to be asked for until vectors take less time than one number after the other: those that were
    /// measured take a quarter more than one power with AVX-512 IFMA for all eight, and more than two with AVX2 for four.
    pub(super) fn least_powers(self) -> usize {
        match self {
            Self::Portable => 1,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => 3,
            #[cfg(target_arch = "x86_64")]
            Self::Ifma(_) => 2,
        }
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

/// Runs `$body` with `$m` bound to the [`Lanes`](crate::arith::lanes::Lanes) of two moduli of one size, which have half of
/// the lanes each; or `$alone` where there are no vectors.
#[cfg(feature = "owner")]
macro_rules! with_shared_lanes {
    ($cpu:expr, $moduli:expr, $m:ident => $body:expr, else $alone:expr) => {
        match $cpu.level() {
            $crate::backend::cpu::level::Level::Portable => $alone,
            #[cfg(target_arch = "x86_64")]
            $crate::backend::cpu::level::Level::Avx2(avx2) => {
                $crate::backend::cpu::avx2::with_size!($moduli[0], Avx2Lanes => {
                    let $m = &Avx2Lanes::of_each(avx2, $moduli);
                    $body
                })
            }
            #[cfg(target_arch = "x86_64")]
            $crate::backend::cpu::level::Level::Ifma(ifma) => {
                $crate::backend::cpu::ifma::with_size!($moduli[0], IfmaLanes => {
                    let $m = &IfmaLanes::of_each(ifma, $moduli);
                    $body
                })
            }
        }
    };
}
#[cfg(feature = "owner")]
pub(super) use with_shared_lanes;

#[cfg(test)]
mod tests;
