//! Aggregation one block at a time, for servers that stream results to several clients.

use super::evaluator::{Evaluator, ResidentIndex};
use super::index::Index;
use super::query::Query;
use crate::bignum::batch::Rows;
use crate::error::Error;
use crate::paillier::kernels::hamming_aggregate::Resident;
use crate::paillier::kernels::hamming_aggregate::hamming_aggregate_integers;
use std::borrow::Cow;
use std::ops::Range;

/// The encrypted distances of the vectors of one block to one query, as little-endian integers.
#[derive(Debug, Clone, Default)]
pub struct PartialResponse {
    limbs: Vec<u64>,
    /// Limbs of an integer.
    width: usize,
}

impl PartialResponse {
    /// Iterates over the integers, each of [`Parameters::ciphertext_bytes`] bytes, in the order of the vectors.
    ///
    /// [`Parameters::ciphertext_bytes`]: crate::Parameters::ciphertext_bytes
    pub fn integers(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        bytemuck::cast_slice(&self.limbs).chunks_exact((8 * self.width).max(1))
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.limbs.is_empty()
    }

    /// Resizes the buffer for `rows` integers of `width` limbs.
    fn resize(&mut self, rows: usize, width: usize) {
        self.limbs.resize(rows * width, 0);
        self.width = width;
    }
}

impl Index {
    /// Iterates over the row range of each block. Rows are counted from 0 over the whole file, including deleted ones.
    pub fn block_rows(&self) -> impl ExactSizeIterator<Item = Range<u64>> {
        (0..self.blocks()).map(|block| self.file.first_vector(block)..self.file.first_vector(block + 1))
    }
}

impl Evaluator {
    /// Aggregates queries with the vectors of one block of an index.
    ///
    /// `rows` selects vectors by their row in the block, counted from 0; `None` takes all, deleted or not. Results
    /// are in the order of the rows, one response per query. The memory of `responses` is reused.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Length`] if the numbers of responses and queries differ; [`Error::Format`] if the
    /// block is damaged or the block or row does not exist.
    pub fn aggregate_block(
        &self,
        queries: &Query,
        index: &ResidentIndex,
        block: usize,
        rows: Option<&[u32]>,
        responses: &mut [PartialResponse],
    ) -> Result<(), Error> {
        let (key, queries) = (self.public_key(), queries.vectors());
        key.check_id("the query", queries.key_id())?;
        index.index().check_key(key)?;
        if responses.len() != queries.len() {
            return Err(Error::Length { what: "the responses", expected: queries.len(), actual: responses.len() });
        }
        let stored = index.index().file.block(block)?.records;
        let not_resident = Resident::default();
        let resident = index.resident(block).filter(|resident| resident.is_on_gpu());
        let (limbs, resident) = match rows {
            None => (Cow::Borrowed(stored.limbs()), resident.unwrap_or(&not_resident)),
            Some(rows) => (Cow::Owned(gather(index.index(), block, stored, rows)?), &not_resident),
        };
        let stored = Rows::new(&limbs, stored.width());
        responses.iter_mut().for_each(|response| response.resize(stored.len(), stored.width()));
        let (modulus, queries) = (key.modulus(), queries.rows());
        if self.open_device().is_gpu() && queries.len() > 1 {
            // All queries in one dispatch, to keep a large GPU busy.
            let mut all = vec![0; queries.len() * limbs.len()];
            hamming_aggregate_integers(self.open_device(), modulus, queries, stored, resident, &mut all);
            for (response, answer) in responses.iter_mut().zip(all.chunks_exact(limbs.len().max(1))) {
                response.limbs.copy_from_slice(answer);
            }
            return Ok(());
        }
        for (response, query) in responses.iter_mut().zip(queries.iter()) {
            let query = Rows::new(query, queries.width());
            hamming_aggregate_integers(self.open_device(), modulus, query, stored, resident, &mut response.limbs);
        }
        Ok(())
    }
}

/// Copies the given rows into one buffer.
fn gather(index: &Index, block: usize, stored: Rows<'_>, rows: &[u32]) -> Result<Vec<u64>, Error> {
    let mut limbs = Vec::with_capacity(rows.len() * stored.width());
    for row in rows {
        let start = *row as usize * stored.width();
        let found = stored.limbs().get(start..start + stored.width());
        let missing = || Error::format(format!("block {block} has no row {row}")).in_file(index.path());
        limbs.extend_from_slice(found.ok_or_else(missing)?);
    }
    Ok(limbs)
}
