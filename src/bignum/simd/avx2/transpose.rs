//! Between rows of 64-bit limbs and lanes of 28-bit digits.

use super::number::Number;
use super::vector::{DIGIT_BITS, LANES, Vector, broadcast, digit, zero};
use crate::bignum::batch::Rows;
use std::arch::x86_64::{
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_sllv_epi64, _mm256_srlv_epi64, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi64,
};

/// Bits of a limb.
const LIMB_BITS: u32 = u64::BITS;
const DIGIT: u32 = DIGIT_BITS.cast_unsigned();

/// From each row the number in `width` limbs from `at` on. Lanes without a row have the last row's.
#[target_feature(enable = "avx2")]
pub(super) fn load<const T: usize>(rows: Rows<'_>, at: usize, width: usize) -> Number<T> {
    let row = |lane: usize| rows.get(lane.min(rows.len().saturating_sub(1))).unwrap_or_default();
    let rows: [&[u64]; LANES] = std::array::from_fn(|lane| row(lane).get(at..at + width).unwrap_or_default());
    // A number has more digits than limbs.
    let mut limbs = Number::<T>::zero();
    for (block, limbs) in limbs.0.as_flattened_mut().as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let part = |row: &[u64]| row.get(block * LANES..).and_then(<[u64]>::first_chunk).copied().unwrap_or_default();
        *limbs = transpose(rows.map(|row| bytemuck::cast::<[u64; LANES], Vector>(part(row))));
    }
    from_limbs(&limbs.digits()[..width])
}

/// The digits of a number given as vectors of limbs.
#[target_feature(enable = "avx2")]
pub(super) fn from_limbs<const T: usize>(limbs: &[Vector]) -> Number<T> {
    let mut number = Number::zero();
    for (i, out) in (0..).zip(number.0.as_flattened_mut()) {
        let (limb, shift) = split(i * DIGIT, LIMB_BITS);
        let Some(low) = limbs.get(limb) else { break };
        let mut value = _mm256_srlv_epi64(*low, broadcast(u64::from(shift)));
        if let Some(high) = limbs.get(limb + 1) {
            // A shift by 64, where the first limb has the whole digit, gives 0.
            value = _mm256_or_si256(value, _mm256_sllv_epi64(*high, broadcast(u64::from(LIMB_BITS - shift))));
        }
        *out = digit(value);
    }
    number
}

/// Writes a number's digits into rows of `width` limbs, `limbs` of them, a multiple of four, from limb `at` of each row on.
/// Lanes without a row are dropped.
#[target_feature(enable = "avx2")]
pub(super) fn store(digits: &[Vector], limbs: usize, rows: &mut [u64], width: usize, at: usize) {
    for first in (0..limbs).step_by(LANES) {
        let block = transpose(std::array::from_fn(|i| limb(digits, first + i)));
        for (row, lane) in rows.chunks_exact_mut(width).zip(block) {
            if let Some(place) = row.get_mut(at + first..).and_then(<[u64]>::first_chunk_mut) {
                *place = bytemuck::cast::<Vector, [u64; LANES]>(lane);
            }
        }
    }
}

/// Limb i of a number in digits.
#[inline]
#[target_feature(enable = "avx2")]
fn limb(digits: &[Vector], i: usize) -> Vector {
    let (first, shift) = split(u32::try_from(i).unwrap_or(u32::MAX) * LIMB_BITS, DIGIT);
    let digit = |i: usize| digits.get(i).copied().unwrap_or(zero());
    let mut value = _mm256_srlv_epi64(digit(first), broadcast(u64::from(shift)));
    for i in 1..4u32 {
        // What is shifted by 64 or more is gone.
        let shift = broadcast(u64::from(i * DIGIT - shift));
        value = _mm256_or_si256(value, _mm256_sllv_epi64(digit(first + i as usize), shift));
    }
    value
}

fn split(bit: u32, size: u32) -> (usize, u32) {
    ((bit / size) as usize, bit % size)
}

/// Element j of row i becomes element i of row j.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose([a, b, c, d]: [Vector; LANES]) -> [Vector; LANES] {
    const LOWER: i32 = 0x20;
    const UPPER: i32 = 0x31;
    let (even_ab, odd_ab) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (even_cd, odd_cd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<LOWER>(even_ab, even_cd),
        _mm256_permute2x128_si256::<LOWER>(odd_ab, odd_cd),
        _mm256_permute2x128_si256::<UPPER>(even_ab, even_cd),
        _mm256_permute2x128_si256::<UPPER>(odd_ab, odd_cd),
    ]
}
