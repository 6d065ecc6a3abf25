//! Arithmetic with AVX2: four numbers at once, one a lane, in digits of 28 bits.
//!
//! `vpmuludq` multiplies four pairs of 32-bit halves to 64 bits. Products of two digits have 56 bits, so a column takes
//! the sum of 256 of them before a carry has to move; numbers of more than 85 digits have some moved in between.
//!
//! The files are those of [`crate::bignum::simd::ifma`], and so are the bounds: ρ = m/R is below 2^−8.

mod columns;
mod modulus;
mod number;
mod tile;
mod transpose;
mod vector;

pub(crate) use modulus::Avx2Modulus;

/// Runs `$body` with `$Lanes` standing for the [`Avx2Modulus`] of a modulus's size, in blocks of thirteen digits.
macro_rules! with_size {
    ($modulus:expr, $Lanes:ident => $body:expr) => {
        $crate::bignum::simd::avx2::with_size!(@ $modulus, $Lanes => $body,
            B512 2, B1024 3, B1536 5, B2048 6, B3072 9, B4096 12, B6144 17, B8192 23)
    };
    (@ $modulus:expr, $Lanes:ident => $body:expr, $($size:ident $blocks:literal),*) => {
        match $modulus.kernel() {
            $($crate::bignum::modulus::Kernel::$size(_) => {
                type $Lanes = $crate::bignum::simd::avx2::Avx2Modulus<$blocks>;
                $body
            })*
        }
    };
}
pub(crate) use with_size;
