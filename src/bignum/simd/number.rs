//! Numbers of T blocks of C digits, one a lane: carries, comparisons and selections.

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

/// The lower bits of a column.
#[inline(always)]
pub(super) fn digit<V: Tiles>(isa: V::Isa, column: V) -> V {
    column.and(largest_digit(isa))
}

#[inline(always)]
pub(super) fn largest_digit<V: Tiles>(isa: V::Isa) -> V {
    V::splat(isa, (1 << V::DIGIT_BITS) - 1)
}

/// 1 where a difference of digits is negative.
#[inline(always)]
pub(super) fn borrow<V: Tiles>(difference: V) -> V {
    difference.shr(u64::BITS - 1)
}

impl<V: Tiles, const T: usize, const C: usize> Number<V, T, C> {
    #[inline(always)]
    pub(super) fn zero(isa: V::Isa) -> Self {
        // Hidden from the compiler, which would call a memset that is slower than vector stores.
        let zero = black_box(V::splat(isa, 0));
        Self([[zero; C]; T])
    }

    /// All digits, lowest first.
    #[inline(always)]
    pub(super) fn digits(&self) -> &[V] {
        self.0.as_flattened()
    }

    /// Becomes the digits of a sum in columns, which is below R.
    #[inline(always)]
    pub(super) fn carry_from(&mut self, isa: V::Isa, columns: &[Block<V, C>; T]) {
        self.0 = *columns;
        carry(isa, V::splat(isa, 0), self.0.as_flattened_mut());
    }

    /// Becomes x + y.
    #[inline(always)]
    pub(super) fn set_sum(&mut self, isa: V::Isa, x: &Self, y: &Self) {
        let mut rest = V::splat(isa, 0);
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            (*out, rest) = carried(isa, x.add(*y).add(rest));
        }
    }

    /// Adds 1 in the lanes of the mask.
    #[inline(always)]
    pub(super) fn increment(&mut self, isa: V::Isa, mask: V::Mask) {
        carry(isa, V::splat(isa, 1).keep(mask), self.0.as_flattened_mut());
    }

    /// Becomes x − y modulo R. Returns 1 in the lanes in which that is negative, 0 elsewhere.
    #[inline(always)]
    pub(super) fn set_difference(&mut self, isa: V::Isa, x: &Self, y: &Self) -> V {
        let mut rest = V::splat(isa, 0);
        for ((out, x), y) in self.0.as_flattened_mut().iter_mut().zip(x.digits()).zip(y.digits()) {
            let difference = x.sub(*y).sub(rest);
            rest = borrow(difference);
            *out = digit(isa, difference);
        }
        rest
    }

    /// Takes over `other` in the lanes of the mask.
    #[inline(always)]
    pub(super) fn replace(&mut self, mask: V::Mask, other: &Self) {
        for (out, other) in self.0.as_flattened_mut().iter_mut().zip(other.digits()) {
            *out = V::select(mask, *other, *out);
        }
    }

    /// Subtracts m where the number is m or more. Returns the lanes where it was.
    #[inline(always)]
    pub(super) fn reduce_once(&mut self, isa: V::Isa, m: &Self) -> V::Mask {
        let mut reduced = Self::zero(isa);
        let reached = reduced.set_difference(isa, self, m).eq(V::splat(isa, 0));
        self.replace(reached, &reduced);
        reached
    }

    /// The lanes whose number is 1.
    #[cfg(feature = "owner")]
    #[inline(always)]
    pub(super) fn is_one(&self, isa: V::Isa) -> V::Mask {
        let mut difference = V::splat(isa, 0);
        for (i, digit) in self.digits().iter().enumerate() {
            difference = difference.or(digit.sub(V::splat(isa, u64::from(i == 0))));
        }
        difference.eq(V::splat(isa, 0))
    }

    /// Becomes, in each lane, the entry of its index, of entries that `half` takes a number from. Reads all.
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

    /// Becomes, in each lane, the entry of its index, from the lines of a window table that hold these digits. Reads all.
    #[inline(always)]
    pub(super) fn look_up(&mut self, isa: V::Isa, lines: &[Line], indices: V) {
        for (out, lines) in self.0.as_flattened_mut().iter_mut().zip(lines.chunks_exact(V::LINES_A_DIGIT)) {
            *out = V::look_up(isa, lines, indices);
        }
    }
}

/// Moves carries up, from columns to digits, starting with `rest`.
#[inline(always)]
pub(super) fn carry<V: Tiles>(isa: V::Isa, mut rest: V, columns: &mut [V]) {
    for column in columns {
        (*column, rest) = carried(isa, column.add(rest));
    }
}

/// A column's digit and what goes to the next.
#[inline(always)]
pub(super) fn carried<V: Tiles>(isa: V::Isa, column: V) -> (V, V) {
    (digit(isa, column), column.shr(V::DIGIT_BITS))
}
