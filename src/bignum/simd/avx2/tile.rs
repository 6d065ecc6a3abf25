//! Thirteen digits times thirteen, added into a window of as many columns that stays in registers, of which there are
//! sixteen. See [`crate::bignum::simd::ifma`] for the method: only that a product is one number here.

use super::vector::{DIGIT_BITS, Vector, add_product, digit};
use std::arch::x86_64::{_mm256_add_epi64, _mm256_mul_epu32, _mm256_srli_epi64};
use std::hint::black_box;

/// Digits of a block.
pub(super) const BLOCK: usize = 13;

/// Digits of a number, or columns of a product, that are worked on together.
pub(super) type Block = [Vector; BLOCK];

/// Adds Σ a·b over all P products.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn multiply<const P: usize>([lower, upper]: [&mut Block; 2], a: [&Block; P], b: [&Block; P]) {
    // A local copy, or the compiler keeps the columns in memory.
    let mut columns = *lower;
    for row in 0..BLOCK {
        // Hidden from the compiler, which would load all of b before the first row and spill it.
        let b = b.map(black_box);
        for (a, b) in a.iter().zip(b).take(P - 1) {
            for column in 0..BLOCK {
                columns[column] = add_product(columns[column], a[row], b[column]);
            }
        }
        let (a, b) = (a[P - 1][row], b[P - 1]);
        lower[row] = add_product(columns[0], a, b[0]);
        for column in 1..BLOCK {
            columns[column - 1] = add_product(columns[column], a, b[column]);
        }
        columns[BLOCK - 1] = upper[row];
    }
    *upper = columns;
}

/// Runs `$body` with `$row` standing for each row of a tile, written out: where what a row does depends on which it is, the
/// compiler keeps columns in registers only so.
macro_rules! for_each_row {
    ($row:ident => $body:block) => {
        for_each_row!(@ $row => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12)
    };
    (@ $row:ident => $body:block, $($number:literal)*) => {
        $({
            let $row = $number;
            $body
        })*
    };
}

/// [`multiply`] without the upper columns.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn multiply_below<const P: usize>(columns: &mut Block, a: [&Block; P], b: [&Block; P]) {
    let mut sums = *columns;
    for (a, b) in a.iter().zip(b) {
        for_each_row!(row => {
            let (a, b) = (a[row], black_box(b));
            for column in row..BLOCK {
                sums[column] = add_product(sums[column], a, b[column - row]);
            }
        });
    }
    *columns = sums;
}

/// [`multiply`] without the lower columns but the last two, which are `guards`.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn multiply_above<const P: usize>(
    guards: &mut [Vector; 2],
    columns: &mut Block,
    a: [&Block; P],
    b: [&Block; P],
) {
    let [mut last_but_one, mut last] = *guards;
    for (a, b) in a.iter().zip(b) {
        for row in 0..BLOCK - 1 {
            last_but_one = add_product(last_but_one, a[row], b[BLOCK - 2 - row]);
        }
        for row in 0..BLOCK {
            last = add_product(last, a[row], b[BLOCK - 1 - row]);
        }
    }
    *guards = [last_but_one, last];
    let mut sums = *columns;
    for (a, b) in a.iter().zip(b) {
        for_each_row!(row => {
            let (a, b) = (a[row], black_box(b));
            for column in 0..row {
                sums[column] = add_product(sums[column], a, b[BLOCK - row + column]);
            }
        });
    }
    *columns = sums;
}

/// [`multiply`] for the lowest tile of each row of a Montgomery reduction: determines the quotient's digits q, so that
/// with q·m added the lowest columns vanish, and are not written. `inverse` is −1/m modulo 2^28.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn reduce<const P: usize>(
    [lower, upper]: [&mut Block; 2],
    a: [&Block; P],
    b: [&Block; P],
    (m, inverse): (&Block, Vector),
    q: &mut Block,
) {
    let mut columns = *lower;
    for row in 0..BLOCK {
        let (b, m) = (b.map(black_box), black_box(m));
        // The quotient's digit first: everything waits for it.
        for (a, b) in a.iter().zip(b) {
            columns[0] = add_product(columns[0], a[row], b[0]);
        }
        let quotient = digit(_mm256_mul_epu32(columns[0], inverse));
        q[row] = quotient;
        for (a, b) in a.iter().zip(b) {
            for column in 1..BLOCK {
                columns[column] = add_product(columns[column], a[row], b[column]);
            }
        }
        let carry = _mm256_srli_epi64::<DIGIT_BITS>(add_product(columns[0], quotient, m[0]));
        columns[0] = _mm256_add_epi64(add_product(columns[1], quotient, m[1]), carry);
        for column in 2..BLOCK {
            columns[column - 1] = add_product(columns[column], quotient, m[column]);
        }
        columns[BLOCK - 1] = upper[row];
    }
    *upper = columns;
}

/// columns += Σ a\[i\]·a\[j\] over all i < j.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn cross_products([lower, upper]: [&mut Block; 2], a: &Block) {
    for i in 0..BLOCK {
        for j in i + 1..BLOCK {
            let sum = if i + j < BLOCK { &mut lower[i + j] } else { &mut upper[i + j - BLOCK] };
            *sum = add_product(*sum, a[i], a[j]);
        }
    }
}
