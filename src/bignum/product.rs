//! Multiplication, squaring and Montgomery reduction of numbers in digits, with sums kept in columns.
//!
//! Column i of a product is Σ a\[j\]·b\[i−j\], a `u128` without carry propagation. All operations are built from
//! tiles of 18 × 18 digits (9 × 9 for sizes that are not a multiple of 18). Each kind of tile is compiled to
//! straight-line code: the columns of a tile stay in registers, and the few kinds of tiles fit the instruction cache.
//! Numbers with an even number of tiles are first split in half (Karatsuba and Ofman 1962: three half-size products
//! instead of four).

use super::digits::{DIGIT_BITS, DIGIT_MASK, low};

/// Digits of a large tile.
const LARGE: usize = 18;
/// Digits of a small tile.
const SMALL: usize = 9;

/// The product of two digits.
#[inline(always)]
fn mul(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

/// Repeats the body for each column K of half a tile, with K a constant, so that loops bounded by K unroll.
macro_rules! for_each_column {
    ($column:ident < $size:ident => $body:block) => {
        for_each_column!(@ $column $size $body 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17)
    };
    (@ $column:ident $size:ident $body:block $($number:literal)*) => {
        $({
            const $column: usize = $number;
            if $column < $size $body
        })*
    };
}

/// columns += a·b for one tile; `columns` has 2·B elements.
#[inline(never)]
fn add_tile<const B: usize>(columns: &mut [u128], a: &[u64; B], b: &[u64; B]) {
    let [lower, upper, ..] = columns.as_chunks_mut::<B>().0 else { return };
    for_each_column!(K < B => {
        let mut sum = lower[K];
        for i in 0..K + 1 {
            sum += mul(a[i], b[K - i]);
        }
        lower[K] = sum;
    });
    for_each_column!(K < B => {
        let mut sum = upper[K];
        for i in K + 1..B {
            sum += mul(a[i], b[B + K - i]);
        }
        upper[K] = sum;
    });
}

/// columns += a² for one tile, where `doubled` has the digits of a, each doubled. Half the products of [`add_tile`].
#[inline(never)]
fn add_square_tile<const B: usize>(columns: &mut [u128], a: &[u64; B], doubled: &[u64; B]) {
    let [lower, upper, ..] = columns.as_chunks_mut::<B>().0 else { return };
    for_each_column!(K < B => {
        let mut sum = lower[K];
        for i in 0..K.div_ceil(2) {
            sum += mul(a[i], doubled[K - i]);
        }
        if K.is_multiple_of(2) {
            sum += mul(a[K / 2], a[K / 2]);
        }
        lower[K] = sum;
    });
    for_each_column!(K < B => {
        let mut sum = upper[K];
        for i in K + 1..(B + K).div_ceil(2) {
            sum += mul(a[i], doubled[B + K - i]);
        }
        if (B + K).is_multiple_of(2) && K < B - 1 {
            sum += mul(a[(B + K) / 2], a[(B + K) / 2]);
        }
        upper[K] = sum;
    });
}

/// Computes the B lowest digits of the Montgomery quotient q, and columns += q·m. The lower B columns become 0 mod
/// 2^58; they are not written, and their carry goes to the next column.
#[expect(clippy::reversed_empty_ranges, reason = "no digit of the quotient comes before the first")]
#[inline(never)]
fn reduce_tile<const B: usize>(columns: &mut [u128], m: &[u64; B], m_neg_inv: u64, q: &mut [u64; B]) {
    let [lower, upper, ..] = columns.as_chunks_mut::<B>().0 else { return };
    let mut carry = 0;
    for_each_column!(K < B => {
        let mut sum = lower[K];
        for i in 0..K {
            sum += mul(q[i], m[K - i]);
        }
        sum += carry;
        let digit = low(sum).wrapping_mul(m_neg_inv) & DIGIT_MASK;
        q[K] = digit;
        carry = (sum + mul(digit, m[0])) >> DIGIT_BITS;
    });
    upper[0] += carry;
    for_each_column!(K < B => {
        let mut sum = upper[K];
        for i in K + 1..B {
            sum += mul(q[i], m[B + K - i]);
        }
        upper[K] = sum;
    });
}

/// Two numbers to multiply, as digits.
type Factors<'a> = (&'a [u64], &'a [u64]);

/// columns += Σ a·b tile by tile.
#[inline(always)]
fn add_by_tiles<const B: usize>(columns: &mut [u128], products: &[Factors<'_>]) {
    for (a, b) in products {
        for (i, a) in a.as_chunks::<B>().0.iter().enumerate() {
            for (j, b) in b.as_chunks::<B>().0.iter().enumerate() {
                add_tile(&mut columns[(i + j) * B..], a, b);
            }
        }
    }
}

/// Adds the products of numbers of `length` digits to columns that are zero; the recursion of [`karatsuba`].
fn half_products<const N: usize>(columns: &mut [u128], length: usize, products: [Factors<'_>; N]) {
    match length {
        36 => karatsuba::<36, N>(columns, products),
        72 => karatsuba::<72, N>(columns, products),
        _ => add_by_tiles::<LARGE>(columns, &products),
    }
}

/// One step of Karatsuba's algorithm for the sum of all products, into columns that are zero:
///
/// ```text
/// a·b = p0 + ((a0+a1)·(b0+b1) − p0 − p1)·X + p1·X²
/// ```
///
/// The columns of the middle part are non-negative at the end; intermediate values may wrap.
#[inline(always)]
fn karatsuba<const L: usize, const N: usize>(columns: &mut [u128], products: [Factors<'_>; N]) {
    let half = L / 2;
    let columns = &mut columns[..2 * L];
    half_products(&mut columns[..L], half, products.map(|(a, b)| (&a[..half], &b[..half])));
    half_products(&mut columns[L..], half, products.map(|(a, b)| (&a[half..], &b[half..])));
    let mut sums = [[[0u64; L]; 2]; N];
    for (sums, (a, b)) in sums.iter_mut().zip(products) {
        for i in 0..half {
            sums[0][i] = a[i] + a[half + i];
            sums[1][i] = b[i] + b[half + i];
        }
    }
    let mut middle = [0u128; L];
    half_products(&mut middle, half, sums.each_ref().map(|[a, b]| (&a[..half], &b[..half])));
    for i in 0..L {
        middle[i] = middle[i].wrapping_sub(columns[i]).wrapping_sub(columns[L + i]);
    }
    for (column, middle) in columns[half..].iter_mut().zip(&middle) {
        *column = column.wrapping_add(*middle);
    }
}

/// Returns the columns of Σ a·b over at most two products. L is a multiple of 9.
///
/// Columns do not overflow: each Karatsuba step adds one bit to the digits of the middle product. Starting with 144
/// digits of 58 bits, one operand doubled, three steps give sums of 18·2^(61+62) < 2^128. Two products without
/// doubling have the same bound.
#[inline(always)]
pub(crate) fn products<const L: usize, const N: usize>(products: [(&[u64; L], &[u64; L]); N]) -> [[u128; L]; 2] {
    let products: [Factors<'_>; N] = products.map(|(a, b)| (a.as_slice(), b.as_slice()));
    let mut columns = [[0; L]; 2];
    let flat = columns.as_flattened_mut();
    if !L.is_multiple_of(LARGE) {
        add_by_tiles::<SMALL>(flat, &products);
    } else if !L.is_multiple_of(2 * LARGE) {
        add_by_tiles::<LARGE>(flat, &products);
    } else {
        karatsuba::<L, N>(flat, products);
    }
    columns
}

/// Returns the columns of a², where `doubled` has the digits of a, each doubled. Half the digit products of
/// [`products`].
#[inline(always)]
pub(crate) fn square<const L: usize>(a: &[u64; L], doubled: &[u64; L]) -> [[u128; L]; 2] {
    #[inline(always)]
    fn by_tiles<const B: usize>(columns: &mut [u128], a: &[u64], doubled: &[u64]) {
        let (a, doubled) = (a.as_chunks::<B>().0, doubled.as_chunks::<B>().0);
        for (i, tile) in a.iter().enumerate() {
            add_square_tile(&mut columns[2 * i * B..], tile, &doubled[i]);
            for (j, other) in doubled.iter().enumerate().skip(i + 1) {
                add_tile(&mut columns[(i + j) * B..], tile, other);
            }
        }
    }
    let mut columns = [[0; L]; 2];
    if L.is_multiple_of(LARGE) {
        by_tiles::<LARGE>(columns.as_flattened_mut(), a, doubled);
    } else {
        by_tiles::<SMALL>(columns.as_flattened_mut(), a, doubled);
    }
    columns
}

/// Montgomery reduction: columns ← columns + q·m. Returns the quotient q. The result is in the upper L columns; the
/// lower L columns are no longer meaningful. `m_neg_inv` is −m⁻¹ mod 2^58.
#[inline(always)]
pub(crate) fn reduce<const L: usize>(columns: &mut [u128], m: &[u64; L], m_neg_inv: u64) -> [u64; L] {
    #[inline(always)]
    fn by_tiles<const B: usize>(columns: &mut [u128], m: &[u64], m_neg_inv: u64, q: &mut [u64]) {
        let m = m.as_chunks::<B>().0;
        for (i, q) in q.as_chunks_mut::<B>().0.iter_mut().enumerate() {
            reduce_tile(&mut columns[i * B..], &m[0], m_neg_inv, q);
            for (j, m) in m.iter().enumerate().skip(1) {
                add_tile(&mut columns[(i + j) * B..], q, m);
            }
        }
    }
    let mut q = [0; L];
    if L.is_multiple_of(LARGE) {
        by_tiles::<LARGE>(columns, m, m_neg_inv, &mut q);
    } else {
        by_tiles::<SMALL>(columns, m, m_neg_inv, &mut q);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bignum::digits::{self, DIGIT_MASK};
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn big(digits: &[u64]) -> BigUint {
        digits.iter().rev().fold(BigUint::ZERO, |sum, d| (sum << 58u32) + d)
    }

    fn big_columns(columns: &[u128]) -> BigUint {
        columns.iter().rev().fold(BigUint::ZERO, |sum, c| (sum << 58u32) + c)
    }

    fn check<const L: usize>(a: &[u64], b: &[u64]) {
        let (a, b): ([u64; L], [u64; L]) = (a[..L].try_into().unwrap(), b[..L].try_into().unwrap());
        let doubled = a.map(|d| 2 * d);
        assert_eq!(big_columns(products([(&a, &b)]).as_flattened()), big(&a) * big(&b));
        assert_eq!(big_columns(products([(&doubled, &b)]).as_flattened()), big(&a) * big(&b) * 2u32);
        let sum = big(&a) * big(&b) + big(&b) * big(&b);
        assert_eq!(big_columns(products([(&a, &b), (&b, &b)]).as_flattened()), sum);
        assert_eq!(big_columns(square(&a, &doubled).as_flattened()), big(&a) * big(&a));
    }

    fn check_all(a: &[u64], b: &[u64]) {
        check::<9>(a, b);
        check::<18>(a, b);
        check::<27>(a, b);
        check::<36>(a, b);
        check::<54>(a, b);
        check::<72>(a, b);
        check::<108>(a, b);
        check::<144>(a, b);
    }

    #[test]
    fn extremes() {
        let (zero, ones) = (vec![0; 144], vec![DIGIT_MASK; 144]);
        check_all(&zero, &ones);
        check_all(&ones, &ones);
    }

    proptest! {
        #[test]
        fn products_agree_with_num_bigint(a in prop::collection::vec(0..=digits::DIGIT_MASK, 144),
                                          b in prop::collection::vec(0..=digits::DIGIT_MASK, 144)) {
            check_all(&a, &b);
        }
    }
}
