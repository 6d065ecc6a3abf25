//! Arithmetic with AVX-512 IFMA: eight numbers at once, one a lane, in digits of 52 bits.
//!
//! `vpmadd52luq` and `vpmadd52huq` multiply eight pairs of 52-bit digits and add the lower or the upper 52 bits of the
//! products to eight 64-bit accumulators. So a digit of a product is a sum of many terms, and nothing is carried until
//! twelve bits of room are used up, which no number here does.
//!
//! | file | what |
//! |---|---|
//! | `vector` | the instructions |
//! | `tile` | C digits times C digits, accumulators in registers: where nearly all time goes |
//! | `columns` | products, squares and reductions of whole numbers, made of tiles |
//! | `number` | carries, comparisons, selections |
//! | `transpose` | between rows of limbs and lanes of digits |
//! | `modulus` | [`Lanes`](crate::bignum::lanes::Lanes) |
//!
//! The bounds are those of [`crate::bignum::pair`]: ρ = m/R is at most 2^−8 here, as a multiple of 512 bits has at
//! least eight bits of room in as many digits.

mod columns;
mod modulus;
mod number;
mod tile;
mod transpose;
mod vector;

pub(crate) use modulus::IfmaModulus;

/// Runs `$body` with `$Lanes` standing for the [`IfmaModulus`] of a modulus's size: ten digits for every 512 bits, in
/// blocks of twenty where they can be.
macro_rules! with_size {
    ($modulus:expr, $Lanes:ident => $body:expr) => {
        $crate::bignum::simd::ifma::with_size!(@ $modulus, $Lanes => $body,
            B512 1 10, B1024 1 20, B1536 3 10, B2048 2 20, B3072 3 20, B4096 4 20, B6144 6 20, B8192 8 20)
    };
    (@ $modulus:expr, $Lanes:ident => $body:expr, $($size:ident $blocks:literal $digits:literal),*) => {
        match $modulus.kernel() {
            $($crate::bignum::modulus::Kernel::$size(_) => {
                type $Lanes = $crate::bignum::simd::ifma::IfmaModulus<$blocks, $digits>;
                $body
            })*
        }
    };
}
pub(crate) use with_size;
