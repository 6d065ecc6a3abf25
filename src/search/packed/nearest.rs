//! The owner's part of packed search: encrypts queries, decodes responses and finds the best vectors.

use super::index::PackedIndex;
use super::layout::{self, Record};
use super::query::{PackedQuery, most_queries};
use super::response::{PackedResponse, Part};
use super::rows::{Note, RowKey};
use crate::error::Error;
use crate::id::{Id, IdRef};
use crate::packed_context::owner::PackedContext;
use crate::progress::Progress;
use crate::query_id::QueryId;
use crate::rlwe::packed::{BlockHeader, ExpandedQuery, Metric, Parameters, Response, Vectors, plain_row, score};
use crate::search::record_file::Form;
use crate::search::top_k::TopK;

/// A vector that a query found.
#[derive(Debug, Clone, PartialEq)]
pub struct PackedNeighbour {
    /// The id of the vector.
    pub id: Id,
    /// Its Hamming distance from the query, or the inner product of the scaled and rounded vector and query.
    pub score: i32,
    /// For inner products: the cosine of the angle between the two, with the error that
    /// [`Parameters::cosine_error`] states.
    pub cosine: Option<f64>,
}

/// Keeps the k best scores of a query.
struct Best {
    nearest: TopK,
    /// Ranks are distances, or this number minus inner products.
    most: Option<i32>,
}

impl Best {
    fn new(k: usize, parameters: &Parameters) -> Self {
        let most = match parameters.metric() {
            Metric::Hamming => None,
            Metric::InnerProduct { .. } => Some(parameters.most_score()),
        };
        Self { nearest: TopK::new(k), most }
    }

    fn push(&mut self, id: IdRef<'_>, score: i32) {
        // Scores are at most `most` in absolute value, but for rows that a forger wrote.
        let rank = self.most.map_or(score, |most| most.saturating_sub(score));
        self.nearest.push(id, rank.max(0).cast_unsigned());
    }

    fn into_sorted(self, parameters: &Parameters) -> Vec<PackedNeighbour> {
        let neighbours = self.nearest.into_sorted().into_iter();
        let found = neighbours.map(|neighbour| {
            let rank = neighbour.distance.cast_signed();
            let score = self.most.map_or(rank, |most| most - rank);
            PackedNeighbour { id: neighbour.id, score, cosine: parameters.cosine(score) }
        });
        found.collect()
    }
}

impl PackedContext {
    /// Encrypts query vectors.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotANumber`] or [`Error::Unsupported`] for vectors that do not suit the key;
    /// [`Error::Parameter`] if there are none, or more than fit into one file: 47 for 512 bits; [`Error::Random`].
    pub fn encrypt_queries(&self, vectors: &Vectors<'_>) -> Result<PackedQuery, Error> {
        let rows = vectors.rows(self.parameters())?.min(most_queries(self.parameters()) + 1);
        let key = RowKey::of(self);
        let (mut queries, mut notes) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let (query, secret) = self.key.encrypt_query(self.open_device(), vectors, row)?;
            notes.push(key.seal_note(&secret, &plain_row(self.parameters(), vectors, row)?)?);
            queries.push(query);
        }
        PackedQuery::new(self.public_id(), self.parameters(), QueryId::random()?, queries, notes)
    }

    /// Returns the maximum number of query vectors in a file.
    pub fn most_queries(&self) -> usize {
        most_queries(self.parameters())
    }
}

impl PackedResponse {
    /// Returns the `k` best vectors for each query, best first.
    ///
    /// Decodes every score, on all cores. Memory does not grow with the response. `progress` counts scores.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if the file is damaged, or an answer does not belong to this query and
    /// key: that is reported after all answers were decoded, so the time does not reveal which one was refused.
    /// [`Error::Io`]; [`Error::Cancelled`].
    pub fn nearest(
        &self,
        context: &PackedContext,
        k: usize,
        progress: &Progress,
    ) -> Result<Vec<Vec<PackedNeighbour>>, Error> {
        let parameters = context.parameters();
        let mut best: Vec<Best> = (0..self.queries()).map(|_| Best::new(k, parameters)).collect();
        self.for_each_score(context, progress, |query, id, score| {
            if let Some(best) = best.get_mut(query) {
                best.push(id, score);
            }
        })?;
        Ok(best.into_iter().map(|best| best.into_sorted(parameters)).collect())
    }

    /// Calls `visit` for every score, with the number of the query and the id of the vector. `visit` must only collect
    /// the scores: use them after this returns `Ok`, because the response may still be refused.
    ///
    /// # Errors
    /// As [`PackedResponse::nearest`].
    pub fn for_each_score(
        &self,
        context: &PackedContext,
        progress: &Progress,
        mut visit: impl FnMut(usize, IdRef<'_>, i32),
    ) -> Result<(), Error> {
        let file = self.file();
        let in_file = |error: Error| error.in_file(file.path());
        let parameters = context.parameters();
        layout::check_key(file.header(), context.public_id(), parameters).map_err(in_file)?;
        let key = RowKey::of(context);
        let notes = self.parts().iter().map(|part| key.open_note(part.query, &part.note));
        let notes = notes.collect::<Result<Vec<Note>, Error>>().map_err(in_file)?;
        for rows in file.rows() {
            let rows = rows?;
            progress.add((rows.ids.len() * notes.len()) as u64);
            for (id, sealed) in rows.ids.iter().zip(rows.bytes.chunks_exact(rows.row_bytes)) {
                let vector = key.open(id, sealed).map_err(in_file)?;
                notes.iter().enumerate().for_each(|(query, note)| {
                    visit(query, id, score(parameters, &vector, &note.vector));
                });
            }
        }
        let dead = file.deletions()?;
        let (mut blocks, mut query, mut first, mut refused) = (file.blocks(), 0, 0, None);
        while let Some(block) = blocks.next_block()? {
            progress.check()?;
            let vectors = block.vectors();
            let records = Record::all(&block, parameters).ok_or_else(|| {
                in_file(Error::format("an answer has bytes that the format reserves; copy the file again"))
            })?;
            if let (Some(part), Some(note)) = (self.parts().get(query), notes.get(query)) {
                // The error is returned only after everything was decoded.
                match decode(context, part, note, &records) {
                    Ok(scores) => {
                        let from = dead.partition_point(|vector| *vector < first);
                        let mut dead = dead[from..].iter().peekable();
                        for (row, score) in scores.into_iter().enumerate() {
                            if dead.next_if_eq(&&(first + row as u64)).is_none() {
                                visit(query, block.id(row), score);
                            }
                        }
                    }
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            query += 1;
            if query == self.queries() {
                query = 0;
                first += vectors as u64;
            }
            progress.add(vectors as u64);
        }
        refused.map_or(Ok(()), |error| Err(in_file(error)))
    }
}

/// Decodes the answers of some records to a query.
fn decode(context: &PackedContext, part: &Part, note: &Note, records: &[Record<'_>]) -> Result<Vec<i32>, Error> {
    let parameters = context.parameters();
    let headers: Vec<BlockHeader> = records.iter().map(|record| record.header(parameters)).collect();
    let words: Vec<u32> = records.iter().flat_map(|record| record.words).copied().collect();
    let response = Response::new(parameters, part.query, part.shared.clone(), words);
    let headers: Vec<&BlockHeader> = headers.iter().collect();
    context.key.decode(context.open_device(), &note.secret, &headers, &response)
}

impl PackedIndex {
    /// Returns the `k` best vectors for each query vector, best first, for an owner who has the index locally.
    ///
    /// Encrypts the queries, scans the index and decodes, without a response file. `progress` counts scores.
    ///
    /// # Errors
    /// [`Error::Dimension`], [`Error::NotANumber`] or [`Error::Unsupported`] for vectors that do not suit the key;
    /// [`Error::WrongKey`]; [`Error::Format`] if the index is damaged; [`Error::Random`]; [`Error::Cancelled`].
    pub fn nearest(
        &self,
        context: &PackedContext,
        queries: &Vectors<'_>,
        k: usize,
        progress: &Progress,
    ) -> Result<Vec<Vec<PackedNeighbour>>, Error> {
        let parameters = context.parameters();
        self.check_key(context.public_id(), parameters)?;
        let rows = queries.rows(parameters)?;
        let evaluation_key = context.key.evaluation_key(context.open_device())?;
        let mut best: Vec<Best> = (0..rows).map(|_| Best::new(k, parameters)).collect();
        self.search_tail(context, queries, &mut best)?;
        progress.add(self.tail()? * rows as u64);
        let at_once = most_queries(parameters);
        for (pass, best) in best.chunks_mut(at_once).enumerate() {
            let device = context.open_device();
            let (mut expanded, mut secrets) = (Vec::new(), Vec::new());
            for row in pass * at_once..pass * at_once + best.len() {
                let (query, secret) = context.key.encrypt_query(device, queries, row)?;
                expanded.push(evaluation_key.expand(context.open_device(), &query)?);
                secrets.push((query.id(), secret));
            }
            let expanded: Vec<&ExpandedQuery> = expanded.iter().collect();
            let mut refused = None;
            self.scan(context.open_device(), &expanded, progress, |scanned, answers| {
                let records = || scanned.iter().flat_map(|block| &block.records);
                let headers: Vec<BlockHeader> = records().map(|record| record.header(parameters)).collect();
                let headers: Vec<&BlockHeader> = headers.iter().collect();
                for (((best, answer), (id, secret)), expanded) in
                    best.iter_mut().zip(answers).zip(&secrets).zip(&expanded)
                {
                    let response = Response::new(parameters, *id, expanded.shared().to_vec(), answer.clone());
                    match context.key.decode(device, secret, &headers, &response) {
                        Ok(scores) => {
                            let mut scores = scores.as_slice();
                            for block in scanned {
                                let (here, rest) = scores.split_at(block.block.vectors().min(scores.len()));
                                scores = rest;
                                for row in block.block.live_vectors() {
                                    best.push(block.block.id(row), here.get(row).copied().unwrap_or_default());
                                }
                            }
                        }
                        Err(error) => refused = refused.take().or(Some(error)),
                    }
                }
                Ok(())
            })?;
            if let Some(error) = refused {
                return Err(error.in_file(self.path()));
            }
        }
        Ok(best.into_iter().map(|best| best.into_sorted(parameters)).collect())
    }

    /// Compares the rows of the tail with each query in the clear.
    fn search_tail(&self, context: &PackedContext, queries: &Vectors<'_>, best: &mut [Best]) -> Result<(), Error> {
        let (key, parameters) = (RowKey::of(context), context.parameters());
        let plain = (0..best.len()).map(|row| plain_row(parameters, queries, row));
        let plain = plain.collect::<Result<Vec<_>, Error>>()?;
        for number in self.row_blocks() {
            let block = self.block(number)?;
            debug_assert!(matches!(block.form(), Form::Rows { .. }));
            for row in block.live_vectors() {
                let sealed = block.records.get(row).map(bytemuck::cast_slice).unwrap_or_default();
                let vector = key.open(block.id(row), sealed).map_err(|error| error.in_file(self.path()))?;
                for (query, best) in plain.iter().zip(best.iter_mut()) {
                    best.push(block.id(row), score(parameters, &vector, query));
                }
            }
        }
        Ok(())
    }
}
