//! Run-time dispatch on the instruction set and on the size of a modulus, to arithmetic that is compiled for both.

use crate::device::cpu::Cpu;
use crate::device::isa::Isa;

/// Returns the number of powers from which vectors are faster than portable arithmetic on one number after the other.
///
/// Measured: with AVX-512 IFMA, eight powers take 1.25 times as long as one portable power; with AVX2, four powers
/// take longer than two portable ones.
pub(crate) fn least_powers(isa: Isa) -> usize {
    match isa {
        Isa::Portable => 1,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => 3,
        #[cfg(target_arch = "x86_64")]
        Isa::Ifma(_) => 2,
    }
}

/// Returns the CPU with the fastest instruction set for powers of `bases` bases.
pub(crate) fn for_powers(cpu: &Cpu, bases: usize) -> Cpu {
    if bases < least_powers(cpu.isa()) { cpu.at(Isa::Portable) } else { cpu.clone() }
}

/// Runs `$body` with `$m` bound to the [`Lanes`](crate::bignum::lanes::Lanes) of a modulus, or `$m` and `$n` to those
/// of two moduli of the same size. `$body` is compiled once per instruction set and size.
macro_rules! with_lanes {
    ($cpu:expr, [$first:expr, $second:expr], [$m:ident, $n:ident] => $body:expr) => {
        match $cpu.isa() {
            $crate::device::isa::Isa::Portable => {
                $crate::bignum::modulus::with_moduli!([$first, $second], [$m, $n] => $body)
            }
            #[cfg(target_arch = "x86_64")]
            $crate::device::isa::Isa::Avx2(avx2) => {
                $crate::bignum::simd::with_avx2_size!($first, Avx2Lanes => {
                    let ($m, $n) = (&Avx2Lanes::new(avx2, &$first), &Avx2Lanes::new(avx2, &$second));
                    $body
                })
            }
            #[cfg(target_arch = "x86_64")]
            $crate::device::isa::Isa::Ifma(ifma) => {
                $crate::bignum::simd::with_ifma_size!($first, IfmaLanes => {
                    let ($m, $n) = (&IfmaLanes::new(ifma, &$first), &IfmaLanes::new(ifma, &$second));
                    $body
                })
            }
        }
    };
    ($cpu:expr, $modulus:expr, $m:ident => $body:expr) => {
        match $cpu.isa() {
            $crate::device::isa::Isa::Portable => $crate::bignum::modulus::with_modulus!($modulus, $m => $body),
            #[cfg(target_arch = "x86_64")]
            $crate::device::isa::Isa::Avx2(avx2) => {
                $crate::bignum::simd::with_avx2_size!($modulus, Avx2Lanes => {
                    let $m = &Avx2Lanes::new(avx2, $modulus);
                    $body
                })
            }
            #[cfg(target_arch = "x86_64")]
            $crate::device::isa::Isa::Ifma(ifma) => {
                $crate::bignum::simd::with_ifma_size!($modulus, IfmaLanes => {
                    let $m = &IfmaLanes::new(ifma, $modulus);
                    $body
                })
            }
        }
    };
}
pub(crate) use with_lanes;

/// Runs `$body` with `$m` bound to [`Lanes`](crate::bignum::lanes::Lanes) shared by two moduli of the same size, each
/// with half of the lanes. Without vector instructions, runs `$alone` instead.
#[cfg(feature = "owner")]
macro_rules! with_shared_lanes {
    ($cpu:expr, $moduli:expr, $m:ident => $body:expr, else $alone:expr) => {
        match $cpu.isa() {
            $crate::device::isa::Isa::Portable => $alone,
            #[cfg(target_arch = "x86_64")]
            $crate::device::isa::Isa::Avx2(avx2) => {
                $crate::bignum::simd::with_avx2_size!($moduli[0], Avx2Lanes => {
                    let $m = &Avx2Lanes::of_each(avx2, $moduli);
                    $body
                })
            }
            #[cfg(target_arch = "x86_64")]
            $crate::device::isa::Isa::Ifma(ifma) => {
                $crate::bignum::simd::with_ifma_size!($moduli[0], IfmaLanes => {
                    let $m = &IfmaLanes::of_each(ifma, $moduli);
                    $body
                })
            }
        }
    };
}
#[cfg(feature = "owner")]
pub(crate) use with_shared_lanes;
