//! Run-time dispatch on the size of a modulus, to arithmetic that is compiled for each size.

use super::digits::digits_for;
use super::pair::PairModulus;
#[cfg(any(feature = "gpu", target_arch = "x86_64"))]
use super::radix_form::RadixForm;
use super::secrecy::declassify;
use crate::error::Error;
use std::iter::{once, repeat};
#[cfg(any(feature = "gpu", target_arch = "x86_64"))]
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// Runs `$body` with `$m` bound to the [`PairModulus`] inside `$modulus`. `$body` is compiled once per size.
macro_rules! with_modulus {
    ($modulus:expr, $m:ident => $body:expr) => {
        $crate::bignum::modulus::with_modulus!(@ $modulus, $m => $body, B512 B1024 B1536 B2048 B3072 B4096 B6144 B8192)
    };
    (@ $modulus:expr, $m:ident => $body:expr, $($size:ident)*) => {
        match $modulus.kernel() {
            $($crate::bignum::modulus::Kernel::$size(kernel) => {
                let $m = &**kernel;
                $body
            })*
        }
    };
}
pub(crate) use with_modulus;

/// [`with_modulus`] for two moduli of the same size.
#[cfg(feature = "owner")]
macro_rules! with_moduli {
    ([$first:expr, $second:expr], [$m:ident, $n:ident] => $body:expr) => {
        $crate::bignum::modulus::with_moduli!(@ [$first, $second], [$m, $n] => $body,
            B512 B1024 B1536 B2048 B3072 B4096 B6144 B8192)
    };
    (@ [$first:expr, $second:expr], [$m:ident, $n:ident] => $body:expr, $($size:ident)*) => {
        match ($first.kernel(), $second.kernel()) {
            $(($crate::bignum::modulus::Kernel::$size(first), $crate::bignum::modulus::Kernel::$size(second)) => {
                let ($m, $n) = (&**first, &**second);
                $body
            })*
            _ => debug_assert!(false, "moduli of different sizes"),
        }
    };
}
#[cfg(feature = "owner")]
pub(crate) use with_moduli;

/// The portable arithmetic, by size.
pub(crate) enum Kernel {
    B512(Box<PairModulus<{ digits_for(512) }>>),
    B1024(Box<PairModulus<{ digits_for(1024) }>>),
    B1536(Box<PairModulus<{ digits_for(1536) }>>),
    B2048(Box<PairModulus<{ digits_for(2048) }>>),
    B3072(Box<PairModulus<{ digits_for(3072) }>>),
    B4096(Box<PairModulus<{ digits_for(4096) }>>),
    B6144(Box<PairModulus<{ digits_for(6144) }>>),
    B8192(Box<PairModulus<{ digits_for(8192) }>>),
}

/// An odd modulus m of at most 512, 1024, 1536, 2048, 3072, 4096, 6144 or 8192 bits, for arithmetic modulo m and m².
///
/// A modulus may be secret: it is wiped when dropped, and its Debug output shows only its size.
pub struct Modulus {
    limbs: Zeroizing<Vec<u64>>,
    kernel: Kernel,
    #[cfg(feature = "gpu")]
    pub(super) word_form: OnceLock<RadixForm>,
    #[cfg(target_arch = "x86_64")]
    pub(super) digit_forms: [OnceLock<RadixForm>; 2],
}

impl core::fmt::Debug for Modulus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Modulus").field("bits", &self.bits()).finish_non_exhaustive()
    }
}

fn prepare<const L: usize>(limbs: &[u64]) -> Box<PairModulus<L>> {
    Box::new(PairModulus::new(limbs))
}

impl Modulus {
    /// The supported sizes in bits.
    #[cfg(any(test, feature = "hazmat"))]
    pub const SIZES: [usize; 8] = [512, 1024, 1536, 2048, 3072, 4096, 6144, 8192];

    /// Prepares arithmetic modulo the odd number m > 1 with these little-endian limbs. The number of limbs, including
    /// leading zeros, determines the size.
    ///
    /// # Errors
    /// [`Error::Modulus`] if the size is not supported, or the number is even or 1.
    pub fn new(limbs: &[u64]) -> Result<Self, Error> {
        let odd = limbs.first().is_some_and(|limb| limb % 2 == 1);
        let one =
            limbs.iter().zip(once(1).chain(repeat(0))).fold(0, |other, (limb, of_one)| other | (limb ^ of_one)) == 0;
        if declassify(!odd | one, "an invalid modulus is refused") {
            return Err(Error::Modulus { bits: limbs.len() * 64, reason: "it must be odd and above 1" });
        }
        let kernel = match limbs.len() * 64 {
            512 => Kernel::B512(prepare(limbs)),
            1024 => Kernel::B1024(prepare(limbs)),
            1536 => Kernel::B1536(prepare(limbs)),
            2048 => Kernel::B2048(prepare(limbs)),
            3072 => Kernel::B3072(prepare(limbs)),
            4096 => Kernel::B4096(prepare(limbs)),
            6144 => Kernel::B6144(prepare(limbs)),
            8192 => Kernel::B8192(prepare(limbs)),
            bits => {
                return Err(Error::Modulus { bits, reason: "unsupported size" });
            }
        };
        Ok(Self {
            limbs: Zeroizing::new(limbs.to_vec()),
            kernel,
            #[cfg(feature = "gpu")]
            word_form: OnceLock::new(),
            #[cfg(target_arch = "x86_64")]
            digit_forms: Default::default(),
        })
    }

    /// Returns the size in bits: 64 times the number of limbs.
    pub fn bits(&self) -> usize {
        self.limbs.len() * 64
    }

    /// Returns the number of limbs of a residue modulo m. A pair has twice as many.
    pub fn width(&self) -> usize {
        self.limbs.len()
    }

    /// Returns the little-endian limbs of m.
    pub fn limbs(&self) -> &[u64] {
        &self.limbs
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.kernel
    }
}
