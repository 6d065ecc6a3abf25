//! Who asks, and what they may do with a knowledge base.

use super::database::optional;
use crate::api_key::KeyHash;
use crate::error::{ApiError, ApiResult};
use rusqlite::Connection;

/// Who a request comes from.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The organisation's number and name.
    pub organisation: i64,
    pub organisation_name: String,
    /// The API key's number; nothing for the admin key.
    pub api_key: Option<i64>,
    /// The hash of the key that was sent.
    pub key_hash: KeyHash,
}

/// What an API key may do with a knowledge base. Each includes those before it.
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
    /// The permission of that number.
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

/// # Errors
/// If the principal may not do that with the knowledge base.
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
        "this API key's permission for the knowledge base is {had}, and this takes {}",
        needed.name()
    )))
}
