//! Batches of numbers: rows of limbs, one after the other.
//!
//! A row is one number, or one pair, as little-endian 64-bit limbs with nothing between rows. Read as 32-bit words
//! that is the same memory on the little-endian machines this crate is for, so a batch or a mapped file goes to a
//! GPU buffer as it is, and SIMD kernels load eight rows with a transposition in registers.

#[cfg(target_endian = "big")]
compile_error!("hushvec maps files as little-endian words and has not been ported to big-endian machines");

/// Rows of equal width, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    limbs: &'a [u64],
    width: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `width` limbs each. A last row that is not whole is left out.
    pub fn new(limbs: &'a [u64], width: usize) -> Self {
        let width = width.max(1);
        Self { limbs: &limbs[..limbs.len() / width * width], width }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.limbs.len() / self.width
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Limbs a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The rows one by one.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, u64> {
        self.limbs.chunks_exact(self.width)
    }

    /// Some of the rows; fewer, if there are not so many.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let at = |row: usize| (row * self.width).min(self.limbs.len());
        Self { limbs: &self.limbs[at(range.start.min(range.end))..at(range.end)], width: self.width }
    }

    /// The row of that number, if there is one.
    pub fn get(&self, row: usize) -> Option<&'a [u64]> {
        self.limbs.chunks_exact(self.width).nth(row)
    }

    /// All limbs.
    pub fn limbs(&self) -> &'a [u64] {
        self.limbs
    }
}
