//! Principals and their permissions for knowledge bases.

use super::database::optional;
use crate::api_key::KeyHash;
use crate::error::{ApiError, ApiResult};
use rusqlite::Connection;

/// The key that a request is authenticated with, and its organisation.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The key of the organisation's row.
    pub organisation: i64,
    /// The name of the organisation.
    pub organisation_name: String,
    /// The key of the API key's row; `None` for the admin key.
    pub api_key: Option<i64>,
    /// The hash of the key that was sent.
    pub key_hash: KeyHash,
}

/// The permission of an API key for a knowledge base. Each permission includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Search it and read chunks.
    Read = 1,
    /// Store and change chunks.
    Write = 3,
    /// Delete chunks.
    Delete = 7,
}

impl Permission {
    /// Returns the permission with this number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Read, Self::Write, Self::Delete].into_iter().find(|permission| *permission as i64 == number)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Read => "read (1)",
            Self::Write => "write (3)",
            Self::Delete => "delete (7)",
        }
    }
}

/// Checks the principal's permission for a knowledge base.
///
/// # Errors
/// If it is lower than `needed`.
pub fn check_permission(
    connection: &Connection,
    principal: &Principal,
    base: i64,
    needed: Permission,
) -> ApiResult<()> {
    let Some(api_key) = principal.api_key else { return Ok(()) };
    let mut statement =
        connection.prepare_cached("SELECT permission FROM permissions WHERE api_key = ? AND knowledge_base = ?")?;
    let had = optional(statement.query_row([api_key, base], |row| row.get(0)))?.and_then(Permission::from_number);
    if had.is_some_and(|had| had >= needed) {
        return Ok(());
    }
    let had = had.map_or("none", Permission::name);
    Err(ApiError::forbidden(format!(
        "this API key's permission for the knowledge base is {had}; this request needs {}",
        needed.name()
    )))
}
