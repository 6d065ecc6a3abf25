//! Conversion between rows of 64-bit limbs and lanes of digits.

use super::number::{Number, digit};
use super::tile::Tiles;
use crate::bignum::batch::Rows;
use crate::device::vector::MOST_LANES;

/// Bits per limb.
const LIMB_BITS: u32 = u64::BITS;

/// Loads from each row the number in `width` limbs that begins at limb `at`. `width` is a multiple of the number of
/// lanes. Lanes without a row repeat the last row.
#[inline(always)]
pub(super) fn load<V: Tiles, const T: usize, const C: usize>(
    isa: V::Isa,
    rows: Rows<'_>,
    at: usize,
    width: usize,
) -> Number<V, T, C> {
    let mut lanes: [&[u64]; MOST_LANES] = [&[]; MOST_LANES];
    for (lane, row) in lanes.iter_mut().enumerate() {
        let found = rows.get(lane.min(rows.len().saturating_sub(1)));
        *row = found.and_then(|row| row.get(at..at + width)).unwrap_or_default();
    }
    // The limbs fit in the space of the digits: a number has more digits than limbs.
    let mut limbs = Number::<V, T, C>::zero(isa);
    let limbs = limbs.0.as_flattened_mut().get_mut(..width).unwrap_or_default();
    for (first, out) in (0..).step_by(V::LANES).zip(limbs.chunks_exact_mut(V::LANES)) {
        let mut block = [V::splat(isa, 0); MOST_LANES];
        for (vector, row) in block.iter_mut().zip(lanes).take(V::LANES) {
            let mut part = V::Lanes::default();
            if let Some(limbs) = row.get(first..first + V::LANES) {
                part.as_mut().copy_from_slice(limbs);
            }
            *vector = V::from_lanes(isa, part);
        }
        for (out, vector) in out.iter_mut().zip(V::transpose(block)) {
            *out = vector;
        }
    }
    from_limbs(isa, limbs)
}

/// Converts vectors of limbs to digits.
#[inline(always)]
pub(super) fn from_limbs<V: Tiles, const T: usize, const C: usize>(isa: V::Isa, limbs: &[V]) -> Number<V, T, C> {
    let mut number = Number::zero(isa);
    for (i, out) in (0..).zip(number.0.as_flattened_mut()) {
        let (limb, shift) = split(i * V::DIGIT_BITS, LIMB_BITS);
        let Some(low) = limbs.get(limb) else { break };
        let mut value = low.shr(shift);
        if let Some(high) = limbs.get(limb + 1) {
            // If the low limb has the whole digit, the bits of the high limb are removed by `digit`, or shifted out.
            value = value.or(high.shl(LIMB_BITS - shift));
        }
        *out = digit(isa, value);
    }
    number
}

/// Converts digits to `limbs` limbs, and writes them into rows of `width` limbs, beginning at limb `at` of each row.
/// `limbs` is a multiple of the number of lanes. Lanes without a row are dropped.
#[inline(always)]
pub(super) fn store<V: Tiles>(isa: V::Isa, digits: &[V], limbs: usize, rows: &mut [u64], width: usize, at: usize) {
    for first in (0..limbs).step_by(V::LANES) {
        let mut block = [V::splat(isa, 0); MOST_LANES];
        for (i, out) in (first..).zip(block.iter_mut()).take(V::LANES) {
            *out = limb(isa, digits, i);
        }
        for (row, lane) in rows.chunks_exact_mut(width).zip(V::transpose(block)).take(V::LANES) {
            if let Some(place) = row.get_mut(at + first..at + first + V::LANES) {
                place.copy_from_slice(lane.lanes().as_ref());
            }
        }
    }
}

/// Returns limb i of a number in digits.
#[inline(always)]
fn limb<V: Tiles>(isa: V::Isa, digits: &[V], i: usize) -> V {
    let (first, shift) = split(u32::try_from(i).unwrap_or(u32::MAX) * LIMB_BITS, V::DIGIT_BITS);
    // Written out, because a loop over digits is not unrolled. Digits shifted left by 64 bits or more become zero.
    let mut value = digit_at(isa, digits, first).shr(shift);
    value = value.or(digit_at(isa, digits, first + 1).shl(V::DIGIT_BITS - shift));
    value = value.or(digit_at(isa, digits, first + 2).shl(2 * V::DIGIT_BITS - shift));
    if 2 * V::DIGIT_BITS < LIMB_BITS {
        value = value.or(digit_at(isa, digits, first + 3).shl(3 * V::DIGIT_BITS - shift));
    }
    value
}

/// Returns digit i, or zero beyond the last one.
#[inline(always)]
fn digit_at<V: Tiles>(isa: V::Isa, digits: &[V], i: usize) -> V {
    match digits.get(i) {
        Some(digit) => *digit,
        None => V::splat(isa, 0),
    }
}

/// Splits a bit position into the index of the unit of `size` bits that contains it, and the position in that unit.
#[inline(always)]
fn split(bit: u32, size: u32) -> (usize, u32) {
    ((bit / size) as usize, bit % size)
}
