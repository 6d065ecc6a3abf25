//! Changing and deleting chunks by their metadata, as a whole or not at all.
//!
//! A reader finds the chunks, so that a slow filter keeps nobody from writing. The writer then evaluates the filter again only
//! for chunks that were changed in between.

use super::Change;
use super::select::{Condition, Selection};
use super::write::{Found, TOUCH, write_change};
use crate::error::{ApiError, ApiResult};
use crate::interrupt;
use crate::store::Store;
use crate::store::knowledge_bases;
use crate::store::principal::{Permission, Principal};
use crate::store::segment::Place;
use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, params_from_iter};

/// The most chunks that a request changes by their metadata: each takes about 70 bytes of memory.
const MOST_CHANGED: usize = 1_000_000;

/// A chunk that a filter let through, and when it was last changed.
struct Seen {
    key: i64,
    updated: Updated,
}

/// The time of a change, as the database writes it.
type Updated = [u8; 24];

impl Store {
    /// Deletes the chunks of a selection, or only counts them.
    pub fn delete_selected(
        &self,
        principal: &Principal,
        selection: &Selection<'_>,
        is_dry_run: bool,
    ) -> ApiResult<u64> {
        let seen = self.see(principal, selection, Permission::Delete)?;
        if is_dry_run || seen.is_empty() {
            return Ok(seen.len() as u64);
        }
        let mut connection = self.database.writer();
        let chunks = find(&connection, principal, selection, Permission::Delete, &seen)?;
        let base = knowledge_bases::number(&connection, principal, selection.base)?;
        self.delete_found(&mut connection, base, &chunks)?;
        Ok(chunks.len() as u64)
    }

    /// Changes the chunks of a selection, or only counts them.
    pub fn patch_selected(
        &self,
        principal: &Principal,
        selection: &Selection<'_>,
        change: &Change,
        is_dry_run: bool,
    ) -> ApiResult<u64> {
        let seen = self.see(principal, selection, Permission::Write)?;
        if is_dry_run || seen.is_empty() {
            return Ok(seen.len() as u64);
        }
        let mut connection = self.database.writer();
        let chunks = find(&connection, principal, selection, Permission::Write, &seen)?;
        let base = knowledge_bases::number(&connection, principal, selection.base)?;
        let transaction = connection.transaction()?;
        for (number, chunk) in chunks.iter().enumerate() {
            write_change(&transaction, chunk, change)?;
            // Now and then, so that a change that is refused has not filled the disk before.
            if number % 256 == 255 {
                self.quota.check(&transaction, principal, 0, 0)?;
            }
        }
        self.quota.check(&transaction, principal, 0, 0)?;
        transaction.execute(TOUCH, [base])?;
        transaction.commit()?;
        Ok(chunks.len() as u64)
    }

    /// The chunks of a selection.
    fn see(&self, principal: &Principal, selection: &Selection<'_>, needed: Permission) -> ApiResult<Vec<Seen>> {
        self.database.query(|connection| {
            let Some(condition) = selection.condition(connection, principal, needed)? else { return Ok(Vec::new()) };
            let mut statement =
                connection.prepare(&format!("SELECT key, updated_at FROM chunks WHERE {}", condition.sql))?;
            let mut rows = statement.query(params_from_iter(&condition.values))?;
            let mut seen = Vec::new();
            while let Some(row) = rows.next()? {
                if seen.len() == MOST_CHANGED {
                    return Err(ApiError::too_large(format!(
                        "the filter lets more than {MOST_CHANGED} chunks through, and no more can be changed at once; \
                         nothing was changed. Narrow the filter and send several requests"
                    )));
                }
                seen.push(Seen { key: row.get(0)?, updated: updated(row, 1)? });
            }
            Ok(seen)
        })
    }
}

fn updated(row: &rusqlite::Row<'_>, column: usize) -> ApiResult<Updated> {
    let text = row.get_ref(column)?.as_str().map_err(|error| ApiError::internal(&error))?;
    text.as_bytes().try_into().map_err(|error| ApiError::internal(&error))
}

/// Those of the chunks that are still there and, if they were changed since, still let through.
fn find(
    connection: &Connection,
    principal: &Principal,
    selection: &Selection<'_>,
    needed: Permission,
    seen: &[Seen],
) -> ApiResult<Vec<Found>> {
    // It may have waited long for the writer.
    interrupt::check()?;
    let Some(condition) = selection.condition(connection, principal, needed)? else { return Ok(Vec::new()) };
    let sql = "SELECT id, binding, segment, row, updated_at FROM chunks WHERE key = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut chunks = Vec::with_capacity(seen.len());
    for Seen { key, updated: before } in seen {
        let mut rows = statement.query([key])?;
        let Some(row) = rows.next()? else { continue };
        // A chunk of another binding may have the number of one that is gone.
        let binding = row.get(1)?;
        let is_same = updated(row, 4)? == *before && binding == condition.binding;
        if is_same || is_let_through(connection, &condition, *key)? {
            let place = Place { segment: row.get(2)?, row: row.get(3)? };
            chunks.push(Found { id: row.get(0)?, key: *key, binding, place });
        }
    }
    Ok(chunks)
}

fn is_let_through(connection: &Connection, condition: &Condition, key: i64) -> ApiResult<bool> {
    let sql = format!("SELECT count(*) FROM chunks WHERE {} AND key = ?", condition.sql);
    let mut values = condition.values.clone();
    values.push(SqlValue::Integer(key));
    let count: i64 = connection.prepare_cached(&sql)?.query_row(params_from_iter(&values), |row| row.get(0))?;
    Ok(count > 0)
}

#[cfg(test)]
mod tests;
