//! Blocks: records with the ids of their vectors, or the numbers of deleted vectors.

use super::block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content};
use super::form::Form;
use super::layout::Layout;
use super::stored_ids::{IdLayout, StoredIds};
use crate::bignum::batch::Rows;
use crate::error::Error;
use crate::id::IdRef;
use crate::search::ids::Ids;
use std::borrow::Cow;

/// A block of records whose checksum matches.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) struct Block<'a> {
    /// The records, one per row. The last one may be partly filled.
    pub(in crate::search) records: Rows<'a>,
    form: Form,
    layout: Layout,
    vectors: usize,
    ids: StoredIds<'a>,
    /// The deleted vectors, in ascending order.
    dead: &'a [u32],
}

impl<'a> Block<'a> {
    /// Reads a block from its header and payload.
    ///
    /// # Errors
    /// The reason if they are not a valid block.
    pub(super) fn new(
        header: &BlockHeader,
        layout: Layout,
        payload: &'a [u8],
        dead: &'a [u32],
    ) -> Result<Self, &'static str> {
        let form = header.form().ok_or("it has no vectors")?;
        let layout = layout.of(form);
        let (ids, records) = header.split(payload)?;
        let records = bytemuck::try_cast_slice(records).map_err(|_| "it is not aligned")?;
        let records = Rows::new(records, layout.width());
        if records.len() != layout.records(header.count) {
            return Err("it is too short");
        }
        Ok(Self { records, form, layout, vectors: header.count, ids: header.ids(ids)?, dead })
    }

    /// Returns how many vectors it has, including deleted ones.
    pub(in crate::search) fn vectors(&self) -> usize {
        self.vectors
    }

    /// Returns the form of the block: records or rows.
    pub(in crate::search) fn form(&self) -> Form {
        self.form
    }

    /// Returns the deleted vectors, by their numbers in the block, in ascending order.
    pub(in crate::search) fn dead(&self) -> &'a [u32] {
        self.dead
    }

    /// Returns the ids of all its vectors, including deleted ones.
    pub(in crate::search) fn ids(&self) -> Ids {
        self.ids.to_ids(self.vectors)
    }

    /// Returns the id of a vector.
    pub(in crate::search) fn id(&self, vector: usize) -> IdRef<'a> {
        self.ids.get(vector).unwrap_or(IdRef::Number(0))
    }

    /// Returns the record that contains a vector.
    pub(in crate::search) fn record_of(&self, vector: usize) -> Option<&'a [u64]> {
        self.records.get(vector / self.layout.vectors()).filter(|_| vector < self.vectors)
    }

    /// Returns whether its ids are consecutive numbers.
    pub(in crate::search) fn is_run(&self) -> bool {
        matches!(self.ids, StoredIds::Run(_))
    }

    /// Iterates over the vectors that are not deleted, by their numbers in the block.
    pub(in crate::search) fn live_vectors(&self) -> impl Iterator<Item = usize> {
        let mut dead = self.dead.iter().map(|vector| *vector as usize).peekable();
        (0..self.vectors).filter(move |vector| dead.next_if_eq(vector).is_none())
    }

    /// Returns the ids of the vectors that are not deleted.
    pub(in crate::search) fn live_ids(&self) -> Ids {
        if self.dead.is_empty() {
            return self.ids.to_ids(self.vectors);
        }
        let mut ids = Ids::new();
        self.live_vectors().for_each(|vector| drop(ids.push(self.id(vector))));
        ids
    }

    /// Returns the vectors that are not deleted: the mapped memory if nothing is deleted, else a copy.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if a record holds several vectors, because only the scheme can extract one of them.
    pub(in crate::search) fn live(&self) -> Result<LiveBlock<'a>, Error> {
        self.layout.check_single("taking single vectors out of an index")?;
        let (ids, width) = (self.live_ids(), self.records.width());
        if self.dead.is_empty() {
            return Ok(LiveBlock { ids, limbs: Cow::Borrowed(self.records.limbs()), width });
        }
        let limbs: Vec<u64> = self.live_vectors().filter_map(|row| self.records.get(row)).flatten().copied().collect();
        Ok(LiveBlock { ids, limbs: Cow::Owned(limbs), width })
    }
}

/// The vectors of a block that are not deleted, one per record. There may be none.
#[derive(Debug)]
pub(in crate::search) struct LiveBlock<'a> {
    pub(in crate::search) ids: Ids,
    limbs: Cow<'a, [u64]>,
    width: usize,
}

impl LiveBlock<'_> {
    pub(in crate::search) fn rows(&self) -> Rows<'_> {
        Rows::new(&self.limbs, self.width)
    }

    pub(in crate::search) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(in crate::search) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Serializes a block of records: header and payload. `ids` are those of the vectors, in the order of the records.
pub(in crate::search) fn records_block(group: usize, ids: &Ids, records: Rows<'_>) -> Vec<u8> {
    vectors_block(Form::RECORDS, group, ids, bytemuck::cast_slice(records.limbs()))
}

/// Serializes a block of vectors of any form, given by the bytes of its records or rows.
pub(in crate::search) fn vectors_block(form: Form, group: usize, ids: &Ids, records: &[u8]) -> Vec<u8> {
    let mut block = vectors_head(form, group, ids, &[records]);
    block.extend_from_slice(records);
    block.resize(block.len().next_multiple_of(64), 0);
    block
}

/// Serializes the header and the ids of a block of vectors. The bytes of its records, in several parts, come after
/// them, and then zeros up to a multiple of 64 bytes.
pub(in crate::search) fn vectors_head(form: Form, group: usize, ids: &Ids, records: &[&[u8]]) -> Vec<u8> {
    let (mut ends, mut text, mut numbers) = (Vec::<u32>::new(), String::new(), Vec::<u64>::new());
    let (first, layout) = match (ids.run(), ids.get(0)) {
        (Some(first), _) => (first, IdLayout::Run),
        (None, Some(IdRef::Text(_))) => {
            for id in ids.iter().filter_map(IdRef::text) {
                text.push_str(id);
                ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            }
            (0, IdLayout::Texts)
        }
        (None, _) => {
            numbers.extend(ids.iter().filter_map(IdRef::number));
            (0, IdLayout::Numbers)
        }
    };
    let parts: [&[u8]; 3] = [bytemuck::cast_slice(&numbers), bytemuck::cast_slice(&ends), text.as_bytes()];
    let content = Content::Records { form, first, group, ids: layout, text_bytes: text.len() };
    head(content, ids.len(), &parts, records)
}

/// Serializes a block with one part for each query of a response, all of the same size, which also has `rows` rows.
pub(in crate::search) fn shared_block(parts: &[Vec<u8>], rows: u64) -> Vec<u8> {
    let bytes = parts.first().map_or(0, Vec::len);
    block(Content::Shared { bytes, rows }, parts.len(), &[], &parts.concat())
}

/// Serializes a block that deletes vectors, given by their numbers in the file in ascending order.
pub(in crate::search) fn deletions_block(vectors: &[u64]) -> Vec<u8> {
    block(Content::Deletions, vectors.len(), &[bytemuck::cast_slice(vectors)], &[])
}

/// Serializes a block whose payload is the parts and the records, each padded to a multiple of 64 bytes.
fn block(content: Content, count: usize, parts: &[&[u8]], records: &[u8]) -> Vec<u8> {
    let mut block = head(content, count, parts, &[records]);
    block.extend_from_slice(records);
    block.resize(block.len().next_multiple_of(64), 0);
    block
}

/// Serializes a block up to its records.
fn head(content: Content, count: usize, parts: &[&[u8]], records: &[&[u8]]) -> Vec<u8> {
    let padded = parts.iter().map(|part| part.len()).sum::<usize>().next_multiple_of(64);
    let bytes = records.iter().map(|records| records.len()).sum::<usize>();
    let mut head = Vec::with_capacity(BLOCK_HEADER_BYTES + padded);
    head.resize(BLOCK_HEADER_BYTES, 0);
    parts.iter().for_each(|part| head.extend_from_slice(part));
    head.resize(BLOCK_HEADER_BYTES + padded, 0);
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&head[BLOCK_HEADER_BYTES..]);
    records.iter().for_each(|records| checksum.update(records));
    checksum.update(&[0; 64][..bytes.next_multiple_of(64) - bytes]);
    let header = BlockHeader::new(content, count, bytes, checksum.finalize());
    head[..BLOCK_HEADER_BYTES].copy_from_slice(&header.to_bytes());
    head
}
