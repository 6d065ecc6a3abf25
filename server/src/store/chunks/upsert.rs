//! Stores chunks. With [`OnConflict`], chunks are upserted by name.

use super::write::{Found, TOUCH, move_to, tidy, write_change};
use super::{Change, MetadataChange, NewChunk};
use crate::error::{ApiError, ApiResult};
use crate::store::Store;
use crate::store::contexts;
use crate::store::knowledge_bases;
use crate::store::principal::{Permission, Principal, check_permission};
use crate::store::segment::Place;
use hushvec::Ciphertexts;
use rusqlite::{Connection, Transaction, params};
use std::collections::HashSet;

/// What to do with a chunk whose name is taken by another chunk of the same knowledge base and context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnConflict {
    /// Refuse the request; nothing is stored.
    Error,
    /// Keep the stored chunk.
    Skip,
    /// Give the stored chunk the new vector and embedding, and the new content and metadata if given.
    Replace,
}

/// The result of storing chunks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The id of each chunk, in the order of the request.
    pub ids: Vec<u64>,
    pub inserted: usize,
    pub replaced: usize,
    pub skipped: usize,
}

impl NewChunk {
    /// Returns the change to the stored chunk with its name.
    fn into_change(self) -> Change {
        Change {
            content: Some(self.content).filter(|content| !content.is_empty()),
            // The embedding of the old vector would be wrong.
            embedding: Some(self.embedding),
            name: None,
            metadata: self.metadata.map(MetadataChange::Replace),
        }
    }
}

impl Store {
    /// Stores chunks with their ciphertexts, which are in the same order. Without `on_conflict`, all chunks are new.
    pub fn insert(
        &self,
        principal: &Principal,
        (base, context): (&str, &str),
        chunks: Vec<NewChunk>,
        vectors: &Ciphertexts,
        on_conflict: Option<OnConflict>,
    ) -> ApiResult<Stored> {
        let mut connection = self.database.writer();
        let base = knowledge_bases::number(&connection, principal, base)?;
        check_permission(&connection, principal, base, Permission::Write)?;
        let context = contexts::number(&connection, principal, context)?;
        if chunks.is_empty() {
            return Ok(Stored::default());
        }
        // Checks names before anything is appended to segments.
        let named = match (on_conflict, contexts::binding(&connection, base, context)?) {
            (None, _) => std::iter::repeat_with(|| None).take(chunks.len()).collect(),
            (Some(on_conflict), binding) => find_named(&connection, binding, &chunks, on_conflict)?,
        };
        let is_written = |old: &Option<Found>| old.is_none() || on_conflict == Some(OnConflict::Replace);
        let written = named.iter().filter(|old| is_written(old)).count();
        let mut stored = Stored { inserted: named.iter().filter(|old| old.is_none()).count(), ..Stored::default() };
        (stored.replaced, stored.skipped) = (written - stored.inserted, named.len() - written);
        if written == 0 {
            stored.ids = named.iter().flatten().map(|old| old.id).collect();
            return Ok(stored);
        }
        let text = chunks.iter().zip(&named).filter(|(_, old)| old.is_none()).map(|(new, _)| new.text_bytes()).sum();
        self.quota.check(&connection, principal, stored.inserted, text)?;

        let binding = contexts::bind(&connection, principal, base, context)?;
        let collection = self.collection(&connection, binding)?;
        let places = if written == named.len() {
            collection.append(&connection, vectors)?
        } else {
            let some = vectors.iter().zip(&named).filter(|(_, old)| is_written(old)).map(|(vector, _)| vector);
            let some = Ciphertexts::from_ciphertexts(collection.evaluator().public_key(), &some.collect::<Vec<_>>())?;
            collection.append(&connection, &some)?
        };
        let transaction = connection.transaction()?;
        let sql = "UPDATE knowledge_bases SET next_chunk = next_chunk + ?2 WHERE key = ?1 RETURNING next_chunk - ?2";
        let first: u64 = transaction.query_row(sql, params![base, stored.inserted], |row| row.get(0))?;
        let (mut new_ids, mut new_places) = (first.., places.into_iter());
        let (mut published, mut retired) = (Vec::with_capacity(written), Vec::new());
        for (chunk, old) in chunks.into_iter().zip(named) {
            let place = if is_written(&old) { new_places.next() } else { None };
            let id = match (&old, place) {
                (Some(old), Some(place)) => {
                    write_change(&transaction, old, &chunk.into_change())?;
                    move_to(&transaction, old, &place)?;
                    retired.push(old.place);
                    published.push((place, old.id));
                    old.id
                }
                (Some(old), None) => old.id,
                (None, Some(place)) => {
                    let id = new_ids.next().unwrap_or_default();
                    insert_row(&transaction, (base, binding), id, &chunk, &place)?;
                    published.push((place, id));
                    id
                }
                (None, None) => return Err(ApiError::internal(&"a chunk has no ciphertext")),
            };
            stored.ids.push(id);
        }
        // Replaced chunks may have grown.
        self.quota.check(&transaction, principal, 0, 0)?;
        transaction.execute(TOUCH, [base])?;
        transaction.commit()?;
        collection.publish(published);
        if !retired.is_empty() {
            collection.retire(retired);
            tidy(&collection, &mut connection);
        }
        Ok(stored)
    }
}

fn insert_row(
    transaction: &Transaction<'_>,
    (base, binding): (i64, i64),
    id: u64,
    chunk: &NewChunk,
    place: &Place,
) -> ApiResult<()> {
    let metadata = chunk.metadata.clone().unwrap_or_default();
    let [a, b, c, d, e] = &metadata.tags;
    let (facets, name) = (metadata.stored_facets(), &chunk.name);
    transaction
        .prepare_cached(
            "INSERT INTO chunks (knowledge_base, id, binding, segment, row, name, tag1, tag2, tag3, tag4, tag5, facets)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![base, id, binding, place.segment, place.row, name, a, b, c, d, e, facets])?;
    let values = params![transaction.last_insert_rowid(), chunk.content, chunk.embedding];
    let sql = "INSERT INTO contents (chunk, content, embedding) VALUES (?, ?, ?)";
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

/// Returns, for each new chunk, the stored chunk with its name, if any.
fn find_named(
    connection: &Connection,
    binding: Option<i64>,
    chunks: &[NewChunk],
    on_conflict: OnConflict,
) -> ApiResult<Vec<Option<Found>>> {
    let (mut names, mut different) = (Vec::with_capacity(chunks.len()), HashSet::new());
    for (number, chunk) in chunks.iter().enumerate() {
        let Some(name) = chunk.name.as_deref() else {
            let message = format!("chunk {number} of the request has no name; with on_conflict, each chunk needs one");
            return Err(ApiError::invalid(message));
        };
        if !different.insert(name) {
            return Err(ApiError::invalid(format!(
                "the request has the duplicate name {name:?}; give each chunk its own"
            )));
        }
        names.push(name);
    }
    let sql = "SELECT id, key, segment, row FROM chunks WHERE binding = ? AND name = ? ORDER BY id LIMIT 2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = Vec::with_capacity(chunks.len());
    for name in names {
        let Some(binding) = binding else {
            found.push(None);
            continue;
        };
        let mut rows = statement.query(params![binding, name])?;
        let Some(row) = rows.next()? else {
            found.push(None);
            continue;
        };
        let place = Place { segment: row.get(2)?, row: row.get(3)? };
        let first = Found { id: row.get(0)?, key: row.get(1)?, binding, place };
        let id = first.id;
        if on_conflict == OnConflict::Error {
            let message = format!(
                "chunk {id} already has the name {name:?}; nothing was stored. Set on_conflict to skip or replace"
            );
            return Err(ApiError::conflict(message));
        }
        if let Some(row) = rows.next()? {
            let other: u64 = row.get(0)?;
            let message =
                format!("chunks {id} and {other} both have the name {name:?}; nothing was stored. Delete one of them");
            return Err(ApiError::conflict(message));
        }
        found.push(Some(first));
    }
    Ok(found)
}
