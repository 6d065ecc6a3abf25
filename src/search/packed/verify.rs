//! Verification of an index of packed search.

use super::evaluator::PackedEvaluator;
use super::index::PackedIndex;
use super::layout::row_bytes;
use crate::error::Error;
use crate::progress::Progress;
use crate::search::record_file::Form;
use crate::search::taken::Taken;

impl PackedIndex {
    /// Verifies the checksum of every block.
    ///
    /// # Errors
    /// [`Error::Format`], naming the first block that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        self.index.verify()
    }
}

impl PackedEvaluator {
    /// Verifies every checksum of an index, that ids are unique, that residues are reduced, and the size of the rows of
    /// the tail. `progress` counts vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`], naming the first damaged block or duplicate id; [`Error::Cancelled`].
    pub fn verify(&self, index: &PackedIndex, progress: &Progress) -> Result<(), Error> {
        let public = self.public_context();
        index.check_key(public.public_id(), public.parameters())?;
        let rows = Form::Rows { bytes: row_bytes(public.parameters()) };
        let mut taken = Taken::default();
        for number in 0..index.index.file.len() {
            progress.check()?;
            let block = index.block(number)?;
            let live = block.live_ids();
            taken.insert_block(&live).map_err(|error| error.in_file(index.path()))?;
            if matches!(block.form(), Form::Records { .. }) {
                index.verified(&self.device, &[number])?;
            } else if block.form() != rows {
                let reason =
                    format!("block {number} has rows of another size than this key's; restore the file from a copy");
                return Err(Error::format(reason).in_file(index.path()));
            }
            progress.add(live.len() as u64);
        }
        Ok(())
    }
}
