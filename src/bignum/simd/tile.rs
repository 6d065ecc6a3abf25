//! What an instruction set does in its own way: products of digits, summed in columns that stay in registers, and window tables.

pub(super) mod avx2;
pub(super) mod ifma;

use crate::bignum::lanes::Line;
use crate::device::vector::Vector;

/// C digits of a number, or columns of a product, that are worked on together.
pub(super) type Block<V, const C: usize> = [V; C];

/// Arithmetic on blocks of digits, one number a lane.
///
/// A digit has [`Tiles::DIGIT_BITS`] bits and stands in a lane of 64, so a column takes many products before a carry has to move.
/// Products are added into two neighbouring blocks of columns, the lower one first. Columns are never negative.
pub(crate) trait Tiles: Vector {
    /// Bits of a digit.
    const DIGIT_BITS: u32;

    /// Products that a column takes, beside a digit, before a carry has to move.
    const ROOM: usize;

    /// Entries of a table, for each digit of a number, of which one can be selected in the time of a multiplication.
    const SELECTED_A_DIGIT: usize;

    /// Lines of a window table for one digit of its entries.
    const LINES_A_DIGIT: usize;

    /// Adds a·b to a column and, if the product is longer than a digit, to the next one.
    fn add_product(columns: &mut [Self; 2], a: Self, b: Self);

    /// Adds Σ a·b over all P products.
    fn multiply<const C: usize, const P: usize>(
        isa: Self::Isa,
        columns: [&mut Block<Self, C>; 2],
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    );

    /// [`Tiles::multiply`] without the upper columns.
    fn multiply_below<const C: usize, const P: usize>(
        isa: Self::Isa,
        columns: &mut Block<Self, C>,
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    );

    /// [`Tiles::multiply`] without the lower columns but the last two, which are `guards`, as far as their carries matter.
    fn multiply_above<const C: usize, const P: usize>(
        isa: Self::Isa,
        guards: &mut [Self; 2],
        columns: &mut Block<Self, C>,
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    );

    /// [`Tiles::multiply`] for the lowest tile of each row of a Montgomery reduction: determines the quotient's digits q, so that
    /// with q·m added the lowest columns vanish, and are not written. `inverse` is −1/m modulo 2^[`Tiles::DIGIT_BITS`].
    fn reduce<const C: usize, const P: usize>(
        isa: Self::Isa,
        columns: [&mut Block<Self, C>; 2],
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
        m: (&Block<Self, C>, Self),
        q: &mut Block<Self, C>,
    );

    /// Adds Σ x\[i\]·x\[j\] over all i < j of a number's digits, of which there are whole blocks of C.
    fn multiply_different<const C: usize>(isa: Self::Isa, columns: &mut [Self], x: &[Self]);

    /// Appends to a window table one digit of its entries, given a vector of entries at a time.
    fn append_lines(table: &mut Vec<Line>, digits: &[Self]);

    /// Takes, for each lane, the entry of its index from the lines that hold a digit. Reads all.
    fn look_up(isa: Self::Isa, lines: &[Line], indices: Self) -> Self;
}

/// [`Tiles::multiply_different`], with `within` for the products of a block's own digits.
#[inline(always)]
fn multiply_different<V: Tiles, const C: usize>(
    isa: V::Isa,
    columns: &mut [V],
    x: &[V],
    within: impl Fn([&mut Block<V, C>; 2], &Block<V, C>),
) {
    let (columns, _) = columns.as_chunks_mut::<C>();
    let (x, _) = x.as_chunks::<C>();
    for (i, a) in x.iter().enumerate() {
        within(neighbours(columns, 2 * i), a);
        for (j, b) in x.iter().enumerate().skip(i + 1) {
            V::multiply(isa, neighbours(columns, i + j), [a], [b]);
        }
    }
}

/// Block i and the one above it.
#[inline(always)]
pub(super) fn neighbours<V, const C: usize>(columns: &mut [Block<V, C>], i: usize) -> [&mut Block<V, C>; 2] {
    let (lower, upper) = columns.split_at_mut(i + 1);
    [&mut lower[i], &mut upper[0]]
}

/// Runs `$body` with `$row` standing for each row of a tile, written out: where what a row does depends on which it is, the
/// compiler keeps columns in registers only so.
macro_rules! for_each_row {
    ($rows:expr, $row:ident => $body:block) => {
        $crate::bignum::simd::tile::for_each_row!(@ $rows, $row => $body, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19)
    };
    (@ $rows:expr, $row:ident => $body:block, $($number:literal)*) => {
        const { assert!($rows <= 20) };
        $({
            let $row = $number;
            if $row < $rows $body
        })*
    };
}
use for_each_row;
