//! An odd modulus m, for arithmetic modulo m and m² in eight lanes; the formulas are those of [`crate::arith::pair`].

use super::columns::{self, Columns};
use super::number::Number;
#[cfg(feature = "owner")]
use super::number::carry;
use super::transpose;
use super::vector::{DIGIT_MASK, Ifma, LANES, Vector, spread};
use crate::arith::batch::Rows;
use crate::arith::lanes::{Lanes, Line, Pair};
use crate::arith::modulus::Modulus;
use crate::arith::radix_form::RadixForm;
use std::arch::x86_64::_mm512_add_epi64;
use zeroize::{Zeroize, Zeroizing};

/// m below 2^(52·T·C − 8), with what Montgomery arithmetic with R = 2^(52·T·C) needs. Wiped when dropped.
pub(in crate::backend::cpu) struct IfmaModulus<const T: usize, const C: usize> {
    m: Number<T, C>,
    /// −1/m modulo 2^52.
    inverse: Vector,
    one: Pair<Number<T, C>>,
    r2: Pair<Number<T, C>>,
    width: usize,
    /// That the instructions are there.
    _ifma: Ifma,
}

impl<const T: usize, const C: usize> Drop for IfmaModulus<T, C> {
    fn drop(&mut self) {
        self.m.zeroize();
        self.inverse.zeroize();
        self.one.zeroize();
        self.r2.zeroize();
    }
}

/// Calls a function that is compiled for AVX-512 IFMA.
macro_rules! with_ifma {
    ($call:expr) => {
        // SAFETY: whoever calls this has an `Ifma`, which only exists where the processor has these instructions.
        unsafe { $call }
    };
}

impl<const T: usize, const C: usize> IfmaModulus<T, C> {
    /// `modulus` must have a size for which T·C digits leave at least eight bits of room.
    pub(in crate::backend::cpu) fn new(ifma: Ifma, modulus: &Modulus) -> Self {
        with_ifma!(Self::with_form(ifma, modulus, modulus.digit_form()))
    }

    /// What `write` makes of a zero.
    #[inline(always)]
    fn number(&self, write: impl FnOnce(&mut Number<T, C>)) -> Number<T, C> {
        let mut z = with_ifma!(Number::zero());
        write(&mut z);
        z
    }

    /// What `write` makes of a pair of zeros.
    #[inline(always)]
    fn pair(&self, write: impl FnOnce(&mut Pair<Number<T, C>>)) -> Pair<Number<T, C>> {
        let mut z = with_ifma!(Pair { x0: Number::zero(), x1: Number::zero() });
        write(&mut z);
        z
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn with_form(ifma: Ifma, modulus: &Modulus, form: &RadixForm) -> Self {
        let width = modulus.width();
        let [r, r2, ..] = &form.radix_powers;
        let pair = |row: &[u64]| {
            let rows = Rows::new(row, 2 * width);
            Pair { x0: transpose::load(rows, 0, width), x1: transpose::load(rows, width, width) }
        };
        Self {
            m: transpose::load(Rows::new(modulus.limbs(), width), 0, width),
            inverse: spread(form.negative_inverse & DIGIT_MASK),
            one: pair(r),
            r2: pair(r2),
            width,
            _ifma: ifma,
        }
    }

    /// columns ← (columns + Σ x·y + q·m)/R in the upper half, and −q in the lower one.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce<const P: usize, const Q: usize>(
        &self,
        columns: &mut Columns<T, C>,
        x: [&Number<T, C>; P],
        y: [&Number<T, C>; P],
    ) {
        columns::reduce::<T, C, P, Q>(columns, x, y, &self.m, self.inverse);
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply(&self, x: &mut Pair<Number<T, C>>, y: &Pair<Number<T, C>>) {
        let (mut columns, mut z0) = (columns::zeros(), Number::zero());
        self.reduce::<1, 2>(&mut columns, [&x.x0], [&y.x0]);
        z0.carry_from(&columns[1]);
        // What z0 left behind is there already; R·m keeps z1 positive.
        columns[1] = self.m.0;
        self.reduce::<2, 3>(&mut columns, [&x.x0, &x.x1], [&y.x1, &y.x0]);
        x.x1.carry_from(&columns[1]);
        x.x0 = z0;
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply_by_itself(&self, x: &mut Pair<Number<T, C>>) {
        let (mut columns, mut doubled) = (columns::zeros(), Number::zero());
        columns::add_square(&mut columns, &x.x0);
        doubled.set_sum(&x.x0, &x.x0);
        self.reduce::<0, 1>(&mut columns, [], []);
        x.x0.carry_from(&columns[1]);
        columns[1] = self.m.0;
        self.reduce::<1, 2>(&mut columns, [&doubled], [&x.x1]);
        x.x1.carry_from(&columns[1]);
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply_numbers(&self, x: &Number<T, C>, y: &Number<T, C>, z: &mut Number<T, C>) {
        let mut columns = columns::zeros();
        self.reduce::<1, 2>(&mut columns, [x], [y]);
        z.carry_from(&columns[1]);
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn divide_by_radix(&self, x: &Pair<Number<T, C>>, z: &mut Pair<Number<T, C>>) {
        let mut columns = [x.x0.0, Number::zero().0];
        self.reduce::<0, 1>(&mut columns, [], []);
        z.x0.carry_from(&columns[1]);
        for (column, digit) in columns[0].as_flattened_mut().iter_mut().zip(x.x1.digits()) {
            *column = _mm512_add_epi64(*column, *digit);
        }
        columns[1] = self.m.0;
        self.reduce::<0, 1>(&mut columns, [], []);
        z.x1.carry_from(&columns[1]);
        self.reduce_both(z);
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce_both(&self, x: &mut Pair<Number<T, C>>) {
        let taken = x.x0.reduce_once(&self.m);
        x.x1.increment(taken);
        x.x1.reduce_once(&self.m);
        x.x1.reduce_once(&self.m);
    }

    #[cfg(feature = "owner")]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn subtract(&self, x: &Number<T, C>, y: &Number<T, C>, z: &mut Number<T, C>) {
        let (mut y, mut raised) = (*y, Number::zero());
        y.reduce_once(&self.m);
        let negative = z.set_difference(x, &y);
        // The sum drops the R that the borrow left in the difference.
        raised.set_sum(z, &self.m);
        z.replace(negative, &raised);
    }

    #[cfg(feature = "owner")]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn store_sum([x, y, z]: [&Number<T, C>; 3], limbs: usize, rows: &mut [u64], width: usize, at: usize) {
        let mut columns = [z.0, Number::zero().0];
        columns::add_product(&mut columns, x, y);
        let digits = columns.as_flattened_mut().as_flattened_mut();
        carry(digits);
        transpose::store(digits, limbs, rows, width, at);
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn append(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        for at in [0, self.width] {
            let groups = (0..entries.len()).step_by(LANES).map(|first| entries.slice(first..first + LANES));
            let groups: Vec<Number<T, C>> = groups.map(|rows| transpose::load(rows, at, self.width)).collect();
            let groups = Zeroizing::new(groups);
            for digit in 0..T * C {
                table.extend(groups.iter().map(|group| Line(bytemuck::cast(group.digits()[digit]))));
            }
        }
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn pick(window: &[Line], indices: &[u64], z: &mut Pair<Number<T, C>>) {
        let mut lanes = [0; LANES];
        lanes.iter_mut().zip(indices).for_each(|(lane, index)| *lane = *index);
        let indices = bytemuck::cast(lanes);
        let (x0, x1) = window.split_at(window.len() / 2);
        z.x0.look_up(x0, indices);
        z.x1.look_up(x1, indices);
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn select_pair(table: &[Pair<Number<T, C>>], index: u64, z: &mut Pair<Number<T, C>>) {
        z.x0.select(table, |pair| &pair.x0, index);
        z.x1.select(table, |pair| &pair.x1, index);
    }
}

impl<const T: usize, const C: usize> Lanes for IfmaModulus<T, C> {
    const COUNT: usize = LANES;

    // A multiplication takes 10·N² products, an entry of 2·N digits as many loads, from the second cache mostly.
    const SELECTED_A_PRODUCT: usize = 3 * T * C;

    type Number = Number<T, C>;

    fn one(&self) -> &Pair<Number<T, C>> {
        &self.one
    }

    fn r2(&self) -> &Pair<Number<T, C>> {
        &self.r2
    }

    fn width(&self) -> usize {
        self.width
    }

    fn spread(&self, limbs: &[u64]) -> Number<T, C> {
        let mut row = Zeroizing::new(vec![0; self.width]);
        row.iter_mut().zip(limbs).for_each(|(word, limb)| *word = *limb);
        self.load(Rows::new(&row, self.width), 0)
    }

    fn load(&self, rows: Rows<'_>, at: usize) -> Number<T, C> {
        with_ifma!(transpose::load(rows, at, self.width))
    }

    fn store(&self, x: &Number<T, C>, rows: &mut [u64], width: usize, at: usize) {
        with_ifma!(transpose::store(x.digits(), self.width, rows, width, at));
    }

    #[cfg(feature = "owner")]
    fn store_product(
        &self,
        x: &Number<T, C>,
        y: &Number<T, C>,
        z: &Number<T, C>,
        rows: &mut [u64],
        width: usize,
        at: usize,
    ) {
        with_ifma!(Self::store_sum([x, y, z], 2 * self.width, rows, width, at));
    }

    fn mul_assign(&self, x: &mut Pair<Number<T, C>>, y: &Pair<Number<T, C>>) {
        with_ifma!(self.multiply(x, y));
    }

    fn square_assign(&self, x: &mut Pair<Number<T, C>>) {
        with_ifma!(self.multiply_by_itself(x));
    }

    fn mont_mul(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        self.number(|z| with_ifma!(self.multiply_numbers(x, y, z)))
    }

    fn plus(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        self.number(|z| with_ifma!(z.set_sum(x, y)))
    }

    #[cfg(feature = "owner")]
    fn add(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        self.reduce_once(&self.plus(&self.reduce_once(x), &self.reduce_once(y)))
    }

    #[cfg(feature = "owner")]
    fn sub(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        self.number(|z| with_ifma!(self.subtract(x, y, z)))
    }

    fn reduce_once(&self, x: &Number<T, C>) -> Number<T, C> {
        let mut z = *x;
        with_ifma!(z.reduce_once(&self.m));
        z
    }

    fn reduce_pair(&self, x: &mut Pair<Number<T, C>>) {
        with_ifma!(self.reduce_both(x));
    }

    fn leave(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        self.pair(|z| with_ifma!(self.divide_by_radix(x, z)))
    }

    #[cfg(feature = "owner")]
    fn is_one(&self, x: &Number<T, C>) -> u32 {
        u32::from(with_ifma!(x.is_one()))
    }

    fn select(&self, table: &[Pair<Number<T, C>>], index: u64, z: &mut Pair<Number<T, C>>) {
        with_ifma!(Self::select_pair(table, index, z));
    }

    fn append_window(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        with_ifma!(self.append(table, entries));
    }

    fn look_up(&self, window: &[Line], indices: &[u64], z: &mut Pair<Number<T, C>>) {
        with_ifma!(Self::pick(window, indices, z));
    }
}
