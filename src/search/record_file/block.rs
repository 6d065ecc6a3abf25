//! Blocks: records with the ids of their vectors, or the numbers of deleted vectors.

use super::block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content};
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
        let (ids, records) = payload.split_at_checked(header.id_bytes()).ok_or("it is too short")?;
        let records = bytemuck::try_cast_slice(records).map_err(|_| "it is not aligned")?;
        let records = Rows::new(records, layout.width());
        if records.len() != layout.records(header.count) {
            return Err("it is too short");
        }
        Ok(Self { records, layout, vectors: header.count, ids: header.ids(ids)?, dead })
    }

    /// Returns how many vectors it has, including deleted ones.
    pub(in crate::search) fn vectors(&self) -> usize {
        self.vectors
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
    let content = Content::Records { first, group, ids: layout, text_bytes: text.len() };
    block(content, ids.len(), &parts, bytemuck::cast_slice(records.limbs()))
}

/// Serializes a block that deletes vectors, given by their numbers in the file in ascending order.
pub(in crate::search) fn deletions_block(vectors: &[u64]) -> Vec<u8> {
    block(Content::Deletions, vectors.len(), &[bytemuck::cast_slice(vectors)], &[])
}

/// Serializes a block whose payload is the parts, padded to a multiple of 64 bytes, followed by the records.
fn block(content: Content, count: usize, parts: &[&[u8]], records: &[u8]) -> Vec<u8> {
    let padded = parts.iter().map(|part| part.len()).sum::<usize>().next_multiple_of(64);
    let mut block = Vec::with_capacity(BLOCK_HEADER_BYTES + padded + records.len());
    block.resize(BLOCK_HEADER_BYTES, 0);
    parts.iter().for_each(|part| block.extend_from_slice(part));
    block.resize(BLOCK_HEADER_BYTES + padded, 0);
    block.extend_from_slice(records);
    let checksum = crc32fast::hash(&block[BLOCK_HEADER_BYTES..]);
    let header = BlockHeader::new(content, count, records.len(), checksum);
    block[..BLOCK_HEADER_BYTES].copy_from_slice(&header.to_bytes());
    block
}
