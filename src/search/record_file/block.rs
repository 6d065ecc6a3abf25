//! Blocks: records with their ids, or the numbers of records that are deleted.

use super::bytes::Bytes;
use crate::bignum::batch::Rows;
use crate::error::Error;
use crate::id::{Id, IdRef, check_text};
use crate::search::ids::Ids;
use std::borrow::Cow;

pub(super) const BLOCK_HEADER_BYTES: usize = 64;
const RECORDS_MAGIC: &[u8; 4] = b"BLK1";
const DELETIONS_MAGIC: &[u8; 4] = b"DEL1";
/// The most records of a block: a bound on what a damaged file can make a reader do.
pub(in crate::search) const MOST_ROWS: usize = 65_536;

/// How the ids of a block are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdLayout {
    /// Not at all: the first is known, the others count on.
    Run = 0,
    /// 8 bytes each.
    Numbers = 1,
    /// 4 bytes each for where they end in the text behind them.
    Texts = 2,
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Records { first: u64, group: usize, ids: IdLayout, text_bytes: usize },
    Deletions,
}

/// The first 64 bytes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) content: Content,
    /// Records, or numbers of records.
    pub(super) count: usize,
    pub(super) checksum: u32,
}

impl BlockHeader {
    /// The header at the start of these bytes, if it is one.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = Bytes::<BLOCK_HEADER_BYTES>::read(bytes).filter(Bytes::is_sealed)?;
        let (count, checksum) = (bytes.u32(4) as usize, bytes.u32(32));
        let content = match &bytes.array::<4>(0) {
            DELETIONS_MAGIC => Content::Deletions,
            RECORDS_MAGIC => {
                let layouts = [IdLayout::Run, IdLayout::Numbers, IdLayout::Texts];
                let ids = layouts.into_iter().find(|layout| *layout as u32 == bytes.u32(20))?;
                let (first, text_bytes) = (bytes.u64(8), bytes.u32(24) as usize);
                first.checked_add(count as u64)?;
                Content::Records { first, group: bytes.u32(16) as usize, ids, text_bytes }
            }
            _ => return None,
        };
        let plausible = match content {
            Content::Records { text_bytes, .. } => count <= MOST_ROWS && text_bytes <= count * Id::MOST_BYTES,
            Content::Deletions => true,
        };
        (plausible && count > 0).then_some(Self { content, count, checksum })
    }

    fn to_bytes(self) -> [u8; BLOCK_HEADER_BYTES] {
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

    /// Bytes before the records.
    pub(super) fn id_bytes(&self) -> usize {
        let bytes = match self.content {
            Content::Deletions | Content::Records { ids: IdLayout::Run, .. } => 0,
            Content::Records { ids: IdLayout::Numbers, .. } => 8 * self.count,
            Content::Records { ids: IdLayout::Texts, text_bytes, .. } => 4 * self.count + text_bytes,
        };
        bytes.next_multiple_of(64)
    }

    pub(super) fn payload_bytes(&self, record_bytes: usize) -> usize {
        match self.content {
            Content::Records { .. } => self.id_bytes() + self.count * record_bytes,
            Content::Deletions => self.count.saturating_mul(8).checked_next_multiple_of(64).unwrap_or(usize::MAX),
        }
    }

    /// The ids and records in a payload of the right length.
    pub(super) fn records<'a>(
        &self,
        payload: &'a [u8],
        record_bytes: usize,
    ) -> Result<(StoredIds<'a>, Rows<'a>), &'static str> {
        let (ids, records) = payload.split_at_checked(self.id_bytes()).ok_or("it is cut short")?;
        let records = bytemuck::try_cast_slice(records).map_err(|_| "it is not aligned")?;
        Ok((self.ids(ids)?, Rows::new(records, record_bytes / 8)))
    }

    /// The ids in the first bytes of a payload.
    pub(super) fn ids<'a>(&self, id_bytes: &'a [u8]) -> Result<StoredIds<'a>, &'static str> {
        let Content::Records { first, ids, text_bytes, .. } = self.content else {
            return Err("it has no records");
        };
        Ok(match ids {
            IdLayout::Run => StoredIds::Run(first),
            IdLayout::Numbers => {
                let numbers = id_bytes.get(..8 * self.count).ok_or("it is cut short")?;
                StoredIds::Numbers(bytemuck::try_cast_slice(numbers).map_err(|_| "it is not aligned")?)
            }
            IdLayout::Texts => {
                let (ends, text) = id_bytes.split_at_checked(4 * self.count).ok_or("it is cut short")?;
                let text = text.get(..text_bytes).and_then(|text| std::str::from_utf8(text).ok());
                let ends = bytemuck::try_cast_slice(ends).map_err(|_| "it is not aligned")?;
                StoredIds::texts(ends, text.ok_or("an id is not UTF-8")?)?
            }
        })
    }
}

/// Ids as they are in a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum StoredIds<'a> {
    Run(u64),
    Numbers(&'a [u64]),
    Texts { ends: &'a [u32], text: &'a str },
}

impl<'a> StoredIds<'a> {
    fn texts(ends: &'a [u32], text: &'a str) -> Result<Self, &'static str> {
        let mut start = 0;
        for end in ends {
            let id = text.get(start..*end as usize).ok_or("an id ends before it begins")?;
            check_text(id).map_err(|_| "a text can be no id")?;
            start = *end as usize;
        }
        if start == text.len() { Ok(Self::Texts { ends, text }) } else { Err("there is text after the last id") }
    }

    /// The ids of that many rows. They were checked when they were read, so that none is refused here.
    pub(super) fn to_ids(self, rows: usize) -> Ids {
        match self {
            Self::Run(first) => Ids::from(first..first + rows as u64),
            Self::Numbers(numbers) => Ids::from(numbers.to_vec()),
            Self::Texts { .. } => {
                let mut ids = Ids::new();
                (0..rows).filter_map(|row| self.get(row)).for_each(|id| drop(ids.push(id)));
                ids
            }
        }
    }

    fn get(&self, row: usize) -> Option<IdRef<'a>> {
        match self {
            Self::Run(first) => first.checked_add(row as u64).map(IdRef::Number),
            Self::Numbers(numbers) => numbers.get(row).copied().map(IdRef::Number),
            Self::Texts { ends, text } => {
                let end = *ends.get(row)? as usize;
                let start = row.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |start| *start as usize);
                text.get(start..end).map(IdRef::Text)
            }
        }
    }
}

/// A block of records whose checksum fits.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) struct Block<'a> {
    pub(in crate::search) rows: Rows<'a>,
    pub(super) ids: StoredIds<'a>,
    /// Rows that are deleted, in order.
    pub(super) dead: &'a [u32],
}

impl<'a> Block<'a> {
    /// The id of a row.
    pub(in crate::search) fn id(&self, row: usize) -> IdRef<'a> {
        self.ids.get(row).unwrap_or(IdRef::Number(0))
    }

    /// Whether its ids are numbers in order.
    pub(in crate::search) fn is_run(&self) -> bool {
        matches!(self.ids, StoredIds::Run(_))
    }

    /// The rows that are not deleted.
    pub(in crate::search) fn live_rows(&self) -> impl Iterator<Item = usize> {
        let mut dead = self.dead.iter().map(|row| *row as usize).peekable();
        (0..self.rows.len()).filter(move |row| dead.next_if_eq(row).is_none())
    }

    /// What is not deleted: the file's own memory if nothing is, else a copy.
    pub(in crate::search) fn live(&self) -> LiveBlock<'a> {
        let width = self.rows.width();
        if self.dead.is_empty() {
            let ids = self.ids.to_ids(self.rows.len());
            return LiveBlock { ids, limbs: Cow::Borrowed(self.rows.limbs()), width };
        }
        let limbs: Vec<u64> = self.live_rows().filter_map(|row| self.rows.get(row)).flatten().copied().collect();
        let mut ids = Ids::new();
        self.live_rows().for_each(|row| drop(ids.push(self.id(row))));
        LiveBlock { ids, limbs: Cow::Owned(limbs), width }
    }
}

/// The records of a block that are not deleted, which may be none.
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

/// The bytes of a block of records, header and payload.
pub(in crate::search) fn records_block(group: usize, ids: &Ids, rows: Rows<'_>) -> Vec<u8> {
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
    block(content, rows.len(), &parts, bytemuck::cast_slice(rows.limbs()))
}

/// The bytes of a block that deletes records by their numbers in the file, in order.
pub(in crate::search) fn deletions_block(records: &[u64]) -> Vec<u8> {
    block(Content::Deletions, records.len(), &[bytemuck::cast_slice(records)], &[])
}

/// A damaged block, by its number.
pub(in crate::search) fn damaged(block: u64, reason: &str) -> Error {
    Error::format(format!("block {block} is damaged: {reason}"))
}

/// A block whose payload is the parts, padded to a multiple of 64 bytes, and the rest.
fn block(content: Content, count: usize, parts: &[&[u8]], rest: &[u8]) -> Vec<u8> {
    let padded = parts.iter().map(|part| part.len()).sum::<usize>().next_multiple_of(64);
    let mut block = Vec::with_capacity(BLOCK_HEADER_BYTES + padded + rest.len());
    block.resize(BLOCK_HEADER_BYTES, 0);
    parts.iter().for_each(|part| block.extend_from_slice(part));
    block.resize(BLOCK_HEADER_BYTES + padded, 0);
    block.extend_from_slice(rest);
    let checksum = crc32fast::hash(&block[BLOCK_HEADER_BYTES..]);
    block[..BLOCK_HEADER_BYTES].copy_from_slice(&BlockHeader { content, count, checksum }.to_bytes());
    block
}
