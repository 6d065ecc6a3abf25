//! The file that indexes, queries and responses are made of: a header, then blocks of ciphertexts with checksums.
//!
//! `docs/formats.md` has every byte. Blocks are only ever added at the end; a block is believed if its checksums fit,
//! so an append that was cut short leaves a tail that is not.

use crate::arith::batch::Rows;
use crate::error::Error;
use crate::paillier::parameters::Parameters;
use crate::paillier::public_key::{PublicId, PublicKey};
use memmap2::Mmap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub(super) const HEADER_BYTES: usize = 128;
const BLOCK_HEADER_BYTES: usize = 64;
const MAGIC: &[u8; 8] = b"hushvec\0";
const BLOCK_MAGIC: &[u8; 4] = b"BLK1";
const VERSION: u32 = 1;
/// The most rows of a block: a bound on what a damaged file can make a reader do.
pub(super) const MOST_ROWS: usize = 65_536;

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Index = 1,
    Query = 2,
    Response = 3,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Index => "an index",
            Self::Query => "an encrypted query",
            Self::Response => "a response",
        }
    }

    fn from_number(number: u32) -> Option<Self> {
        [Self::Index, Self::Query, Self::Response].into_iter().find(|kind| *kind as u32 == number)
    }
}

/// The first 128 bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) key: PublicId,
    pub(super) key_len: usize,
    pub(super) embedding_length: usize,
    /// Queries that a response answers; 1 in other files.
    pub(super) groups: usize,
    /// Records of each group in a finished file; 0 in an index, which grows.
    pub(super) rows: u64,
}

impl Header {
    pub(super) fn new(kind: Kind, key: &PublicKey, groups: usize, rows: u64) -> Self {
        let parameters = key.parameters();
        let (key_len, embedding_length) = (parameters.key_len(), parameters.embedding_length());
        Self { kind, key: key.id(), key_len, embedding_length, groups, rows }
    }

    /// Bytes of a ciphertext.
    pub(super) fn record_bytes(&self) -> usize {
        self.key_len / 2
    }

    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Bytes::<HEADER_BYTES>::default();
        bytes.put(0, MAGIC);
        bytes.put_u32(8, VERSION as usize);
        bytes.put_u32(12, self.kind as usize);
        bytes.put(16, &self.key.0);
        bytes.put_u32(48, self.key_len);
        bytes.put_u32(52, self.embedding_length);
        bytes.put_u32(56, self.record_bytes());
        bytes.put_u32(60, self.groups);
        bytes.put(64, &self.rows.to_le_bytes());
        bytes.seal()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = Bytes::<HEADER_BYTES>::read(bytes).filter(|bytes| &bytes.array::<8>(0) == MAGIC);
        let bytes = bytes.ok_or_else(|| Error::format("not a hushvec file"))?;
        if bytes.u32(8) != VERSION {
            return Err(Error::format(format!("version {} of the format; this build reads {VERSION}", bytes.u32(8))));
        }
        if !bytes.is_sealed() {
            return Err(Error::format("the header is damaged (its checksum does not fit)"));
        }
        let kind = Kind::from_number(bytes.u32(12)).ok_or_else(|| Error::format("a kind of file not known here"))?;
        let header = Self {
            kind,
            key: PublicId(bytes.array(16)),
            key_len: bytes.u32(48) as usize,
            embedding_length: bytes.u32(52) as usize,
            groups: bytes.u32(60) as usize,
            rows: u64::from_le_bytes(bytes.array(64)),
        };
        let sizes_fit = Parameters::KEY_LENGTHS.contains(&header.key_len)
            && (1..header.key_len).contains(&header.embedding_length)
            && bytes.u32(56) as usize == header.record_bytes();
        if sizes_fit { Ok(header) } else { Err(Error::format("the header has sizes that no key has")) }
    }

    /// # Errors
    /// [`Error::WrongKey`] if the file is not of this key.
    pub(super) fn check_key(&self, key: &PublicKey) -> Result<(), Error> {
        key.check_id(self.kind.name(), self.key)
    }
}

/// Some bytes with numbers at fixed places and a CRC-32 of all before it at the end.
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> Default for Bytes<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> Bytes<N> {
    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|bytes| Self(*bytes))
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Sizes here are bounded far below 2^32.
    fn put_u32(&mut self, at: usize, number: usize) {
        self.put(at, &u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn array<const M: usize>(&self, at: usize) -> [u8; M] {
        core::array::from_fn(|i| self.0[at + i])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    fn seal(mut self) -> [u8; N] {
        let checksum = crc32fast::hash(&self.0[..N - 4]);
        self.put(N - 4, &checksum.to_le_bytes());
        self.0
    }

    fn is_sealed(&self) -> bool {
        self.u32(N - 4) == crc32fast::hash(&self.0[..N - 4])
    }
}

/// The bytes of a block, header and payload. `ids` are the records' ids unless they are `first`, `first + 1` and so on.
pub(super) fn block_bytes(group: usize, first: u64, ids: Option<&[u64]>, rows: Rows<'_>) -> Vec<u8> {
    let ids = bytemuck::cast_slice::<u64, u8>(ids.unwrap_or(&[]));
    let records = bytemuck::cast_slice::<u64, u8>(rows.limbs());
    let padded_ids = ids.len().next_multiple_of(64);
    let mut block = Vec::with_capacity(BLOCK_HEADER_BYTES + padded_ids + records.len());
    block.resize(BLOCK_HEADER_BYTES, 0);
    block.extend_from_slice(ids);
    block.resize(BLOCK_HEADER_BYTES + padded_ids, 0);
    block.extend_from_slice(records);
    let mut header = Bytes::<BLOCK_HEADER_BYTES>::default();
    header.put(0, BLOCK_MAGIC);
    header.put_u32(4, rows.len());
    header.put(8, &first.to_le_bytes());
    header.put_u32(16, group);
    header.put_u32(20, usize::from(!ids.is_empty()));
    header.put(32, &crc32fast::hash(&block[BLOCK_HEADER_BYTES..]).to_le_bytes());
    block[..BLOCK_HEADER_BYTES].copy_from_slice(&header.seal());
    block
}

/// Where a block is.
#[derive(Debug)]
struct BlockInfo {
    payload: usize,
    rows: usize,
    first: u64,
    group: usize,
    has_ids: bool,
    checksum: u32,
    verified: AtomicBool,
}

impl BlockInfo {
    fn ids_bytes(&self) -> usize {
        if self.has_ids { (8 * self.rows).next_multiple_of(64) } else { 0 }
    }

    fn payload_bytes(&self, record_bytes: usize) -> usize {
        self.ids_bytes() + self.rows * record_bytes
    }
}

/// A block whose checksum fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    pub(super) first: u64,
    #[cfg_attr(not(feature = "owner"), expect(dead_code, reason = "only the owner reads responses"))]
    pub(super) group: usize,
    ids: Option<&'a [u64]>,
    pub(super) rows: Rows<'a>,
}

impl Block<'_> {
    /// The id of a row.
    pub(super) fn id(&self, row: usize) -> u64 {
        self.ids.and_then(|ids| ids.get(row)).copied().unwrap_or(self.first + row as u64)
    }

    /// The ids, if they are not simply numbers in order.
    pub(super) fn ids(&self) -> Option<&[u64]> {
        self.ids
    }
}

/// A file of blocks, mapped into memory.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    map: Mmap,
    header: Header,
    blocks: Vec<BlockInfo>,
    /// Where the last whole block ends.
    end: usize,
}

impl RecordFile {
    /// Maps a file and finds its blocks. The payload of the last one is verified, because that is the one that a crash
    /// could have cut; the others when they are first read.
    pub(super) fn open(path: &Path, kind: Kind) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        // SAFETY: the map is read-only and lives as long as `self`. Nobody may change or shorten the file meanwhile:
        // hushvec itself only ever appends to index files and replaces the others whole, and docs/formats.md asks the
        // same of everyone else.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        Self::read(path, map, kind).map_err(|error| error.in_file(path))
    }

    fn read(path: &Path, map: Mmap, kind: Kind) -> Result<Self, Error> {
        let header = Header::from_bytes(&map)?;
        if header.kind != kind {
            return Err(Error::format(format!("{}, expected {}", header.kind.name(), kind.name())));
        }
        let mut file = Self { path: path.to_owned(), map, header, blocks: Vec::new(), end: HEADER_BYTES };
        while let Some(block) = file.block_at(file.end) {
            let last = block.payload + block.payload_bytes(file.header.record_bytes());
            file.blocks.push(block);
            file.end = last;
        }
        if !file.blocks.is_empty() && file.block(file.blocks.len() - 1).is_err() {
            file.blocks.pop();
            file.end = file
                .blocks
                .last()
                .map_or(HEADER_BYTES, |block| block.payload + block.payload_bytes(file.header.record_bytes()));
        }
        if let Some(offset) = file.block_after(file.end) {
            return Err(Error::format(format!(
                "damaged in the middle: {} blocks are readable, then nothing until another block at byte {offset}",
                file.blocks.len()
            )));
        }
        Ok(file)
    }

    /// The block whose header is at this byte, if that is sound and the payload is all there.
    fn block_at(&self, at: usize) -> Option<BlockInfo> {
        let bytes = Bytes::<BLOCK_HEADER_BYTES>::read(self.map.get(at..)?)?;
        if &bytes.array::<4>(0) != BLOCK_MAGIC || !bytes.is_sealed() {
            return None;
        }
        let block = BlockInfo {
            payload: at + BLOCK_HEADER_BYTES,
            rows: bytes.u32(4) as usize,
            first: u64::from_le_bytes(bytes.array(8)),
            group: bytes.u32(16) as usize,
            has_ids: bytes.u32(20) == 1,
            checksum: bytes.u32(32),
            verified: AtomicBool::new(false),
        };
        let whole = (1..=MOST_ROWS).contains(&block.rows)
            && block.payload + block.payload_bytes(self.header.record_bytes()) <= self.map.len();
        whole.then_some(block)
    }

    /// Whether anything after `from` looks like a block: then the gap before it is damage and not a torn end.
    fn block_after(&self, from: usize) -> Option<usize> {
        let last = self.map.len().saturating_sub(BLOCK_HEADER_BYTES);
        (from..=last).step_by(64).skip(1).find(|at| self.block_at(*at).is_some())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
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
        self.map.len() - self.end
    }

    /// How many blocks.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Records in all blocks.
    pub(super) fn records(&self) -> u64 {
        self.blocks.iter().map(|block| block.rows as u64).sum()
    }

    /// A block, its checksum verified when it is first asked for.
    pub(super) fn block(&self, number: usize) -> Result<Block<'_>, Error> {
        let damaged = |reason: &str| Error::format(format!("block {number} is damaged: {reason}")).in_file(&self.path);
        let info = self.blocks.get(number).ok_or_else(|| damaged("it does not exist"))?;
        let bytes = info.payload_bytes(self.header.record_bytes());
        let payload = self.map.get(info.payload..info.payload + bytes).ok_or_else(|| damaged("it is cut short"))?;
        if !info.verified.load(Ordering::Relaxed) {
            if crc32fast::hash(payload) != info.checksum {
                return Err(damaged("its checksum does not fit"));
            }
            info.verified.store(true, Ordering::Relaxed);
        }
        let words = bytemuck::try_cast_slice::<u8, u64>(payload).map_err(|_| damaged("it is not aligned"))?;
        let (ids, records) = words.split_at(info.ids_bytes() / 8);
        let ids = info.has_ids.then(|| &ids[..info.rows]);
        let rows = Rows::new(records, self.header.record_bytes() / 8);
        Ok(Block { first: info.first, group: info.group, ids, rows })
    }

    /// The block that the record of that number, counted over all blocks, is in, and its row there.
    pub(super) fn find(&self, record: u64) -> Option<(usize, usize)> {
        let mut before = 0;
        for (number, block) in self.blocks.iter().enumerate() {
            let rows = block.rows as u64;
            if record < before + rows {
                return usize::try_from(record - before).ok().map(|row| (number, row));
            }
            before += rows;
        }
        None
    }

    /// The blocks one by one.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Result<Block<'_>, Error>> {
        (0..self.len()).map(|number| self.block(number))
    }

    /// For files that are written whole: everything announced is there.
    pub(super) fn check_complete(&self) -> Result<(), Error> {
        let expected = self.header.rows.saturating_mul(self.header.groups as u64);
        if self.records() == expected && self.torn_bytes() == 0 {
            return Ok(());
        }
        let found = self.records();
        Err(Error::format(format!("incomplete: {found} of {expected} ciphertexts are readable")).in_file(&self.path))
    }
}
