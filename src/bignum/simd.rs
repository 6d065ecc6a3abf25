//! Arithmetic with vector instructions: as many numbers at once as a vector has lanes, one a lane.
//!
//! It is written once over [`Tiles`](tile::Tiles); an instruction set adds the digits that it multiplies, and how. The formulas are
//! those of [`crate::bignum::pair`], and so are the bounds: ρ = m/R is at most 2^−8, as a multiple of 512 bits has at least eight
//! bits of room in as many digits.
//!
//! | file | what |
//! |---|---|
//! | `tile` | C digits times C digits, accumulators in registers: where nearly all time goes; one file an instruction set |
//! | `columns` | products, squares and reductions of whole numbers, made of tiles |
//! | `number` | carries, comparisons, selections |
//! | `rows` | between rows of limbs and lanes of digits |
//! | `modulus` | arithmetic modulo m and m² |
//! | `factor` | many numbers times one that stays |
//! | `lanes` | [`Lanes`](crate::bignum::lanes::Lanes) |

mod columns;
mod factor;
mod lanes;
mod modulus;
mod number;
mod rows;
#[cfg(test)]
mod tests;
mod tile;

pub(crate) use modulus::SimdModulus;

use super::lanes::dealt;
use crate::device::vector::Vector;
use crate::device::vector::avx2::U64x4;
use crate::device::vector::avx512::U64x8;
use zeroize::Zeroizing;

/// AVX2 counts in blocks of thirteen digits.
pub(crate) type Avx2Modulus<const T: usize> = SimdModulus<U64x4, T, 13>;
/// AVX-512 IFMA counts in blocks of ten digits, for 512 bits, or of twenty.
pub(crate) type IfmaModulus<const T: usize, const C: usize> = SimdModulus<U64x8, T, C>;

/// Runs `$body` with `$Lanes` standing for the arithmetic in AVX2 that has a modulus's size.
macro_rules! with_avx2_size {
    ($modulus:expr, $Lanes:ident => $body:expr) => {
        $crate::bignum::simd::with_avx2_size!(@ $modulus, $Lanes => $body,
            B512 2, B1024 3, B1536 5, B2048 6, B3072 9, B4096 12, B6144 17, B8192 23)
    };
    (@ $modulus:expr, $Lanes:ident => $body:expr, $($size:ident $blocks:literal),*) => {
        match $modulus.kernel() {
            $($crate::bignum::modulus::Kernel::$size(_) => {
                type $Lanes = $crate::bignum::simd::Avx2Modulus<$blocks>;
                $body
            })*
        }
    };
}
pub(crate) use with_avx2_size;

/// Runs `$body` with `$Lanes` standing for the arithmetic in AVX-512 IFMA that has a modulus's size.
macro_rules! with_ifma_size {
    ($modulus:expr, $Lanes:ident => $body:expr) => {
        $crate::bignum::simd::with_ifma_size!(@ $modulus, $Lanes => $body,
            B512 1 10, B1024 1 20, B1536 3 10, B2048 2 20, B3072 3 20, B4096 4 20, B6144 6 20, B8192 8 20)
    };
    (@ $modulus:expr, $Lanes:ident => $body:expr, $($size:ident $blocks:literal $digits:literal),*) => {
        match $modulus.kernel() {
            $($crate::bignum::modulus::Kernel::$size(_) => {
                type $Lanes = $crate::bignum::simd::IfmaModulus<$blocks, $digits>;
                $body
            })*
        }
    };
}
pub(crate) use with_ifma_size;

/// What each lane gets of values that are [`dealt`] to all, or zeros.
fn deal<V: Vector>(values: &[u64]) -> V::Lanes {
    let mut lanes = V::Lanes::default();
    for (i, lane) in lanes.as_mut().iter_mut().enumerate() {
        *lane = values.get(dealt(i, V::LANES, values.len())).copied().unwrap_or(0);
    }
    lanes
}

/// Rows with which lanes are loaded that such rows are [`dealt`] to. What is the last one's lanes need no row each.
fn deal_rows(rows: &[&[u64]], lanes: usize) -> Zeroizing<Vec<u64>> {
    let width = rows.first().map_or(0, |row| row.len());
    let mut all = Zeroizing::new(Vec::with_capacity(lanes * width));
    let last = lanes - lanes / rows.len().max(1);
    (0..=last).filter_map(|lane| rows.get(dealt(lane, lanes, rows.len()))).for_each(|row| all.extend_from_slice(row));
    all
}
