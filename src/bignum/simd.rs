//! Arithmetic with vector instructions, on one number per lane.
//!
//! It is written once, generic over [`Tiles`](tile::Tiles). Each instruction set supplies its digit size and the
//! multiplication of blocks of digits. Formulas and bounds are those of [`crate::bignum::pair`], with ρ = m/R ≤ 2^−8:
//! every size leaves at least eight spare bits in its digits.
//!
//! | file | contents |
//! |---|---|
//! | `tile` | C digits times C digits, accumulated in registers: nearly all of the time; one file per ISA |
//! | `columns` | products, squares and Montgomery reductions of whole numbers, built from tiles |
//! | `number` | carries, comparisons, selections |
//! | `rows` | conversion between rows of limbs and lanes of digits |
//! | `modulus` | Montgomery arithmetic modulo m and m² |
//! | `factor` | multiplication by a fixed factor |
//! | `lanes` | the implementation of [`Lanes`](crate::bignum::lanes::Lanes) |

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

use super::lanes::value_of_lane;
use crate::device::vector::Vector;
use crate::device::vector::avx2::U64x4;
use crate::device::vector::avx512::U64x8;
use zeroize::Zeroizing;

/// AVX2 uses blocks of thirteen digits.
pub(crate) type Avx2Modulus<const T: usize> = SimdModulus<U64x4, T, 13>;
/// AVX-512 IFMA uses blocks of ten digits for 512 and 1536 bits, and of twenty for the other sizes.
pub(crate) type IfmaModulus<const T: usize, const C: usize> = SimdModulus<U64x8, T, C>;

/// Runs `$body` with `$Lanes` as the type of the AVX2 arithmetic for a modulus's size.
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

/// Runs `$body` with `$Lanes` as the type of the AVX-512 IFMA arithmetic for a modulus's size.
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

/// Distributes values to lanes by [`value_of_lane`]. Without values, all lanes are zero.
fn distribute<V: Vector>(values: &[u64]) -> V::Lanes {
    let mut lanes = V::Lanes::default();
    for (i, lane) in lanes.as_mut().iter_mut().enumerate() {
        *lane = values.get(value_of_lane(i, V::LANES, values.len())).copied().unwrap_or(0);
    }
    lanes
}

/// Repeats rows so that loading them distributes them to the lanes by [`value_of_lane`]. The last row is not
/// repeated: loading does that.
fn distribute_rows(rows: &[&[u64]], lanes: usize) -> Zeroizing<Vec<u64>> {
    let width = rows.first().map_or(0, |row| row.len());
    let mut all = Zeroizing::new(Vec::with_capacity(lanes * width));
    let last = lanes - lanes / rows.len().max(1);
    (0..=last)
        .filter_map(|lane| rows.get(value_of_lane(lane, lanes, rows.len())))
        .for_each(|row| all.extend_from_slice(row));
    all
}
