//! An odd modulus m, for arithmetic modulo m and m² in eight lanes; the formulas are those of [`crate::arith::pair`].

use super::columns::{self, Columns};
use super::number::{Number, carry, ones};
use super::transpose;
use super::vector::{DIGIT_MASK, Ifma, LANES, Vector, spread, zero};
use crate::arith::batch::Rows;
use crate::arith::lanes::{Lanes, Line, Pair};
use crate::arith::modulus::Modulus;
use crate::arith::radix_form::RadixForm;
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

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce<const P: usize, const Q: usize>(
        &self,
        columns: &mut Columns<T, C>,
        x: [&Number<T, C>; P],
        y: [&Number<T, C>; P],
    ) -> (Number<T, C>, Number<T, C>) {
        let q = columns::reduce::<T, C, P, Q>(columns, x, y, &self.m, self.inverse);
        (Number::from_columns(&columns[1]), q)
    }

    /// R·m − q, where the columns of z1 begin: what z0 left behind, and enough to stay positive.
    #[inline]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn repayment(&self, q: &Number<T, C>) -> Columns<T, C> {
        [q.negative_columns(), self.m.0]
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply(&self, x: &Pair<Number<T, C>>, y: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        let mut columns = [Number::zero().0; 2];
        let (x0, q) = self.reduce::<1, 2>(&mut columns, [&x.x0], [&y.x0]);
        let mut columns = self.repayment(&q);
        let (x1, _) = self.reduce::<2, 3>(&mut columns, [&x.x0, &x.x1], [&y.x1, &y.x0]);
        Pair { x0, x1 }
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply_by_itself(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        let mut columns = [Number::zero().0; 2];
        columns::add_square(&mut columns, &x.x0);
        let (x0, q) = self.reduce::<0, 1>(&mut columns, [], []);
        let mut columns = self.repayment(&q);
        let (x1, _) = self.reduce::<1, 2>(&mut columns, [&Number::plus(&x.x0, &x.x0)], [&x.x1]);
        Pair { x0, x1 }
    }

    #[inline(never)]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn multiply_numbers(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        self.reduce::<1, 2>(&mut [Number::zero().0; 2], [x], [y]).0
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn divide_by_radix(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        let (x0, q) = self.reduce::<0, 1>(&mut [x.x0.0, Number::zero().0], [], []);
        let mut columns = [Number::difference_columns(&x.x1, &q), self.m.0];
        let (x1, _) = self.reduce::<0, 1>(&mut columns, [], []);
        self.reduce_both(&Pair { x0, x1 })
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn reduce_both(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        let (x0, taken) = Number::reduce_once(&x.x0, &self.m, zero());
        let (x1, _) = Number::reduce_once(&x.x1, &self.m, ones(taken));
        Pair { x0, x1: Number::reduce_once(&x1, &self.m, zero()).0 }
    }

    #[cfg(feature = "owner")]
    #[target_feature(enable = "avx512f,avx512ifma")]
    fn subtract(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        let (y, _) = Number::reduce_once(y, &self.m, zero());
        let (difference, negative) = Number::minus(x, &y, zero());
        // The sum drops the R that the borrow left in the difference.
        Number::choose(negative, &Number::plus(&difference, &self.m), &difference)
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
    fn pick(window: &[Line], indices: &[u64]) -> Pair<Number<T, C>> {
        let mut lanes = [0; LANES];
        lanes.iter_mut().zip(indices).for_each(|(lane, index)| *lane = *index);
        let indices = bytemuck::cast(lanes);
        let (x0, x1) = window.split_at(window.len() / 2);
        Pair { x0: Number::look_up(x0, indices), x1: Number::look_up(x1, indices) }
    }

    #[target_feature(enable = "avx512f,avx512ifma")]
    fn select_pair(table: &[Pair<Number<T, C>>], index: u64) -> Pair<Number<T, C>> {
        Pair { x0: Number::select(table, |pair| &pair.x0, index), x1: Number::select(table, |pair| &pair.x1, index) }
    }
}

impl<const T: usize, const C: usize> Lanes for IfmaModulus<T, C> {
    const COUNT: usize = LANES;

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

    fn mul(&self, x: &Pair<Number<T, C>>, y: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        with_ifma!(self.multiply(x, y))
    }

    fn square(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        with_ifma!(self.multiply_by_itself(x))
    }

    fn mont_mul(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        with_ifma!(self.multiply_numbers(x, y))
    }

    fn plus(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        with_ifma!(Number::plus(x, y))
    }

    #[cfg(feature = "owner")]
    fn add(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        self.reduce_once(&self.plus(&self.reduce_once(x), &self.reduce_once(y)))
    }

    #[cfg(feature = "owner")]
    fn sub(&self, x: &Number<T, C>, y: &Number<T, C>) -> Number<T, C> {
        with_ifma!(self.subtract(x, y))
    }

    fn reduce_once(&self, x: &Number<T, C>) -> Number<T, C> {
        with_ifma!(Number::reduce_once(x, &self.m, zero()).0)
    }

    fn reduce_pair(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        with_ifma!(self.reduce_both(x))
    }

    fn leave(&self, x: &Pair<Number<T, C>>) -> Pair<Number<T, C>> {
        with_ifma!(self.divide_by_radix(x))
    }

    #[cfg(feature = "owner")]
    fn is_one(&self, x: &Number<T, C>) -> u32 {
        u32::from(with_ifma!(x.is_one()))
    }

    fn select(&self, table: &[Pair<Number<T, C>>], index: u64) -> Pair<Number<T, C>> {
        with_ifma!(Self::select_pair(table, index))
    }

    fn append_window(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        with_ifma!(self.append(table, entries));
    }

    fn look_up(&self, window: &[Line], indices: &[u64]) -> Pair<Number<T, C>> {
        with_ifma!(Self::pick(window, indices))
    }
}
