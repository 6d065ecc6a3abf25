//! Combines queries with the blocks of an index file, many blocks at a time.

use super::index::PackedIndex;
use super::layout::Record;
use crate::device::cpu::Run;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::progress::Progress;
use crate::rlwe::packed::{Block as PackedBlock, ExpandedQuery};
use crate::search::record_file::Block;
use std::sync::atomic::Ordering;

/// The maximum product of records and queries to combine at once: 64 MiB of answers.
const ANSWERS: usize = 4096;
/// The fewest and the most records to combine at once.
const RECORDS: [usize; 2] = [64, 1024];

/// A block of the file with its records.
pub(super) struct Scanned<'a> {
    pub(super) block: Block<'a>,
    pub(super) records: Vec<Record<'a>>,
}

impl PackedIndex {
    /// Combines at most [`most_queries`](super::query::most_queries) queries with all blocks that have live vectors.
    /// Passes some blocks at a time to `visit`, with the words of their answers to each query.
    ///
    /// # Errors
    /// [`Error::Format`] if a block is damaged; [`Error::Cancelled`]; errors of `visit`.
    pub(super) fn scan(
        &self,
        device: &OpenDevice,
        queries: &[&ExpandedQuery],
        progress: &Progress,
        mut visit: impl FnMut(&[Scanned<'_>], &[Vec<u32>]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let [least, most] = RECORDS;
        let at_once = (ANSWERS / queries.len().max(1)).clamp(least, most);
        let numbers: Vec<usize> = self.record_blocks().collect();
        let mut left = numbers.as_slice();
        while !left.is_empty() {
            progress.check()?;
            let (mut records, mut count) = (0, 0);
            while count < left.len() && (count == 0 || records < at_once) {
                records += self.index.file.records(left[count]);
                count += 1;
            }
            let (some, rest) = left.split_at(count);
            left = rest;
            let scanned = self.verified(device, some)?;
            let words: Vec<&[u32]> =
                scanned.iter().flat_map(|block| block.records.iter().map(|record| record.words)).collect();
            let answers = ExpandedQuery::answer(queries, device, &words);
            visit(&scanned, &answers)?;
            let vectors: usize = scanned.iter().map(|block| block.block.vectors()).sum();
            progress.add((vectors * queries.len()) as u64);
        }
        Ok(())
    }

    /// Reads blocks on all cores. The first time, their checksums and residues are verified.
    pub(super) fn verified(&self, device: &OpenDevice, numbers: &[usize]) -> Result<Vec<Scanned<'_>>, Error> {
        let mut read: Vec<Option<Result<Scanned<'_>, Error>>> = numbers.iter().map(|_| None).collect();
        device.cpu().for_each_run(&mut read, 1, Run::new(1, 1), |first, read| {
            for (read, number) in read.iter_mut().zip(&numbers[first..]) {
                *read = Some(self.read(*number));
            }
        });
        read.into_iter().flatten().collect()
    }

    fn read(&self, number: usize) -> Result<Scanned<'_>, Error> {
        let block = self.block(number)?;
        let records = self.records(&block)?;
        let checked = self.checked.get(number);
        if checked.is_none_or(|checked| !checked.load(Ordering::Relaxed)) {
            let check = |record: &Record<'_>| PackedBlock::check_words(self.parameters(), record.words);
            records.iter().try_for_each(check).map_err(|error| error.in_file(self.path()))?;
            if let Some(checked) = checked {
                checked.store(true, Ordering::Relaxed);
            }
        }
        Ok(Scanned { block, records })
    }
}
