//! How records lie in a file: the bytes of one, and the vectors in one. The scheme decides both; what a record holds is its
//! own business.

use crate::error::Error;

/// The most vectors of a block, and so of a record: a bound on what a damaged file can make a reader do.
pub(in crate::search) const MOST_VECTORS: usize = 65_536;
/// The most bytes of all records of a block, and so of one record. Readers of queries and responses hold a block in memory.
pub(super) const MOST_RECORDS_BYTES: usize = 128 << 20;
/// What records are a multiple of, so that a mapped file is used as it is.
const ALIGNMENT: usize = 64;

/// The bytes of a record, and how many vectors it has room for. The last record of a block may be partly filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::search) struct Layout {
    record_bytes: usize,
    vectors: usize,
}

impl Layout {
    /// Records of so many bytes with so many vectors each.
    ///
    /// # Errors
    /// [`Error::Format`] if no file may have such records.
    pub(in crate::search) fn new(record_bytes: usize, vectors: usize) -> Result<Self, Error> {
        if record_bytes == 0 || !record_bytes.is_multiple_of(ALIGNMENT) || record_bytes > MOST_RECORDS_BYTES {
            return Err(Error::format(format!(
                "the header has records of {record_bytes} bytes; the limit is {MOST_RECORDS_BYTES}, in multiples of \
                 {ALIGNMENT}. The file is damaged or forged: restore it from a copy"
            )));
        }
        if vectors == 0 || vectors > MOST_VECTORS {
            return Err(Error::format(format!(
                "the header has {vectors} vectors in a record; the limits are 1 and {MOST_VECTORS}. The file is damaged or \
                 forged: restore it from a copy"
            )));
        }
        Ok(Self { record_bytes, vectors })
    }

    /// Bytes of a record.
    pub(in crate::search) fn record_bytes(self) -> usize {
        self.record_bytes
    }

    /// Limbs of a record.
    pub(in crate::search) fn width(self) -> usize {
        self.record_bytes / 8
    }

    /// Vectors that a record has room for.
    pub(in crate::search) fn vectors(self) -> usize {
        self.vectors
    }

    /// Records of so many vectors in a block.
    pub(in crate::search) fn records(self, vectors: usize) -> usize {
        vectors.div_ceil(self.vectors)
    }

    /// Bytes of the records of so many vectors in a block; none if that is more than a block may have.
    pub(super) fn block_bytes(self, vectors: usize) -> Option<usize> {
        self.records(vectors).checked_mul(self.record_bytes).filter(|bytes| *bytes <= MOST_RECORDS_BYTES)
    }

    /// The least bytes of so many vectors, over however many blocks; none if that is no number.
    pub(super) fn least_bytes(self, vectors: u64) -> Option<u64> {
        vectors.div_ceil(self.vectors as u64).checked_mul(self.record_bytes as u64)
    }

    /// The most vectors that go into a block, all its records full.
    pub(in crate::search) fn vectors_at_once(self) -> usize {
        let records = (MOST_VECTORS / self.vectors).min(MOST_RECORDS_BYTES / self.record_bytes);
        records.max(1) * self.vectors
    }

    /// # Errors
    /// [`Error::Unsupported`] if a record has room for several vectors.
    pub(in crate::search) fn check_single(self, operation: &'static str) -> Result<(), Error> {
        if self.vectors == 1 {
            return Ok(());
        }
        let reason = format!("its records have room for {} vectors each, and stay whole", self.vectors);
        Err(Error::Unsupported { operation, reason })
    }
}
