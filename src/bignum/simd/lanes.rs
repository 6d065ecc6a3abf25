//! The implementation of [`Lanes`] with vectors. Each operation is compiled with the vector's instructions.

use super::columns;
use super::distribute;
use super::modulus::SimdModulus;
use super::number::{Number, carry};
use super::rows;
use super::tile::Tiles;
use crate::bignum::batch::Rows;
use crate::bignum::lanes::{Lanes, Line, Pair};
use zeroize::Zeroizing;

impl<V: Tiles, const T: usize, const C: usize> Lanes for SimdModulus<V, T, C> {
    const COUNT: usize = V::LANES;

    const SELECTIONS_PER_MUL: usize = V::SELECTIONS_PER_DIGIT * T * C;

    const LINES_A_WINDOW: usize = 2 * T * C * V::LINES_A_DIGIT;

    type Number = Number<V, T, C>;

    fn one(&self) -> &Pair<Self::Number> {
        &self.one
    }

    fn r2(&self) -> &Pair<Self::Number> {
        &self.r2
    }

    fn width(&self) -> usize {
        self.width
    }

    fn broadcast(&self, limbs: &[u64]) -> Self::Number {
        let mut row = Zeroizing::new(vec![0; self.width]);
        row.iter_mut().zip(limbs).for_each(|(word, limb)| *word = *limb);
        self.load(Rows::new(&row, self.width), 0)
    }

    fn load(&self, rows: Rows<'_>, at: usize) -> Self::Number {
        V::run(
            self.isa,
            #[inline(always)]
            || rows::load(self.isa, rows, at, self.width),
        )
    }

    fn store(&self, x: &Self::Number, rows: &mut [u64], width: usize, at: usize) {
        V::run(
            self.isa,
            #[inline(always)]
            || rows::store(self.isa, x.digits(), self.width, rows, width, at),
        );
    }

    fn store_product(
        &self,
        x: &Self::Number,
        y: &Self::Number,
        z: &Self::Number,
        rows: &mut [u64],
        width: usize,
        at: usize,
    ) {
        V::run(
            self.isa,
            #[inline(always)]
            || {
                let mut columns = [z.0, Number::zero(self.isa).0];
                columns::add_products(self.isa, &mut columns, [x], [y]);
                let digits = columns.as_flattened_mut().as_flattened_mut();
                carry(self.isa, V::splat(self.isa, 0), digits);
                rows::store(self.isa, digits, 2 * self.width, rows, width, at);
            },
        );
    }

    fn mul_assign(&self, x: &mut Pair<Self::Number>, y: &Pair<Self::Number>) {
        V::run(
            self.isa,
            #[inline(always)]
            || self.multiply(x, y),
        );
    }

    fn square_assign(&self, x: &mut Pair<Self::Number>) {
        V::run(
            self.isa,
            #[inline(always)]
            || self.square(x),
        );
    }

    fn mont_mul(&self, x: &Self::Number, y: &Self::Number) -> Self::Number {
        V::run(
            self.isa,
            #[inline(always)]
            || self.multiply_numbers(x, y),
        )
    }

    fn plus(&self, x: &Self::Number, y: &Self::Number) -> Self::Number {
        V::run(
            self.isa,
            #[inline(always)]
            || {
                let mut z = Number::zero(self.isa);
                z.set_sum(self.isa, x, y);
                z
            },
        )
    }

    #[cfg(feature = "owner")]
    fn add(&self, x: &Self::Number, y: &Self::Number) -> Self::Number {
        self.reduce_once(&self.plus(&self.reduce_once(x), &self.reduce_once(y)))
    }

    #[cfg(feature = "owner")]
    fn sub(&self, x: &Self::Number, y: &Self::Number) -> Self::Number {
        V::run(
            self.isa,
            #[inline(always)]
            || self.subtract(x, y),
        )
    }

    fn reduce_once(&self, x: &Self::Number) -> Self::Number {
        let mut z = *x;
        V::run(
            self.isa,
            #[inline(always)]
            || z.reduce_once(self.isa, &self.m),
        );
        z
    }

    fn reduce_pair(&self, x: &mut Pair<Self::Number>) {
        V::run(
            self.isa,
            #[inline(always)]
            || self.reduce_both(x),
        );
    }

    fn from_mont(&self, x: &Pair<Self::Number>) -> Pair<Self::Number> {
        V::run(
            self.isa,
            #[inline(always)]
            || self.divide_by_radix(x),
        )
    }

    #[cfg(feature = "owner")]
    fn is_one(&self, x: &Self::Number) -> u32 {
        V::run(
            self.isa,
            #[inline(always)]
            || V::bits(x.is_one(self.isa)),
        )
    }

    fn select(&self, table: &[Pair<Self::Number>], indices: &[u64], z: &mut Pair<Self::Number>) {
        V::run(
            self.isa,
            #[inline(always)]
            || {
                let indices = V::from_lanes(self.isa, distribute::<V>(indices));
                z.x0.select(self.isa, table, |pair| &pair.x0, indices);
                z.x1.select(self.isa, table, |pair| &pair.x1, indices);
            },
        );
    }

    fn append_window(&self, table: &mut Vec<Line>, entries: Rows<'_>) {
        for at in [0, self.width] {
            let groups = (0..entries.len()).step_by(V::LANES).map(|first| entries.slice(first..first + V::LANES));
            let groups: Vec<Self::Number> = groups.map(|rows| self.load(rows, at)).collect();
            let groups = Zeroizing::new(groups);
            for digit in 0..T * C {
                let digits: Zeroizing<Vec<V>> =
                    Zeroizing::new(groups.iter().map(|group| group.digits()[digit]).collect());
                V::run(
                    self.isa,
                    #[inline(always)]
                    || V::append_lines(table, &digits),
                );
            }
        }
    }

    fn look_up(&self, window: &[Line], indices: &[u64], z: &mut Pair<Self::Number>) {
        V::run(
            self.isa,
            #[inline(always)]
            || {
                let mut lanes = V::Lanes::default();
                lanes.as_mut().iter_mut().zip(indices).for_each(|(lane, index)| *lane = *index);
                let indices = V::from_lanes(self.isa, lanes);
                let (x0, x1) = window.split_at(window.len() / 2);
                z.x0.look_up(self.isa, x0, indices);
                z.x1.look_up(self.isa, x1, indices);
            },
        );
    }
}
