//! Between rows of 64-bit limbs and lanes of 52-bit digits.

use super::number::Number;
use super::vector::{DIGIT_BITS, LANES, Vector, broadcast, digit, zero};
use crate::bignum::batch::Rows;
use std::arch::x86_64::{
    _mm512_or_si512, _mm512_shuffle_i64x2, _mm512_sllv_epi64, _mm512_srlv_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64,
};

/// Bits of a limb.
const LIMB_BITS: u32 = u64::BITS;

/// From each row the number in `width` limbs from `at` on. Lanes without a row have the last row's.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn load<const T: usize, const C: usize>(rows: Rows<'_>, at: usize, width: usize) -> Number<T, C> {
    let row = |lane: usize| rows.get(lane.min(rows.len().saturating_sub(1))).unwrap_or_default();
    let rows: [&[u64]; LANES] = std::array::from_fn(|lane| row(lane).get(at..at + width).unwrap_or_default());
    // A number has more digits than limbs.
    let mut limbs = Number::<T, C>::zero();
    for (block, limbs) in limbs.0.as_flattened_mut().as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let part = |row: &[u64]| row.get(block * LANES..).and_then(<[u64]>::first_chunk).copied().unwrap_or_default();
        *limbs = transpose(rows.map(|row| bytemuck::cast::<[u64; LANES], Vector>(part(row))));
    }
    from_limbs(&limbs.digits()[..width])
}

/// The digits of a number given as vectors of limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn from_limbs<const T: usize, const C: usize>(limbs: &[Vector]) -> Number<T, C> {
    let mut number = Number::zero();
    for (i, out) in (0..).zip(number.0.as_flattened_mut()) {
        let (limb, shift) = split(i * DIGIT_BITS, LIMB_BITS);
        let Some(low) = limbs.get(limb) else { break };
        let mut value = _mm512_srlv_epi64(*low, broadcast(u64::from(shift)));
        if let Some(high) = limbs.get(limb + 1) {
            // A shift by 64 or more, where the first limb has the whole digit, gives 0.
            value = _mm512_or_si512(value, _mm512_sllv_epi64(*high, broadcast(u64::from(LIMB_BITS - shift))));
        }
        *out = digit(value);
    }
    number
}

/// Writes a number's digits into rows of `width` limbs, `limbs` of them, a multiple of eight, from limb `at` of each row on.
/// Lanes without a row are dropped.
#[target_feature(enable = "avx512f,avx512ifma")]
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
#[target_feature(enable = "avx512f,avx512ifma")]
fn limb(digits: &[Vector], i: usize) -> Vector {
    let (first, shift) = split(u32::try_from(i).unwrap_or(u32::MAX) * LIMB_BITS, DIGIT_BITS);
    let digit = |i: usize| digits.get(i).copied().unwrap_or(zero());
    let mut value = _mm512_srlv_epi64(digit(first), broadcast(u64::from(shift)));
    // What is shifted by 64 or more is gone.
    for (i, shift) in [(1, DIGIT_BITS - shift), (2, 2 * DIGIT_BITS - shift)] {
        value = _mm512_or_si512(value, _mm512_sllv_epi64(digit(first + i), broadcast(u64::from(shift))));
    }
    value
}

fn split(bit: u32, size: u32) -> (usize, u32) {
    ((bit / size) as usize, bit % size)
}

/// Element j of row i becomes element i of row j.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [Vector; LANES]) -> [Vector; LANES] {
    let [a, b, c, d, e, f, g, h] = rows;
    // Pairs of rows: the even columns, then the odd ones.
    let even = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| _mm512_unpacklo_epi64(x, y));
    let odd = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| _mm512_unpackhi_epi64(x, y));
    let [c0, c2, c4, c6] = transpose_pairs(even);
    let [c1, c3, c5, c7] = transpose_pairs(odd);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// The same for four rows of four pairs.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_pairs([a, b, c, d]: [Vector; 4]) -> [Vector; 4] {
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let (even_ab, odd_ab) = (_mm512_shuffle_i64x2::<EVEN>(a, b), _mm512_shuffle_i64x2::<ODD>(a, b));
    let (even_cd, odd_cd) = (_mm512_shuffle_i64x2::<EVEN>(c, d), _mm512_shuffle_i64x2::<ODD>(c, d));
    [
        _mm512_shuffle_i64x2::<EVEN>(even_ab, even_cd),
        _mm512_shuffle_i64x2::<EVEN>(odd_ab, odd_cd),
        _mm512_shuffle_i64x2::<ODD>(even_ab, even_cd),
        _mm512_shuffle_i64x2::<ODD>(odd_ab, odd_cd),
    ]
}
