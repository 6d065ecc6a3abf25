//! Encrypts vectors into the blocks and rows of index files.

use super::layout::{NONCE_BYTES, row_bytes};
use super::rows::RowKey;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::packed_context::owner::PackedContext;
use crate::rlwe::packed::{Parameters, PlainVectors, SecretKey, Vectors, plain_row};
use crate::search::ids::Ids;
use crate::search::record_file::Form;
use std::ops::Range;
use std::sync::Arc;

/// Records that are written as one block of a file.
const RECORDS: usize = 4;

/// Encrypts vectors for one key.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) key: Arc<SecretKey>,
    pub(super) rows: RowKey,
    pub(super) device: OpenDevice,
}

/// A block of a file: its form, its ids, and the bytes of its records or rows in several parts.
pub(super) struct Encoded<'a> {
    pub(super) form: Form,
    pub(super) ids: &'a Ids,
    pub(super) parts: &'a [&'a [u8]],
}

impl Encoder {
    pub(super) fn of(context: &PackedContext) -> Self {
        let device = context.open_device().clone();
        Self { key: Arc::clone(&context.key), rows: RowKey::of(context), device }
    }

    pub(super) fn parameters(&self) -> &Parameters {
        self.key.parameters()
    }

    /// Encrypts some vectors into blocks, which `write` takes. The first one has the form `form`.
    pub(super) fn blocks(
        &self,
        vectors: &Vectors<'_>,
        range: Range<usize>,
        ids: &Ids,
        mut form: Form,
        mut write: impl FnMut(Encoded<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let at_once = RECORDS * self.parameters().vectors_per_block();
        for first in range.clone().step_by(at_once) {
            let rows = first..range.end.min(first + at_once);
            let ids = ids.slice(rows.start - range.start..rows.end - range.start);
            let blocks = match vectors {
                Vectors::Bits(bits) => self.key.encrypt(&self.device, &Vectors::Bits(&bits.slice(rows))),
                Vectors::Reals(reals) => self.key.encrypt(&self.device, &Vectors::Reals(self.part(reals, rows))),
                Vectors::Integers(all) => self.key.encrypt(&self.device, &Vectors::Integers(self.part(all, rows))),
            }
            .map_err(|error| error.counted_from(first as u64))?;
            let heads: Vec<[u8; NONCE_BYTES]> = blocks.iter().map(|block| head(block.header().nonce())).collect();
            let words = blocks.iter().map(|block| bytemuck::cast_slice(block.words()));
            let parts: Vec<&[u8]> = heads.iter().zip(words).flat_map(|(head, words)| [&head[..], words]).collect();
            write(Encoded { form, ids: &ids, parts: &parts })?;
            form = Form::RECORDS;
        }
        Ok(())
    }

    /// Seals some vectors as rows, which `write` takes block by block.
    pub(super) fn rows(
        &self,
        vectors: &Vectors<'_>,
        range: Range<usize>,
        ids: &Ids,
        mut write: impl FnMut(Encoded<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let form = Form::Rows { bytes: row_bytes(self.parameters()) };
        let at_once = self.parameters().vectors_per_block();
        for first in range.clone().step_by(at_once) {
            let rows = first..range.end.min(first + at_once);
            let ids = ids.slice(rows.start - range.start..rows.end - range.start);
            let mut bytes = Vec::with_capacity(rows.len() * row_bytes(self.parameters()));
            for (row, id) in rows.zip(ids.iter()) {
                bytes.extend(self.rows.seal(id, &plain_row(self.parameters(), vectors, row)?)?);
            }
            write(Encoded { form, ids: &ids, parts: &[&bytes] })?;
        }
        Ok(())
    }

    /// Appends some vectors to others in the clear.
    pub(super) fn push(
        &self,
        plain: &mut PlainVectors,
        vectors: &Vectors<'_>,
        range: Range<usize>,
    ) -> Result<(), Error> {
        range.into_iter().try_for_each(|row| {
            let vector = plain_row(self.parameters(), vectors, row)?;
            plain.push(self.parameters(), &vector)
        })
    }

    /// Returns the components of some vectors.
    fn part<'a, T>(&self, all: &'a [T], rows: Range<usize>) -> &'a [T] {
        let dimensions = self.parameters().dimensions();
        &all[rows.start * dimensions..rows.end * dimensions]
    }
}

/// Returns the bytes before the words of a block.
fn head(nonce: &[u8; 32]) -> [u8; NONCE_BYTES] {
    let mut head = [0; NONCE_BYTES];
    head[..nonce.len()].copy_from_slice(nonce);
    head
}
