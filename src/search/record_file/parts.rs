//! Reads the blocks before the records of a response: the parts of queries, rows and deletions.

use super::block::Block;
use super::block_header::{BLOCK_HEADER_BYTES, BlockHeader, Content, Position};
use super::form::Form;
use super::stored_ids::check_padding;
use super::whole_file::WholeFile;
use crate::error::Error;
use crate::search::ids::Ids;

/// The rows of a block: their ids, and their bytes one after the other.
#[derive(Debug)]
#[cfg_attr(not(feature = "owner"), allow(dead_code, reason = "for the owner"))]
pub(in crate::search) struct RowBlock {
    pub(in crate::search) ids: Ids,
    /// The size of a row.
    pub(in crate::search) row_bytes: usize,
    pub(in crate::search) bytes: Vec<u8>,
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
            let reason = "damaged: its deletions are not in order, or exceed its vectors; copy it again";
            return Err(Error::format(reason).in_file(self.path()));
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
