//! What kernels compute with: arithmetic modulo m and modulo m², on several numbers at once, one a lane.
//!
//! A kernel is written once, over [`Lanes`]. The portable arithmetic has one lane; instruction sets that multiply
//! vectors have as many as fit a register.

use super::batch::Rows;
use zeroize::Zeroize;

/// Bits of an exponent that a window of a table for [`Lanes::look_up`] is for.
pub(crate) const WINDOW_BITS: u32 = 6;

/// A residue modulo m² in each lane, x0 + x1·m, in Montgomery form and partly reduced (see `pair.rs` for the bounds), or
/// plain and reduced where a function says so.
#[derive(Clone, Copy)]
pub(crate) struct Pair<N> {
    pub(crate) x0: N,
    pub(crate) x1: N,
}

impl<N: Zeroize> Zeroize for Pair<N> {
    fn zeroize(&mut self) {
        self.x0.zeroize();
        self.x1.zeroize();
    }
}

/// Montgomery arithmetic modulo an odd m and modulo m², in lanes that do not know of each other. No function takes a
/// time, or touches an address, that depends on the numbers.
pub(crate) trait Lanes: Sync {
    /// How many lanes.
    const COUNT: usize;

    /// Entries of a table of which one can be selected in the time of a multiplication.
    const SELECTED_A_PRODUCT: usize;

    /// Lines that a window of a table takes.
    const LINES_A_WINDOW: usize;

    /// A number in each lane.
    type Number: Copy + Zeroize + Send + Sync;

    /// 1 in Montgomery form.
    fn one(&self) -> &Pair<Self::Number>;

    /// R² mod m², R being the Montgomery radix: multiplying by it takes a plain pair into Montgomery form.
    fn r2(&self) -> &Pair<Self::Number>;

    /// Limbs of a number modulo m.
    fn width(&self) -> usize;

    /// The same number, given as at most [`Lanes::width`] limbs, in every lane.
    fn broadcast(&self, limbs: &[u64]) -> Self::Number;

    /// From each row the number in [`Lanes::width`] limbs from `at` on. Lanes without a row have the last row's.
    fn load(&self, rows: Rows<'_>, at: usize) -> Self::Number;

    /// Writes reduced numbers into rows of `width` limbs, from limb `at` of each on. Lanes without a row are dropped.
    fn store(&self, x: &Self::Number, rows: &mut [u64], width: usize, at: usize);

    /// Writes x·y + z, at most twice as long as a number, as [`Lanes::store`] does.
    fn store_product(
        &self,
        x: &Self::Number,
        y: &Self::Number,
        z: &Self::Number,
        rows: &mut [u64],
        width: usize,
        at: usize,
    );

    /// x ← x·y/R mod m².
    fn mul_assign(&self, x: &mut Pair<Self::Number>, y: &Pair<Self::Number>);

    /// x ← x²/R mod m².
    fn square_assign(&self, x: &mut Pair<Self::Number>);

    /// x·y/R mod m, below (1 + 64·m/R)·m for operands whose product is below 64·m².
    fn mont_mul(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x + y over the integers, for sums below R. Bounds add up.
    fn plus(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x + y mod m, reduced, of x and y below 2m.
    #[cfg(feature = "owner")]
    fn add(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x − y mod m, reduced, of a reduced x and a y below 2m.
    #[cfg(feature = "owner")]
    fn sub(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x mod m of an x below 2m.
    fn reduce_once(&self, x: &Self::Number) -> Self::Number;

    /// Reduces a pair with x0 < 2m and x1 < 3m − 1: subtracting m from x0 adds 1 to x1.
    fn reduce_pair(&self, x: &mut Pair<Self::Number>);

    /// Out of Montgomery form, x/R mod m², reduced.
    #[expect(clippy::wrong_self_convention, reason = "the usual name; self is the modulus")]
    fn from_mont(&self, x: &Pair<Self::Number>) -> Pair<Self::Number>;

    /// A bit a lane, the first lane's lowest: whether a reduced number is 1.
    #[cfg(feature = "owner")]
    fn is_one(&self, x: &Self::Number) -> u32;

    /// z ← for each lane the entry of its index, reading the whole table. Indices are [`dealt`] to the lanes.
    fn select(&self, table: &[Pair<Self::Number>], indices: &[u64], z: &mut Pair<Self::Number>);

    /// Appends the 2^[`WINDOW_BITS`] entries of a window, given as reduced pairs in Montgomery form, to a table for [`Lanes::look_up`].
    fn append_window(&self, table: &mut Vec<Line>, entries: Rows<'_>);

    /// z ← for each lane the entry of its index, reading the whole window.
    fn look_up(&self, window: &[Line], indices: &[u64], z: &mut Pair<Self::Number>);

    /// x·y/R mod m².
    fn mul(&self, x: &Pair<Self::Number>, y: &Pair<Self::Number>) -> Pair<Self::Number> {
        let mut product = *x;
        self.mul_assign(&mut product, y);
        product
    }

    /// x²/R mod m².
    fn square(&self, x: &Pair<Self::Number>) -> Pair<Self::Number> {
        let mut square = *x;
        self.square_assign(&mut square);
        square
    }

    /// A plain pair into Montgomery form: x·R mod m². x0 may be any integer below 4m.
    fn to_mont(&self, x: &Pair<Self::Number>) -> Pair<Self::Number> {
        self.mul(x, self.r2())
    }

    /// x + y, digit by digit. The bounds add up.
    fn plus_pair(&self, x: &Pair<Self::Number>, y: &Pair<Self::Number>) -> Pair<Self::Number> {
        Pair { x0: self.plus(&x.x0, &y.x0), x1: self.plus(&x.x1, &y.x1) }
    }

    /// The same pair in every lane.
    fn broadcast_pair(&self, row: &[u64]) -> Pair<Self::Number> {
        let (x0, x1) = row.split_at(row.len() / 2);
        Pair { x0: self.broadcast(x0), x1: self.broadcast(x1) }
    }

    /// The pairs in rows of two widths; see [`Lanes::load`].
    fn load_pair(&self, rows: Rows<'_>) -> Pair<Self::Number> {
        Pair { x0: self.load(rows, 0), x1: self.load(rows, self.width()) }
    }

    /// Writes reduced pairs into rows of two widths; see [`Lanes::store`].
    fn store_pair(&self, x: &Pair<Self::Number>, rows: &mut [u64]) {
        let width = self.width();
        self.store(&x.x0, rows, 2 * width, 0);
        self.store(&x.x1, rows, 2 * width, width);
    }
}

/// Which of `count` things, dealt to `lanes` lanes in equal shares one after the other, a lane gets.
pub(crate) fn dealt(lane: usize, lanes: usize, count: usize) -> usize {
    lane * count / lanes
}

/// A cache line of a window table, which vectors are loaded from fastest.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u64; 8]);

impl Zeroize for Line {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}
