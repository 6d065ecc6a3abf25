//! Digits of 28 bits with AVX2, which multiplies the 32-bit lower halves of lanes to 64-bit products.
//!
//! A product of two digits has 56 bits, so a column holds the sum of 256 products. A product is added to a single
//! column, so a tile of thirteen digits fits the sixteen registers. [`super::ifma`] explains the method.

use super::{Block, Tiles, for_each_row};
use crate::bignum::lanes::{Line, WINDOW_BITS};
use crate::device::isa::Avx2;
use crate::device::vector::Vector;
use crate::device::vector::avx2::U64x4;
use std::array;
use std::hint::black_box;

/// Entries per window.
const ENTRIES: usize = 1 << WINDOW_BITS;
/// Entries per line: a line holds one digit of each, as 32-bit words.
const ENTRIES_A_LINE: usize = 16;
/// Lines for one digit of all entries.
const LINES: usize = ENTRIES / ENTRIES_A_LINE;

/// sum + a·b.
#[inline(always)]
fn plus_product(sum: U64x4, a: U64x4, b: U64x4) -> U64x4 {
    sum.add(a.mul_low_halves(b))
}

#[inline(always)]
fn digit(isa: Avx2, x: U64x4) -> U64x4 {
    x.and(U64x4::splat(isa, (1 << U64x4::DIGIT_BITS) - 1))
}

impl Tiles for U64x4 {
    const DIGIT_BITS: u32 = 28;

    const ROOM: usize = 256;

    // An estimate: a multiplication takes 5·N² products, and reading an entry takes 2·N loads.
    const SELECTIONS_PER_DIGIT: usize = 2;

    const LINES_A_DIGIT: usize = LINES;

    #[inline(always)]
    fn add_product(columns: &mut [Self; 2], a: Self, b: Self) {
        columns[0] = plus_product(columns[0], a, b);
    }

    #[inline(always)]
    fn multiply<const C: usize, const P: usize>(
        isa: Avx2,
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
                    for (a, b) in a.iter().zip(b).take(P - 1) {
                        for column in 0..C {
                            columns[column] = plus_product(columns[column], a[row], b[column]);
                        }
                    }
                    let (a, b) = (a[P - 1][row], b[P - 1]);
                    lower[row] = plus_product(columns[0], a, b[0]);
                    for column in 1..C {
                        columns[column - 1] = plus_product(columns[column], a, b[column]);
                    }
                    columns[C - 1] = upper[row];
                }
                *upper = columns;
            },
        );
    }

    #[inline(always)]
    fn multiply_below<const C: usize, const P: usize>(
        isa: Avx2,
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
                        let (a, b) = (a[row], black_box(b));
                        for column in row..C {
                            sums[column] = plus_product(sums[column], a, b[column - row]);
                        }
                    });
                }
                *columns = sums;
            },
        );
    }

    #[inline(always)]
    fn multiply_above<const C: usize, const P: usize>(
        isa: Avx2,
        guards: &mut [Self; 2],
        columns: &mut Block<Self, C>,
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    ) {
        Self::run(
            isa,
            #[inline(always)]
            move || {
                let [mut last_but_one, mut last] = *guards;
                for (a, b) in a.iter().zip(b) {
                    for row in 0..C - 1 {
                        last_but_one = plus_product(last_but_one, a[row], b[C - 2 - row]);
                    }
                    for row in 0..C {
                        last = plus_product(last, a[row], b[C - 1 - row]);
                    }
                }
                *guards = [last_but_one, last];
                let mut sums = *columns;
                for (a, b) in a.iter().zip(b) {
                    for_each_row!(C, row => {
                        let (a, b) = (a[row], black_box(b));
                        for column in 0..row {
                            sums[column] = plus_product(sums[column], a, b[C - row + column]);
                        }
                    });
                }
                *columns = sums;
            },
        );
    }

    #[inline(always)]
    fn reduce<const C: usize, const P: usize>(
        isa: Avx2,
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
                        columns[0] = plus_product(columns[0], a[row], b[0]);
                    }
                    let quotient = digit(isa, columns[0].mul_low_halves(inverse));
                    q[row] = quotient;
                    for (a, b) in a.iter().zip(b) {
                        for column in 1..C {
                            columns[column] = plus_product(columns[column], a[row], b[column]);
                        }
                    }
                    let carry = plus_product(columns[0], quotient, m[0]).shr(Self::DIGIT_BITS);
                    columns[0] = plus_product(columns[1], quotient, m[1]).add(carry);
                    for column in 2..C {
                        columns[column - 1] = plus_product(columns[column], quotient, m[column]);
                    }
                    columns[C - 1] = upper[row];
                }
                *upper = columns;
            },
        );
    }

    #[inline(always)]
    fn multiply_different<const C: usize>(isa: Avx2, columns: &mut [Self], x: &[Self]) {
        super::multiply_different::<Self, C>(isa, columns, x, |[lower, upper], a| {
            Self::run(
                isa,
                #[inline(always)]
                move || {
                    for i in 0..C {
                        for j in i + 1..C {
                            let sum = if i + j < C { &mut lower[i + j] } else { &mut upper[i + j - C] };
                            *sum = plus_product(*sum, a[i], a[j]);
                        }
                    }
                },
            );
        });
    }

    #[inline(always)]
    fn append_lines(table: &mut Vec<Line>, digits: &[Self]) {
        let mut halves = [0u32; ENTRIES];
        for (halves, digits) in halves.as_chunks_mut::<{ U64x4::LANES }>().0.iter_mut().zip(digits) {
            #[expect(clippy::cast_possible_truncation, reason = "a digit has 28 bits")]
            halves.iter_mut().zip(digits.lanes()).for_each(|(half, lane)| *half = lane as u32);
        }
        table.extend(bytemuck::cast::<_, [Line; LINES]>(halves));
    }

    /// A permutation selects from eight entries by three bits of the index, and blends select one of eight such
    /// results by the other three bits.
    #[inline(always)]
    fn look_up(isa: Avx2, lines: &[Line], indices: Self) -> Self {
        let Some(lines) = lines.first_chunk::<LINES>() else { return indices };
        let bit = |bit: u64| {
            let bit = Self::splat(isa, 1 << bit);
            indices.and(bit).eq(bit)
        };
        let (third, fourth, fifth) = (bit(3), bit(4), bit(5));
        let words: [u64; 8 * LINES] = bytemuck::cast(*lines);
        let (eights, _) = words.as_chunks::<{ U64x4::LANES }>();
        let [a, b, c, d, e, f, g, h] = array::from_fn(|i| Self::from_lanes(isa, eights[i]).permute_halves(indices));
        let choose = |mask, low, high| Self::select(mask, high, low);
        let lower = choose(fourth, choose(third, a, b), choose(third, c, d));
        let upper = choose(fourth, choose(third, e, f), choose(third, g, h));
        // The upper halves of the lanes have selected an entry too: mask it.
        digit(isa, choose(fifth, lower, upper))
    }
}
