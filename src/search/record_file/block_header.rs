//! Block headers: the first 64 bytes of a block, with its kind and sizes.

use super::bytes::Bytes;
use super::layout::{Layout, MOST_RECORDS_BYTES, MOST_VECTORS};
use super::stored_ids::{IdLayout, StoredIds};
use crate::error::Error;
use crate::id::Id;

pub(super) const BLOCK_HEADER_BYTES: usize = 64;
const RECORDS_MAGIC: &[u8; 4] = b"BLK1";
const DELETIONS_MAGIC: &[u8; 4] = b"DEL1";

/// The kind of a block, with the fields of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Records { first: u64, group: usize, ids: IdLayout, text_bytes: usize },
    Deletions,
}

/// The first 64 bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) content: Content,
    /// How many vectors or deletions the block has.
    pub(super) count: usize,
    /// The size of all its records, in bytes.
    records_bytes: usize,
    pub(super) checksum: u32,
}

impl BlockHeader {
    /// Creates a header to write.
    pub(super) fn new(content: Content, count: usize, records_bytes: usize, checksum: u32) -> Self {
        Self { content, count, records_bytes, checksum }
    }

    /// Reads the header at the start of these bytes. Returns `None` if they are too few or the checksum does not
    /// match, as after an interrupted append.
    ///
    /// # Errors
    /// The part of the header that this build does not know, although the checksum matches.
    pub(super) fn from_bytes(bytes: &[u8], layout: Layout) -> Result<Option<Self>, String> {
        let Some(bytes) = Bytes::<BLOCK_HEADER_BYTES>::read(bytes).filter(Bytes::is_sealed) else { return Ok(None) };
        let (magic, count, checksum) = (bytes.array::<4>(0), bytes.u32(4) as usize, bytes.u32(32));
        let first_unused = match &magic {
            RECORDS_MAGIC => 28,
            DELETIONS_MAGIC => 8,
            _ => return Err(format!("is of an unknown kind, \"{}\"", magic.escape_ascii())),
        };
        if !bytes.are_zero(first_unused..32) || !bytes.are_zero(36..60) {
            return Err("uses bytes of its header that the format reserves".to_owned());
        }
        if &magic == DELETIONS_MAGIC {
            let header = Self::new(Content::Deletions, count, 0, checksum);
            return if count > 0 { Ok(Some(header)) } else { Err("deletes 0 vectors, expected at least 1".to_owned()) };
        }
        let (first, text_bytes) = (bytes.u64(8), bytes.u32(24) as usize);
        let ids = IdLayout::from_number(bytes.u32(20)).ok_or_else(|| {
            let number = bytes.u32(20);
            format!("has ids of unknown kind {number}, expected 0 (consecutive), 1 (other numbers) or 2 (strings)")
        })?;
        if count == 0 || count > MOST_VECTORS {
            return Err(format!("has {count} vectors, expected 1 to {MOST_VECTORS}"));
        }
        let records_bytes = layout.block_bytes(count).ok_or_else(|| {
            let (records, size) = (layout.records(count), layout.record_bytes());
            format!("has {records} records of {size} bytes; the maximum is {MOST_RECORDS_BYTES} bytes in total")
        })?;
        let most_text = if ids == IdLayout::Texts { count * Id::MOST_BYTES } else { 0 };
        if text_bytes > most_text {
            return Err(format!("has {text_bytes} bytes of strings; the maximum for its {count} ids is {most_text}"));
        }
        if first.checked_add(count as u64).is_none() {
            return Err(format!("has {count} ids from {first} on; the largest id is {}", u64::MAX));
        }
        let group = bytes.u32(16) as usize;
        Ok(Some(Self::new(Content::Records { first, group, ids, text_bytes }, count, records_bytes, checksum)))
    }

    /// Returns whether the bytes begin with a header of a known kind, even if its other fields are unknown.
    pub(super) fn is_at_start_of(bytes: &[u8]) -> bool {
        let magic = [RECORDS_MAGIC, DELETIONS_MAGIC].into_iter().any(|magic| bytes.starts_with(magic));
        magic && Bytes::<BLOCK_HEADER_BYTES>::read(bytes).is_some_and(|bytes| bytes.is_sealed())
    }

    pub(super) fn to_bytes(self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = Bytes::<BLOCK_HEADER_BYTES>::default();
        bytes.put_u32(4, self.count);
        bytes.put_u32(32, self.checksum as usize);
        match self.content {
            Content::Deletions => bytes.put(0, DELETIONS_MAGIC),
            Content::Records { first, group, ids, text_bytes } => {
                bytes.put(0, RECORDS_MAGIC);
                bytes.put_u64(8, first);
                bytes.put_u32(16, group);
                bytes.put_u32(20, ids as usize);
                bytes.put_u32(24, text_bytes);
            }
        }
        bytes.seal()
    }

    /// Returns the size of the ids before the records, with padding.
    pub(super) fn id_bytes(&self) -> usize {
        let bytes = match self.content {
            Content::Deletions | Content::Records { ids: IdLayout::Run, .. } => 0,
            Content::Records { ids: IdLayout::Numbers, .. } => 8 * self.count,
            Content::Records { ids: IdLayout::Texts, text_bytes, .. } => 4 * self.count + text_bytes,
        };
        bytes.next_multiple_of(64)
    }

    pub(super) fn payload_bytes(&self) -> usize {
        match self.content {
            Content::Records { .. } => self.id_bytes() + self.records_bytes,
            Content::Deletions => self.count.saturating_mul(8).checked_next_multiple_of(64).unwrap_or(usize::MAX),
        }
    }

    /// Reads the ids from the first bytes of a payload.
    pub(super) fn ids<'a>(&self, id_bytes: &'a [u8]) -> Result<StoredIds<'a>, &'static str> {
        match self.content {
            Content::Deletions => Err("it has no records"),
            Content::Records { first, ids: IdLayout::Run, .. } => Ok(StoredIds::Run(first)),
            Content::Records { ids: IdLayout::Numbers, .. } => StoredIds::numbers(id_bytes, self.count),
            Content::Records { ids: IdLayout::Texts, text_bytes, .. } => {
                StoredIds::texts(id_bytes, self.count, text_bytes)
            }
        }
    }
}

/// The position of a block in a file, also for error messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) number: u64,
    /// The byte offset of its header.
    pub(super) at: u64,
    /// Vectors in the blocks before it.
    pub(super) vectors: u64,
}

impl Position {
    /// Returns the error for a damaged block.
    pub(super) fn damaged(self, reason: &str) -> Error {
        let Self { number, at, vectors } = self;
        Error::format(format!(
            "block {number} is damaged: {reason} (byte {at}, vectors from {vectors} on); restore the file from a \
             copy or create it again"
        ))
    }

    /// Returns the error for a block with content that this build does not know.
    pub(super) fn unknown(self, reason: &str) -> Error {
        let Self { number, at, vectors } = self;
        Error::format(format!(
            "block {number} {reason} (byte {at}, vectors from {vectors} on); a newer hushvec may have written the \
             file, or it is forged"
        ))
    }
}
