//! Organisations, API keys and their permissions.

use super::database::optional;
use super::principal::{Permission, Principal};
use super::{Store, knowledge_bases, quota};
use crate::api_key::{self, ADMIN_PREFIX, KeyHash};
use crate::error::{ApiError, ApiResult};
use rusqlite::{Connection, params};
use serde::Serialize;

/// Information about an API key, without the key itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    hash: String,
    /// The first five characters of the key.
    first_n: String,
    name: String,
    description: String,
    status: &'static str,
    created_at: String,
}

/// The permission of a key for a knowledge base.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionRecord {
    knowledge_base_id: String,
    permission: i64,
}

impl Store {
    /// Creates an organisation if it does not exist, and returns its admin key. Only a hash of the key is stored, so a
    /// lost key cannot be recovered.
    pub fn create_organisation(&self, name: &str) -> ApiResult<Option<String>> {
        let connection = self.database.writer();
        if organisation(&connection, name)?.is_some() {
            return Ok(None);
        }
        let key = api_key::generate_admin().map_err(|error| ApiError::internal(&error))?;
        let sql = "INSERT INTO organisations (name, admin_hash) VALUES (?, ?)";
        connection.execute(sql, params![name, KeyHash::of(&key).bytes()])?;
        Ok(Some(key))
    }

    /// Replaces the admin key of an organisation and returns the new one. The old key stops working at once.
    pub fn rotate_admin_key(&self, principal: &Principal) -> ApiResult<String> {
        let key = api_key::generate_admin().map_err(|error| ApiError::internal(&error))?;
        // Compares the hash again in the update: of two requests with a leaked key, the second must fail.
        let sql = "UPDATE organisations SET admin_hash = ? WHERE key = ? AND admin_hash = ?";
        let hash = KeyHash::of(&key);
        let values = params![hash.bytes(), principal.organisation, principal.key_hash.bytes()];
        match self.database.writer().execute(sql, values)? {
            0 => Err(ApiError::unauthorized("the admin key was replaced by another request")),
            _ => Ok(key),
        }
    }

    /// Replaces the admin key of an organisation without checking the old one. Returns `None` if there is no such
    /// organisation.
    pub fn replace_admin_key(&self, name: &str) -> ApiResult<Option<String>> {
        let key = api_key::generate_admin().map_err(|error| ApiError::internal(&error))?;
        let sql = "UPDATE organisations SET admin_hash = ? WHERE name = ?";
        let changed = self.database.writer().execute(sql, params![KeyHash::of(&key).bytes(), name])?;
        Ok((changed > 0).then_some(key))
    }

    /// Returns the principal that a key belongs to.
    pub fn authenticate(&self, key: &str) -> ApiResult<Option<Principal>> {
        let hash = KeyHash::of(key);
        self.database.read(|connection| {
            let (sql, api_key) = if key.starts_with(ADMIN_PREFIX) {
                ("SELECT admin_hash, key, name, NULL FROM organisations WHERE substr(admin_hash, 1, 16) = ?", false)
            } else {
                let sql =
                    "SELECT k.hash, o.key, o.name, k.key FROM api_keys k JOIN organisations o ON o.key = k.organisation
                           WHERE k.selector = ? AND NOT k.revoked";
                (sql, true)
            };
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query([hash.selector()])?;
            while let Some(row) = rows.next()? {
                let stored: Vec<u8> = row.get(0)?;
                if KeyHash::from_bytes(&stored).is_some_and(|stored| stored.matches(&hash)) {
                    return Ok(Some(Principal {
                        organisation: row.get(1)?,
                        organisation_name: row.get(2)?,
                        api_key: if api_key { Some(row.get(3)?) } else { None },
                        key_hash: hash,
                    }));
                }
            }
            Ok(None)
        })
    }

    /// Creates an API key. Returns its record and the key itself.
    pub fn create_key(&self, principal: &Principal, name: &str, description: &str) -> ApiResult<(KeyRecord, String)> {
        let key = loop {
            let key = api_key::generate().map_err(|error| ApiError::internal(&error))?;
            // An API key must not look like an admin key.
            if !key.starts_with(ADMIN_PREFIX) {
                break key;
            }
        };
        let hash = KeyHash::of(&key);
        let first: String = key.chars().take(5).collect();
        let connection = self.database.writer();
        quota::check_keys(&connection, principal)?;
        connection.execute(
            "INSERT INTO api_keys (organisation, selector, hash, first_characters, name, description) VALUES (?, ?, ?, ?, ?, ?)",
            params![principal.organisation, hash.selector(), hash.bytes(), first, name, description],
        )?;
        Ok((key_record(&connection, principal, &hash.name())?, key))
    }

    /// Returns all API keys of an organisation.
    pub fn keys(&self, principal: &Principal) -> ApiResult<Vec<KeyRecord>> {
        self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached(&format!("{KEY_RECORD} WHERE organisation = ? ORDER BY key"))?;
            let keys = statement.query_map([principal.organisation], record)?.collect::<rusqlite::Result<_>>()?;
            Ok(keys)
        })
    }

    /// Revokes an API key permanently.
    pub fn revoke_key(&self, principal: &Principal, hash: &str) -> ApiResult<KeyRecord> {
        let connection = self.database.writer();
        let key = key_number(&connection, principal, hash)?;
        connection.execute("UPDATE api_keys SET revoked = 1 WHERE key = ?", [key])?;
        key_record(&connection, principal, hash)
    }

    /// Returns the permissions of an API key.
    pub fn permissions(&self, principal: &Principal, hash: &str) -> ApiResult<Vec<PermissionRecord>> {
        self.database.read(|connection| {
            let key = key_number(connection, principal, hash)?;
            let mut statement = connection.prepare_cached(
                "SELECT k.id, p.permission FROM permissions p JOIN knowledge_bases k ON k.key = p.knowledge_base
                 WHERE p.api_key = ? ORDER BY k.key",
            )?;
            let record = |row: &rusqlite::Row<'_>| {
                Ok(PermissionRecord { knowledge_base_id: row.get(0)?, permission: row.get(1)? })
            };
            let permissions = statement.query_map([key], record)?.collect::<rusqlite::Result<_>>()?;
            Ok(permissions)
        })
    }

    /// Sets an API key's permission for a knowledge base, replacing the previous one.
    pub fn set_permission(
        &self,
        principal: &Principal,
        hash: &str,
        id: &str,
        permission: Permission,
    ) -> ApiResult<PermissionRecord> {
        let connection = self.database.writer();
        let key = key_number(&connection, principal, hash)?;
        let base = knowledge_bases::number(&connection, principal, id)?;
        connection.execute(
            "INSERT INTO permissions (api_key, knowledge_base, permission) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET permission = ?3",
            params![key, base, permission as i64],
        )?;
        Ok(PermissionRecord { knowledge_base_id: id.to_owned(), permission: permission as i64 })
    }

    /// Removes an API key's permission for a knowledge base.
    pub fn withdraw_permission(&self, principal: &Principal, hash: &str, id: &str) -> ApiResult<()> {
        let connection = self.database.writer();
        let key = key_number(&connection, principal, hash)?;
        let base = knowledge_bases::number(&connection, principal, id)?;
        let sql = "DELETE FROM permissions WHERE api_key = ? AND knowledge_base = ?";
        match connection.execute(sql, params![key, base])? {
            0 => Err(ApiError::not_found("the API key has no permission for this knowledge base")),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// Checks that the principal has a permission for at least one knowledge base.
    ///
    /// # Errors
    /// If it has not.
    pub fn check_some_permission(&self, principal: &Principal, needed: Permission) -> ApiResult<()> {
        let Some(api_key) = principal.api_key else { return Ok(()) };
        let had: Option<i64> = self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT max(permission) FROM permissions WHERE api_key = ?")?;
            Ok(statement.query_row([api_key], |row| row.get(0))?)
        })?;
        let had = had.and_then(Permission::from_number);
        if had.is_some_and(|had| had >= needed) {
            return Ok(());
        }
        let had = had.map_or("none", Permission::name);
        Err(ApiError::forbidden(format!(
            "this API key's highest permission for any knowledge base is {had}; this request needs {}",
            needed.name()
        )))
    }
}

fn organisation(connection: &Connection, name: &str) -> ApiResult<Option<i64>> {
    optional(connection.query_row("SELECT key FROM organisations WHERE name = ?", [name], |row| row.get(0)))
}

const KEY_RECORD: &str =
    "SELECT lower(hex(selector)), first_characters, name, description, revoked, created_at FROM api_keys";

fn record(row: &rusqlite::Row<'_>) -> rusqlite::Result<KeyRecord> {
    Ok(KeyRecord {
        hash: row.get(0)?,
        first_n: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        status: if row.get(4)? { "revoked" } else { "active" },
        created_at: row.get(5)?,
    })
}

fn key_record(connection: &Connection, principal: &Principal, hash: &str) -> ApiResult<KeyRecord> {
    let key = key_number(connection, principal, hash)?;
    Ok(connection.prepare_cached(&format!("{KEY_RECORD} WHERE key = ?"))?.query_row([key], record)?)
}

/// Returns the key of an API key's row by the API key's hash.
fn key_number(connection: &Connection, principal: &Principal, hash: &str) -> ApiResult<i64> {
    let sql = "SELECT key FROM api_keys WHERE organisation = ? AND lower(hex(selector)) = lower(?)";
    let found =
        optional(connection.prepare_cached(sql)?.query_row(params![principal.organisation, hash], |row| row.get(0)))?;
    found.ok_or_else(|| ApiError::not_found("this organisation has no API key with this hash"))
}
