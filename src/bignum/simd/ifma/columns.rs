//! Products, squares and Montgomery reductions of whole numbers: sums in columns, which are not carried.

use super::number::Number;
use super::tile::{self, Block};
use super::vector::{DIGIT_BITS, Vector, add_high, add_low, digit, zero};
use std::arch::x86_64::{
    _mm512_add_epi64, _mm512_cmplt_epi64_mask, _mm512_mask_sub_epi64, _mm512_srai_epi64, _mm512_srli_epi64,
    _mm512_sub_epi64,
};
use std::array;

/// Digits of the blocks that squares are made of.
const SQUARED: usize = 10;

/// The columns of a product of two numbers of T blocks, the lower half first.
pub(super) type Columns<const T: usize, const C: usize> = [[Block<C>; T]; 2];

/// An empty sum.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn zeros<const T: usize, const C: usize>() -> Columns<T, C> {
    [Number::zero().0, Number::zero().0]
}

/// Adds x.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_number<const T: usize, const C: usize>(columns: &mut Columns<T, C>, x: &Number<T, C>) {
    for (column, digit) in columns[0].as_flattened_mut().iter_mut().zip(x.digits()) {
        *column = _mm512_add_epi64(*column, *digit);
    }
}

/// Adds Σ x·y.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_products<const T: usize, const C: usize, const P: usize>(
    columns: &mut Columns<T, C>,
    x: [&Number<T, C>; P],
    y: [&Number<T, C>; P],
) {
    let columns = columns.as_flattened_mut();
    for i in 0..T {
        for j in 0..T {
            tile::multiply(neighbours(columns, i + j), x.map(|x| &x.0[i]), y.map(|y| &y.0[j]));
        }
    }
}

/// Adds Σ x·y mod R, whose upper columns are not worked out.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_lower_half<const T: usize, const C: usize, const P: usize>(
    columns: &mut [Block<C>; T],
    x: [&Number<T, C>; P],
    y: [&Number<T, C>; P],
) {
    for i in 0..T {
        let a = x.map(|x| &x.0[i]);
        for j in 0..T - 1 - i {
            tile::multiply(neighbours(columns, i + j), a, y.map(|y| &y.0[j]));
        }
        tile::multiply_below(&mut columns[T - 1], a, y.map(|y| &y.0[T - 1 - i]));
    }
}

/// z ← ⌊Σ x·y / R⌋, or one less: of the lower columns only the last is worked out, so that less than 2·P·L·R/2^52 is missing
/// from the sum, of L digits.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn set_upper_half<const T: usize, const C: usize, const P: usize>(
    z: &mut Number<T, C>,
    x: [&Number<T, C>; P],
    y: [&Number<T, C>; P],
) {
    let (mut guard, mut columns) = (zero(), Number::zero().0);
    for i in 0..T {
        let a = x.map(|x| &x.0[i]);
        if i + 1 < T {
            for (a, y) in a.iter().zip(y) {
                guard = add_high(guard, a[C - 1], y.0[T - 2 - i][C - 1]);
            }
        }
        tile::multiply_above(&mut guard, &mut columns[0], a, y.map(|y| &y.0[T - 1 - i]));
        for j in T - i..T {
            tile::multiply(neighbours(&mut columns, i + j - T), a, y.map(|y| &y.0[j]));
        }
    }
    columns[0][0] = _mm512_add_epi64(columns[0][0], _mm512_srli_epi64::<DIGIT_BITS>(guard));
    z.carry_from(&columns);
}

/// Makes digits of columns, and subtracts m, given as its halves, where the number is m or more.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce_once<const T: usize, const C: usize>(columns: &mut Columns<T, C>, m: &[Number<T, C>; 2]) {
    let (mut carry, mut rest) = (zero(), zero());
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            let sum = _mm512_add_epi64(*column, carry);
            carry = _mm512_srai_epi64::<DIGIT_BITS>(sum);
            *column = digit(sum);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(_mm512_add_epi64(_mm512_sub_epi64(*column, *m), rest));
        }
    }
    let reached = !_mm512_cmplt_epi64_mask(rest, zero());
    let mut rest = zero();
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            let difference = _mm512_add_epi64(_mm512_mask_sub_epi64(*column, reached, *column, *m), rest);
            rest = _mm512_srai_epi64::<DIGIT_BITS>(difference);
            *column = digit(difference);
        }
    }
}

/// Adds x² to columns that are zero: the products of different digits once, then all doubled, then the squares of digits.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn add_square<const T: usize, const C: usize>(columns: &mut Columns<T, C>, x: &Number<T, C>) {
    let digits = x.0.as_flattened();
    let blocks = digits.as_chunks::<SQUARED>().0;
    let columns = columns.as_flattened_mut().as_flattened_mut();
    let sums = columns.as_chunks_mut::<SQUARED>().0;
    for (i, a) in blocks.iter().enumerate() {
        tile::cross_products(neighbours(sums, 2 * i), a);
        for (j, b) in blocks.iter().enumerate().skip(i + 1) {
            tile::multiply(neighbours(sums, i + j), [a], [b]);
        }
    }
    for ([low, high], digit) in columns.as_chunks_mut::<2>().0.iter_mut().zip(digits) {
        *low = add_low(_mm512_add_epi64(*low, *low), *digit, *digit);
        *high = add_high(_mm512_add_epi64(*high, *high), *digit, *digit);
    }
}

/// Adds P products a·b and q·m for the q that makes the lower half vanish, and leaves −q in its place; the upper half is
/// the sum divided by R. A tile's row has Q = P + 1 products.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce<const T: usize, const C: usize, const P: usize, const Q: usize>(
    columns: &mut Columns<T, C>,
    a: [&Number<T, C>; P],
    b: [&Number<T, C>; P],
    m: &Number<T, C>,
    inverse: Vector,
) {
    const { assert!(Q == P + 1) };
    let columns = columns.as_flattened_mut();
    let mut q = [zero(); C];
    for i in 0..T {
        let a = a.map(|a| &a.0[i]);
        tile::reduce(neighbours(columns, i), a, b.map(|b| &b.0[0]), (&m.0[0], inverse), &mut q);
        for j in 1..T {
            let left: [_; Q] = array::from_fn(|k| if k < P { a[k] } else { &q });
            let right: [_; Q] = array::from_fn(|k| if k < P { &b[k].0[j] } else { &m.0[j] });
            tile::multiply(neighbours(columns, i + j), left, right);
        }
        for (column, q) in columns[i].iter_mut().zip(&q) {
            *column = _mm512_sub_epi64(zero(), *q);
        }
    }
}

/// Block i and the one above it.
#[inline]
fn neighbours<const C: usize>(columns: &mut [Block<C>], i: usize) -> [&mut Block<C>; 2] {
    let (lower, upper) = columns.split_at_mut(i + 1);
    [&mut lower[i], &mut upper[0]]
}
