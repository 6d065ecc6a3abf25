//! C digits times C digits, added into a window of C columns that stays in registers.
//!
//! A tile goes through its rows, the digits of `a`. A row adds the lower halves of its products to the columns of the
//! window, hands the lowest column out, moves the window one column up, and adds the upper halves. So each digit of `b`
//! is loaded once for both of its products, and a column comes from memory and goes back once a tile.
//!
//! The window begins as the lower of two blocks of columns and ends as the upper one, which the next tile of the same
//! rows begins with.

use super::vector::{DIGIT_BITS, Vector, add_high, add_low, zero};
use std::arch::x86_64::{_mm512_add_epi64, _mm512_srai_epi64};
use std::hint::black_box;

/// Digits of a number, or columns of a product, that are worked on together.
pub(super) type Block<const C: usize> = [Vector; C];

/// Adds Σ a·b over all P products.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply<const C: usize, const P: usize>(
    [lower, upper]: [&mut Block<C>; 2],
    a: [&Block<C>; P],
    b: [&Block<C>; P],
) {
    // A local copy, or the compiler keeps the columns in memory.
    let mut columns = *lower;
    for row in 0..C {
        // Hidden from the compiler, which would load all of b before the first row and spill it.
        let b = b.map(black_box);
        let mut top = upper[row];
        for (a, b) in a.iter().zip(b).take(P - 1) {
            let digit = a[row];
            for column in 0..C - 1 {
                columns[column] = add_low(columns[column], digit, b[column]);
                columns[column + 1] = add_high(columns[column + 1], digit, b[column]);
            }
            columns[C - 1] = add_low(columns[C - 1], digit, b[C - 1]);
            top = add_high(top, digit, b[C - 1]);
        }
        let (digit, b) = (a[P - 1][row], b[P - 1]);
        lower[row] = add_low(columns[0], digit, b[0]);
        columns[0] = add_high(columns[1], digit, b[0]);
        for column in 1..C - 1 {
            columns[column - 1] = add_low(columns[column - 1], digit, b[column]);
            columns[column] = add_high(columns[column + 1], digit, b[column]);
        }
        columns[C - 2] = add_low(columns[C - 2], digit, b[C - 1]);
        columns[C - 1] = add_high(top, digit, b[C - 1]);
    }
    *upper = columns;
}

/// Runs `$body` with `$row` standing for each row of a tile, written out: where what a row does depends on which it is, the
/// compiler keeps columns in registers only so.
macro_rules! for_each_row {
    ($rows:expr, $row:ident => $body:block) => {
        for_each_row!(@ $rows, $row => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    };
    (@ $rows:expr, $row:ident => $body:block, $($number:literal)*) => {
        const { assert!($rows <= 20) };
        $({
            let $row = $number;
            if $row < $rows $body
        })*
    };
}

/// [`multiply`] without the upper columns.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply_below<const C: usize, const P: usize>(
    columns: &mut Block<C>,
    a: [&Block<C>; P],
    b: [&Block<C>; P],
) {
    let mut sums = *columns;
    for (a, b) in a.iter().zip(b) {
        for_each_row!(C, row => {
            let (digit, b) = (a[row], black_box(b));
            for column in row..C - 1 {
                sums[column] = add_low(sums[column], digit, b[column - row]);
                sums[column + 1] = add_high(sums[column + 1], digit, b[column - row]);
            }
            sums[C - 1] = add_low(sums[C - 1], digit, b[C - 1 - row]);
        });
    }
    *columns = sums;
}

/// [`multiply`] without the lower columns but the last, which is `guard`.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn multiply_above<const C: usize, const P: usize>(
    guard: &mut Vector,
    columns: &mut Block<C>,
    a: [&Block<C>; P],
    b: [&Block<C>; P],
) {
    let (mut last, mut sums) = (*guard, *columns);
    for (a, b) in a.iter().zip(b) {
        for_each_row!(C, row => {
            let (digit, b) = (a[row], black_box(b));
            let first = C - 1 - row;
            if first > 0 {
                last = add_high(last, digit, b[first - 1]);
            }
            last = add_low(last, digit, b[first]);
            sums[0] = add_high(sums[0], digit, b[first]);
            for column in 0..row {
                sums[column] = add_low(sums[column], digit, b[first + 1 + column]);
                sums[column + 1] = add_high(sums[column + 1], digit, b[first + 1 + column]);
            }
        });
    }
    (*guard, *columns) = (last, sums);
}

/// [`multiply`] for the lowest tile of each row of a Montgomery reduction: determines the quotient's digits q, so that
/// with q·m added the lowest columns vanish, and are not written. `inverse` is −1/m modulo 2^52.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce<const C: usize, const P: usize>(
    [lower, upper]: [&mut Block<C>; 2],
    a: [&Block<C>; P],
    b: [&Block<C>; P],
    (m, inverse): (&Block<C>, Vector),
    q: &mut Block<C>,
) {
    let mut columns = *lower;
    for row in 0..C {
        let (b, m) = (b.map(black_box), black_box(m));
        // The quotient's digit first: everything waits for it.
        for (a, b) in a.iter().zip(b) {
            columns[0] = add_low(columns[0], a[row], b[0]);
        }
        let quotient = add_low(zero(), columns[0], inverse);
        q[row] = quotient;
        let mut top = upper[row];
        for (a, b) in a.iter().zip(b) {
            let digit = a[row];
            columns[1] = add_high(columns[1], digit, b[0]);
            for column in 1..C - 1 {
                columns[column] = add_low(columns[column], digit, b[column]);
                columns[column + 1] = add_high(columns[column + 1], digit, b[column]);
            }
            columns[C - 1] = add_low(columns[C - 1], digit, b[C - 1]);
            top = add_high(top, digit, b[C - 1]);
        }
        // Columns may be negative, hence the arithmetic shift.
        let carry = _mm512_srai_epi64::<DIGIT_BITS>(add_low(columns[0], quotient, m[0]));
        columns[0] = add_high(_mm512_add_epi64(columns[1], carry), quotient, m[0]);
        for column in 1..C - 1 {
            columns[column - 1] = add_low(columns[column - 1], quotient, m[column]);
            columns[column] = add_high(columns[column + 1], quotient, m[column]);
        }
        columns[C - 2] = add_low(columns[C - 2], quotient, m[C - 1]);
        columns[C - 1] = add_high(top, quotient, m[C - 1]);
    }
    *upper = columns;
}

/// columns += Σ a\[i\]·a\[j\] over all i < j, for C of at most 10: two such blocks of columns fit the registers.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn cross_products<const C: usize>(columns: [&mut Block<C>; 2], a: &Block<C>) {
    const { assert!(C <= 10) };
    let [lower, upper] = columns;
    let mut sums = [*lower, *upper];
    let sums = sums.as_flattened_mut();
    for i in 0..C {
        for j in i + 1..C {
            sums[i + j] = add_low(sums[i + j], a[i], a[j]);
            sums[i + j + 1] = add_high(sums[i + j + 1], a[i], a[j]);
        }
    }
    lower.copy_from_slice(&sums[..C]);
    upper.copy_from_slice(&sums[C..]);
}
