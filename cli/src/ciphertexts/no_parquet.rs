//! Parquet without the feature `tables`: recognised and refused.

use crate::absent;
use crate::failure::Failure;
use hushvec::{Ids, Index, PublicContext};
use std::path::Path;

/// A reader of Parquet that cannot exist.
pub enum Reader {}

impl Reader {
    pub fn open(path: &Path, _: &PublicContext) -> Result<Self, Failure> {
        Err(absent::tables(path))
    }

    pub fn path(&self) -> &Path {
        match *self {}
    }

    pub fn len(&self) -> u64 {
        match *self {}
    }

    pub fn read_block(&mut self) -> Result<(Vec<u8>, Option<Ids>), Failure> {
        match *self {}
    }
}

/// A writer of Parquet that cannot exist.
pub enum Writer {}

impl Writer {
    pub fn create(path: &Path, _: &Index, _: &PublicContext) -> Result<Self, Failure> {
        Err(absent::tables(path))
    }

    pub fn write(&mut self, _: &Ids, _: &[u8]) -> Result<(), Failure> {
        match *self {}
    }

    pub fn finish(self) -> Result<(), Failure> {
        match self {}
    }
}
