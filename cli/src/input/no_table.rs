//! Tables without the feature `tables`: recognised and refused.

use super::layout::Layout;
use super::reader::Reader;
use super::row::{Place, Row};
use super::table_kind::Kind;
use crate::absent;
use crate::failure::Failure;
use std::path::Path;

/// An open table, which cannot exist.
pub enum Table {}

#[expect(clippy::needless_pass_by_value, reason = "has the signatures of the real `Table`")]
impl Table {
    pub fn open(reader: Reader, _: Kind, _: Layout, _: usize) -> Result<Self, Failure> {
        Err(reader.wrong(absent::TABLES))
    }

    pub fn count(reader: Reader, _: Kind) -> Result<u64, Failure> {
        Err(reader.wrong(absent::TABLES))
    }

    pub fn rows(&self) -> Option<u64> {
        match *self {}
    }

    pub fn name(&self) -> &Path {
        match *self {}
    }

    pub fn place(&self) -> Place {
        match *self {}
    }

    pub fn skip(&mut self, _: u64) -> Result<u64, Failure> {
        match *self {}
    }

    pub fn next(&mut self) -> Result<Option<Row>, Failure> {
        match *self {}
    }
}
