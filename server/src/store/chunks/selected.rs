//! Changes and deletes chunks by their metadata: all of them, or none.
//!
//! A reading connection finds the chunks, so that a slow filter does not block writers. The writing connection then
//! evaluates the filter again, but only for chunks that changed in between.

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

/// The maximum number of chunks that a request changes by their metadata. Each takes about 70 bytes of memory.
const MOST_CHANGED: usize = 1_000_000;

/// A chunk that matched a filter, and the time of its last change.
struct Seen {
    key: i64,
    updated: Updated,
}

/// The time of a change, in the database's format.
type Updated = [u8; 24];

impl Store {
    /// Deletes the chunks in a selection and returns their number. A dry run only counts them.
    pub fn delete_selected(
        &self,
        principal: &Principal,
        selection: &Selection<'_>,
        is_dry_run: bool,
    ) -> ApiResult<u64> {
        let seen = self.find_seen(principal, selection, Permission::Delete)?;
        if is_dry_run || seen.is_empty() {
            return Ok(seen.len() as u64);
        }
        let mut connection = self.database.writer();
        let chunks = find(&connection, principal, selection, Permission::Delete, &seen)?;
        let base = knowledge_bases::number(&connection, principal, selection.base)?;
        self.delete_found(&mut connection, base, &chunks)?;
        Ok(chunks.len() as u64)
    }

    /// Changes the chunks in a selection and returns their number. A dry run only counts them.
    pub fn patch_selected(
        &self,
        principal: &Principal,
        selection: &Selection<'_>,
        change: &Change,
        is_dry_run: bool,
    ) -> ApiResult<u64> {
        let seen = self.find_seen(principal, selection, Permission::Write)?;
        if is_dry_run || seen.is_empty() {
            return Ok(seen.len() as u64);
        }
        let mut connection = self.database.writer();
        let chunks = find(&connection, principal, selection, Permission::Write, &seen)?;
        let base = knowledge_bases::number(&connection, principal, selection.base)?;
        let transaction = connection.transaction()?;
        for (number, chunk) in chunks.iter().enumerate() {
            write_change(&transaction, chunk, change)?;
            // Checked at intervals, so that a change beyond the quota does not fill the disk before it is refused.
            if number % 256 == 255 {
                self.quota.check(&transaction, principal, 0, 0)?;
            }
        }
        self.quota.check(&transaction, principal, 0, 0)?;
        transaction.execute(TOUCH, [base])?;
        transaction.commit()?;
        Ok(chunks.len() as u64)
    }

    /// Finds the chunks in a selection.
    fn find_seen(&self, principal: &Principal, selection: &Selection<'_>, needed: Permission) -> ApiResult<Vec<Seen>> {
        self.database.query(|connection| {
            let Some(condition) = selection.condition(connection, principal, needed)? else { return Ok(Vec::new()) };
            let mut statement =
                connection.prepare(&format!("SELECT key, updated_at FROM chunks WHERE {}", condition.sql))?;
            let mut rows = statement.query(params_from_iter(&condition.values))?;
            let mut seen = Vec::new();
            while let Some(row) = rows.next()? {
                if seen.len() == MOST_CHANGED {
                    return Err(ApiError::too_large(format!(
                        "meta_filter matches more than {MOST_CHANGED} chunks, the maximum for one request; nothing was \
                         changed. Narrow the filter and send several requests"
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

/// Returns the chunks that still exist and, if they changed since, still match.
fn find(
    connection: &Connection,
    principal: &Principal,
    selection: &Selection<'_>,
    needed: Permission,
    seen: &[Seen],
) -> ApiResult<Vec<Found>> {
    // The request may have waited long for the writing connection.
    interrupt::check()?;
    let Some(condition) = selection.condition(connection, principal, needed)? else { return Ok(Vec::new()) };
    let sql = "SELECT id, binding, segment, row, updated_at FROM chunks WHERE key = ?";
    let mut statement = connection.prepare_cached(sql)?;
    let mut chunks = Vec::with_capacity(seen.len());
    for Seen { key, updated: before } in seen {
        let mut rows = statement.query([key])?;
        let Some(row) = rows.next()? else { continue };
        // A chunk of another binding may have taken the key of a deleted one.
        let binding = row.get(1)?;
        let is_same = updated(row, 4)? == *before && binding == condition.binding;
        if is_same || matches(connection, &condition, *key)? {
            let place = Place { segment: row.get(2)?, row: row.get(3)? };
            chunks.push(Found { id: row.get(0)?, key: *key, binding, place });
        }
    }
    Ok(chunks)
}

fn matches(connection: &Connection, condition: &Condition, key: i64) -> ApiResult<bool> {
    let sql = format!("SELECT count(*) FROM chunks WHERE {} AND key = ?", condition.sql);
    let mut values = condition.values.clone();
    values.push(SqlValue::Integer(key));
    let count: i64 = connection.prepare_cached(&sql)?.query_row(params_from_iter(&values), |row| row.get(0))?;
    Ok(count > 0)
}

#[cfg(test)]
mod tests;
