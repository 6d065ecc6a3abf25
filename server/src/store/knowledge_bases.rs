//! Knowledge bases.

use super::Store;
use super::collection::segment_path;
use super::database::optional;
use super::principal::{Permission, Principal, check_permission};
use super::quota;
use crate::api_key;
use crate::error::{ApiError, ApiResult};
use rusqlite::{Connection, params};
use serde::Serialize;

/// A knowledge base in a reply.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnowledgeBase {
    id: String,
    name: String,
    description: String,
    number_of_vectors: i64,
    created_at: String,
    updated_at: String,
}

const RECORD: &str = "SELECT id, name, description, (SELECT count(*) FROM chunks c WHERE c.knowledge_base = k.key),
                      created_at, updated_at FROM knowledge_bases k";

fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<KnowledgeBase> {
    Ok(KnowledgeBase {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        number_of_vectors: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// Returns the key of a knowledge base by its id.
pub fn number(connection: &Connection, principal: &Principal, id: &str) -> ApiResult<i64> {
    let sql = "SELECT key FROM knowledge_bases WHERE organisation = ? AND id = ?";
    let found =
        optional(connection.prepare_cached(sql)?.query_row(params![principal.organisation, id], |row| row.get(0)))?;
    found.ok_or_else(|| ApiError::not_found(format!("this organisation has no knowledge base {id:?}")))
}

impl Store {
    /// Returns the knowledge bases of an organisation: all for the admin key, the permitted ones for an API key.
    pub fn knowledge_bases(&self, principal: &Principal) -> ApiResult<Vec<KnowledgeBase>> {
        let permitted =
            "?2 IS NULL OR EXISTS (SELECT 1 FROM permissions p WHERE p.api_key = ?2 AND p.knowledge_base = k.key)";
        self.database.read(|connection| {
            let sql = format!("{RECORD} WHERE organisation = ?1 AND ({permitted}) ORDER BY key");
            let mut statement = connection.prepare_cached(&sql)?;
            let bases = statement.query_map(params![principal.organisation, principal.api_key], record)?;
            Ok(bases.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Returns a knowledge base.
    pub fn knowledge_base(&self, principal: &Principal, id: &str) -> ApiResult<KnowledgeBase> {
        self.database.read(|connection| {
            let key = number(connection, principal, id)?;
            check_permission(connection, principal, key, Permission::Read)?;
            Ok(connection.prepare_cached(&format!("{RECORD} WHERE key = ?"))?.query_row([key], record)?)
        })
    }

    /// Creates a knowledge base.
    pub fn create_knowledge_base(
        &self,
        principal: &Principal,
        name: &str,
        description: &str,
    ) -> ApiResult<KnowledgeBase> {
        let id = api_key::generate_id().map_err(|error| ApiError::internal(&error))?;
        let connection = self.database.writer();
        quota::check_knowledge_bases(&connection, principal)?;
        connection.execute(
            "INSERT INTO knowledge_bases (organisation, id, name, description) VALUES (?, ?, ?, ?)",
            params![principal.organisation, id, name, description],
        )?;
        drop(connection);
        self.knowledge_base(principal, &id)
    }

    /// Deletes a knowledge base with everything in it.
    pub fn delete_knowledge_base(&self, principal: &Principal, id: &str) -> ApiResult<()> {
        let mut connection = self.database.writer();
        let key = number(&connection, principal, id)?;
        let list = |connection: &Connection, sql: &str| -> ApiResult<Vec<i64>> {
            Ok(connection.prepare(sql)?.query_map([key], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
        };
        let bindings = list(&connection, "SELECT key FROM bindings WHERE knowledge_base = ?")?;
        let segments = list(
            &connection,
            "SELECT s.key FROM segments s JOIN bindings b ON b.key = s.binding WHERE b.knowledge_base = ?",
        )?;
        let transaction = connection.transaction()?;
        // Deletes chunks explicitly: cascading foreign keys would search for them once per deleted parent row.
        transaction
            .execute("DELETE FROM contents WHERE chunk IN (SELECT key FROM chunks WHERE knowledge_base = ?)", [key])?;
        transaction.execute("DELETE FROM chunks WHERE knowledge_base = ?", [key])?;
        transaction.execute("DELETE FROM knowledge_bases WHERE key = ?", [key])?;
        transaction.commit()?;
        bindings.iter().for_each(|binding| self.forget(*binding));
        for segment in segments {
            // A file that cannot be removed is removed at the next start of the server.
            let _ = std::fs::remove_file(segment_path(&self.segments, segment));
        }
        Ok(())
    }
}
