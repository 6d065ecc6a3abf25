//! The owner's part of a search: decodes responses and finds the nearest vectors.

use super::index::Index;
use super::response::Response;
use super::schemes;
use super::top_k::{Neighbour, TopK};
use crate::bignum::batch::Rows;
use crate::bit_matrix::BitMatrix;
use crate::context::ExecutionContext;
use crate::error::Error;
use crate::id::IdRef;
use crate::paillier::client::HomomorphicClient;
use crate::paillier::kernels::hamming_aggregate::hamming_aggregate;
use crate::progress::Progress;

impl Response {
    /// Returns the `k` nearest vectors for each query, nearest first.
    ///
    /// Decrypts every distance, on all cores. Memory does not grow with the response. `progress` counts ciphertexts.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Ciphertext`] or [`Error::Decode`], naming the ciphertext; [`Error::Format`] if the
    /// file is damaged; [`Error::Cancelled`].
    pub fn nearest(
        &self,
        context: &ExecutionContext,
        k: usize,
        progress: &Progress,
    ) -> Result<Vec<Vec<Neighbour>>, Error> {
        let mut nearest = vec![TopK::new(k); self.queries()];
        self.for_each_distance(context, progress, |query, id, distance| {
            if let Some(nearest) = nearest.get_mut(query) {
                nearest.push(id, distance);
            }
        })?;
        Ok(nearest.into_iter().map(TopK::into_sorted).collect())
    }

    /// Calls `visit` for every distance, with the number of the query and the id of the vector.
    ///
    /// # Errors
    /// As [`Response::nearest`].
    pub fn for_each_distance(
        &self,
        context: &ExecutionContext,
        progress: &Progress,
        mut visit: impl FnMut(usize, IdRef<'_>, u32),
    ) -> Result<(), Error> {
        let file = self.file();
        let in_file = |error: Error| error.in_file(file.path());
        schemes::check_key(file.header(), context.public_key()).map_err(in_file)?;
        let mut record = 0;
        let (mut blocks, queries, mut query) = (file.blocks(), self.queries(), 0);
        while let Some(block) = blocks.next_block()? {
            progress.check()?;
            let distances =
                context.client().decode_rows(context.secret_device(), block.records, record).map_err(in_file)?;
            for (row, distance) in distances.into_iter().enumerate() {
                visit(query, block.id(row), distance);
            }
            // Blocks cycle through the queries, as checked when the file was opened.
            query = (query + 1) % queries;
            record += block.vectors() as u64;
            progress.add(block.vectors() as u64);
        }
        Ok(())
    }
}

impl Index {
    /// Returns the `k` nearest vectors for each query vector, nearest first, for an owner who has the index locally.
    ///
    /// Encrypts the queries, then aggregates and decodes block by block, without a response file. `progress` counts
    /// ciphertexts.
    ///
    /// # Errors
    /// [`Error::Dimension`]; [`Error::WrongKey`]; [`Error::Format`] if the index is damaged; [`Error::Decode`];
    /// [`Error::Random`]; [`Error::Cancelled`].
    pub fn nearest(
        &self,
        context: &ExecutionContext,
        queries: &BitMatrix,
        k: usize,
        progress: &Progress,
    ) -> Result<Vec<Vec<Neighbour>>, Error> {
        let (key, device) = (context.public_key(), context.secret_device());
        let public_device = context.public_device();
        self.check_key(key)?;
        let queries = context.encrypt_vec_batch(queries)?;
        let mut nearest = vec![TopK::new(k); queries.len()];
        let (mut out, mut record) = (Vec::new(), 0);
        for block in self.live_blocks() {
            let block = block?;
            if block.is_empty() {
                continue;
            }
            let stored = block.rows();
            out.resize(stored.limbs().len(), 0);
            for (query, nearest) in queries.rows().iter().zip(&mut nearest) {
                progress.check()?;
                hamming_aggregate(public_device, key.modulus(), Rows::new(query, query.len()), stored, &mut out);
                let rows = Rows::new(&out, stored.width());
                let distances =
                    context.client().decode_rows(device, rows, record).map_err(|error| error.in_file(self.path()))?;
                for (id, distance) in block.ids.iter().zip(distances) {
                    nearest.push(id, distance);
                }
                progress.add(stored.len() as u64);
            }
            record += stored.len() as u64;
        }
        Ok(nearest.into_iter().map(TopK::into_sorted).collect())
    }
}
