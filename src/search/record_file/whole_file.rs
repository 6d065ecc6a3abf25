//! Queries and responses: files that are written whole and read one block at a time.
//!
//! They come from other parties, who could shorten a mapped file and so kill the process; hence they are read. A reader
//! checks that the file is long enough for the counts in its header, and then allocates memory only as it reads.

use super::block::Block;
use super::block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content, Position};
use super::form::Form;
use super::header::{Check, HEADER_BYTES, Header, Kind};
use super::preamble::Preamble;
use crate::destination::open_regular;
use crate::error::Error;
use crate::search::ids::Ids;
use crate::search::taken::Taken;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The most bytes to read at once.
const PIECE: usize = 1 << 20;

/// An open file with a valid header.
#[derive(Debug)]
pub(in crate::search) struct WholeFile {
    path: PathBuf,
    file: File,
    header: Header,
    /// Its size in bytes when it was opened.
    len: u64,
    preamble: Preamble,
}

/// Reads the blocks of a file in order.
pub(in crate::search) struct Blocks<'a> {
    file: &'a WholeFile,
    /// The position of the next block.
    next: Position,
    /// The group of the next block. Blocks cycle through the groups.
    group: usize,
    /// The payload of a block, aligned.
    buffer: Vec<u64>,
}

/// The group and the ids of a block.
struct Part {
    group: usize,
    ids: Ids,
}

impl WholeFile {
    /// Opens a file whose header `check` accepts.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] if it is of another kind, its header is damaged, or it is shorter than the
    /// header says.
    pub(in crate::search) fn open(path: &Path, kind: Kind, check: Check) -> Result<Self, Error> {
        let file = open_regular(path)?;
        let len = file.metadata().map_err(Error::io("open", path))?.len();
        let read = || {
            let mut bytes = [0; HEADER_BYTES];
            let found = usize::try_from(len).unwrap_or(usize::MAX).min(HEADER_BYTES);
            let head = bytes.get_mut(..found).unwrap_or_default();
            read_at(&file, 0, head).map_err(|error| unreadable(path, error))?;
            let header = Header::from_bytes(head, check)?;
            header.check_kind(kind)?;
            // The smallest possible size: all vectors in as few records as possible.
            let (vectors, groups, layout) = (header.vectors, header.groups, header.layout);
            let announced = layout.least_bytes(vectors).and_then(|bytes| bytes.checked_mul(groups as u64));
            if announced.is_none_or(|bytes| bytes > len.saturating_sub(HEADER_BYTES as u64)) {
                let (size, room) = (layout.record_bytes(), layout.vectors());
                let records = if room == 1 { String::new() } else { format!(" for {room}") };
                return Err(Error::format(format!(
                    "incomplete: its header announces {groups} times {vectors} vectors in records of {size} \
                     bytes{records}, but the file has {len} bytes; copy it again"
                )));
            }
            Ok(header)
        };
        let header = read().map_err(|error: Error| error.in_file(path))?;
        let mut file = Self { path: path.to_owned(), file, header, len, preamble: Preamble::default() };
        let preamble = Preamble::read(&file.header, len, HEADER_BYTES as u64, |at, into| file.read(at, into));
        file.preamble = preamble.map_err(|error| error.in_file(path))?;
        Ok(file)
    }

    pub(super) fn preamble(&self) -> &Preamble {
        &self.preamble
    }

    pub(in crate::search) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::search) fn header(&self) -> &Header {
        &self.header
    }

    /// Returns a reader of the blocks that starts with the first.
    pub(in crate::search) fn blocks(&self) -> Blocks<'_> {
        let next = Position { number: self.preamble.len() as u64, at: self.preamble.end, vectors: 0 };
        Blocks { file: self, next, group: 0, buffer: Vec::new() }
    }

    /// Checks the ids of all blocks, without reading records.
    ///
    /// The blocks of a response come in rounds: one block for each query, in order, all with the same ids. No two
    /// vectors may have the same id, apart from deleted ones, whose ids can be used again. Takes memory for ids that are
    /// not consecutive numbers: see [`Taken`].
    ///
    /// # Errors
    /// [`Error::Format`], naming the block; [`Error::Io`].
    pub(in crate::search) fn check_ids(&self) -> Result<(), Error> {
        let check = || {
            let (mut blocks, mut taken) = (self.blocks(), Taken::default());
            for rows in self.rows() {
                taken.insert_block(&rows?.ids)?;
            }
            let deletions = self.deletions()?;
            let (mut dead, mut vectors) = (deletions.as_slice(), 0);
            let (mut group, mut ids) = (0, Ids::new());
            loop {
                let position = blocks.next;
                let Some(part) = blocks.next_part()? else { break };
                group = part.group;
                if group == 0 {
                    let end = vectors + part.ids.len() as u64;
                    let (here, rest) = dead.split_at(dead.partition_point(|vector| *vector < end));
                    match here {
                        [] => taken.insert_block(&part.ids)?,
                        _ => taken.insert_block(&without(&part.ids, vectors, here))?,
                    }
                    (dead, vectors, ids) = (rest, end, part.ids);
                } else if !part.ids.is_same(&ids) {
                    return Err(position.damaged(&format!("query {group} has other ids than query 0")));
                }
            }
            if group + 1 != self.header.groups && !ids.is_empty() {
                let missing = group + 1;
                return Err(Error::format(format!(
                    "incomplete: the last block for query {missing} is missing; copy the file again"
                )));
            }
            Ok(())
        };
        check().map_err(|error| error.in_file(&self.path))
    }

    /// Reads `bytes` bytes, a multiple of 8, into a buffer, which grows piece by piece.
    pub(super) fn fill(&self, mut at: u64, bytes: usize, buffer: &mut Vec<u64>) -> Result<(), Error> {
        buffer.clear();
        let mut left = bytes;
        while left > 0 {
            let (piece, before) = (left.min(PIECE), buffer.len());
            buffer.resize(before + piece / 8, 0);
            let into = buffer.get_mut(before..).unwrap_or_default();
            self.read(at, bytemuck::cast_slice_mut(into))?;
            at += piece as u64;
            left -= piece;
        }
        Ok(())
    }

    /// Fills a buffer from an offset of the file.
    pub(super) fn read(&self, at: u64, into: &mut [u8]) -> Result<(), Error> {
        read_at(&self.file, at, into).map_err(|error| unreadable(&self.path, error))
    }
}

impl Blocks<'_> {
    /// Reads the next block.
    ///
    /// # Errors
    /// [`Error::Format`] if it is damaged or incomplete; [`Error::Io`].
    pub(in crate::search) fn next_block(&mut self) -> Result<Option<Block<'_>>, Error> {
        let file = self.file;
        self.read_block().map_err(|error| error.in_file(&file.path))
    }

    fn read_block(&mut self) -> Result<Option<Block<'_>>, Error> {
        let position = self.next;
        let Some((header, _, at)) = self.next_header()? else { return Ok(None) };
        self.file.fill(at, header.payload_bytes(), &mut self.buffer)?;
        let payload = bytemuck::cast_slice(&self.buffer);
        if crc32fast::hash(payload) != header.checksum {
            return Err(position.damaged("its checksum does not match"));
        }
        Block::new(&header, self.file.header.layout, payload, &[]).map(Some).map_err(|reason| position.damaged(reason))
    }

    /// Reads the group and the ids of the next block, without verifying its checksum.
    fn next_part(&mut self) -> Result<Option<Part>, Error> {
        let position = self.next;
        let Some((header, group, at)) = self.next_header()? else { return Ok(None) };
        self.file.fill(at, header.id_bytes(), &mut self.buffer)?;
        let ids = header.ids(bytemuck::cast_slice(&self.buffer)).map_err(|reason| position.damaged(reason))?;
        Ok(Some(Part { group, ids: ids.to_ids(header.count) }))
    }

    /// Reads the header of the next block. Returns it with its group and the offset of its payload, which is
    /// complete, or `None` after the last vector.
    fn next_header(&mut self) -> Result<Option<(BlockHeader, usize, u64)>, Error> {
        let (file, next, expected) = (self.file, self.next, self.file.header.all_vectors().unwrap_or(0));
        let left = file.len - next.at;
        if left == 0 && next.vectors == expected {
            return Ok(None);
        }
        let incomplete = || {
            let found = next.vectors;
            Error::format(format!(
                "incomplete: {found} of {expected} vectors are readable, up to byte {}; copy the file again",
                next.at
            ))
        };
        if left < BLOCK_HEADER_BYTES as u64 {
            return Err(if next.vectors == expected { too_long(left) } else { incomplete() });
        }
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        file.read(next.at, &mut bytes)?;
        let header = BlockHeader::from_bytes(&bytes, file.header.layout).map_err(|reason| next.unknown(&reason))?;
        let header = header.ok_or_else(|| next.damaged("its header is not readable"))?;
        let expected_group = self.group;
        let group = match header.content {
            Content::Records { form: Form::RECORDS, group, .. } if group == expected_group => group,
            Content::Records { form: Form::RECORDS, group, .. } => {
                return Err(next.damaged(&format!(
                    "it answers query {group}, expected query {expected_group}: blocks are missing, repeated or swapped"
                )));
            }
            Content::Deletions => return Err(next.damaged("it deletes vectors, which only blocks of an index do")),
            Content::Shared { .. } | Content::Records { .. } => {
                return Err(next.damaged("it has rows or parts of queries, which come before all records"));
            }
        };
        let payload = header.payload_bytes() as u64;
        if payload > left - BLOCK_HEADER_BYTES as u64 {
            return Err(incomplete());
        }
        if header.count as u64 > expected - next.vectors {
            return Err(too_long(left));
        }
        let at = next.at + BLOCK_HEADER_BYTES as u64;
        let vectors = next.vectors + header.count as u64;
        self.next = Position { number: next.number + 1, at: at + payload, vectors };
        self.group = (group + 1) % file.header.groups;
        Ok(Some((header, group, at)))
    }
}

/// Returns the ids of a block without those of deleted vectors, whose numbers are counted like `first`, that of the first
/// vector of the block.
fn without(ids: &Ids, first: u64, deleted: &[u64]) -> Ids {
    let (mut deleted, mut live) = (deleted.iter().peekable(), Ids::new());
    let kept = (first..).zip(ids.iter()).filter(|(vector, _)| deleted.next_if_eq(&vector).is_none());
    kept.for_each(|(_, id)| drop(live.push(id)));
    live
}

fn too_long(left: u64) -> Error {
    Error::format(format!(
        "damaged: {left} bytes follow the last vector that the header announces; copy the file again"
    ))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return Error::format("the file was shortened while it was read; copy it again");
    }
    Error::io("read", path)(error)
}

/// Fills a buffer from an offset of a file. Several threads can read the same file.
#[cfg(unix)]
fn read_at(file: &File, at: u64, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

#[cfg(windows)]
fn read_at(file: &File, mut at: u64, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                at += read as u64;
                into = into.get_mut(read..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
