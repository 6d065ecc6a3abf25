//! Block headers: the first 64 bytes of a block, with its kind and sizes.

use super::bytes::Bytes;
use super::form::Form;
use super::layout::{Layout, MOST_RECORDS_BYTES, MOST_ROW_BYTES, MOST_VECTORS};
use super::stored_ids::{IdLayout, StoredIds, check_padding};
use crate::error::Error;
use crate::id::Id;

pub(super) const BLOCK_HEADER_BYTES: usize = 64;
const RECORDS_MAGIC: &[u8; 4] = b"BLK1";
const ROWS_MAGIC: &[u8; 4] = b"ROW1";
const SHARED_MAGIC: &[u8; 4] = b"SHR1";
const DELETIONS_MAGIC: &[u8; 4] = b"DEL1";
const MAGICS: [&[u8; 4]; 4] = [RECORDS_MAGIC, ROWS_MAGIC, SHARED_MAGIC, DELETIONS_MAGIC];

/// The kind of a block, with the fields of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Records {
        form: Form,
        first: u64,
        group: usize,
        ids: IdLayout,
        text_bytes: usize,
    },
    /// One part of `bytes` bytes for each query of a response, which also contains `rows` rows.
    Shared {
        bytes: usize,
        rows: u64,
    },
    Deletions,
}

/// The first 64 bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) content: Content,
    /// How many vectors, parts or deletions the block has.
    pub(super) count: usize,
    /// The size of all its records or parts in bytes, without padding.
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
        let packs = layout.vectors() > 1;
        let first_unused = match &magic {
            RECORDS_MAGIC => 28 + if packs { 4 } else { 0 },
            ROWS_MAGIC | SHARED_MAGIC if packs => 32,
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
        if count == 0 || count > MOST_VECTORS {
            return Err(format!("has {count} vectors, expected 1 to {MOST_VECTORS}"));
        }
        let size = bytes.u32(28) as usize;
        let is_small = size > 0 && size.is_multiple_of(8) && size <= MOST_ROW_BYTES;
        if &magic != RECORDS_MAGIC && !is_small {
            return Err(format!("has rows or parts of {size} bytes, expected a multiple of 8 up to {MOST_ROW_BYTES}"));
        }
        if &magic == SHARED_MAGIC {
            if !bytes.are_zero(16..28) {
                return Err("uses bytes of its header that the format reserves".to_owned());
            }
            let content = Content::Shared { bytes: size, rows: bytes.u64(8) };
            return Ok(Some(Self::new(content, count, count * size, checksum)));
        }
        let form = match (&magic, size) {
            (RECORDS_MAGIC, 0 | 1) => Form::Records { replaces_rows: size == 1 },
            (RECORDS_MAGIC, _) => return Err("uses bytes of its header that the format reserves".to_owned()),
            _ => Form::Rows { bytes: size },
        };
        let layout = layout.of(form);
        let (first, text_bytes) = (bytes.u64(8), bytes.u32(24) as usize);
        let ids = IdLayout::from_number(bytes.u32(20)).ok_or_else(|| {
            let number = bytes.u32(20);
            format!("has ids of unknown kind {number}, expected 0 (consecutive), 1 (other numbers) or 2 (strings)")
        })?;
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
        let content = Content::Records { form, first, group, ids, text_bytes };
        Ok(Some(Self::new(content, count, records_bytes, checksum)))
    }

    /// Returns whether the bytes begin with a header of a known kind, even if its other fields are unknown.
    pub(super) fn is_at_start_of(bytes: &[u8]) -> bool {
        let magic = MAGICS.into_iter().any(|magic| bytes.starts_with(magic));
        magic && Bytes::<BLOCK_HEADER_BYTES>::read(bytes).is_some_and(|bytes| bytes.is_sealed())
    }

    pub(super) fn to_bytes(self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = Bytes::<BLOCK_HEADER_BYTES>::default();
        bytes.put_u32(4, self.count);
        bytes.put_u32(32, self.checksum as usize);
        match self.content {
            Content::Deletions => bytes.put(0, DELETIONS_MAGIC),
            Content::Shared { bytes: size, rows } => {
                bytes.put(0, SHARED_MAGIC);
                bytes.put_u64(8, rows);
                bytes.put_u32(28, size);
            }
            Content::Records { form, first, group, ids, text_bytes } => {
                let (magic, size) = match form {
                    Form::Records { replaces_rows } => (RECORDS_MAGIC, usize::from(replaces_rows)),
                    Form::Rows { bytes } => (ROWS_MAGIC, bytes),
                };
                bytes.put(0, magic);
                bytes.put_u32(28, size);
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
            Content::Shared { .. } | Content::Deletions | Content::Records { ids: IdLayout::Run, .. } => 0,
            Content::Records { ids: IdLayout::Numbers, .. } => 8 * self.count,
            Content::Records { ids: IdLayout::Texts, text_bytes, .. } => 4 * self.count + text_bytes,
        };
        bytes.next_multiple_of(64)
    }

    pub(super) fn payload_bytes(&self) -> usize {
        match self.content {
            Content::Records { .. } | Content::Shared { .. } => {
                self.id_bytes() + self.records_bytes.next_multiple_of(64)
            }
            Content::Deletions => self.count.saturating_mul(8).checked_next_multiple_of(64).unwrap_or(usize::MAX),
        }
    }

    /// Returns the form of a block of vectors.
    pub(super) fn form(&self) -> Option<Form> {
        match self.content {
            Content::Records { form, .. } => Some(form),
            Content::Shared { .. } | Content::Deletions => None,
        }
    }

    /// Splits a payload into the bytes of ids and those of records, without padding.
    ///
    /// # Errors
    /// The reason if the payload is too short or its padding is not zero.
    pub(super) fn split<'a>(&self, payload: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), &'static str> {
        let (ids, records) = payload.split_at_checked(self.id_bytes()).ok_or("it is too short")?;
        let (records, padding) = records.split_at_checked(self.records_bytes).ok_or("it is too short")?;
        check_padding(padding)?;
        Ok((ids, records))
    }

    /// Reads the ids from the first bytes of a payload.
    pub(super) fn ids<'a>(&self, id_bytes: &'a [u8]) -> Result<StoredIds<'a>, &'static str> {
        match self.content {
            Content::Shared { .. } | Content::Deletions => Err("it has no vectors"),
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
