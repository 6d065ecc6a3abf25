//! Products, squares and Montgomery reductions of whole numbers, as sums in columns with lazy carry propagation.

use super::number::{Number, borrow, carried, digit, largest_digit};
use super::tile::{Block, Tiles, neighbours};
use std::array;

/// The columns of a product of two numbers of T blocks, the lower half first.
pub(super) type Columns<V, const T: usize, const C: usize> = [[Block<V, C>; T]; 2];

/// One side of a sum of P products.
type Factors<'a, V, const T: usize, const C: usize, const P: usize> = [&'a Number<V, T, C>; P];

/// Returns columns that are zero.
#[inline(always)]
pub(super) fn zeros<V: Tiles, const T: usize, const C: usize>(isa: V::Isa) -> Columns<V, T, C> {
    [Number::zero(isa).0, Number::zero(isa).0]
}

/// columns += x.
#[inline(always)]
pub(super) fn add_number<V: Tiles, const T: usize, const C: usize>(
    columns: &mut Columns<V, T, C>,
    x: &Number<V, T, C>,
) {
    for (column, digit) in columns[0].as_flattened_mut().iter_mut().zip(x.digits()) {
        *column = column.add(*digit);
    }
}

/// columns += Σ x·y.
#[inline(always)]
pub(super) fn add_products<V: Tiles, const T: usize, const C: usize, const P: usize>(
    isa: V::Isa,
    columns: &mut Columns<V, T, C>,
    x: Factors<V, T, C, P>,
    y: Factors<V, T, C, P>,
) {
    let columns = columns.as_flattened_mut();
    for i in 0..T {
        for j in 0..T {
            V::multiply(isa, neighbours(columns, i + j), x.map(|x| &x.0[i]), y.map(|y| &y.0[j]));
        }
        partial_carry_after(isa, i, T, &mut columns[i + 1..]);
    }
}

/// columns += Σ x·y mod R. The upper columns are not computed. The highest computed column may wrap, because only its
/// digit counts.
#[inline(always)]
pub(super) fn add_lower_half<V: Tiles, const T: usize, const C: usize, const P: usize>(
    isa: V::Isa,
    columns: &mut [Block<V, C>; T],
    x: Factors<V, T, C, P>,
    y: Factors<V, T, C, P>,
) {
    for i in 0..T {
        let a = x.map(|x| &x.0[i]);
        for j in 0..T - 1 - i {
            V::multiply(isa, neighbours(columns, i + j), a, y.map(|y| &y.0[j]));
        }
        V::multiply_below(isa, &mut columns[T - 1], a, y.map(|y| &y.0[T - 1 - i]));
        partial_carry_after(isa, i, T, &mut columns[i + 1..]);
    }
}

/// z ← ⌊Σ x·y / R⌋, or one less. Only the two highest of the lower columns are computed, so the sum is too small by
/// less than 2·P·L·R/2^[`Tiles::DIGIT_BITS`], for numbers of L digits.
#[inline(always)]
pub(super) fn set_upper_half<V: Tiles, const T: usize, const C: usize, const P: usize>(
    isa: V::Isa,
    z: &mut Number<V, T, C>,
    x: Factors<V, T, C, P>,
    y: Factors<V, T, C, P>,
) {
    let (mut guards, mut columns) = ([V::splat(isa, 0); 2], Number::zero(isa).0);
    for i in 0..T {
        let a = x.map(|x| &x.0[i]);
        if i + 1 < T {
            for (a, y) in a.iter().zip(y) {
                V::add_product(&mut guards, a[C - 1], y.0[T - 2 - i][C - 1]);
            }
        }
        V::multiply_above(isa, &mut guards, &mut columns[0], a, y.map(|y| &y.0[T - 1 - i]));
        for j in T - i..T {
            V::multiply(isa, neighbours(&mut columns, i + j - T), a, y.map(|y| &y.0[j]));
        }
        let mut carry = V::splat(isa, 0);
        for guard in &mut guards {
            (*guard, carry) = carried(isa, guard.add(carry));
        }
        columns[0][0] = columns[0][0].add(carry);
        partial_carry_after(isa, i, T, &mut columns);
    }
    z.carry_from(isa, &columns);
}

/// Turns columns into digits, and subtracts m in the lanes where the number is at least m. m is given as two halves.
#[inline(always)]
pub(super) fn reduce_once<V: Tiles, const T: usize, const C: usize>(
    isa: V::Isa,
    columns: &mut Columns<V, T, C>,
    m: &[Number<V, T, C>; 2],
) {
    let (mut carry, mut below_m) = (V::splat(isa, 0), V::splat(isa, 0));
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            (*column, carry) = carried(isa, column.add(carry));
            below_m = borrow(column.sub(*m).sub(below_m));
        }
    }
    let at_least_m = below_m.eq(V::splat(isa, 0));
    let mut borrowed = V::splat(isa, 0);
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            let difference = column.sub(m.keep(at_least_m)).sub(borrowed);
            borrowed = borrow(difference);
            *column = digit(isa, difference);
        }
    }
}

/// Adds x² to columns that are zero: computes the products of different digits once, doubles the sums, and adds the
/// squares of digits.
#[inline(always)]
pub(super) fn add_square<V: Tiles, const T: usize, const C: usize>(
    isa: V::Isa,
    columns: &mut Columns<V, T, C>,
    x: &Number<V, T, C>,
) {
    let columns = columns.as_flattened_mut().as_flattened_mut();
    V::multiply_different::<C>(isa, columns, x.digits());
    // A column gets at most two products per digit.
    if 2 * T * C > V::ROOM {
        partial_carry(isa, columns);
    }
    let (pairs, _) = columns.as_chunks_mut::<2>();
    for (pair, digit) in pairs.iter_mut().zip(x.digits()) {
        *pair = [pair[0].add(pair[0]), pair[1].add(pair[1])];
        V::add_product(pair, *digit, *digit);
    }
}

/// Multiplication with interleaved Montgomery reduction (CIOS, with blocks of digits as words): adds P products a·b,
/// and q·m for the q that makes the lower half zero. The upper half of the columns becomes the sum divided by R, the
/// lower half R − 1 − q. Q must be P + 1, the number of products in a row of tiles.
#[inline(always)]
pub(super) fn reduce<V: Tiles, const T: usize, const C: usize, const P: usize, const Q: usize>(
    isa: V::Isa,
    columns: &mut Columns<V, T, C>,
    a: Factors<V, T, C, P>,
    b: Factors<V, T, C, P>,
    m: &Number<V, T, C>,
    inverse: V,
) {
    const { assert!(Q == P + 1) };
    let columns = columns.as_flattened_mut();
    let mut q = [V::splat(isa, 0); C];
    for i in 0..T {
        let a = a.map(|a| &a.0[i]);
        V::reduce(isa, neighbours(columns, i), a, b.map(|b| &b.0[0]), (&m.0[0], inverse), &mut q);
        for j in 1..T {
            let left: [_; Q] = array::from_fn(|k| if k < P { a[k] } else { &q });
            let right: [_; Q] = array::from_fn(|k| if k < P { &b[k].0[j] } else { &m.0[j] });
            V::multiply(isa, neighbours(columns, i + j), left, right);
        }
        for (column, q) in columns[i].iter_mut().zip(&q) {
            *column = largest_digit::<V>(isa).sub(*q);
        }
        partial_carry_after(isa, i, T, &mut columns[i + 1..]);
    }
}

/// Calls [`partial_carry`] if, after row i of `rows` rows of blocks, the columns have no room for another row. A
/// column gets at most three products per digit of a row.
#[inline(always)]
fn partial_carry_after<V: Tiles, const C: usize>(isa: V::Isa, i: usize, rows: usize, columns: &mut [Block<V, C>]) {
    let uncarried = const { V::ROOM / (3 * C) };
    if rows > uncarried && (i + 1).is_multiple_of(uncarried) {
        partial_carry(isa, columns.as_flattened_mut());
    }
}

/// Moves the carry of each column to the next column, without propagating it further.
#[inline(always)]
fn partial_carry<V: Tiles>(isa: V::Isa, columns: &mut [V]) {
    V::run(
        isa,
        #[inline(always)]
        move || {
            let mut carry = V::splat(isa, 0);
            let Some((top, lower)) = columns.split_last_mut() else { return };
            for column in lower {
                let (digit, next) = carried(isa, *column);
                *column = digit.add(carry);
                carry = next;
            }
            *top = top.add(carry);
        },
    );
}
