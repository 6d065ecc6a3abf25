//! Decrypts the vectors of index files.

use super::encoder::Encoder;
use super::index::PackedIndex;
use crate::error::Error;
use crate::id::Id;
use crate::packed_context::owner::PackedContext;
use crate::rlwe::packed::{PlainVectors, plain_row};
use crate::search::ids::Ids;
use crate::search::record_file::{Block, Form};

impl PackedIndex {
    /// Returns the last appended vector and its id, even if it was deleted later. An interrupted job resumes after it.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if the last block is damaged, or was not encrypted with this key.
    pub fn last_appended(&self, context: &PackedContext) -> Result<Option<(Id, PlainVectors)>, Error> {
        self.check_key(context.public_id(), context.parameters())?;
        let Some(number) = self.index.file.len().checked_sub(1) else { return Ok(None) };
        let (encoder, block) = (Encoder::of(context), self.block(number)?);
        let last = block.vectors() - 1;
        let id = block.id(last).to_owned();
        let all = self.plain(&encoder, &block, &[last])?;
        Ok(Some((id, all)))
    }

    /// Decrypts the vectors of a block that are not deleted. Returns them with their ids.
    pub(super) fn live_plain(&self, encoder: &Encoder, block: &Block<'_>) -> Result<(Ids, PlainVectors), Error> {
        let live: Vec<usize> = block.live_vectors().collect();
        Ok((block.live_ids(), self.plain(encoder, block, &live)?))
    }

    /// Decrypts some vectors of a block, given by their numbers in ascending order.
    fn plain(&self, encoder: &Encoder, block: &Block<'_>, wanted: &[usize]) -> Result<PlainVectors, Error> {
        let parameters = self.parameters();
        let decrypt = || match block.form() {
            Form::Rows { .. } => {
                let mut plain = PlainVectors::with_capacity(parameters, wanted.len());
                for row in wanted {
                    let sealed = block.records.get(*row).map(bytemuck::cast_slice).unwrap_or_default();
                    plain.push(parameters, &encoder.rows.open(block.id(*row), sealed)?)?;
                }
                Ok(plain)
            }
            Form::Records { .. } => {
                let records = self.records(block)?;
                let parts: Vec<_> = records.iter().map(|record| (record.nonce, record.rows, record.words)).collect();
                let all = encoder.key.decrypt_words(&encoder.device, &parts)?;
                if wanted.len() == block.vectors() {
                    return Ok(all);
                }
                let mut plain = PlainVectors::with_capacity(parameters, wanted.len());
                for row in wanted {
                    plain.push(parameters, &plain_row(parameters, &all.as_vectors(), *row)?)?;
                }
                Ok(plain)
            }
        };
        decrypt().map_err(|error: Error| error.in_file(self.path()))
    }
}
