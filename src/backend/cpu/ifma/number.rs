//! Numbers of T blocks of C digits, one a lane: carries, comparisons and selections.

use super::tile::Block;
use super::vector::{DIGIT_BITS, LANES, Vector, digit, spread, zero};
use crate::arith::lanes::Line;
use std::arch::x86_64::{
    __mmask8, _mm512_add_epi64, _mm512_cmpeq_epi64_mask, _mm512_cmplt_epi64_mask, _mm512_mask_blend_epi64,
    _mm512_mask_mov_epi64, _mm512_maskz_set1_epi64, _mm512_or_si512, _mm512_permutex2var_epi64, _mm512_srai_epi64,
    _mm512_sub_epi64, _mm512_test_epi64_mask,
};
use zeroize::Zeroize;

/// A number below R = 2^(52·T·C) in each lane, lowest digit first.
#[derive(Clone, Copy)]
pub(in crate::backend::cpu) struct Number<const T: usize, const C: usize>(pub(super) [Block<C>; T]);

impl<const T: usize, const C: usize> Zeroize for Number<T, C> {
    fn zeroize(&mut self) {
        self.0.as_flattened_mut().iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Lines of a window table for one digit of its entries.
const LINES_A_DIGIT: usize = (1 << crate::arith::lanes::WINDOW_BITS) / LANES;

impl<const T: usize, const C: usize> Number<T, C> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn zero() -> Self {
        Self([[zero(); C]; T])
    }

    /// All digits, lowest first.
    #[inline]
    pub(super) fn digits(&self) -> &[Vector] {
        self.0.as_flattened()
    }

    /// A number whose digits `f` makes from those of x and y.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn zip(x: &Self, y: &Self, mut f: impl FnMut(Vector, Vector) -> Vector) -> Self {
        let mut z = Self::zero();
        for ((z, x), y) in z.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            *z = f(*x, *y);
        }
        z
    }

    /// 0 − x, digit by digit: columns, not a number.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn negative_columns(&self) -> [Block<C>; T] {
        Self::zip(&Self::zero(), self, |zero, x| _mm512_sub_epi64(zero, x)).0
    }

    /// x − y, digit by digit: columns, not a number.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn difference_columns(x: &Self, y: &Self) -> [Block<C>; T] {
        Self::zip(x, y, |x, y| _mm512_sub_epi64(x, y)).0
    }

    /// Digits of a sum in columns, which is not negative and below R.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn from_columns(columns: &[Block<C>; T]) -> Self {
        let mut number = Self(*columns);
        carry(number.0.as_flattened_mut());
        number
    }

    /// x + y.
    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn plus(x: &Self, y: &Self) -> Self {
        let mut sum = Self::zip(x, y, |x, y| _mm512_add_epi64(x, y));
        carry(sum.0.as_flattened_mut());
        sum
    }

    /// x − y + increment modulo R, and the lanes in which that is negative.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn minus(x: &Self, y: &Self, increment: Vector) -> (Self, __mmask8) {
        let mut rest = increment;
        let difference = Self::zip(x, y, |x, y| {
            let difference = _mm512_add_epi64(_mm512_sub_epi64(x, y), rest);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(difference);
            digit(difference)
        });
        (difference, _mm512_cmplt_epi64_mask(rest, zero()))
    }

    /// `x` in the lanes of the mask, `y` in the others.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn choose(mask: __mmask8, x: &Self, y: &Self) -> Self {
        Self::zip(x, y, |x, y| _mm512_mask_blend_epi64(mask, y, x))
    }

    /// x + increment, less m where that is m or more. Also returns the lanes where it was.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn reduce_once(x: &Self, m: &Self, increment: Vector) -> (Self, __mmask8) {
        let (reduced, below) = Self::minus(x, m, increment);
        let (same, _) = Self::minus(x, &Self::zero(), increment);
        (Self::choose(below, &same, &reduced), !below)
    }

    /// The lanes whose number is 1.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn is_one(&self) -> __mmask8 {
        let [first, rest @ ..] = self.digits() else { return 0 };
        let mut difference = _mm512_sub_epi64(*first, spread(1));
        for digit in rest {
            difference = _mm512_or_si512(difference, *digit);
        }
        _mm512_cmpeq_epi64_mask(difference, zero())
    }

    /// The entry of that number, of entries that `half` takes a number from. Reads all.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn select<E>(entries: &[E], half: impl Fn(&E) -> &Self, index: u64) -> Self {
        let mut chosen = Self::zero();
        for (i, chosen) in chosen.0.iter_mut().enumerate() {
            let mut block = [zero(); C];
            for (number, entry) in (0u64..).zip(entries) {
                let mask = _mm512_cmpeq_epi64_mask(spread(number), spread(index));
                for (sum, digit) in block.iter_mut().zip(&half(entry).0[i]) {
                    *sum = _mm512_mask_mov_epi64(*sum, mask, *digit);
                }
            }
            *chosen = block;
        }
        chosen
    }

    /// The lines of a window table that hold these digits of its entries, and the lanes' indices into it. Each line
    /// has a digit of eight entries; a permutation picks from two lines by four bits of the index, and two bits choose
    /// among four of those.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn look_up(lines: &[Line], indices: Vector) -> Self {
        let bit = |bit| _mm512_test_epi64_mask(indices, spread(1u64 << bit));
        let (fourth, fifth) = (bit(4), bit(5));
        let mut number = Self::zero();
        let digits = number.0.as_flattened_mut().iter_mut();
        for (digit, lines) in digits.zip(lines.as_chunks::<LINES_A_DIGIT>().0) {
            let [a, b, c, d, e, f, g, h] = lines.map(|line| bytemuck::cast::<_, Vector>(line.0));
            let pick = |low, high| _mm512_permutex2var_epi64(low, indices, high);
            let lower = _mm512_mask_blend_epi64(fourth, pick(a, b), pick(c, d));
            let upper = _mm512_mask_blend_epi64(fourth, pick(e, f), pick(g, h));
            *digit = _mm512_mask_blend_epi64(fifth, lower, upper);
        }
        number
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

/// 1 in the lanes of the mask, 0 in the others.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn ones(mask: __mmask8) -> Vector {
    _mm512_maskz_set1_epi64(mask, 1)
}
