//! Numbers of T blocks of C digits, one a lane: carries, comparisons and selections.

use super::tile::Block;
use super::vector::{DIGIT_BITS, LANES, Vector, broadcast, digit, zero};
use crate::bignum::lanes::Line;
use std::arch::x86_64::{
    __mmask8, _mm512_add_epi64, _mm512_cmpeq_epi64_mask, _mm512_cmplt_epi64_mask, _mm512_mask_blend_epi64,
    _mm512_mask_mov_epi64, _mm512_maskz_set1_epi64, _mm512_permutex2var_epi64, _mm512_srai_epi64, _mm512_sub_epi64,
    _mm512_test_epi64_mask,
};
use std::hint::black_box;
use zeroize::Zeroize;

/// A number below R = 2^(52·T·C) in each lane, lowest digit first.
#[derive(Clone, Copy)]
pub(crate) struct Number<const T: usize, const C: usize>(pub(super) [Block<C>; T]);

impl<const T: usize, const C: usize> Zeroize for Number<T, C> {
    fn zeroize(&mut self) {
        self.0.as_flattened_mut().iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Lines of a window table for one digit of its entries.
pub(super) const LINES_A_DIGIT: usize = (1 << crate::bignum::lanes::WINDOW_BITS) / LANES;

impl<const T: usize, const C: usize> Number<T, C> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn zero() -> Self {
        // Hidden from the compiler, which would call a memset that is slower than vector stores.
        let zero = black_box(zero());
        Self([[zero; C]; T])
    }

    /// All digits, lowest first.
    #[inline]
    pub(super) fn digits(&self) -> &[Vector] {
        self.0.as_flattened()
    }

    /// The digits of a sum in columns, which is not negative and below R.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn carry_from(&mut self, columns: &[Block<C>; T]) {
        let mut rest = zero();
        for (out, column) in self.0.as_flattened_mut().iter_mut().zip(columns.as_flattened()) {
            let sum = _mm512_add_epi64(*column, rest);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(sum);
            *out = digit(sum);
        }
    }

    /// Becomes x + y.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn set_sum(&mut self, x: &Self, y: &Self) {
        let mut rest = zero();
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            let sum = _mm512_add_epi64(_mm512_add_epi64(*x, *y), rest);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(sum);
            *out = digit(sum);
        }
    }

    /// Becomes x − y modulo R. Returns the lanes in which that is negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn set_difference(&mut self, x: &Self, y: &Self) -> __mmask8 {
        let mut rest = zero();
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            let difference = _mm512_add_epi64(_mm512_sub_epi64(*x, *y), rest);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(difference);
            *out = digit(difference);
        }
        _mm512_cmplt_epi64_mask(rest, zero())
    }

    /// Takes over `other` in the lanes of the mask.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn replace(&mut self, mask: __mmask8, other: &Self) {
        for (out, other) in self.0.as_flattened_mut().iter_mut().zip(other.digits()) {
            *out = _mm512_mask_mov_epi64(*out, mask, *other);
        }
    }

    /// Subtracts m where the number is m or more. Returns the lanes where it was.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn reduce_once(&mut self, m: &Self) -> __mmask8 {
        let mut reduced = Self::zero();
        let below = reduced.set_difference(self, m);
        self.replace(!below, &reduced);
        !below
    }

    /// Adds 1 in the lanes of the mask.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn increment(&mut self, mask: __mmask8) {
        let mut rest = _mm512_maskz_set1_epi64(mask, 1);
        for out in self.0.as_flattened_mut() {
            let sum = _mm512_add_epi64(*out, rest);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(sum);
            *out = digit(sum);
        }
    }

    /// The lanes whose number is 1.
    #[cfg(feature = "owner")]
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn is_one(&self) -> __mmask8 {
        use std::arch::x86_64::_mm512_or_si512;
        let [first, rest @ ..] = self.digits() else { return 0 };
        let mut difference = _mm512_sub_epi64(*first, broadcast(1));
        for digit in rest {
            difference = _mm512_or_si512(difference, *digit);
        }
        _mm512_cmpeq_epi64_mask(difference, zero())
    }

    /// Becomes, in each lane, the entry of its index, of entries that `half` takes a number from. Reads all.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn select<E>(&mut self, entries: &[E], half: impl Fn(&E) -> &Self, indices: Vector) {
        for (i, out) in self.0.iter_mut().enumerate() {
            let mut block = [zero(); C];
            for (number, entry) in (0u64..).zip(entries) {
                let mask = _mm512_cmpeq_epi64_mask(broadcast(number), indices);
                for (sum, digit) in block.iter_mut().zip(&half(entry).0[i]) {
                    *sum = _mm512_mask_mov_epi64(*sum, mask, *digit);
                }
            }
            *out = block;
        }
    }

    /// Becomes, in each lane, the entry of its index, from the lines of a window table that hold these digits. Each line
    /// has a digit of eight entries; a permutation picks from two lines by four bits of the index, and two bits choose
    /// among four of those. Reads all.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn look_up(&mut self, lines: &[Line], indices: Vector) {
        let bit = |bit| _mm512_test_epi64_mask(indices, broadcast(1u64 << bit));
        let (fourth, fifth) = (bit(4), bit(5));
        let digits = self.0.as_flattened_mut().iter_mut();
        for (digit, lines) in digits.zip(lines.as_chunks::<LINES_A_DIGIT>().0) {
            let [a, b, c, d, e, f, g, h] = lines.map(|line| bytemuck::cast::<_, Vector>(line.0));
            let pick = |low, high| _mm512_permutex2var_epi64(low, indices, high);
            let lower = _mm512_mask_blend_epi64(fourth, pick(a, b), pick(c, d));
            let upper = _mm512_mask_blend_epi64(fourth, pick(e, f), pick(g, h));
            *digit = _mm512_mask_blend_epi64(fifth, lower, upper);
        }
    }
}

/// Moves carries up, from columns to digits. Columns may be negative, their sum not.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn carry(columns: &mut [Vector]) {
    let mut rest = zero();
    for column in columns {
        let sum = _mm512_add_epi64(*column, rest);
        rest = _mm512_srai_epi64::<DIGIT_BITS>(sum);
        *column = digit(sum);
    }
}
