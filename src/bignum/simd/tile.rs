//! The operations that differ between instruction sets: products of blocks of digits, summed in columns that stay in
//! registers, and look-ups in window tables.

pub(super) mod avx2;
pub(super) mod ifma;

use crate::bignum::lanes::Line;
use crate::device::vector::Vector;

/// A block of C digits of a number, or of C columns of a product.
pub(super) type Block<V, const C: usize> = [V; C];

/// Arithmetic on blocks of digits, one number per lane.
///
/// A digit has [`Tiles::DIGIT_BITS`] bits in a lane of 64 bits, so a column holds the sum of many products before
/// carries have to be propagated. Products of two blocks are added to two neighbouring blocks of columns, the lower
/// one given first. Columns are never negative.
pub(crate) trait Tiles: Vector {
    /// Bits per digit.
    const DIGIT_BITS: u32;

    /// The number of products that a column can hold, in addition to a digit, before carries have to be propagated.
    const ROOM: usize;

    /// [`Lanes::SELECTIONS_PER_MUL`](crate::bignum::lanes::Lanes::SELECTIONS_PER_MUL), divided by the number of digits.
    const SELECTIONS_PER_DIGIT: usize;

    /// Lines of a window table per digit of its entries.
    const LINES_A_DIGIT: usize;

    /// Adds a·b to a column. If products span two digits, adds the upper half to the next column.
    fn add_product(columns: &mut [Self; 2], a: Self, b: Self);

    /// columns += Σ a·b over all P products.
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

    /// [`Tiles::multiply`] without the lower columns. The highest two of them are computed in `guards`, as far as
    /// their carries matter.
    fn multiply_above<const C: usize, const P: usize>(
        isa: Self::Isa,
        guards: &mut [Self; 2],
        columns: &mut Block<Self, C>,
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
    );

    /// [`Tiles::multiply`] for the lowest tile of a row of a Montgomery reduction: also computes the digits of the
    /// quotient q and adds q·m. The lower columns become zero and are not written. `m.1` is −1/m modulo
    /// 2^[`Tiles::DIGIT_BITS`].
    fn reduce<const C: usize, const P: usize>(
        isa: Self::Isa,
        columns: [&mut Block<Self, C>; 2],
        a: [&Block<Self, C>; P],
        b: [&Block<Self, C>; P],
        m: (&Block<Self, C>, Self),
        q: &mut Block<Self, C>,
    );

    /// columns += Σ x\[i\]·x\[j\] over all i < j, for a number of whole blocks of C digits.
    fn multiply_different<const C: usize>(isa: Self::Isa, columns: &mut [Self], x: &[Self]);

    /// Appends the lines of one digit of all entries to a window table. Each vector of `digits` has that digit of one
    /// entry per lane.
    fn append_lines(table: &mut Vec<Line>, digits: &[Self]);

    /// Returns the digit of the entry at each lane's index, from the lines of that digit. Reads all lines.
    fn look_up(isa: Self::Isa, lines: &[Line], indices: Self) -> Self;
}

/// [`Tiles::multiply_different`], where `within` adds the products of different digits of the same block.
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

/// Returns block i and the block above it.
#[inline(always)]
pub(super) fn neighbours<V, const C: usize>(columns: &mut [Block<V, C>], i: usize) -> [&mut Block<V, C>; 2] {
    let (lower, upper) = columns.split_at_mut(i + 1);
    [&mut lower[i], &mut upper[0]]
}

/// Repeats `$body` with `$row` as each row of a tile, a constant. If the columns of a row depend on its index, the
/// compiler keeps columns in registers only with the loop written out.
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
