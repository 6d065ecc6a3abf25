//! The container format of indexes, queries and responses: a header, then blocks of records with checksums.
//!
//! `docs/formats.md` specifies the format. A record holds one vector or thousands, depending on the scheme's
//! [`Layout`]. The container does not know schemes: the caller's [`Check`] decides about each header. Indexes are
//! memory-mapped ([`RecordFile`]). Queries and responses come from other parties, so they are read instead
//! ([`WholeFile`]).

mod block;
mod block_header;
mod bytes;
mod form;
mod header;
mod layout;
mod mapping;
mod parts;
mod preamble;
mod stored_ids;
#[cfg(any(test, feature = "hazmat"))]
pub(crate) mod survey;
#[cfg(test)]
mod tests;
mod whole_file;

pub(super) use block::{Block, LiveBlock, deletions_block, records_block, shared_block, vectors_block, vectors_head};
pub(super) use form::Form;
pub(super) use header::{Check, HEADER_BYTES, Header, Kind, other_sizes, read_scheme};
pub(super) use layout::{Layout, MOST_VECTORS};
pub(super) use whole_file::WholeFile;

use crate::error::Error;
use block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content, Position};
use mapping::Mapping;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use stored_ids::check_padding;

/// A block of records and its position.
#[derive(Debug)]
struct Place {
    header: BlockHeader,
    position: Position,
    verified: AtomicBool,
    /// The deleted vectors, by their numbers in the block, in ascending order.
    dead: Vec<u32>,
}

impl Place {
    fn live(&self) -> u64 {
        (self.header.count - self.dead.len()) as u64
    }
}

/// A memory-mapped index file. Blocks are only added at the end. A block is valid if its checksums match, so the
/// remains of an interrupted append are not mistaken for a block.
#[derive(Debug)]
pub(super) struct RecordFile {
    map: Mapping,
    header: Header,
    /// Blocks of records.
    blocks: Vec<Place>,
    /// The position of the next block of any kind.
    next: Position,
    deleted: u64,
    /// Rows that a later block of records replaced.
    replaced: u64,
}

impl RecordFile {
    /// Maps a file whose header `check` accepts, and finds its blocks. Verifies the payload of the last block, which a
    /// crash could have cut; other payloads are verified when they are first read.
    pub(super) fn open(path: &Path, check: Check) -> Result<Self, Error> {
        Self::read(Mapping::open(path)?, check).map_err(|error| error.in_file(path))
    }

    fn read(map: Mapping, check: Check) -> Result<Self, Error> {
        let header = Header::from_bytes(map.bytes(), check)?;
        header.check_kind(Kind::Index)?;
        let next = Position { number: 0, at: HEADER_BYTES as u64, vectors: 0 };
        let mut file = Self { map, header, blocks: Vec::new(), next, deleted: 0, replaced: 0 };
        let (mut last_is_records, mut deletions) = (false, Vec::<u64>::new());
        while let Some(header) = file.block_header(file.next).map_err(|reason| file.next.unknown(&reason))? {
            let (position, payload) = (file.next, file.payload(file.next, &header));
            match header.content {
                Content::Records { group: 0, .. } => {
                    last_is_records = true;
                    file.next.vectors += header.count as u64;
                    file.next.number += 1;
                    let verified = AtomicBool::new(false);
                    file.blocks.push(Place { header, position, verified, dead: Vec::new() });
                }
                Content::Records { group, .. } => {
                    return Err(position.unknown(&format!("answers query {group}, which only blocks of a response do")));
                }
                Content::Shared { .. } => {
                    return Err(position.unknown("has parts of queries, which only a response has"));
                }
                Content::Deletions => {
                    last_is_records = false;
                    if crc32fast::hash(payload) != header.checksum {
                        break;
                    }
                    read_deletions(position, payload, header.count, &mut deletions)?;
                }
            }
            file.next.at += (BLOCK_HEADER_BYTES + header.payload_bytes()) as u64;
        }
        if last_is_records && let Some(last) = file.blocks.pop() {
            if crc32fast::hash(file.payload(last.position, &last.header)) == last.header.checksum {
                file.blocks.push(last);
                file.block(file.blocks.len() - 1)?;
            } else {
                file.next = last.position;
            }
        }
        file.delete(deletions);
        file.replace_rows();
        if let Some(offset) = file.block_after(file.next.at) {
            return Err(Error::format(format!(
                "damaged in the middle: {} blocks with {} vectors are readable, up to byte {}, and the next readable \
                 block is at byte {offset}; restore the file from a copy",
                file.next.number, file.next.vectors, file.next.at
            )));
        }
        Ok(file)
    }

    /// Returns the header of a block, or `None` if the block is incomplete.
    ///
    /// # Errors
    /// The part of the header that this build does not know.
    fn block_header(&self, position: Position) -> Result<Option<BlockHeader>, String> {
        let bytes = usize::try_from(position.at).ok().and_then(|at| self.map.bytes().get(at..)).unwrap_or_default();
        let header = BlockHeader::from_bytes(bytes, self.header.layout)?;
        let room = bytes.len().saturating_sub(BLOCK_HEADER_BYTES);
        Ok(header.filter(|header| header.payload_bytes() <= room))
    }

    /// Returns the payload of a block, or nothing if it is incomplete.
    fn payload(&self, position: Position, header: &BlockHeader) -> &[u8] {
        let start = usize::try_from(position.at).unwrap_or(usize::MAX).saturating_add(BLOCK_HEADER_BYTES);
        self.map.bytes().get(start..start.saturating_add(header.payload_bytes())).unwrap_or_default()
    }

    /// Marks vectors as deleted, all at once, because a file can have a separate deletion block for each vector.
    fn delete(&mut self, mut vectors: Vec<u64>) {
        vectors.sort_unstable();
        vectors.dedup();
        let mut left = vectors.as_slice();
        for block in &mut self.blocks {
            let before = block.position.vectors;
            let end = before + block.header.count as u64;
            let (here, rest) = left.split_at(left.partition_point(|vector| *vector < end));
            block.dead.extend(here.iter().filter_map(|vector| u32::try_from(vector - before).ok()));
            self.deleted += here.len() as u64;
            left = rest;
        }
    }

    /// Marks the rows that a later block of records contains as deleted.
    fn replace_rows(&mut self) {
        let replaces = |block: &Place| block.header.form() == Some(Form::Records { replaces_rows: true });
        let last = self.blocks.iter().rposition(replaces).unwrap_or_default();
        for block in self.blocks.iter_mut().take(last) {
            if let Some(Form::Rows { .. }) = block.header.form() {
                self.replaced += block.live();
                block.dead = (0..block.header.count).filter_map(|row| u32::try_from(row).ok()).collect();
            }
        }
    }

    /// Returns the offset of the next block after `from`. If there is one, the gap before it is damage rather than an
    /// incomplete append.
    fn block_after(&self, from: u64) -> Option<u64> {
        let last = (self.map.bytes().len() as u64).saturating_sub(BLOCK_HEADER_BYTES as u64);
        (from..=last).step_by(64).skip(1).find(|at| {
            let position = Position { at: *at, ..self.next };
            let unknown = || {
                let bytes = usize::try_from(*at).ok().and_then(|at| self.map.bytes().get(at..));
                bytes.is_some_and(BlockHeader::is_at_start_of)
            };
            self.block_header(position).map_or_else(|_| unknown(), |header| header.is_some())
        })
    }

    pub(super) fn path(&self) -> &Path {
        self.map.path()
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Returns where the last complete block ends.
    pub(super) fn end(&self) -> u64 {
        self.next.at
    }

    /// Returns how many bytes follow the last complete block.
    pub(super) fn torn_bytes(&self) -> u64 {
        (self.map.bytes().len() as u64).saturating_sub(self.next.at)
    }

    /// Returns how many blocks of records there are.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Returns whether a block consists of rows.
    pub(super) fn is_rows(&self, number: usize) -> bool {
        self.blocks.get(number).is_some_and(|block| matches!(block.header.form(), Some(Form::Rows { .. })))
    }

    /// Returns how many vectors a block has, including deleted ones.
    pub(super) fn vectors_of(&self, number: usize) -> u64 {
        self.blocks.get(number).map_or(0, |block| block.header.count as u64)
    }

    /// Returns how many records a block has.
    pub(super) fn records(&self, number: usize) -> usize {
        self.blocks.get(number).map_or(0, |block| self.header.layout.records(block.header.count))
    }

    /// Returns the deleted vectors of a block, by their numbers in the block, in ascending order.
    pub(super) fn dead_of(&self, number: usize) -> &[u32] {
        self.blocks.get(number).map_or(&[], |block| &block.dead)
    }

    /// Returns how many vectors of a block are not deleted.
    pub(super) fn live(&self, number: usize) -> u64 {
        self.blocks.get(number).map_or(0, Place::live)
    }

    /// Returns how many vectors all blocks have, including deleted and replaced ones.
    pub(super) fn vectors(&self) -> u64 {
        self.next.vectors
    }

    /// Returns how many vectors are deleted.
    pub(super) fn deleted(&self) -> u64 {
        self.deleted
    }

    /// Returns how many rows a later block of records replaced.
    pub(super) fn replaced(&self) -> u64 {
        self.replaced
    }

    /// Returns a block. Verifies its checksum the first time.
    pub(super) fn block(&self, number: usize) -> Result<Block<'_>, Error> {
        let Some(place) = self.blocks.get(number) else {
            let message = format!("there is no block {number}; the file has {}", self.blocks.len());
            return Err(Error::format(message).in_file(self.path()));
        };
        let payload = self.payload(place.position, &place.header);
        let damaged = |reason: &str| place.position.damaged(reason).in_file(self.path());
        self.map.check_length(place.position.at + (BLOCK_HEADER_BYTES + payload.len()) as u64)?;
        if !place.verified.load(Ordering::Relaxed) {
            if crc32fast::hash(payload) != place.header.checksum {
                return Err(damaged("its checksum does not match"));
            }
            place.verified.store(true, Ordering::Relaxed);
        }
        Block::new(&place.header, self.header.layout, payload, &place.dead).map_err(damaged)
    }

    /// Finds a vector by its number, counted without deleted vectors. Returns its block and its number in the block.
    pub(super) fn find(&self, vector: u64) -> Option<(usize, usize)> {
        let mut before = 0;
        for (number, block) in self.blocks.iter().enumerate() {
            if vector < before + block.live() {
                let mut row = usize::try_from(vector - before).ok()?;
                for dead in &block.dead {
                    row += usize::from(*dead as usize <= row);
                }
                return Some((number, row));
            }
            before += block.live();
        }
        None
    }

    /// Returns the number of a block's first vector, counted over all vectors.
    pub(super) fn first_vector(&self, number: usize) -> u64 {
        self.blocks.get(number).map_or(self.vectors(), |block| block.position.vectors)
    }

    /// Iterates over the blocks.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Result<Block<'_>, Error>> {
        (0..self.len()).map(|number| self.block(number))
    }
}

/// Reads the numbers in a block of deletions and appends them to `into`.
///
/// # Errors
/// [`Error::Format`] if they are not in ascending order, or exceed the number of vectors before the block.
fn read_deletions(position: Position, payload: &[u8], count: usize, into: &mut Vec<u64>) -> Result<(), Error> {
    let wrong = |reason: String| {
        Err(Error::format(format!(
            "damaged: the deletions at byte {} {reason}; restore the file from a copy",
            position.at
        )))
    };
    let (numbers, padding) = payload.split_at(payload.len().min(count.saturating_mul(8)));
    if check_padding(padding).is_err() {
        return wrong("have padding that is not zero".to_owned());
    }
    let before = into.len();
    // Copied because the alignment is not guaranteed.
    into.extend(numbers.chunks_exact(8).map(bytemuck::pod_read_unaligned::<u64>));
    let vectors = into.get(before..).unwrap_or_default();
    if !vectors.is_sorted_by(|a, b| a < b) {
        return wrong("are not in order".to_owned());
    }
    match vectors.last() {
        Some(last) if *last >= position.vectors => {
            let there = position.vectors;
            wrong(format!("delete vector {last}, but only {there} vectors come before them"))
        }
        _ => Ok(()),
    }
}
