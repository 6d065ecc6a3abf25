//! The layout of records: their size in bytes, and how many vectors each holds. The scheme determines both, and the
//! content of a record.

use super::form::Form;
use crate::error::Error;

/// The most vectors in a block, and so in a record. Bounds the work that a damaged file can cause.
pub(in crate::search) const MOST_VECTORS: usize = 65_536;
/// The largest size of all records of a block, and so of one record. Readers of queries and responses hold a block in
/// memory.
pub(super) const MOST_RECORDS_BYTES: usize = 128 << 20;
/// The largest size of a row.
pub(super) const MOST_ROW_BYTES: usize = 1 << 16;
/// Records are a multiple of this size, so that they are aligned in a mapped file.
const ALIGNMENT: usize = 64;

/// The size of a record and its capacity in vectors. The last record of a block may be partly filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) struct Layout {
    record_bytes: usize,
    vectors: usize,
}

impl Layout {
    /// Creates the layout of records of `record_bytes` bytes with `vectors` vectors each.
    ///
    /// # Errors
    /// [`Error::Format`] if a value exceeds the limits of the format.
    pub(in crate::search) fn new(record_bytes: usize, vectors: usize) -> Result<Self, Error> {
        if record_bytes == 0 || !record_bytes.is_multiple_of(ALIGNMENT) || record_bytes > MOST_RECORDS_BYTES {
            return Err(Error::format(format!(
                "the header has records of {record_bytes} bytes; the maximum is {MOST_RECORDS_BYTES} bytes, in \
                 multiples of {ALIGNMENT}. The file is damaged or forged: restore it from a copy"
            )));
        }
        if vectors == 0 || vectors > MOST_VECTORS {
            return Err(Error::format(format!(
                "the header has {vectors} vectors in a record, expected 1 to {MOST_VECTORS}. The file is \
                 damaged or forged: restore it from a copy"
            )));
        }
        Ok(Self { record_bytes, vectors })
    }

    /// Returns the layout of a block of this form in a file with this layout.
    pub(super) fn of(self, form: Form) -> Self {
        match form {
            Form::Records { .. } => self,
            Form::Rows { bytes } => Self { record_bytes: bytes, vectors: 1 },
        }
    }

    /// Returns the size of a record in bytes.
    pub(in crate::search) fn record_bytes(self) -> usize {
        self.record_bytes
    }

    /// Returns the size of a record in limbs.
    pub(in crate::search) fn width(self) -> usize {
        self.record_bytes / 8
    }

    /// Returns the capacity of a record in vectors.
    pub(in crate::search) fn vectors(self) -> usize {
        self.vectors
    }

    /// Returns how many records `vectors` vectors take in a block.
    pub(in crate::search) fn records(self, vectors: usize) -> usize {
        vectors.div_ceil(self.vectors)
    }

    /// Returns how many bytes the records of `vectors` vectors take in a block; `None` if that exceeds the limit of a
    /// block.
    pub(super) fn block_bytes(self, vectors: usize) -> Option<usize> {
        self.records(vectors).checked_mul(self.record_bytes).filter(|bytes| *bytes <= MOST_RECORDS_BYTES)
    }

    /// Returns the fewest bytes that `vectors` vectors can take in any number of blocks; `None` on overflow.
    pub(super) fn least_bytes(self, vectors: u64) -> Option<u64> {
        vectors.div_ceil(self.vectors as u64).checked_mul(self.record_bytes as u64)
    }

    /// Returns the most vectors that fit into a block with all records full.
    pub(in crate::search) fn vectors_at_once(self) -> usize {
        let records = (MOST_VECTORS / self.vectors).min(MOST_RECORDS_BYTES / self.record_bytes);
        records.max(1) * self.vectors
    }

    /// Checks that a record holds a single vector.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if it can hold several.
    pub(in crate::search) fn check_single(self, operation: &'static str) -> Result<(), Error> {
        if self.vectors == 1 {
            return Ok(());
        }
        let reason = format!("its records have room for {} vectors each and cannot be split", self.vectors);
        Err(Error::Unsupported { operation, reason })
    }
}
