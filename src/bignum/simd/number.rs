//! Numbers of T blocks of C digits, one per lane: carries, comparisons and selections.

use super::tile::{Block, Tiles};
use crate::bignum::lanes::Line;
use std::hint::black_box;
use zeroize::Zeroize;

/// A number below R = 2^([`Tiles::DIGIT_BITS`]·T·C) in each lane, lowest digit first.
#[derive(Clone, Copy)]
pub(crate) struct Number<V, const T: usize, const C: usize>(pub(super) [Block<V, C>; T]);

impl<V: Zeroize, const T: usize, const C: usize> Zeroize for Number<V, T, C> {
    fn zeroize(&mut self) {
        self.0.as_flattened_mut().iter_mut().for_each(Zeroize::zeroize);
    }
}

/// Returns the digit of a column: its lower [`Tiles::DIGIT_BITS`] bits.
#[inline(always)]
pub(super) fn digit<V: Tiles>(isa: V::Isa, column: V) -> V {
    column.and(largest_digit(isa))
}

/// Returns the largest digit in every lane.
#[inline(always)]
pub(super) fn largest_digit<V: Tiles>(isa: V::Isa) -> V {
    V::splat(isa, (1 << V::DIGIT_BITS) - 1)
}

/// Returns 1 in the lanes where a difference of digits is negative, 0 elsewhere.
#[inline(always)]
pub(super) fn borrow<V: Tiles>(difference: V) -> V {
    difference.shr(u64::BITS - 1)
}

impl<V: Tiles, const T: usize, const C: usize> Number<V, T, C> {
    #[inline(always)]
    pub(super) fn zero(isa: V::Isa) -> Self {
        // `black_box` keeps the compiler from calling memset, which is slower than vector stores.
        let zero = black_box(V::splat(isa, 0));
        Self([[zero; C]; T])
    }

    /// Returns all digits, lowest first.
    #[inline(always)]
    pub(super) fn digits(&self) -> &[V] {
        self.0.as_flattened()
    }

    /// Sets self to the sum in `columns`, which must be below R, by propagating carries.
    #[inline(always)]
    pub(super) fn carry_from(&mut self, isa: V::Isa, columns: &[Block<V, C>; T]) {
        // One pass: copying the columns first and carrying in place takes 1 to 6 % of an AVX-512 power.
        let mut carry = V::splat(isa, 0);
        for (out, column) in self.0.as_flattened_mut().iter_mut().zip(columns.as_flattened()) {
            (*out, carry) = carried(isa, column.add(carry));
        }
    }

    /// Sets self to x + y modulo R.
    #[inline(always)]
    pub(super) fn set_sum(&mut self, isa: V::Isa, x: &Self, y: &Self) {
        let mut carry = V::splat(isa, 0);
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            (*out, carry) = carried(isa, x.add(*y).add(carry));
        }
    }

    /// Adds 1 in the lanes of the mask.
    #[inline(always)]
    pub(super) fn increment(&mut self, isa: V::Isa, mask: V::Mask) {
        carry(isa, V::splat(isa, 1).keep(mask), self.0.as_flattened_mut());
    }

    /// Sets self to x − y modulo R. Returns the borrow: 1 in the lanes where x < y, 0 elsewhere.
    #[inline(always)]
    pub(super) fn set_difference(&mut self, isa: V::Isa, x: &Self, y: &Self) -> V {
        let mut borrowed = V::splat(isa, 0);
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            let difference = x.sub(*y).sub(borrowed);
            borrowed = borrow(difference);
            *out = digit(isa, difference);
        }
        borrowed
    }

    /// Copies `other` in the lanes of the mask.
    #[inline(always)]
    pub(super) fn replace(&mut self, mask: V::Mask, other: &Self) {
        for (out, other) in self.0.as_flattened_mut().iter_mut().zip(other.digits()) {
            *out = V::select(mask, *other, *out);
        }
    }

    /// Subtracts m in the lanes where self ≥ m. Returns the mask of these lanes.
    #[inline(always)]
    pub(super) fn reduce_once(&mut self, isa: V::Isa, m: &Self) -> V::Mask {
        let mut reduced = Self::zero(isa);
        let at_least_m = reduced.set_difference(isa, self, m).eq(V::splat(isa, 0));
        self.replace(at_least_m, &reduced);
        at_least_m
    }

    /// Returns the mask of the lanes whose number is 1.
    #[cfg(feature = "owner")]
    #[inline(always)]
    pub(super) fn is_one(&self, isa: V::Isa) -> V::Mask {
        let mut difference = V::splat(isa, 0);
        for (i, digit) in self.digits().iter().enumerate() {
            difference = difference.or(digit.sub(V::splat(isa, u64::from(i == 0))));
        }
        difference.eq(V::splat(isa, 0))
    }

    /// Sets each lane to the number that `half` takes from the entry at the lane's index. Reads all entries.
    #[inline(always)]
    pub(super) fn select<E>(&mut self, isa: V::Isa, entries: &[E], half: impl Fn(&E) -> &Self, indices: V) {
        for (i, out) in self.0.iter_mut().enumerate() {
            let mut block = [V::splat(isa, 0); C];
            for (number, entry) in (0..).zip(entries) {
                let mask = V::splat(isa, number).eq(indices);
                for (sum, digit) in block.iter_mut().zip(&half(entry).0[i]) {
                    *sum = sum.or(digit.keep(mask));
                }
            }
            *out = block;
        }
    }

    /// Sets each lane to the entry at the lane's index, from the lines of a window that hold these digits. Reads all
    /// lines.
    #[inline(always)]
    pub(super) fn look_up(&mut self, isa: V::Isa, lines: &[Line], indices: V) {
        for (out, lines) in self.0.as_flattened_mut().iter_mut().zip(lines.chunks_exact(V::LINES_A_DIGIT)) {
            *out = V::look_up(isa, lines, indices);
        }
    }
}

/// Propagates carries: turns columns into digits, with `carry_in` added to the lowest column.
#[inline(always)]
pub(super) fn carry<V: Tiles>(isa: V::Isa, mut carry_in: V, columns: &mut [V]) {
    for column in columns {
        (*column, carry_in) = carried(isa, column.add(carry_in));
    }
}

/// Returns the digit of a column and the carry to the next column.
#[inline(always)]
pub(super) fn carried<V: Tiles>(isa: V::Isa, column: V) -> (V, V) {
    (digit(isa, column), column.shr(V::DIGIT_BITS))
}
