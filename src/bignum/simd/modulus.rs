//! Montgomery arithmetic modulo m and m² in lanes.

use super::columns::{self, Columns};
use super::number::Number;
use super::rows;
use super::tile::Tiles;
use super::{distribute, distribute_rows};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::Pair;
use crate::bignum::modulus::Modulus;
use crate::bignum::radix_form::RadixForm;
use zeroize::Zeroize;

/// An odd modulus m < R/2^8 in each lane, with its Montgomery constants, for R = 2^([`Tiles::DIGIT_BITS`]·T·C). Wiped
/// when dropped.
pub(crate) struct SimdModulus<V: Tiles, const T: usize, const C: usize> {
    /// Proof that the CPU has the instructions.
    pub(super) isa: V::Isa,
    pub(super) m: Number<V, T, C>,
    /// −1/m modulo 2^[`Tiles::DIGIT_BITS`].
    inverse: V,
    pub(super) one: Pair<Number<V, T, C>>,
    pub(super) r2: Pair<Number<V, T, C>>,
    pub(super) width: usize,
}

impl<V: Tiles, const T: usize, const C: usize> Drop for SimdModulus<V, T, C> {
    fn drop(&mut self) {
        self.m.zeroize();
        self.inverse.zeroize();
        self.one.zeroize();
        self.r2.zeroize();
    }
}

impl<V: Tiles, const T: usize, const C: usize> SimdModulus<V, T, C> {
    /// Prepares the same modulus in every lane. T·C digits must leave at least eight spare bits for the size of
    /// `modulus`.
    pub(crate) fn new(isa: V::Isa, modulus: &Modulus) -> Self {
        Self::of_each(isa, [modulus])
    }

    /// Prepares moduli of the same size, distributed to the lanes by
    /// [`value_of_lane`](crate::bignum::lanes::value_of_lane).
    pub(crate) fn of_each<const M: usize>(isa: V::Isa, moduli: [&Modulus; M]) -> Self {
        let forms: [&RadixForm; M] = moduli.map(|modulus| modulus.digit_form(V::DIGIT_BITS, T * C));
        let width = moduli.first().map_or(0, |modulus| modulus.width());
        let number = |values: [&[u64]; M], at| {
            let rows = distribute_rows(&values, V::LANES);
            let row = values.first().map_or(1, |value| value.len());
            V::run(
                isa,
                #[inline(always)]
                || rows::load(isa, Rows::new(&rows, row), at, width),
            )
        };
        let pair = |power: usize| {
            let values = forms.map(|form| form.radix_powers[power].as_slice());
            Pair { x0: number(values, 0), x1: number(values, width) }
        };
        let inverses = distribute::<V>(&forms.map(|form| form.negative_inverse & ((1 << V::DIGIT_BITS) - 1)));
        Self {
            isa,
            m: number(moduli.map(Modulus::limbs), 0),
            inverse: V::from_lanes(isa, inverses),
            one: pair(0),
            r2: pair(1),
            width,
        }
    }

    /// Multiplication with Montgomery reduction: (columns + Σ x·y + q·m)/R goes to the upper half of the columns, and
    /// R − 1 − q to the lower half.
    #[inline(always)]
    fn reduce<const P: usize, const Q: usize>(
        &self,
        columns: &mut Columns<V, T, C>,
        x: [&Number<V, T, C>; P],
        y: [&Number<V, T, C>; P],
    ) {
        columns::reduce::<V, T, C, P, Q>(self.isa, columns, x, y, &self.m, self.inverse);
    }

    /// Initialises the columns of z1 to R·m − q, for columns whose lower half is R − 1 − q. −q compensates for q·m in
    /// z0, and R·m keeps the sum positive.
    #[inline(always)]
    fn subtract_quotient(&self, columns: &mut Columns<V, T, C>) {
        let one = V::splat(self.isa, 1);
        columns[1] = self.m.0;
        // Adds 1 to R − 1 − q, and subtracts R from R·m: m is odd, so its lowest digit is at least 1.
        columns[0][0][0] = columns[0][0][0].add(one);
        columns[1][0][0] = columns[1][0][0].sub(one);
    }

    /// x ← x·y/R mod m².
    #[inline(always)]
    pub(super) fn multiply(&self, x: &mut Pair<Number<V, T, C>>, y: &Pair<Number<V, T, C>>) {
        let (mut columns, mut z0) = (columns::zeros(self.isa), Number::zero(self.isa));
        self.reduce::<1, 2>(&mut columns, [&x.x0], [&y.x0]);
        z0.carry_from(self.isa, &columns[1]);
        self.subtract_quotient(&mut columns);
        self.reduce::<2, 3>(&mut columns, [&x.x0, &x.x1], [&y.x1, &y.x0]);
        x.x1.carry_from(self.isa, &columns[1]);
        x.x0 = z0;
    }

    /// x ← x²/R mod m².
    #[inline(always)]
    pub(super) fn square(&self, x: &mut Pair<Number<V, T, C>>) {
        let (mut columns, mut doubled) = (columns::zeros(self.isa), Number::zero(self.isa));
        columns::add_square(self.isa, &mut columns, &x.x0);
        doubled.set_sum(self.isa, &x.x0, &x.x0);
        self.reduce::<0, 1>(&mut columns, [], []);
        x.x0.carry_from(self.isa, &columns[1]);
        self.subtract_quotient(&mut columns);
        self.reduce::<1, 2>(&mut columns, [&doubled], [&x.x1]);
        x.x1.carry_from(self.isa, &columns[1]);
    }

    /// x·y/R mod m.
    #[inline(always)]
    pub(super) fn multiply_numbers(&self, x: &Number<V, T, C>, y: &Number<V, T, C>) -> Number<V, T, C> {
        let (mut columns, mut z) = (columns::zeros(self.isa), Number::zero(self.isa));
        self.reduce::<1, 2>(&mut columns, [x], [y]);
        z.carry_from(self.isa, &columns[1]);
        z
    }

    /// x/R mod m², reduced.
    #[inline(always)]
    pub(super) fn divide_by_radix(&self, x: &Pair<Number<V, T, C>>) -> Pair<Number<V, T, C>> {
        let mut z = *x;
        let mut columns = [x.x0.0, Number::zero(self.isa).0];
        self.reduce::<0, 1>(&mut columns, [], []);
        z.x0.carry_from(self.isa, &columns[1]);
        self.subtract_quotient(&mut columns);
        columns::add_number(&mut columns, &x.x1);
        self.reduce::<0, 1>(&mut columns, [], []);
        z.x1.carry_from(self.isa, &columns[1]);
        self.reduce_both(&mut z);
        z
    }

    /// Reduces a pair with x0 < 2m and x1 < 3m − 1. If m is subtracted from x0, 1 is added to x1.
    #[inline(always)]
    pub(super) fn reduce_both(&self, x: &mut Pair<Number<V, T, C>>) {
        let subtracted = x.x0.reduce_once(self.isa, &self.m);
        x.x1.increment(self.isa, subtracted);
        x.x1.reduce_once(self.isa, &self.m);
        x.x1.reduce_once(self.isa, &self.m);
    }

    /// x − y mod m, reduced, for a reduced x and y below 2m.
    #[cfg(feature = "owner")]
    #[inline(always)]
    pub(super) fn subtract(&self, x: &Number<V, T, C>, y: &Number<V, T, C>) -> Number<V, T, C> {
        let (mut y, mut z, mut raised) = (*y, Number::zero(self.isa), Number::zero(self.isa));
        y.reduce_once(self.isa, &self.m);
        let negative = z.set_difference(self.isa, x, &y).eq(V::splat(self.isa, 1));
        // A negative difference is too large by R. The sum modulo R removes that.
        raised.set_sum(self.isa, &z, &self.m);
        z.replace(negative, &raised);
        z
    }
}
