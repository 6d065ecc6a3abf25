//! The arithmetic that kernels are written over: Montgomery arithmetic modulo m and m² on several numbers at once,
//! one per lane.
//!
//! Each kernel is written once, generic over [`Lanes`]. The portable arithmetic has one lane; vector instruction sets
//! have as many lanes as a register.

use super::batch::Rows;
use zeroize::Zeroize;

/// Exponent bits per window of a table for [`Lanes::look_up`].
pub(crate) const WINDOW_BITS: u32 = 6;

/// A residue modulo m² in each lane, x0 + x1·m. In Montgomery form and partly reduced (see `pair.rs` for the bounds),
/// unless a function says that it is plain and reduced.
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

/// Montgomery arithmetic modulo an odd m and modulo m², in independent lanes.
///
/// All functions are constant-time: neither their time nor their memory accesses depend on the numbers.
pub(crate) trait Lanes: Sync {
    /// The number of lanes.
    const COUNT: usize;

    /// The number of table entries that [`Lanes::select`] reads in the time of one multiplication.
    const SELECTIONS_PER_MUL: usize;

    /// Cache lines per window of a table for [`Lanes::look_up`].
    const LINES_A_WINDOW: usize;

    /// A number in each lane.
    type Number: Copy + Zeroize + Send + Sync;

    /// 1 in Montgomery form.
    fn one(&self) -> &Pair<Self::Number>;

    /// R² mod m², where R is the Montgomery radix. Multiplying by it converts a plain pair to Montgomery form.
    fn r2(&self) -> &Pair<Self::Number>;

    /// The number of limbs of a residue modulo m.
    fn width(&self) -> usize;

    /// Puts the same number, given as at most [`Lanes::width`] limbs, in every lane.
    fn broadcast(&self, limbs: &[u64]) -> Self::Number;

    /// Loads from each row the number in [`Lanes::width`] limbs that begins at limb `at`. If there are fewer rows
    /// than lanes, the remaining lanes repeat the last row.
    fn load(&self, rows: Rows<'_>, at: usize) -> Self::Number;

    /// Writes reduced numbers into rows of `width` limbs, beginning at limb `at` of each row. Lanes without a row are
    /// dropped.
    fn store(&self, x: &Self::Number, rows: &mut [u64], width: usize, at: usize);

    /// Writes the integers x·y + z, of at most twice [`Lanes::width`] limbs, in the way of [`Lanes::store`].
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

    /// x·y/R mod m. The result is below (1 + 64·m/R)·m if x·y < 64·m².
    fn mont_mul(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x + y as integers, for sums below R. The bounds add up.
    fn plus(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x + y mod m, reduced, for x and y below 2m.
    #[cfg(feature = "owner")]
    fn add(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x − y mod m, reduced, for a reduced x and y below 2m.
    #[cfg(feature = "owner")]
    fn sub(&self, x: &Self::Number, y: &Self::Number) -> Self::Number;

    /// x mod m, for x below 2m.
    fn reduce_once(&self, x: &Self::Number) -> Self::Number;

    /// Reduces a pair with x0 < 2m and x1 < 3m − 1. If m is subtracted from x0, 1 is added to x1.
    fn reduce_pair(&self, x: &mut Pair<Self::Number>);

    /// Converts from Montgomery form: x/R mod m², reduced.
    #[expect(clippy::wrong_self_convention, reason = "the usual name; self is the modulus")]
    fn from_mont(&self, x: &Pair<Self::Number>) -> Pair<Self::Number>;

    /// Returns one bit per lane, the first lane's lowest: whether a reduced number is 1.
    #[cfg(feature = "owner")]
    fn is_one(&self, x: &Self::Number) -> u32;

    /// z ← the table entry at each lane's index, reading the whole table. Indices are distributed to the lanes by
    /// [`value_of_lane`].
    fn select(&self, table: &[Pair<Self::Number>], indices: &[u64], z: &mut Pair<Self::Number>);

    /// Appends a window of 2^[`WINDOW_BITS`] entries, given as reduced pairs in Montgomery form, to a table for
    /// [`Lanes::look_up`].
    fn append_window(&self, table: &mut Vec<Line>, entries: Rows<'_>);

    /// z ← the window entry at each lane's index, reading the whole window.
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

    /// Converts a plain pair to Montgomery form: x·R mod m². x0 may be any integer below 4m.
    fn to_mont(&self, x: &Pair<Self::Number>) -> Pair<Self::Number> {
        self.mul(x, self.r2())
    }

    /// x + y in both components, as integers. The bounds add up.
    fn plus_pair(&self, x: &Pair<Self::Number>, y: &Pair<Self::Number>) -> Pair<Self::Number> {
        Pair { x0: self.plus(&x.x0, &y.x0), x1: self.plus(&x.x1, &y.x1) }
    }

    /// Puts the same pair in every lane.
    fn broadcast_pair(&self, row: &[u64]) -> Pair<Self::Number> {
        let (x0, x1) = row.split_at(row.len() / 2);
        Pair { x0: self.broadcast(x0), x1: self.broadcast(x1) }
    }

    /// Loads pairs from rows of two widths; see [`Lanes::load`].
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

/// Returns the index of the value that a lane gets if `count` values are distributed evenly: each value goes to an
/// equal share of neighbouring lanes.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "portable arithmetic has one lane"))]
pub(crate) fn value_of_lane(lane: usize, lanes: usize, count: usize) -> usize {
    lane * count / lanes
}

/// A cache line of a window table. Aligned, because vector loads within one cache line are fastest.
#[derive(Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u64; 8]);

impl Zeroize for Line {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}
