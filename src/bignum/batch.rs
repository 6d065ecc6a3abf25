//! Batches of numbers, row by row.
//!
//! A row is one number, or one pair, as little-endian 64-bit limbs. There are no gaps between rows. On little-endian
//! machines, the only ones supported, the same memory can be read as 32-bit words. A batch or a mapped file is
//! therefore copied to a GPU buffer without conversion, and SIMD kernels load one row per lane and transpose them in
//! registers.

#[cfg(target_endian = "big")]
compile_error!("hushvec maps files as little-endian words and has not been ported to big-endian machines");

/// Borrowed rows of equal width.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    limbs: &'a [u64],
    width: usize,
}

impl<'a> Rows<'a> {
    /// Splits `limbs` into rows of `width` limbs. An incomplete last row is ignored.
    pub fn new(limbs: &'a [u64], width: usize) -> Self {
        let width = width.max(1);
        Self { limbs: &limbs[..limbs.len() / width * width], width }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.limbs.len() / self.width
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Returns the number of limbs per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Iterates over the rows.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, u64> {
        self.limbs.chunks_exact(self.width)
    }

    /// Returns the rows in `range`, clamped to the rows that exist.
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let at = |row: usize| (row * self.width).min(self.limbs.len());
        Self { limbs: &self.limbs[at(range.start.min(range.end))..at(range.end)], width: self.width }
    }

    /// Returns the row at index `row`, if there is one.
    pub fn get(&self, row: usize) -> Option<&'a [u64]> {
        self.limbs.chunks_exact(self.width).nth(row)
    }

    /// Returns the limbs of all rows.
    pub fn limbs(&self) -> &'a [u64] {
        self.limbs
    }
}
