//! Numbers of T blocks of digits, one a lane: carries, comparisons and selections.

use super::tile::{BLOCK, Block};
use super::vector::{DIGIT_BITS, LANES, Vector, broadcast, digit, zero};
use crate::bignum::lanes::{Line, WINDOW_BITS};
use std::arch::x86_64::{
    _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_epi8, _mm256_cmpeq_epi64, _mm256_or_si256,
    _mm256_permutevar8x32_epi32, _mm256_srli_epi64, _mm256_sub_epi64,
};
use zeroize::Zeroize;

/// A number below R = 2^(364·T) in each lane, lowest digit first.
#[derive(Clone, Copy)]
pub(crate) struct Number<const T: usize>(pub(super) [Block; T]);

impl<const T: usize> Zeroize for Number<T> {
    fn zeroize(&mut self) {
        self.0.as_flattened_mut().iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Entries of a window.
const ENTRIES: usize = 1 << WINDOW_BITS;
/// Entries of which a line holds a digit, of half a word each.
const ENTRIES_A_LINE: usize = 16;
/// Lines of a window table for one digit of its entries.
pub(super) const LINES_A_DIGIT: usize = ENTRIES / ENTRIES_A_LINE;

impl<const T: usize> Number<T> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn zero() -> Self {
        Self([[zero(); BLOCK]; T])
    }

    /// All digits, lowest first.
    #[inline]
    pub(super) fn digits(&self) -> &[Vector] {
        self.0.as_flattened()
    }

    /// The digits of a sum in columns, which is below R.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn carry_from(&mut self, columns: &[Block; T]) {
        self.0 = *columns;
        carry(self.0.as_flattened_mut());
    }

    /// Becomes x + y.
    #[inline(never)]
    #[target_feature(enable = "avx2")]
    pub(super) fn set_sum(&mut self, x: &Self, y: &Self) {
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            *out = _mm256_add_epi64(*x, *y);
        }
        carry(self.0.as_flattened_mut());
    }

    /// Becomes x − y modulo R. Returns all ones in the lanes in which that is negative.
    #[inline(never)]
    #[target_feature(enable = "avx2")]
    pub(super) fn set_difference(&mut self, x: &Self, y: &Self) -> Vector {
        let mut borrow = zero();
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            let difference = _mm256_sub_epi64(_mm256_sub_epi64(*x, *y), borrow);
            borrow = _mm256_srli_epi64::<63>(difference);
            *out = digit(difference);
        }
        _mm256_sub_epi64(zero(), borrow)
    }

    /// Takes over `other` in the lanes of the mask.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn replace(&mut self, mask: Vector, other: &Self) {
        for (out, other) in self.0.as_flattened_mut().iter_mut().zip(other.digits()) {
            *out = _mm256_blendv_epi8(*out, *other, mask);
        }
    }

    /// Subtracts m where the number is m or more. Returns all ones in the lanes where it was.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn reduce_once(&mut self, m: &Self) -> Vector {
        let mut reduced = Self::zero();
        let below = reduced.set_difference(self, m);
        let reached = _mm256_cmpeq_epi64(below, zero());
        self.replace(reached, &reduced);
        reached
    }

    /// Adds 1 in the lanes of the mask.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn increment(&mut self, mask: Vector) {
        let digits = self.0.as_flattened_mut();
        digits[0] = _mm256_sub_epi64(digits[0], mask);
        carry(digits);
    }

    /// All ones in the lanes whose number is 1.
    #[cfg(feature = "owner")]
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn is_one(&self) -> Vector {
        let [first, rest @ ..] = self.digits() else { return zero() };
        let mut difference = _mm256_sub_epi64(*first, broadcast(1));
        for digit in rest {
            difference = _mm256_or_si256(difference, *digit);
        }
        _mm256_cmpeq_epi64(difference, zero())
    }

    /// Becomes, in each lane, the entry of its index, of entries that `half` takes a number from. Reads all.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn select<E>(&mut self, entries: &[E], half: impl Fn(&E) -> &Self, indices: Vector) {
        for (i, out) in self.0.iter_mut().enumerate() {
            let mut block = [zero(); BLOCK];
            for (number, entry) in (0u64..).zip(entries) {
                let mask = _mm256_cmpeq_epi64(broadcast(number), indices);
                for (sum, digit) in block.iter_mut().zip(&half(entry).0[i]) {
                    *sum = _mm256_or_si256(*sum, _mm256_and_si256(mask, *digit));
                }
            }
            *out = block;
        }
    }

    /// Lines of a window table with one digit of its entries, given four at a time.
    #[target_feature(enable = "avx2")]
    pub(super) fn lines(entries: &[Self], digit: usize) -> [Line; LINES_A_DIGIT] {
        let mut halves = [0u32; ENTRIES];
        for (halves, entry) in halves.as_chunks_mut::<LANES>().0.iter_mut().zip(entries) {
            let lanes: [u64; LANES] = bytemuck::cast(entry.digits()[digit]);
            #[expect(clippy::cast_possible_truncation, reason = "a digit has 28 bits")]
            halves.iter_mut().zip(lanes).for_each(|(half, lane)| *half = lane as u32);
        }
        bytemuck::cast(halves)
    }

    /// Becomes, in each lane, the entry of its index, from the lines of a window table that hold these digits. A
    /// permutation picks from eight entries by three bits of the index, and three bits choose among eight of those.
    /// Reads all.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn look_up(&mut self, lines: &[Line], indices: Vector) {
        let bit = |bit: u64| {
            let bit = broadcast(1 << bit);
            _mm256_cmpeq_epi64(_mm256_and_si256(indices, bit), bit)
        };
        let (third, fourth, fifth) = (bit(3), bit(4), bit(5));
        let digits = self.0.as_flattened_mut().iter_mut();
        for (out, lines) in digits.zip(lines.as_chunks::<LINES_A_DIGIT>().0) {
            let eights: [Vector; ENTRIES / 8] = bytemuck::cast(*lines);
            let [a, b, c, d, e, f, g, h] = eights.map(|eight| _mm256_permutevar8x32_epi32(eight, indices));
            let choose = |mask, low, high| _mm256_blendv_epi8(low, high, mask);
            let lower = choose(fourth, choose(third, a, b), choose(third, c, d));
            let upper = choose(fourth, choose(third, e, f), choose(third, g, h));
            // The upper halves of the lanes have picked something too.
            *out = digit(choose(fifth, lower, upper));
        }
    }
}

/// Moves carries up, from columns to digits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn carry(columns: &mut [Vector]) {
    let mut rest = zero();
    for column in columns {
        let sum = _mm256_add_epi64(*column, rest);
        rest = _mm256_srli_epi64::<DIGIT_BITS>(sum);
        *column = digit(sum);
    }
}
