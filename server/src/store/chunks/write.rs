//! Changes and deletes chunks. Each call is atomic.

use super::select::unknown;
use super::{COLUMNS, Change, MetadataChange, stored};
use crate::error::{ApiError, ApiResult};
use crate::store::Store;
use crate::store::collection::Collection;
use crate::store::contexts;
use crate::store::knowledge_bases;
use crate::store::principal::{Permission, Principal, check_permission};
use crate::store::segment::Place;
use hushvec::{Ciphertexts, Evaluator};
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const TOUCH: &str =
    "UPDATE knowledge_bases SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE key = ?";

impl Store {
    /// Checks the permission and returns an evaluator with the context's public key.
    pub fn evaluator_for(
        &self,
        principal: &Principal,
        base: &str,
        context: &str,
        needed: Permission,
    ) -> ApiResult<Evaluator> {
        self.database.read(|connection| {
            let base = knowledge_bases::number(connection, principal, base)?;
            check_permission(connection, principal, base, needed)?;
            let context = contexts::number(connection, principal, context)?;
            Ok(Evaluator::on(&contexts::public_context(connection, context)?, &self.device))
        })
    }

    /// Changes chunks. `vectors` are new ciphertexts for the first `vectors.len()` of them.
    pub fn update(
        &self,
        principal: &Principal,
        base: &str,
        context: &str,
        changes: &[(u64, Change)],
        vectors: &Ciphertexts,
    ) -> ApiResult<()> {
        let mut connection = self.database.writer();
        let base = knowledge_bases::number(&connection, principal, base)?;
        check_permission(&connection, principal, base, Permission::Write)?;
        let context = contexts::number(&connection, principal, context)?;
        let binding = contexts::binding(&connection, base, context)?;
        let (found, missing) = find(&connection, base, changes.iter().map(|(id, _)| *id))?;
        if !missing.is_empty() {
            return Err(unknown(&missing));
        }
        if let Some(other) = found.values().find(|chunk| Some(chunk.binding) != binding) {
            let message = format!("chunk {} is encrypted under another context; nothing was changed", other.id);
            return Err(ApiError::conflict(message));
        }
        let Some(binding) = binding.filter(|_| !changes.is_empty()) else { return Ok(()) };
        let collection = self.collection(&connection, binding)?;
        if !vectors.is_empty() {
            // Checks the quota before anything is appended to segments.
            self.quota.check(&connection, principal, 0, 0)?;
        }
        let places = if vectors.is_empty() { Vec::new() } else { collection.append(&connection, vectors)? };
        let transaction = connection.transaction()?;
        for (number, (id, change)) in changes.iter().enumerate() {
            let Some(chunk) = found.get(id) else { continue };
            write_change(&transaction, chunk, change)?;
            if let Some(place) = places.get(number) {
                move_to(&transaction, chunk, place)?;
            }
        }
        self.quota.check(&transaction, principal, 0, 0)?;
        transaction.execute(TOUCH, [base])?;
        transaction.commit()?;
        let ids = changes.iter().map(|(id, _)| *id);
        let replaced: Vec<Place> = ids.clone().zip(&places).filter_map(|(id, _)| Some(found.get(&id)?.place)).collect();
        collection.publish(places.into_iter().zip(ids));
        collection.retire(replaced);
        tidy(&collection, &mut connection);
        Ok(())
    }

    /// Deletes chunks by their ids. Returns the number of deleted chunks, and the ids that do not exist.
    pub fn delete(&self, principal: &Principal, base: &str, ids: &[u64]) -> ApiResult<(u64, Vec<u64>)> {
        let mut connection = self.database.writer();
        let base = knowledge_bases::number(&connection, principal, base)?;
        check_permission(&connection, principal, base, Permission::Delete)?;
        let (found, missing) = find(&connection, base, ids.iter().copied())?;
        let chunks: Vec<Found> = found.into_values().collect();
        self.delete_found(&mut connection, base, &chunks)?;
        Ok((chunks.len() as u64, missing))
    }

    pub(super) fn delete_found(&self, connection: &mut Connection, base: i64, chunks: &[Found]) -> ApiResult<()> {
        let mut places = BTreeMap::<i64, Vec<Place>>::new();
        let transaction = connection.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM chunks WHERE key = ?")?;
            for chunk in chunks {
                delete.execute([chunk.key])?;
                places.entry(chunk.binding).or_default().push(chunk.place);
            }
        }
        transaction.execute(TOUCH, [base])?;
        transaction.commit()?;
        for (binding, places) in places {
            let collection = self.collection(connection, binding)?;
            collection.retire(places);
            tidy(&collection, connection);
        }
        Ok(())
    }
}

/// Records the new place of a chunk's ciphertext.
pub(super) fn move_to(transaction: &Transaction<'_>, chunk: &Found, place: &Place) -> ApiResult<()> {
    let sql = "UPDATE chunks SET segment = ?, row = ? WHERE key = ?";
    transaction.prepare_cached(sql)?.execute(params![place.segment, place.row, chunk.key])?;
    Ok(())
}

/// Tidies a collection. A failure is only logged: the data is correct without it.
pub(super) fn tidy(collection: &Arc<Collection>, connection: &mut Connection) {
    if let Err(error) = collection.tidy(connection) {
        tracing::warn!("cannot remove dead vectors from disk yet: {error}");
    }
}

/// A chunk to change or delete. It has no metadata, because there may be many chunks.
pub(super) struct Found {
    pub(super) id: u64,
    pub(super) key: i64,
    pub(super) binding: i64,
    pub(super) place: Place,
}

/// Returns chunks by their ids, and the ids that do not exist.
fn find(
    connection: &Connection,
    base: i64,
    ids: impl Iterator<Item = u64>,
) -> ApiResult<(BTreeMap<u64, Found>, Vec<u64>)> {
    let sql = "SELECT key, binding, segment, row FROM chunks WHERE knowledge_base = ? AND id = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let (mut found, mut missing) = (BTreeMap::new(), Vec::new());
    for id in ids {
        let Ok(number) = i64::try_from(id) else {
            missing.push(id);
            continue;
        };
        let mut rows = statement.query([base, number])?;
        match rows.next()? {
            Some(row) => {
                let place = Place { segment: row.get(2)?, row: row.get(3)? };
                found.insert(id, Found { id, key: row.get(0)?, binding: row.get(1)?, place });
            }
            None => missing.push(id),
        }
    }
    Ok((found, missing))
}

pub(super) fn write_change(transaction: &Transaction<'_>, found: &Found, change: &Change) -> ApiResult<()> {
    let sql = format!("SELECT {COLUMNS} FROM chunks c WHERE c.key = ?");
    let chunk = {
        let mut statement = transaction.prepare_cached(&sql)?;
        let mut rows = statement.query([found.key])?;
        let row = rows.next()?.ok_or_else(|| ApiError::internal(&"a chunk disappeared while it was changed"))?;
        stored(row)?
    };
    let mut metadata = chunk.metadata;
    match &change.metadata {
        Some(MetadataChange::Replace(new)) => metadata.clone_from(new),
        Some(MetadataChange::Patch(patch)) => patch.apply(&mut metadata),
        None => {}
    }
    let [a, b, c, d, e] = &metadata.tags;
    let name = change.name.as_ref().or(chunk.name.as_ref());
    transaction
        .prepare_cached(
            "UPDATE chunks SET name = ?, tag1 = ?, tag2 = ?, tag3 = ?, tag4 = ?, tag5 = ?, facets = ?,
             updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE key = ?",
        )?
        .execute(params![name, a, b, c, d, e, metadata.stored_facets(), chunk.key])?;
    if let Some(content) = &change.content {
        let sql = "UPDATE contents SET content = ? WHERE chunk = ?";
        transaction.prepare_cached(sql)?.execute(params![content, chunk.key])?;
    }
    if let Some(embedding) = &change.embedding {
        let sql = "UPDATE contents SET embedding = ? WHERE chunk = ?";
        transaction.prepare_cached(sql)?.execute(params![embedding, chunk.key])?;
    }
    Ok(())
}
