//! Merging several indexes of packed search into one.

use super::index::PackedIndex;
use super::layout::row_bytes;
use crate::atomic_file::AtomicFile;
use crate::destination::{self, Content};
use crate::error::Error;
use crate::progress::Progress;
use crate::search::index::Index;
use crate::search::index::merge::{check_alike, duplicate, in_order};
use crate::search::record_file::{Form, Header, deletions_block, vectors_block};
use crate::search::taken::Taken;
use std::path::Path;

impl PackedIndex {
    /// Writes the vectors of several indexes to a new index, with their ids. Returns how many vectors it has. Needs no
    /// key: blocks and rows are copied as they are, blocks first.
    ///
    /// The tail has the rows of all inputs, and deleted vectors stay in their blocks. `PackedIndex::compact` packs the
    /// tail and removes deleted vectors. The inputs are not changed. Shards can be given in any order: they are merged
    /// by number, and none may be missing. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`], [`Error::DuplicateId`], or [`Error::Format`] if an index is damaged, a shard is missing,
    /// or integer and string ids are mixed, naming the file; [`Error::Missing`] if no index is given;
    /// [`Error::Occupied`] if the output file exists; [`Error::Io`]; [`Error::Cancelled`]. No file is written on
    /// error.
    pub fn merge(inputs: &[Self], output: &Path, progress: &Progress) -> Result<u64, Error> {
        destination::check_free(output)?;
        let all: Vec<&Index> = inputs.iter().map(|input| &input.index).collect();
        let order = in_order(all)?;
        check_alike(&order)?;
        let mut inputs: Vec<&Self> = inputs.iter().collect();
        inputs.sort_by_key(|input| order.iter().position(|index| index.path() == input.path()));
        let first = *inputs.first().ok_or(Error::Missing("no index to merge; give at least one"))?;
        let mut next_number = 0;
        for input in &inputs {
            next_number = next_number.max(input.index.next_number()?.unwrap_or(u64::MAX));
        }
        let mut file = AtomicFile::create(output, Content::Index)?;
        file.write(&Header { next_number, shard: None, ..first.header().clone() }.to_bytes())?;
        let (mut taken, mut dead, mut vectors) = (Taken::default(), Vec::new(), 0);
        for (number, input) in inputs.iter().enumerate() {
            for ids in input.index.live_ids() {
                let ids = ids?;
                if let Err(row) = taken.insert_all(&ids)
                    && let Some(id) = ids.get(row)
                {
                    return Err(duplicate(order.get(..=number).unwrap_or_default(), id));
                }
            }
            for number in input.record_blocks() {
                progress.check()?;
                let block = input.block(number)?;
                input.records(&block)?;
                file.write(&vectors_block(
                    Form::RECORDS,
                    0,
                    &block.ids(),
                    bytemuck::cast_slice(block.records.limbs()),
                ))?;
                dead.extend(block.dead().iter().map(|vector| vectors + u64::from(*vector)));
                vectors += block.vectors() as u64;
                progress.add(input.index.file.live(number));
            }
        }
        for input in &inputs {
            progress.check()?;
            input.write_tail(row_bytes(input.parameters()), &mut file)?;
            progress.add(input.tail()?);
        }
        if !dead.is_empty() {
            file.write(&deletions_block(&dead))?;
        }
        file.finish_new()?;
        Ok(inputs.iter().map(|input| input.len()).sum())
    }
}
