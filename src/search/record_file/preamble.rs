//! The blocks before the records of a response whose records hold several vectors: a part for each query, rows, and
//! deletions.

use super::block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content, Position};
use super::form::Form;
use super::header::{Header, Kind};
use crate::error::Error;

/// The headers of the blocks before the first block of records.
#[derive(Debug, Default)]
pub(super) struct Preamble {
    pub(super) blocks: Vec<(BlockHeader, Position)>,
    /// Where the first block of records begins.
    pub(super) end: u64,
}

impl Preamble {
    /// Reads the headers from an offset of a file of `bytes` bytes up to the first block of records. `read` fills a
    /// buffer from an offset.
    ///
    /// # Errors
    /// [`Error::Format`] if blocks are incomplete, damaged or out of order; [`Error::Io`].
    pub(super) fn read(
        file: &Header,
        bytes: u64,
        start: u64,
        read: impl Fn(u64, &mut [u8]) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut preamble = Self { blocks: Vec::new(), end: start };
        if file.kind != Kind::Response || file.layout.vectors() == 1 {
            return Ok(preamble);
        }
        let mut rows_left = None;
        loop {
            let position = Position { number: preamble.blocks.len() as u64, at: preamble.end, vectors: 0 };
            let room = bytes.saturating_sub(position.at);
            if room < BLOCK_HEADER_BYTES as u64 {
                break;
            }
            let mut start = [0; BLOCK_HEADER_BYTES];
            read(position.at, &mut start)?;
            let Ok(Some(header)) = BlockHeader::from_bytes(&start, file.layout) else { break };
            match (header.content, rows_left) {
                (Content::Records { form: Form::Records { .. }, .. }, _) => break,
                (Content::Shared { rows, .. }, None) if header.count == file.groups => rows_left = Some(rows),
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

fn incomplete(at: u64) -> Error {
    Error::format(format!("incomplete: it ends in the blocks before its records, at byte {at}; copy it again"))
}
