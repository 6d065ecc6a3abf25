//! Products of digit strings, added into columns.
//!
//! A column i of a product is Σ a\[j\]·b\[i−j\], kept as a `u128` and not carried. Six rows are taken at a time, so that
//! a column is read and written once for six products; products of 36 digits and more are first cut in two
//! (Karatsuba and Ofman 1962: three half-size products instead of four).
//!
//! Sums of at most 144·2^(61+60) stay below 2^128; the callers' bounds are in [`super::pair`].

/// From this many digits on, halving costs less than it saves.
const KARATSUBA_FROM: usize = 36;

/// Two digits multiplied.
#[inline(always)]
pub(crate) fn mul(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

/// columns\[0 .. a.len()+B−1\] += a·b, for B rows at once.
#[expect(clippy::needless_range_loop, reason = "an index runs up in one operand and down in the other")]
#[inline(always)]
fn add_band<const B: usize>(columns: &mut [u128], a: &[u64], b: &[u64; B]) {
    let len = a.len();
    let columns = &mut columns[..len + B - 1];
    for i in 0..B - 1 {
        let mut sum = 0;
        for r in 0..=i {
            sum += mul(a[i - r], b[r]);
        }
        columns[i] += sum;
    }
    for (window, column) in a.windows(B).zip(&mut columns[B - 1..]) {
        let mut sum = 0;
        for r in 0..B {
            sum += mul(window[B - 1 - r], b[r]);
        }
        *column += sum;
    }
    for i in 1..B {
        let mut sum = 0;
        for r in i..B {
            sum += mul(a[len - 1 + i - r], b[r]);
        }
        columns[len - 1 + i] += sum;
    }
}

/// columns += a·b row by row, for lengths that are multiples of three.
#[inline(always)]
fn add_product_by_rows(columns: &mut [u128], a: &[u64], b: &[u64]) {
    let (sixes, rest) = b.as_chunks::<6>();
    for (i, rows) in sixes.iter().enumerate() {
        add_band(&mut columns[6 * i..], a, rows);
    }
    for (i, rows) in rest.as_chunks::<3>().0.iter().enumerate() {
        add_band(&mut columns[6 * sixes.len() + 3 * i..], a, rows);
    }
}

/// The half-size product of the Karatsuba step, in a function of its own because three copies would not stay in the
/// instruction cache.
#[inline(never)]
fn add_half_product(columns: &mut [u128], a: &[u64], b: &[u64]) {
    add_product_by_rows(columns, a, b);
}

/// columns += a·b, where `columns` has 2·L elements.
#[inline(always)]
pub(crate) fn add_product<const L: usize>(columns: &mut [u128], a: &[u64; L], b: &[u64; L]) {
    if L < KARATSUBA_FROM || !L.is_multiple_of(6) {
        return add_product_by_rows(columns, a, b);
    }
    // a·b = p0 + ((a0+a1)·(b0+b1) − p0 − p1)·X + p1·X², each column of the middle part being non-negative once whole.
    let half = L / 2;
    let columns = &mut columns[..2 * L];
    let (a0, a1) = a.split_at(half);
    let (b0, b1) = b.split_at(half);
    for (shift, x, y) in [(0, a0, b0), (2 * half, a1, b1)] {
        let mut part = [0u128; L];
        add_half_product(&mut part, x, y);
        for (column, p) in columns[shift..].iter_mut().zip(&part) {
            *column = column.wrapping_add(*p);
        }
        for (column, p) in columns[half..].iter_mut().zip(&part) {
            *column = column.wrapping_sub(*p);
        }
    }
    let mut a_sum = [0u64; L];
    let mut b_sum = [0u64; L];
    for i in 0..half {
        a_sum[i] = a0[i] + a1[i];
        b_sum[i] = b0[i] + b1[i];
    }
    let mut part = [0u128; L];
    add_half_product(&mut part, &a_sum[..half], &b_sum[..half]);
    for (column, p) in columns[half..].iter_mut().zip(&part) {
        *column = column.wrapping_add(*p);
    }
}

/// Rows i..i+B of a square: the block on the diagonal, then the rest of the rows against doubled digits.
#[inline(always)]
fn add_square_band<const B: usize>(columns: &mut [u128], a: &[u64], doubled: &[u64], i: usize) {
    let rows: [u64; B] = core::array::from_fn(|r| a[i + r]);
    let doubled = &doubled[i..];
    let columns = &mut columns[2 * i..];
    for c in 0..2 * B - 1 {
        let mut sum = 0;
        for (r, &row) in rows.iter().enumerate().take(c + 1) {
            match c - r {
                k if k == r => sum += mul(row, row),
                k if k > r && k < B => sum += mul(doubled[k], row),
                _ => {}
            }
        }
        columns[c] += sum;
    }
    if doubled.len() > B {
        add_band(&mut columns[B..], &doubled[B..], &rows);
    }
}

/// columns += a², where `doubled` is 2·a digit by digit: 0.5·L² products instead of L².
#[inline(always)]
pub(crate) fn add_square<const L: usize>(columns: &mut [u128], a: &[u64; L], doubled: &[u64; L]) {
    // The odd three rows come first: a band's rows must not outnumber the digits that they meet.
    let mut i = L % 6;
    if i == 3 {
        add_square_band::<3>(columns, a, doubled, 0);
    }
    while i + 6 <= L {
        add_square_band::<6>(columns, a, doubled, i);
        i += 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arith::digits::{self, DIGIT_MASK};
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
        let mut columns = [[1u128; L]; 2];
        add_product(columns.as_flattened_mut(), &a, &b);
        let ones = big_columns([[1u128; L]; 2].as_flattened());
        assert_eq!(big_columns(columns.as_flattened()), big(&a) * big(&b) + &ones);
        let mut columns = [[1u128; L]; 2];
        add_square(columns.as_flattened_mut(), &a, &a.map(|d| 2 * d));
        assert_eq!(big_columns(columns.as_flattened()), big(&a) * big(&a) + &ones);
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
