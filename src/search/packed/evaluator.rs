//! The evaluator of packed search: combines queries with index files, with the public context alone.

use super::index::PackedIndex;
use super::layout::{self, row_bytes, shared_bytes};
use super::query::{PackedQuery, shared_part};
use crate::atomic_file::AtomicFile;
use crate::destination::Content;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::device::report::DeviceReport;
use crate::error::Error;
use crate::packed_context::public::PackedPublicContext;
use crate::progress::Progress;
use crate::rlwe::packed::ExpandedQuery;
use crate::search::packed::layout::Record;
use crate::search::record_file::{Form, Header, Kind, deletions_block, shared_block, vectors_block};
use std::num::NonZeroUsize;
use std::path::Path;

/// Combines queries with indexes of packed search: a public context on an open device.
#[derive(Debug, Clone)]
pub struct PackedEvaluator {
    public: PackedPublicContext,
    pub(super) device: OpenDevice,
}

impl PackedEvaluator {
    /// Opens a device for a public context, with one thread per core.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn open(public: &PackedPublicContext, device: Device) -> Result<Self, Error> {
        Self::with_threads(public, device, None)
    }

    /// Like [`PackedEvaluator::open`], with a number of threads.
    ///
    /// # Errors
    /// [`Error::Device`].
    pub fn with_threads(
        public: &PackedPublicContext,
        device: Device,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, Error> {
        Ok(Self::on(public, &OpenDevice::open(device, threads)?))
    }

    /// Creates an evaluator on a device that is already open.
    pub fn on(public: &PackedPublicContext, device: &OpenDevice) -> Self {
        Self { public: public.clone(), device: device.clone() }
    }

    /// Returns the public context.
    pub fn public_context(&self) -> &PackedPublicContext {
        &self.public
    }

    /// Reports which device is used.
    pub fn device_report(&self) -> DeviceReport {
        self.device.report()
    }

    /// Combines every query with every vector of an index and writes the encrypted scores to a response file.
    ///
    /// It passes over the index once. Memory does not grow with the index. `progress` counts scores.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`] if the index is damaged; [`Error::Io`]; [`Error::Occupied`];
    /// [`Error::Cancelled`]. No response file is written on error.
    pub fn aggregate(
        &self,
        query: &PackedQuery,
        index: &PackedIndex,
        response: &Path,
        progress: &Progress,
    ) -> Result<(), Error> {
        let (key, parameters) = (self.public.public_id(), self.public.parameters());
        if query.public_id() != key {
            let (expected, actual) = (key.to_string(), query.public_id().to_string());
            return Err(Error::WrongKey { what: "the query", expected, actual });
        }
        index.check_key(key, parameters)?;
        let expanded = query.queries.iter().map(|query| self.public.evaluation_key().expand(&self.device, query));
        let expanded = expanded.collect::<Result<Vec<ExpandedQuery>, Error>>()?;

        let vectors = index.record_blocks().map(|number| index.index.file.vectors_of(number)).sum();
        let header = layout::header(Kind::Response, key, parameters, expanded.len(), vectors)?;
        let mut file = AtomicFile::create(response, Content::Response)?;
        file.write(&Header { query: Some(query.id()), ..header }.to_bytes())?;
        let parts: Vec<Vec<u8>> = { query.queries.iter().zip(&expanded).zip(&query.notes) }
            .map(|((query, expanded), note)| shared_part(query.id(), expanded.shared(), note, shared_bytes(parameters)))
            .collect();
        file.write(&shared_block(&parts, index.tail()?))?;
        index.write_tail(row_bytes(parameters), &mut file)?;
        progress.add(index.tail()? * expanded.len() as u64);
        let dead = index.dead_in_blocks()?;
        if !dead.is_empty() {
            file.write(&deletions_block(&dead))?;
        }

        let queries: Vec<&ExpandedQuery> = expanded.iter().collect();
        let answer_words = parameters.answer_bytes() / 4;
        index.scan(&self.device, &queries, progress, |scanned, answers| {
            let mut first = 0;
            for block in scanned {
                let ids = block.block.ids();
                for (query, words) in answers.iter().enumerate() {
                    let words = words[first * answer_words..].chunks_exact(answer_words);
                    let mut bytes = Vec::new();
                    block.records.iter().zip(words).for_each(|(record, words)| {
                        Record::write(record.nonce, words, &mut bytes);
                    });
                    file.write(&vectors_block(Form::RECORDS, query, &ids, &bytes))?;
                }
                first += block.records.len();
            }
            Ok(())
        })?;
        file.finish()
    }
}

impl PackedIndex {
    /// Writes the live rows of the tail as blocks.
    pub(super) fn write_tail(&self, row_bytes: usize, file: &mut AtomicFile) -> Result<(), Error> {
        let form = Form::Rows { bytes: row_bytes };
        for number in self.row_blocks() {
            let block = self.block(number)?;
            if block.form() != form {
                let reason = "its tail has rows of another size than this key's; restore the file from a copy";
                return Err(Error::format(reason).in_file(self.path()));
            }
            let live = block.live_ids();
            if !live.is_empty() {
                let rows: Vec<u8> = { block.live_vectors() }
                    .filter_map(|row| block.records.get(row))
                    .flat_map(bytemuck::cast_slice::<u64, u8>)
                    .copied()
                    .collect();
                file.write(&vectors_block(form, 0, &live, &rows))?;
            }
        }
        Ok(())
    }

    /// Returns the deleted vectors, by their numbers among those of the blocks of records that have live vectors.
    pub(super) fn dead_in_blocks(&self) -> Result<Vec<u64>, Error> {
        let (mut dead, mut first) = (Vec::new(), 0);
        for number in self.record_blocks() {
            dead.extend(self.index.file.dead_of(number).iter().map(|vector| first + u64::from(*vector)));
            first += self.index.file.vectors_of(number);
        }
        Ok(dead)
    }
}
