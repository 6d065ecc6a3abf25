//! The file that indexes, queries and responses are made of: a header, then blocks of ciphertexts with checksums.
//!
//! `docs/formats.md` has every byte. Indexes are mapped into memory ([`RecordFile`]); queries and responses, which come from
//! others, are read ([`WholeFile`]).

mod block;
mod bytes;
mod header;
mod mapping;
mod whole_file;

pub(super) use block::{Block, LiveBlock, MOST_ROWS, deletions_block, records_block};
pub(super) use header::{HEADER_BYTES, Header, Kind};
pub(super) use whole_file::WholeFile;

use crate::error::Error;
use block::{BLOCK_HEADER_BYTES, BlockHeader, Content, damaged};
use mapping::Mapping;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// A block of records and where it is.
#[derive(Debug)]
struct Place {
    header: BlockHeader,
    /// Where its header is.
    at: usize,
    /// Records in the blocks before it.
    before: u64,
    verified: AtomicBool,
    /// Rows that are deleted, in order.
    dead: Vec<u32>,
}

impl Place {
    fn live(&self) -> u64 {
        (self.header.count - self.dead.len()) as u64
    }
}

/// An index, mapped into memory. Blocks are only ever added at its end; a block is believed if its checksums fit, so an append
/// that was cut short leaves a tail that is not.
#[derive(Debug)]
pub(super) struct RecordFile {
    map: Mapping,
    header: Header,
    blocks: Vec<Place>,
    records: u64,
    deleted: u64,
    /// Where the last whole block ends.
    end: usize,
}

impl RecordFile {
    /// Maps a file and finds its blocks. The payload of the last one is verified, because that is the one that a crash
    /// could have cut; the others when they are first read.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::read(Mapping::open(path)?).map_err(|error| error.in_file(path))
    }

    fn read(map: Mapping) -> Result<Self, Error> {
        let header = Header::from_bytes(map.bytes())?;
        header.check_kind(Kind::Index)?;
        let (blocks, end) = (Vec::new(), HEADER_BYTES);
        let mut file = Self { map, header, blocks, records: 0, deleted: 0, end };
        let (mut last_is_records, mut deletions) = (false, Vec::<u64>::new());
        while let Some(header) = file.block_header(file.end) {
            let payload = file.payload(file.end, &header);
            last_is_records = header.content != Content::Deletions;
            if last_is_records {
                let (at, before, verified) = (file.end, file.records, AtomicBool::new(false));
                file.blocks.push(Place { header, at, before, verified, dead: Vec::new() });
                file.records += header.count as u64;
            } else if crc32fast::hash(payload) == header.checksum {
                // A copy, since nobody has checked the alignment.
                let records = payload.chunks_exact(8).take(header.count).map(bytemuck::pod_read_unaligned::<u64>);
                let before = deletions.len();
                deletions.extend(records);
                file.check_deletions(deletions.get(before..).unwrap_or_default())?;
            } else {
                break;
            }
            file.end += BLOCK_HEADER_BYTES + header.payload_bytes(file.header.record_bytes());
        }
        if last_is_records
            && file.block(file.blocks.len() - 1).is_err()
            && let Some(last) = file.blocks.pop()
        {
            (file.end, file.records) = (last.at, last.before);
        }
        file.delete(deletions);
        if let Some(offset) = file.block_after(file.end) {
            return Err(Error::format(format!(
                "damaged in the middle: {} blocks are readable, then nothing until another block at byte {offset}",
                file.blocks.len()
            )));
        }
        Ok(file)
    }

    /// The header of a block at this byte, if it is sound and the payload is all there.
    fn block_header(&self, at: usize) -> Option<BlockHeader> {
        let bytes = self.map.bytes();
        let header = BlockHeader::from_bytes(bytes.get(at..)?)?;
        let room = bytes.len() - at - BLOCK_HEADER_BYTES;
        (header.payload_bytes(self.header.record_bytes()) <= room).then_some(header)
    }

    /// The payload of the block at this byte; none if it is not all there.
    fn payload(&self, at: usize, header: &BlockHeader) -> &[u8] {
        let start = at + BLOCK_HEADER_BYTES;
        self.map.bytes().get(start..start + header.payload_bytes(self.header.record_bytes())).unwrap_or_default()
    }

    /// # Errors
    /// [`Error::Format`] unless these are numbers of records that the file has up to here, in order.
    fn check_deletions(&self, records: &[u64]) -> Result<(), Error> {
        let in_order = records.is_sorted_by(|a, b| a < b) && records.last().is_none_or(|last| *last < self.records);
        if in_order { Ok(()) } else { Err(Error::format("damaged: it deletes vectors that it does not have")) }
    }

    /// Marks records as deleted. All at once, since a file may have as many deletions as vectors, each in a block of its own.
    fn delete(&mut self, mut records: Vec<u64>) {
        records.sort_unstable();
        records.dedup();
        self.deleted = records.len() as u64;
        let mut left = records.as_slice();
        for block in &mut self.blocks {
            let behind = block.before + block.header.count as u64;
            let (here, rest) = left.split_at(left.partition_point(|record| *record < behind));
            block.dead.extend(here.iter().filter_map(|record| u32::try_from(record - block.before).ok()));
            left = rest;
        }
    }

    /// Whether anything after `from` looks like a block: then the gap before it is damage and not a torn end.
    fn block_after(&self, from: usize) -> Option<usize> {
        let last = self.map.bytes().len().saturating_sub(BLOCK_HEADER_BYTES);
        (from..=last).step_by(64).skip(1).find(|at| self.block_header(*at).is_some())
    }

    pub(super) fn path(&self) -> &Path {
        self.map.path()
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Where the last whole block ends.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Bytes after the last whole block.
    pub(super) fn torn_bytes(&self) -> usize {
        self.map.bytes().len() - self.end
    }

    /// How many blocks of records.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Records in all blocks, those that are deleted included.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Records that are deleted.
    pub(super) fn deleted(&self) -> u64 {
        self.deleted
    }

    /// A block, its checksum verified when it is first asked for.
    pub(super) fn block(&self, number: usize) -> Result<Block<'_>, Error> {
        let damaged = |reason: &str| damaged(number as u64, reason).in_file(self.path());
        let place = self.blocks.get(number).ok_or_else(|| damaged("it does not exist"))?;
        let payload = self.payload(place.at, &place.header);
        self.map.check_length(place.at + BLOCK_HEADER_BYTES + payload.len())?;
        if !place.verified.load(Ordering::Relaxed) {
            if crc32fast::hash(payload) != place.header.checksum {
                return Err(damaged("its checksum does not fit"));
            }
            place.verified.store(true, Ordering::Relaxed);
        }
        let (ids, rows) = place.header.records(payload, self.header.record_bytes()).map_err(damaged)?;
        Ok(Block { rows, ids, dead: &place.dead })
    }

    /// The block that the record of that number, counted over what is not deleted, is in, and its row there.
    pub(super) fn find(&self, record: u64) -> Option<(usize, usize)> {
        let mut before = 0;
        for (number, block) in self.blocks.iter().enumerate() {
            if record < before + block.live() {
                let mut row = usize::try_from(record - before).ok()?;
                for dead in &block.dead {
                    row += usize::from(*dead as usize <= row);
                }
                return Some((number, row));
            }
            before += block.live();
        }
        None
    }

    /// The number of a block's first record, counted over all records.
    pub(super) fn first_record(&self, number: usize) -> u64 {
        self.blocks.get(number).map_or(self.records, |block| block.before)
    }

    /// The blocks one by one.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Result<Block<'_>, Error>> {
        (0..self.len()).map(|number| self.block(number))
    }
}
