//! Digits of 52 bits with AVX-512 IFMA, which adds the lower or the upper 52 bits of a product to each lane.
//!
//! A tile multiplies C digits by C digits, and adds the products to a window of C columns that stays in registers. It
//! has a row for each digit of `a`. A row adds the lower halves of its products to the columns of the window, writes
//! the lowest column to memory, moves the window up by one column, and adds the upper halves. So each digit of `b` is
//! loaded once for both halves, and each column is loaded and stored once per tile.
//!
//! The window starts as the lower of two blocks of columns and ends as the upper one, with which the next tile of the
//! same rows starts.
//!
//! A product adds two halves of 52 bits to columns with twelve spare bits, so a column holds 2,048 products. No
//! number here has that many digits.

use super::{Block, Tiles, for_each_row};
use crate::bignum::lanes::{Line, WINDOW_BITS};
use crate::device::isa::Ifma;
use crate::device::vector::Vector;
use crate::device::vector::avx512::U64x8;
use std::hint::black_box;

/// Digits per block for squares: two such blocks of columns fit the registers.
const SQUARED: usize = 10;
/// Lines for one digit of all entries.
const LINES: usize = (1 << WINDOW_BITS) / U64x8::LANES;

impl Tiles for U64x8 {
    const DIGIT_BITS: u32 = 52;

    const ROOM: usize = 2048;

    // A multiplication takes 10·N² products, and reading an entry takes 2·N loads, mostly from the L2 cache.
    const SELECTIONS_PER_DIGIT: usize = 3;

    const LINES_A_DIGIT: usize = LINES;

    #[inline(always)]
    fn add_product(columns: &mut [Self; 2], a: Self, b: Self) {
        *columns = [columns[0].add_low(a, b), columns[1].add_high(a, b)];
    }

    #[inline(always)]
    fn multiply<const C: usize, const P: usize>(
        isa: Ifma,
        [lower, upper]: [&mut Block<Self, C>; 2],
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    ) {
        Self::run(
            isa,
            #[inline(always)]
            move || {
                // A local copy: without it, the compiler keeps the columns in memory.
                let mut columns = *lower;
                for row in 0..C {
                    // `black_box` keeps the compiler from loading all of b before the first row and spilling it.
                    let b = b.map(black_box);
                    let mut top = upper[row];
                    for (a, b) in a.iter().zip(b).take(P - 1) {
                        let digit = a[row];
                        for column in 0..C - 1 {
                            columns[column] = columns[column].add_low(digit, b[column]);
                            columns[column + 1] = columns[column + 1].add_high(digit, b[column]);
                        }
                        columns[C - 1] = columns[C - 1].add_low(digit, b[C - 1]);
                        top = top.add_high(digit, b[C - 1]);
                    }
                    let (digit, b) = (a[P - 1][row], b[P - 1]);
                    lower[row] = columns[0].add_low(digit, b[0]);
                    columns[0] = columns[1].add_high(digit, b[0]);
                    for column in 1..C - 1 {
                        columns[column - 1] = columns[column - 1].add_low(digit, b[column]);
                        columns[column] = columns[column + 1].add_high(digit, b[column]);
                    }
                    columns[C - 2] = columns[C - 2].add_low(digit, b[C - 1]);
                    columns[C - 1] = top.add_high(digit, b[C - 1]);
                }
                *upper = columns;
            },
        );
    }

    #[inline(always)]
    fn multiply_below<const C: usize, const P: usize>(
        isa: Ifma,
        columns: &mut Block<Self, C>,
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    ) {
        Self::run(
            isa,
            #[inline(always)]
            move || {
                let mut sums = *columns;
                for (a, b) in a.iter().zip(b) {
                    for_each_row!(C, row => {
                        let (digit, b) = (a[row], black_box(b));
                        for column in row..C - 1 {
                            sums[column] = sums[column].add_low(digit, b[column - row]);
                            sums[column + 1] = sums[column + 1].add_high(digit, b[column - row]);
                        }
                        sums[C - 1] = sums[C - 1].add_low(digit, b[C - 1 - row]);
                    });
                }
                *columns = sums;
            },
        );
    }

    /// The first guard is not computed: its carry is below 2^−52 of the second.
    #[inline(always)]
    fn multiply_above<const C: usize, const P: usize>(
        isa: Ifma,
        [_, guard]: &mut [Self; 2],
        columns: &mut Block<Self, C>,
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    ) {
        Self::run(
            isa,
            #[inline(always)]
            move || {
                let (mut last, mut sums) = (*guard, *columns);
                for (a, b) in a.iter().zip(b) {
                    for_each_row!(C, row => {
                        let (digit, b) = (a[row], black_box(b));
                        let first = C - 1 - row;
                        if first > 0 {
                            last = last.add_high(digit, b[first - 1]);
                        }
                        last = last.add_low(digit, b[first]);
                        sums[0] = sums[0].add_high(digit, b[first]);
                        for column in 0..row {
                            sums[column] = sums[column].add_low(digit, b[first + 1 + column]);
                            sums[column + 1] = sums[column + 1].add_high(digit, b[first + 1 + column]);
                        }
                    });
                }
                (*guard, *columns) = (last, sums);
            },
        );
    }

    #[inline(always)]
    fn reduce<const C: usize, const P: usize>(
        isa: Ifma,
        [lower, upper]: [&mut Block<Self, C>; 2],
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
        (m, inverse): (&Block<Self, C>, Self),
        q: &mut Block<Self, C>,
    ) {
        Self::run(
            isa,
            #[inline(always)]
            move || {
                let mut columns = *lower;
                for row in 0..C {
                    let (b, m) = (b.map(black_box), black_box(m));
                    // The lowest column first: the digit of the quotient depends on it, and everything else on that
                    // digit.
                    for (a, b) in a.iter().zip(b) {
                        columns[0] = columns[0].add_low(a[row], b[0]);
                    }
                    let quotient = Self::splat(isa, 0).add_low(columns[0], inverse);
                    q[row] = quotient;
                    let mut top = upper[row];
                    for (a, b) in a.iter().zip(b) {
                        let digit = a[row];
                        columns[1] = columns[1].add_high(digit, b[0]);
                        for column in 1..C - 1 {
                            columns[column] = columns[column].add_low(digit, b[column]);
                            columns[column + 1] = columns[column + 1].add_high(digit, b[column]);
                        }
                        columns[C - 1] = columns[C - 1].add_low(digit, b[C - 1]);
                        top = top.add_high(digit, b[C - 1]);
                    }
                    let carry = columns[0].add_low(quotient, m[0]).shr(Self::DIGIT_BITS);
                    columns[0] = columns[1].add(carry).add_high(quotient, m[0]);
                    for column in 1..C - 1 {
                        columns[column - 1] = columns[column - 1].add_low(quotient, m[column]);
                        columns[column] = columns[column + 1].add_high(quotient, m[column]);
                    }
                    columns[C - 2] = columns[C - 2].add_low(quotient, m[C - 1]);
                    columns[C - 1] = top.add_high(quotient, m[C - 1]);
                }
                *upper = columns;
            },
        );
    }

    #[inline(always)]
    fn multiply_different<const C: usize>(isa: Ifma, columns: &mut [Self], x: &[Self]) {
        const { assert!(C.is_multiple_of(SQUARED)) };
        super::multiply_different::<Self, SQUARED>(isa, columns, x, |[lower, upper], a| {
            Self::run(
                isa,
                #[inline(always)]
                move || {
                    let mut sums = [*lower, *upper];
                    let columns = sums.as_flattened_mut();
                    for i in 0..SQUARED {
                        for j in i + 1..SQUARED {
                            columns[i + j] = columns[i + j].add_low(a[i], a[j]);
                            columns[i + j + 1] = columns[i + j + 1].add_high(a[i], a[j]);
                        }
                    }
                    [*lower, *upper] = sums;
                },
            );
        });
    }

    #[inline(always)]
    fn append_lines(table: &mut Vec<Line>, digits: &[Self]) {
        for digits in digits {
            table.push(Line(digits.lanes()));
        }
    }

    /// Each line has a digit of eight entries. A permutation selects from two lines by four bits of the index, and
    /// blends select one of four such results by the other two bits.
    #[inline(always)]
    fn look_up(isa: Ifma, lines: &[Line], indices: Self) -> Self {
        let Some(lines) = lines.first_chunk::<LINES>() else { return indices };
        let bit = |bit: u64| {
            let bit = Self::splat(isa, 1 << bit);
            indices.and(bit).eq(bit)
        };
        let (fourth, fifth) = (bit(4), bit(5));
        let [a, b, c, d, e, f, g, h] = lines.map(|line| Self::from_lanes(isa, line.0));
        let pick = |low, high| Self::permute([low, high], indices);
        let lower = Self::select(fourth, pick(c, d), pick(a, b));
        let upper = Self::select(fourth, pick(g, h), pick(e, f));
        Self::select(fifth, upper, lower)
    }
}
