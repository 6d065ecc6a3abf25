//! Products, squares and Montgomery reductions of whole numbers: sums in columns, which are hardly carried.

use super::number::{Number, borrow, carried, digit, largest_digit};
use super::tile::{Block, Tiles, neighbours};
use std::array;

/// The columns of a product of two numbers of T blocks, the lower half first.
pub(super) type Columns<V, const T: usize, const C: usize> = [[Block<V, C>; T]; 2];

/// What is added to: a number or two for each tile.
type Factors<'a, V, const T: usize, const C: usize, const P: usize> = [&'a Number<V, T, C>; P];

/// An empty sum.
#[inline(always)]
pub(super) fn zeros<V: Tiles, const T: usize, const C: usize>(isa: V::Isa) -> Columns<V, T, C> {
    [Number::zero(isa).0, Number::zero(isa).0]
}

/// Adds x.
#[inline(always)]
pub(super) fn add_number<V: Tiles, const T: usize, const C: usize>(
    columns: &mut Columns<V, T, C>,
    x: &Number<V, T, C>,
) {
    for (column, digit) in columns[0].as_flattened_mut().iter_mut().zip(x.digits()) {
        *column = column.add(*digit);
    }
}

/// Adds Σ x·y.
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
        relax_after(isa, i, T, &mut columns[i + 1..]);
    }
}

/// Adds Σ x·y mod R, whose upper columns are not worked out. The highest of the others may wrap, as only its digit counts.
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
        relax_after(isa, i, T, &mut columns[i + 1..]);
    }
}

/// z ← ⌊Σ x·y / R⌋, or one less: of the lower columns only two are worked out, so that less than
/// 2·P·L·R/2^[`Tiles::DIGIT_BITS`] is missing from the sum, of L digits.
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
        let mut rest = V::splat(isa, 0);
        for guard in &mut guards {
            (*guard, rest) = carried(isa, guard.add(rest));
        }
        columns[0][0] = columns[0][0].add(rest);
        relax_after(isa, i, T, &mut columns);
    }
    z.carry_from(isa, &columns);
}

/// Makes digits of columns, and subtracts m, given as its halves, where the number is m or more.
#[inline(always)]
pub(super) fn reduce_once<V: Tiles, const T: usize, const C: usize>(
    isa: V::Isa,
    columns: &mut Columns<V, T, C>,
    m: &[Number<V, T, C>; 2],
) {
    let (mut rest, mut below) = (V::splat(isa, 0), V::splat(isa, 0));
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            (*column, rest) = carried(isa, column.add(rest));
            below = borrow(column.sub(*m).sub(below));
        }
    }
    let reached = below.eq(V::splat(isa, 0));
    let mut rest = V::splat(isa, 0);
    for (half, m) in columns.iter_mut().zip(m) {
        for (column, m) in half.as_flattened_mut().iter_mut().zip(m.digits()) {
            let difference = column.sub(m.keep(reached)).sub(rest);
            rest = borrow(difference);
            *column = digit(isa, difference);
        }
    }
}

/// Adds x² to columns that are zero: the products of different digits once, then all doubled, then the squares of digits.
#[inline(always)]
pub(super) fn add_square<V: Tiles, const T: usize, const C: usize>(
    isa: V::Isa,
    columns: &mut Columns<V, T, C>,
    x: &Number<V, T, C>,
) {
    let columns = columns.as_flattened_mut().as_flattened_mut();
    V::multiply_different::<C>(isa, columns, x.digits());
    // A column has two products for each digit.
    if 2 * T * C > V::ROOM {
        relax(isa, columns);
    }
    let (pairs, _) = columns.as_chunks_mut::<2>();
    for (pair, digit) in pairs.iter_mut().zip(x.digits()) {
        *pair = pair.map(|column| column.add(column));
        V::add_product(pair, *digit, *digit);
    }
}

/// Adds P products a·b and q·m for the q that makes the lower half vanish, and leaves R − 1 − q in its place; the upper half
/// is the sum divided by R. A tile's row has Q = P + 1 products.
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
        relax_after(isa, i, T, &mut columns[i + 1..]);
    }
}

/// Moves carries up by one column each, where row i of `rows` blocks was the last that columns have room for. A column gets at
/// most three products for each digit of a row.
#[inline(always)]
fn relax_after<V: Tiles, const C: usize>(isa: V::Isa, i: usize, rows: usize, columns: &mut [Block<V, C>]) {
    let uncarried = const { V::ROOM / (3 * C) };
    if rows > uncarried && (i + 1).is_multiple_of(uncarried) {
        relax(isa, columns.as_flattened_mut());
    }
}

/// Moves carries up by one column each.
#[inline(always)]
fn relax<V: Tiles>(isa: V::Isa, columns: &mut [V]) {
    V::run(
        isa,
        #[inline(always)]
        || {
            let mut rest = V::splat(isa, 0);
            let Some((top, lower)) = columns.split_last_mut() else { return };
            for column in lower {
                let (digit, next) = carried(isa, *column);
                *column = digit.add(rest);
                rest = next;
            }
            *top = top.add(rest);
        },
    );
}
