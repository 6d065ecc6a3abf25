//! What comes before the records of a response whose records hold several vectors: a part for each query, rows, and
//! deletions.

use super::block::Block;
use super::block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content, Form, Position};
use super::header::Kind;
use super::stored_ids::check_padding;
use super::whole_file::WholeFile;
use crate::error::Error;
use crate::search::ids::Ids;

/// The headers of the blocks before the first block of records.
#[derive(Debug, Default)]
pub(super) struct Preamble {
    blocks: Vec<(BlockHeader, Position)>,
    /// Where the first block of records begins.
    pub(super) end: u64,
}

/// The rows of a block: their ids, and their bytes one after the other.
#[derive(Debug)]
#[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
pub(in crate::search) struct RowBlock {
    pub(in crate::search) ids: Ids,
    /// The size of a row.
    pub(in crate::search) row_bytes: usize,
    pub(in crate::search) bytes: Vec<u8>,
}

impl Preamble {
    /// Reads the headers from an offset of a file up to the first block of records.
    ///
    /// # Errors
    /// [`Error::Format`] if blocks are incomplete, damaged or out of order; [`Error::Io`].
    pub(super) fn read(file: &WholeFile, start: u64) -> Result<Self, Error> {
        let mut preamble = Self { blocks: Vec::new(), end: start };
        if file.header().kind != Kind::Response || file.header().layout.vectors() == 1 {
            return Ok(preamble);
        }
        let mut rows_left = None;
        loop {
            let position = Position { number: preamble.blocks.len() as u64, at: preamble.end, vectors: 0 };
            let room = file.bytes().saturating_sub(position.at);
            if room < BLOCK_HEADER_BYTES as u64 {
                break;
            }
            let mut bytes = [0; BLOCK_HEADER_BYTES];
            file.read(position.at, &mut bytes)?;
            let Ok(Some(header)) = BlockHeader::from_bytes(&bytes, file.header().layout) else { break };
            match (header.content, rows_left) {
                (Content::Records { form: Form::Records { .. }, .. }, _) => break,
                (Content::Shared { rows, .. }, None) if header.count == file.header().groups => rows_left = Some(rows),
                (Content::Shared { .. }, _) => return Err(position.damaged("it has parts for other queries")),
                (Content::Records { group: 0, .. }, Some(left)) if header.count as u64 <= left => {
                    rows_left = Some(left - header.count as u64);
                }
                (Content::Records { .. }, _) => return Err(position.damaged("it has more rows than announced")),
                (Content::Deletions, Some(_)) => {}
                (Content::Deletions, None) => return Err(position.damaged("deletions come before the queries' parts")),
            }
            let payload = header.payload_bytes() as u64;
            if payload > room - BLOCK_HEADER_BYTES as u64 {
                return Err(incomplete(position.at));
            }
            preamble.blocks.push((header, position));
            preamble.end += BLOCK_HEADER_BYTES as u64 + payload;
        }
        if rows_left.is_some_and(|left| left > 0) {
            return Err(incomplete(preamble.end));
        }
        Ok(preamble)
    }

    /// Returns how many blocks it has.
    pub(super) fn len(&self) -> usize {
        self.blocks.len()
    }
}

impl WholeFile {
    /// Reads the parts of the queries of a response. There are none if the scheme has no such parts.
    ///
    /// # Errors
    /// [`Error::Format`] if they are damaged; [`Error::Io`].
    pub(in crate::search) fn shared_parts(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut parts = Vec::new();
        for (header, position) in &self.preamble().blocks {
            if let Content::Shared { bytes, .. } = header.content {
                let payload = self.payload(header, *position)?;
                let (_, all) = header.split(bytemuck::cast_slice(&payload)).map_err(|r| self.damaged(*position, r))?;
                parts.extend(all.chunks_exact(bytes).map(<[u8]>::to_vec));
            }
        }
        Ok(parts)
    }

    /// Returns how many rows a response has.
    pub(in crate::search) fn row_count(&self) -> u64 {
        let rows = |(header, _): &(BlockHeader, Position)| matches!(header.form(), Some(Form::Rows { .. }));
        self.preamble().blocks.iter().filter(|block| rows(block)).map(|(header, _)| header.count as u64).sum()
    }

    /// Reads the rows of a response, block by block.
    ///
    /// # Errors
    /// [`Error::Format`] if they are damaged; [`Error::Io`].
    pub(in crate::search) fn rows(&self) -> impl Iterator<Item = Result<RowBlock, Error>> {
        let rows = self.preamble().blocks.iter().filter_map(|(header, position)| match header.form() {
            Some(Form::Rows { bytes }) => Some((header, *position, bytes)),
            _ => None,
        });
        rows.map(|(header, position, row_bytes)| {
            let payload = self.payload(header, position)?;
            let block = Block::new(header, self.header().layout, bytemuck::cast_slice(&payload), &[]);
            let block = block.map_err(|reason| self.damaged(position, reason))?;
            let bytes = bytemuck::cast_slice(block.records.limbs()).to_vec();
            Ok(RowBlock { ids: block.ids(), row_bytes, bytes })
        })
    }

    /// Reads the numbers of the deleted vectors among those of the records, in ascending order.
    ///
    /// # Errors
    /// [`Error::Format`] if they are damaged; [`Error::Io`].
    pub(in crate::search) fn deletions(&self) -> Result<Vec<u64>, Error> {
        let mut deleted = Vec::<u64>::new();
        for (header, position) in &self.preamble().blocks {
            if header.content == Content::Deletions {
                let payload = self.payload(header, *position)?;
                let (numbers, padding) = payload.split_at(payload.len().min(header.count));
                check_padding(bytemuck::cast_slice(padding)).map_err(|reason| self.damaged(*position, reason))?;
                deleted.extend_from_slice(numbers);
            }
        }
        if !deleted.is_sorted_by(|a, b| a < b) || deleted.last().is_some_and(|last| *last >= self.header().vectors) {
            return Err(Error::format("damaged: its deletions are not in order; copy it again").in_file(self.path()));
        }
        Ok(deleted)
    }

    /// Reads the payload of a block and verifies its checksum.
    fn payload(&self, header: &BlockHeader, position: Position) -> Result<Vec<u64>, Error> {
        let mut payload = Vec::new();
        self.fill(position.at + BLOCK_HEADER_BYTES as u64, header.payload_bytes(), &mut payload)?;
        if crc32fast::hash(bytemuck::cast_slice(&payload)) != header.checksum {
            return Err(self.damaged(position, "its checksum does not match"));
        }
        Ok(payload)
    }

    fn damaged(&self, position: Position, reason: &str) -> Error {
        position.damaged(reason).in_file(self.path())
    }
}

fn incomplete(at: u64) -> Error {
    Error::format(format!("incomplete: it ends in the blocks before its records, at byte {at}; copy it again"))
}
