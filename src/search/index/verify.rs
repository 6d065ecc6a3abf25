//! Verification of an index.

use super::Index;
use crate::error::Error;
use crate::paillier::validate;
use crate::progress::Progress;
use crate::search::evaluator::Evaluator;
use crate::search::taken::Taken;

impl Index {
    /// Verifies the checksum of every block.
    ///
    /// # Errors
    /// [`Error::Format`], naming the first block that is damaged.
    pub fn verify(&self) -> Result<(), Error> {
        self.file.blocks().try_for_each(|block| block.map(drop))
    }

    /// Collects the ids of its vectors.
    pub(super) fn taken(&self) -> Result<Taken, Error> {
        let mut taken = Taken::default();
        for ids in self.live_ids() {
            taken.insert_block(&ids?).map_err(|error| error.in_file(self.path()))?;
        }
        Ok(taken)
    }
}

impl Evaluator {
    /// Verifies every checksum of an index, that ids are unique, and that every ciphertext is a number from 1 to
    /// n² − 1; with `deep`, also that it is coprime to n, as every encryption with the key is. `progress` counts
    /// vectors.
    ///
    /// # Errors
    /// [`Error::WrongKey`]; [`Error::Format`], naming the first damaged block or duplicate id; [`Error::Ciphertext`],
    /// naming the first invalid vector by its row; [`Error::Cancelled`].
    pub fn verify(&self, index: &Index, deep: bool, progress: &Progress) -> Result<(), Error> {
        let key = self.public_key();
        index.check_key(key)?;
        let (mut taken, mut first) = (Taken::default(), 0);
        for block in index.live_blocks() {
            progress.check()?;
            let block = block?;
            taken.insert_block(&block.ids).map_err(|error| error.in_file(index.path()))?;
            let checked = if deep {
                validate::check_rows(key, self.open_device(), block.rows(), first)
            } else {
                validate::check_range(key, block.rows(), first)
            };
            checked.map_err(|error| error.in_file(index.path()))?;
            first += block.len() as u64;
            progress.add(block.len() as u64);
        }
        Ok(())
    }
}
