//! What the arithmetic of all vector instructions has in common: how it becomes [`Lanes`](crate::bignum::lanes::Lanes).

pub(crate) mod avx2;
mod factor;
pub(crate) mod ifma;
#[cfg(test)]
mod tests;

use super::lanes::dealt;
use zeroize::Zeroizing;

/// What each lane gets of values that are [`dealt`] to all, or zeros.
pub(super) fn deal<const N: usize>(values: &[u64]) -> [u64; N] {
    std::array::from_fn(|lane| values.get(dealt(lane, N, values.len())).copied().unwrap_or(0))
}

/// Rows with which lanes are loaded that such rows are [`dealt`] to. What is the last one's lanes need no row each.
pub(super) fn deal_rows(rows: &[&[u64]], lanes: usize) -> Zeroizing<Vec<u64>> {
    let width = rows.first().map_or(0, |row| row.len());
    let mut all = Zeroizing::new(Vec::with_capacity(lanes * width));
    let last = lanes - lanes / rows.len().max(1);
    (0..=last).filter_map(|lane| rows.get(dealt(lane, lanes, rows.len()))).for_each(|row| all.extend_from_slice(row));
    all
}

/// Makes [`Lanes`](crate::bignum::lanes::Lanes) of a modulus with the fields `m`, `one`, `r2` and `width`, whose functions
/// `reduce` and `repay` are, like all here, compiled for instructions that its existence shows to be there. Products and
/// reductions come from `columns`, digits from `number`, rows from `transpose`, as the modules of the same names in
/// [`crate::bignum::simd::ifma`] and [`crate::bignum::simd::avx2`] have them; the formulas are those of [`crate::bignum::pair`].
macro_rules! impl_lanes {
    ($features:literal, [$($generics:tt)*] $Modulus:ty, $Number:ty, lanes $lanes:expr, selected $selected:expr, lines $lines:expr) => {
        /// Calls a function that is compiled for more instructions than this one.
        macro_rules! with_instructions {
            ($call:expr) => {
                // SAFETY: a modulus can only be made with the proof that the processor has these instructions.
                unsafe { $call }
            };
        }

        impl<$($generics)*> $Modulus {
            #[inline(never)]
            #[target_feature(enable = $features)]
            fn multiply(&self, x: &mut $crate::bignum::lanes::Pair<$Number>, y: &$crate::bignum::lanes::Pair<$Number>) {
                let (mut columns, mut z0) = (columns::zeros(), <$Number>::zero());
                self.reduce::<1, 2>(&mut columns, [&x.x0], [&y.x0]);
                z0.carry_from(&columns[1]);
                self.repay(&mut columns);
                self.reduce::<2, 3>(&mut columns, [&x.x0, &x.x1], [&y.x1, &y.x0]);
                x.x1.carry_from(&columns[1]);
                x.x0 = z0;
            }

            #[inline(never)]
            #[target_feature(enable = $features)]
            fn multiply_by_itself(&self, x: &mut $crate::bignum::lanes::Pair<$Number>) {
                let (mut columns, mut doubled) = (columns::zeros(), <$Number>::zero());
                columns::add_square(&mut columns, &x.x0);
                doubled.set_sum(&x.x0, &x.x0);
                self.reduce::<0, 1>(&mut columns, [], []);
                x.x0.carry_from(&columns[1]);
                self.repay(&mut columns);
                self.reduce::<1, 2>(&mut columns, [&doubled], [&x.x1]);
                x.x1.carry_from(&columns[1]);
            }

            #[inline(never)]
            #[target_feature(enable = $features)]
            fn multiply_numbers(&self, x: &$Number, y: &$Number, z: &mut $Number) {
                let mut columns = columns::zeros();
                self.reduce::<1, 2>(&mut columns, [x], [y]);
                z.carry_from(&columns[1]);
            }

            #[target_feature(enable = $features)]
            fn divide_by_radix(&self, x: &$crate::bignum::lanes::Pair<$Number>, z: &mut $crate::bignum::lanes::Pair<$Number>) {
                let mut columns = [x.x0.0, <$Number>::zero().0];
                self.reduce::<0, 1>(&mut columns, [], []);
                z.x0.carry_from(&columns[1]);
                self.repay(&mut columns);
                columns::add_number(&mut columns, &x.x1);
                self.reduce::<0, 1>(&mut columns, [], []);
                z.x1.carry_from(&columns[1]);
                self.reduce_both(z);
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn reduce_both(&self, x: &mut $crate::bignum::lanes::Pair<$Number>) {
                let taken = x.x0.reduce_once(&self.m);
                x.x1.increment(taken);
                x.x1.reduce_once(&self.m);
                x.x1.reduce_once(&self.m);
            }

            #[cfg(feature = "owner")]
            #[target_feature(enable = $features)]
            fn subtract(&self, x: &$Number, y: &$Number, z: &mut $Number) {
                let (mut y, mut raised) = (*y, <$Number>::zero());
                y.reduce_once(&self.m);
                let negative = z.set_difference(x, &y);
                // The sum drops the R that the borrow left in the difference.
                raised.set_sum(z, &self.m);
                z.replace(negative, &raised);
            }

            #[target_feature(enable = $features)]
            fn store_sum([x, y, z]: [&$Number; 3], limbs: usize, rows: &mut [u64], width: usize, at: usize) {
                let mut columns = [z.0, <$Number>::zero().0];
                columns::add_products(&mut columns, [x], [y]);
                let digits = columns.as_flattened_mut().as_flattened_mut();
                carry(digits);
                transpose::store(digits, limbs, rows, width, at);
            }

            #[target_feature(enable = $features)]
            fn pick(window: &[$crate::bignum::lanes::Line], indices: &[u64], z: &mut $crate::bignum::lanes::Pair<$Number>) {
                let mut lanes = [0; LANES];
                lanes.iter_mut().zip(indices).for_each(|(lane, index)| *lane = *index);
                let indices = bytemuck::cast(lanes);
                let (x0, x1) = window.split_at(window.len() / 2);
                z.x0.look_up(x0, indices);
                z.x1.look_up(x1, indices);
            }

            #[target_feature(enable = $features)]
            fn select_pair(table: &[$crate::bignum::lanes::Pair<$Number>], indices: &[u64], z: &mut $crate::bignum::lanes::Pair<$Number>) {
                let indices: [u64; LANES] = $crate::bignum::simd::deal(indices);
                let indices = bytemuck::cast(indices);
                z.x0.select(table, |pair| &pair.x0, indices);
                z.x1.select(table, |pair| &pair.x1, indices);
            }

            /// What `write` makes of a zero.
            #[inline(always)]
            fn number(&self, write: impl FnOnce(&mut $Number)) -> $Number {
                let mut z = with_instructions!(<$Number>::zero());
                write(&mut z);
                z
            }

            /// What `write` makes of a pair of zeros.
            #[inline(always)]
            fn pair(&self, write: impl FnOnce(&mut $crate::bignum::lanes::Pair<$Number>)) -> $crate::bignum::lanes::Pair<$Number> {
                let mut z = with_instructions!($crate::bignum::lanes::Pair { x0: <$Number>::zero(), x1: <$Number>::zero() });
                write(&mut z);
                z
            }
        }

        impl<$($generics)*> $crate::bignum::lanes::Lanes for $Modulus {
            const COUNT: usize = $lanes;

            const SELECTED_A_PRODUCT: usize = $selected;

            const LINES_A_WINDOW: usize = $lines;

            type Number = $Number;

            fn one(&self) -> &$crate::bignum::lanes::Pair<$Number> {
                &self.one
            }

            fn r2(&self) -> &$crate::bignum::lanes::Pair<$Number> {
                &self.r2
            }

            fn width(&self) -> usize {
                self.width
            }

            fn broadcast(&self, limbs: &[u64]) -> $Number {
                let mut row = zeroize::Zeroizing::new(vec![0; self.width]);
                row.iter_mut().zip(limbs).for_each(|(word, limb)| *word = *limb);
                self.load($crate::bignum::batch::Rows::new(&row, self.width), 0)
            }

            fn load(&self, rows: $crate::bignum::batch::Rows<'_>, at: usize) -> $Number {
                with_instructions!(transpose::load(rows, at, self.width))
            }

            fn store(&self, x: &$Number, rows: &mut [u64], width: usize, at: usize) {
                with_instructions!(transpose::store(x.digits(), self.width, rows, width, at));
            }

            fn store_product(
                &self,
                x: &$Number,
                y: &$Number,
                z: &$Number,
                rows: &mut [u64],
                width: usize,
                at: usize,
            ) {
                with_instructions!(Self::store_sum([x, y, z], 2 * self.width, rows, width, at));
            }

            fn mul_assign(&self, x: &mut $crate::bignum::lanes::Pair<$Number>, y: &$crate::bignum::lanes::Pair<$Number>) {
                with_instructions!(self.multiply(x, y));
            }

            fn square_assign(&self, x: &mut $crate::bignum::lanes::Pair<$Number>) {
                with_instructions!(self.multiply_by_itself(x));
            }

            fn mont_mul(&self, x: &$Number, y: &$Number) -> $Number {
                self.number(|z| with_instructions!(self.multiply_numbers(x, y, z)))
            }

            fn plus(&self, x: &$Number, y: &$Number) -> $Number {
                self.number(|z| with_instructions!(z.set_sum(x, y)))
            }

            #[cfg(feature = "owner")]
            fn add(&self, x: &$Number, y: &$Number) -> $Number {
                self.reduce_once(&self.plus(&self.reduce_once(x), &self.reduce_once(y)))
            }

            #[cfg(feature = "owner")]
            fn sub(&self, x: &$Number, y: &$Number) -> $Number {
                self.number(|z| with_instructions!(self.subtract(x, y, z)))
            }

            fn reduce_once(&self, x: &$Number) -> $Number {
                let mut z = *x;
                with_instructions!(z.reduce_once(&self.m));
                z
            }

            fn reduce_pair(&self, x: &mut $crate::bignum::lanes::Pair<$Number>) {
                with_instructions!(self.reduce_both(x));
            }

            fn from_mont(&self, x: &$crate::bignum::lanes::Pair<$Number>) -> $crate::bignum::lanes::Pair<$Number> {
                self.pair(|z| with_instructions!(self.divide_by_radix(x, z)))
            }

            #[cfg(feature = "owner")]
            fn is_one(&self, x: &$Number) -> u32 {
                with_instructions!(Self::ones(x))
            }

            fn select(&self, table: &[$crate::bignum::lanes::Pair<$Number>], indices: &[u64], z: &mut $crate::bignum::lanes::Pair<$Number>) {
                with_instructions!(Self::select_pair(table, indices, z));
            }

            fn append_window(&self, table: &mut Vec<$crate::bignum::lanes::Line>, entries: $crate::bignum::batch::Rows<'_>) {
                with_instructions!(self.append(table, entries));
            }

            fn look_up(&self, window: &[$crate::bignum::lanes::Line], indices: &[u64], z: &mut $crate::bignum::lanes::Pair<$Number>) {
                with_instructions!(Self::pick(window, indices, z));
            }
        }
    };
}
pub(super) use impl_lanes;
