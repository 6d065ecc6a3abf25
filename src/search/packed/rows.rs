//! Sealed rows of the tail and sealed notes of queries, which the owner stores in files of packed search.

use super::layout::{NUMBERS_BYTES, note_bytes, row_bytes};
use crate::envelope::EnvelopeKey;
use crate::error::Error;
use crate::id::IdRef;
use crate::packed_context::owner::PackedContext;
use crate::paillier::public_key::PublicId;
use crate::query_id::QueryId;
use crate::rlwe::packed::{Parameters, QuerySecret, SecretKey};
use zeroize::Zeroizing;

/// Seals and opens the rows of a tail and the notes of queries.
pub(crate) struct RowKey {
    rows: EnvelopeKey,
    notes: EnvelopeKey,
    id: PublicId,
    parameters: Parameters,
}

/// The opened note of a query for its owner.
pub(super) struct Note {
    pub(super) secret: QuerySecret,
    /// The vector in the clear.
    pub(super) vector: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RowKey(…)")
    }
}

impl RowKey {
    pub(super) fn of(context: &PackedContext) -> Self {
        Self::new(context.key(), context.public_id())
    }

    /// Derives the keys from a secret key with a public id.
    pub(crate) fn new(key: &SecretKey, id: PublicId) -> Self {
        let derive = |purpose| EnvelopeKey::derive(key.seed(), purpose);
        let [rows, notes] = ["hushvec packed 1: rows", "hushvec packed 1: notes"].map(derive);
        Self { rows, notes, id, parameters: key.parameters().clone() }
    }

    /// Seals a vector in the clear for its id.
    pub(crate) fn seal(&self, id: IdRef<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let mut sealed = self.rows.seal(plain, &self.row_data(id))?;
        sealed.resize(row_bytes(&self.parameters), 0);
        Ok(sealed)
    }

    /// Opens the row with an id.
    ///
    /// # Errors
    /// [`Error::Format`] if it was not sealed with this key for this id.
    pub(super) fn open(&self, id: IdRef<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let length = self.parameters.plain_bytes() + 28;
        let (sealed, padding) = sealed.split_at_checked(length).unwrap_or_default();
        let valid = sealed.len() == length
            && row_bytes(&self.parameters) == length + padding.len()
            && padding.iter().all(|byte| *byte == 0);
        let opened = self.rows.open(sealed, &self.row_data(id)).ok().filter(|_| valid);
        opened.ok_or_else(|| {
            let reason =
                format!("the row with the id {id:?} was not sealed with this key, or was changed or exchanged");
            Error::format(reason)
        })
    }

    /// Seals the note of a query.
    pub(crate) fn seal_note(&self, secret: &QuerySecret, vector: &[u8]) -> Result<Vec<u8>, Error> {
        let mut note = Zeroizing::new(Vec::with_capacity(NUMBERS_BYTES + vector.len()));
        note.extend_from_slice(&secret.to_bytes());
        note.extend_from_slice(vector);
        self.notes.seal(&note, &self.note_data(secret.query_id()))
    }

    /// Opens the note of a query.
    ///
    /// # Errors
    /// [`Error::Format`] if it was not sealed with this key for this query.
    pub(super) fn open_note(&self, query: QueryId, sealed: &[u8]) -> Result<Note, Error> {
        let opened = self.notes.open(sealed, &self.note_data(query)).ok();
        let opened = opened.filter(|note| note.len() + 28 == note_bytes(&self.parameters));
        let opened = opened.ok_or_else(|| {
            Error::format(format!("query {query} was not encrypted with this key, or the response was changed"))
        })?;
        let (numbers, vector) = opened.split_at(NUMBERS_BYTES);
        Ok(Note { secret: QuerySecret::from_bytes(numbers)?, vector: Zeroizing::new(vector.to_vec()) })
    }

    /// The associated data of a row: the key, the kind of the id, and the id.
    fn row_data(&self, id: IdRef<'_>) -> Vec<u8> {
        let mut data = [b"hushvec packed row 1\0", &self.id.as_bytes()[..]].concat();
        match id {
            IdRef::Number(number) => {
                data.push(0);
                data.extend_from_slice(&number.to_le_bytes());
            }
            IdRef::Text(text) => {
                data.push(1);
                data.extend_from_slice(text.as_bytes());
            }
        }
        data
    }

    fn note_data(&self, query: QueryId) -> Vec<u8> {
        [b"hushvec packed note 1\0", &self.id.as_bytes()[..], query.as_bytes()].concat()
    }
}
