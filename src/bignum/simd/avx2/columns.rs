//! Products, squares and Montgomery reductions of whole numbers: sums in columns, which are hardly carried.

use super::number::{Number, carry};
use super::tile::{self, BLOCK, Block};
use super::vector::{DIGIT_BITS, DIGIT_MASK, Vector, add_product, broadcast, digit, zero};
use std::arch::x86_64::{_mm256_add_epi64, _mm256_and_si256, _mm256_cmpeq_epi64, _mm256_srli_epi64, _mm256_sub_epi64};
use std::array;

/// The columns of a product of two numbers of T blocks, the lower half first.
pub(super) type Columns<const T: usize> = [[Block; T]; 2];

/// Rows of blocks after which carries are moved: a column gets three products a digit, and takes 256.
const ROWS_UNCARRIED: usize = 256 / (3 * BLOCK);
/// Blocks of the longest number whose square needs no carries moved before it is reduced: two products a digit.
const SQUARES_UNCARRIED: usize = 256 / (2 * BLOCK);

/// An empty sum.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn zeros<const T: usize>() -> Columns<T> {
    [Number::zero().0, Number::zero().0]
}

/// Adds x.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add_number<const T: usize>(columns: &mut Columns<T>, x: &Number<T>) {
    for (column, digit) in columns[0].as_flattened_mut().iter_mut().zip(x.digits()) {
        *column = _mm256_add_epi64(*column, *digit);
    }
}

/// Adds Σ x·y.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add_products<const T: usize, const P: usize>(
    columns: &mut Columns<T>,
    x: [&Number<T>; P],
    y: [&Number<T>; P],
) {
    let columns = columns.as_flattened_mut();
    for i in 0..T {
        for j in 0..T {
            tile::multiply(neighbours(columns, i + j), x.map(|x| &x.0[i]), y.map(|y| &y.0[j]));
        }
        if (i + 1).is_multiple_of(ROWS_UNCARRIED) {
            relax(columns[i + 1..].as_flattened_mut());
        }
    }
}

/// Adds Σ x·y mod R, whose upper columns are not worked out. The highest of the others may wrap, as only its digit counts.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add_lower_half<const T: usize, const P: usize>(
    columns: &mut [Block; T],
    x: [&Number<T>; P],
    y: [&Number<T>; P],
) {
    for i in 0..T {
        let a = x.map(|x| &x.0[i]);
        for j in 0..T - 1 - i {
            tile::multiply(neighbours(columns, i + j), a, y.map(|y| &y.0[j]));
        }
        tile::multiply_below(&mut columns[T - 1], a, y.map(|y| &y.0[T - 1 - i]));
        if (i + 1).is_multiple_of(ROWS_UNCARRIED) {
            relax(columns[i + 1..].as_flattened_mut());
        }
    }
}

/// z ← ⌊Σ x·y / R⌋, or one less: of the lower columns only two are worked out, so that less than 2·P·L·R/2^28 is missing
/// from the sum, of L digits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn set_upper_half<const T: usize, const P: usize>(
    z: &mut Number<T>,
    x: [&Number<T>; P],
    y: [&Number<T>; P],
) {
    let (mut guards, mut columns) = ([zero(); 2], Number::zero().0);
    for i in 0..T {
        let a = x.map(|x| &x.0[i]);
        if i + 1 < T {
            for (a, y) in a.iter().zip(y) {
                guards[0] = add_product(guards[0], a[BLOCK - 1], y.0[T - 2 - i][BLOCK - 1]);
            }
        }
        tile::multiply_above(&mut guards, &mut columns[0], a, y.map(|y| &y.0[T - 1 - i]));
        for j in T - i..T {
            tile::multiply(neighbours(&mut columns, i + j - T), a, y.map(|y| &y.0[j]));
        }
        // What the guards carry.
        guards[1] = _mm256_add_epi64(guards[1], _mm256_srli_epi64::<DIGIT_BITS>(guards[0]));
        columns[0][0] = _mm256_add_epi64(columns[0][0], _mm256_srli_epi64::<DIGIT_BITS>(guards[1]));
        guards = guards.map(|guard| digit(guard));
        if (i + 1).is_multiple_of(ROWS_UNCARRIED) {
            relax(columns.as_flattened_mut());
        }
    }
    z.carry_from(&columns);
}

/// Makes digits of columns, and subtracts m, given as its halves, where the number is m or more.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn reduce_once<const T: usize>(columns: &mut Columns<T>, m: &[Number<T>; 2]) {
    let difference = |x: Vector, m: Vector, borrow: Vector| _mm256_sub_epi64(_mm256_sub_epi64(x, m), borrow);
    let borrow = |difference: Vector| _mm256_srli_epi64::<63>(difference);
    carry(columns.as_flattened_mut().as_flattened_mut());
    let mut rest = zero();
    for (half, m) in columns.iter().zip(m) {
        for (column, m) in half.as_flattened().iter().zip(m.digits()) {
            rest = borrow(difference(*column, *m, rest));
        }
    }
    let reached = _mm256_cmpeq_epi64(rest, zero());
    let mut rest = zero();
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            let difference = difference(*column, _mm256_and_si256(reached, *m), rest);
            rest = borrow(difference);
            *column = digit(difference);
        }
    }
}

/// Adds x² to columns that are zero: the products of different digits once, then all doubled, then the squares of digits.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add_square<const T: usize>(columns: &mut Columns<T>, x: &Number<T>) {
    let columns = columns.as_flattened_mut();
    for (i, a) in x.0.iter().enumerate() {
        tile::cross_products(neighbours(columns, 2 * i), a);
        for (j, b) in x.0.iter().enumerate().skip(i + 1) {
            tile::multiply(neighbours(columns, i + j), [a], [b]);
        }
    }
    let columns = columns.as_flattened_mut();
    if T > SQUARES_UNCARRIED {
        relax(columns);
    }
    for ([low, high], digit) in columns.as_chunks_mut::<2>().0.iter_mut().zip(x.digits()) {
        *low = add_product(_mm256_add_epi64(*low, *low), *digit, *digit);
        *high = _mm256_add_epi64(*high, *high);
    }
}

/// Adds P products a·b and q·m for the q that makes the lower half vanish, and leaves R − 1 − q in its place; the upper half
/// is the sum divided by R. A tile's row has Q = P + 1 products.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn reduce<const T: usize, const P: usize, const Q: usize>(
    columns: &mut Columns<T>,
    a: [&Number<T>; P],
    b: [&Number<T>; P],
    m: &Number<T>,
    inverse: Vector,
) {
    const { assert!(Q == P + 1) };
    let columns = columns.as_flattened_mut();
    let mut q = [zero(); BLOCK];
    for i in 0..T {
        let a = a.map(|a| &a.0[i]);
        tile::reduce(neighbours(columns, i), a, b.map(|b| &b.0[0]), (&m.0[0], inverse), &mut q);
        for j in 1..T {
            let left: [_; Q] = array::from_fn(|k| if k < P { a[k] } else { &q });
            let right: [_; Q] = array::from_fn(|k| if k < P { &b[k].0[j] } else { &m.0[j] });
            tile::multiply(neighbours(columns, i + j), left, right);
        }
        for (column, q) in columns[i].iter_mut().zip(&q) {
            *column = _mm256_sub_epi64(broadcast(DIGIT_MASK), *q);
        }
        if (i + 1).is_multiple_of(ROWS_UNCARRIED) {
            relax(columns[i + 1..].as_flattened_mut());
        }
    }
}

/// Moves carries up by one column each.
#[inline(never)]
#[target_feature(enable = "avx2")]
fn relax(columns: &mut [Vector]) {
    let mut carry = zero();
    let Some((top, lower)) = columns.split_last_mut() else { return };
    for column in lower {
        let next = _mm256_srli_epi64::<DIGIT_BITS>(*column);
        *column = _mm256_add_epi64(digit(*column), carry);
        carry = next;
    }
    *top = _mm256_add_epi64(*top, carry);
}

/// Block i and the one above it.
#[inline]
fn neighbours(columns: &mut [Block], i: usize) -> [&mut Block; 2] {
    let (lower, upper) = columns.split_at_mut(i + 1);
    [&mut lower[i], &mut upper[0]]
}
