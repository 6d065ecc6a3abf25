//! Contexts, and their bindings to knowledge bases.

use super::Store;
use super::database::optional;
use super::knowledge_bases;
use super::principal::{Permission, Principal, check_permission};
use super::quota;
use crate::error::{ApiError, ApiResult};
use hushvec::PublicContext;
use rusqlite::{Connection, params};
use serde_json::Value;

/// The maximum length of a context id, in bytes.
const MOST_ID_BYTES: usize = 256;

/// Returns the key of a context by its id.
pub fn number(connection: &Connection, principal: &Principal, id: &str) -> ApiResult<i64> {
    let sql = "SELECT key FROM contexts WHERE organisation = ? AND id = ?";
    let found =
        optional(connection.prepare_cached(sql)?.query_row(params![principal.organisation, id], |row| row.get(0)))?;
    found.ok_or_else(|| {
        ApiError::not_found(format!(
            "this organisation has no context {id:?}; store it first, with ExecutionContext.save_to_remote"
        ))
    })
}

/// Returns the key of a binding, if it exists.
pub fn binding(connection: &Connection, base: i64, context: i64) -> ApiResult<Option<i64>> {
    let sql = "SELECT key FROM bindings WHERE knowledge_base = ? AND context = ?";
    optional(connection.prepare_cached(sql)?.query_row([base, context], |row| row.get(0)))
}

/// Returns the key of a binding, creating the binding if needed.
pub fn bind(connection: &Connection, principal: &Principal, base: i64, context: i64) -> ApiResult<i64> {
    if let Some(binding) = binding(connection, base, context)? {
        return Ok(binding);
    }
    quota::check_bindings(connection, principal)?;
    let sql = "INSERT INTO bindings (knowledge_base, context) VALUES (?, ?) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute([base, context])?;
    binding(connection, base, context)?.ok_or_else(|| ApiError::internal(&"a binding was not created"))
}

/// Returns the public part of a context.
pub fn public_context(connection: &Connection, context: i64) -> ApiResult<PublicContext> {
    let sql = "SELECT document FROM contexts WHERE key = ?";
    let document: String = connection.prepare_cached(sql)?.query_row([context], |row| row.get(0))?;
    let document: Value = serde_json::from_str(&document).map_err(|error| ApiError::internal(&error))?;
    // Weak keys are accepted here: they were checked when the context was stored.
    PublicContext::of_stored(&document, true).map_err(|error| ApiError::internal(&error))
}

/// Checks that the secret key is sealed.
///
/// # Errors
/// If it is in plain text.
fn check_sealed(document: &Value) -> ApiResult<()> {
    let plain = |field: &str| {
        document.get(field).is_some_and(|value| {
            !value.is_string() || value.as_str().is_some_and(|text| text.trim_start().starts_with('{'))
        })
    };
    if plain("sk") || plain("sealed") {
        let message = "the secret key in this context is in plain text: it was sent, but NOT stored. Send the result \
                       of to_dict_enc() instead, and create new keys if others could have read this request";
        return Err(ApiError::invalid(message));
    }
    Ok(())
}

/// The fields of contexts in the native format and in the format of XTrace's SDK.
const NATIVE_FIELDS: [&str; 11] = [
    "format",
    "version",
    "config",
    "device",
    "secrets_on_cpu",
    "context_id",
    "public_key",
    "public_id",
    "key_provider",
    "wrapped_key",
    "sealed",
];
const XTRACE_FIELDS: [&str; 6] = ["sk", "pk", "type", "config", "key_provider", "wrapped_key"];

/// Checks the field names of a context.
///
/// # Errors
/// If there is an unknown field.
fn check_fields(document: &Value) -> ApiResult<()> {
    let known: &[&str] = if document.get("format").is_some() { &NATIVE_FIELDS } else { &XTRACE_FIELDS };
    let mut names = document.as_object().into_iter().flat_map(|fields| fields.keys());
    match names.find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(ApiError::invalid(format!("unknown field {name:?}; a context has {}", known.join(", ")))),
        None => Ok(()),
    }
}

impl Store {
    /// Stores a context. Storing it again is allowed. A context with other keys under the same id is refused.
    pub fn store_context(&self, principal: &Principal, id: &str, document: &Value) -> ApiResult<()> {
        if id.is_empty() || id.len() > MOST_ID_BYTES || id.chars().any(char::is_control) {
            let message = format!("context_id must have 1 to {MOST_ID_BYTES} bytes and no control characters");
            return Err(ApiError::invalid(message));
        }
        check_sealed(document)?;
        let public = PublicContext::of_stored(document, true)?;
        check_fields(document)?;
        if let Some(weakness) = public.parameters().weakness() {
            if self.refuse_weak {
                return Err(ApiError::invalid(format!(
                    "weak key: {weakness}; this server accepts no weak keys (--refuse-weak)"
                )));
            }
            let organisation = &principal.organisation_name;
            tracing::warn!(organisation, context = id, "stored a context with a weak key: {weakness}");
        }
        let mut connection = self.database.writer();
        let transaction = connection.transaction()?;
        let sql = "SELECT key FROM contexts WHERE organisation = ? AND id = ?";
        match optional(transaction.query_row(sql, params![principal.organisation, id], |row| row.get::<_, i64>(0)))? {
            None => {
                self.quota.check_contexts(&transaction, principal)?;
                let sql = "INSERT INTO contexts (organisation, id, document, stored_by) VALUES (?, ?, ?, ?)";
                transaction
                    .execute(sql, params![principal.organisation, id, document.to_string(), principal.api_key])?;
            }
            Some(key) => {
                // The same keys may be sealed under another passphrase.
                if public_context(&transaction, key)?.public_id() != public.public_id() {
                    let message =
                        format!("the context {id:?} already exists with another public key; choose another context_id");
                    return Err(ApiError::conflict(message));
                }
                check_may_replace(&transaction, principal, key)?;
                transaction
                    .execute("UPDATE contexts SET document = ? WHERE key = ?", params![document.to_string(), key])?;
            }
        }
        self.quota.check(&transaction, principal, 0, 0)?;
        transaction.commit()?;
        Ok(())
    }

    /// Returns a context as it was stored.
    pub fn context(&self, principal: &Principal, id: &str) -> ApiResult<String> {
        self.database.read(|connection| {
            let key = number(connection, principal, id)?;
            let sql = "SELECT document FROM contexts WHERE key = ?";
            Ok(connection.prepare_cached(sql)?.query_row([key], |row| row.get(0))?)
        })
    }

    /// Returns the ids of all contexts of an organisation.
    pub fn contexts(&self, principal: &Principal) -> ApiResult<Vec<String>> {
        self.database.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id FROM contexts WHERE organisation = ? ORDER BY key")?;
            let ids =
                statement.query_map([principal.organisation], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(ids)
        })
    }

    /// Deletes a context that no chunk is encrypted under.
    pub fn delete_context(&self, principal: &Principal, id: &str) -> ApiResult<()> {
        let mut connection = self.database.writer();
        let key = number(&connection, principal, id)?;
        check_may_replace(&connection, principal, key)?;
        let sql = "SELECT count(*) FROM chunks WHERE binding IN (SELECT key FROM bindings WHERE context = ?)";
        let chunks: i64 = connection.query_row(sql, [key], |row| row.get(0))?;
        if chunks > 0 {
            let message = format!("{chunks} chunks are encrypted under this context; delete them first");
            return Err(ApiError::conflict(message));
        }
        let bindings: Vec<i64> = connection
            .prepare("SELECT key FROM bindings WHERE context = ?")?
            .query_map([key], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM bindings WHERE context = ?", [key])?;
        transaction.execute("DELETE FROM contexts WHERE key = ?", [key])?;
        transaction.commit()?;
        bindings.iter().for_each(|binding| self.forget(*binding));
        Ok(())
    }

    /// Returns the contexts that a knowledge base is bound to.
    pub fn contexts_of(&self, principal: &Principal, id: &str) -> ApiResult<Vec<String>> {
        self.database.read(|connection| {
            let base = knowledge_bases::number(connection, principal, id)?;
            check_permission(connection, principal, base, Permission::Read)?;
            let mut statement = connection.prepare_cached(
                "SELECT c.id FROM bindings b JOIN contexts c ON c.key = b.context WHERE b.knowledge_base = ? ORDER BY b.key",
            )?;
            let ids = statement.query_map([base], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            Ok(ids)
        })
    }

    /// Returns the knowledge bases that a context is bound to and that the principal may read.
    pub fn knowledge_bases_of(&self, principal: &Principal, id: &str) -> ApiResult<Vec<String>> {
        self.database.read(|connection| {
            let context = number(connection, principal, id)?;
            let mut statement = connection.prepare_cached(
                "SELECT k.id FROM bindings b JOIN knowledge_bases k ON k.key = b.knowledge_base WHERE b.context = ?1
                 AND (?2 IS NULL OR EXISTS (SELECT 1 FROM permissions p WHERE p.api_key = ?2 AND p.knowledge_base = k.key))
                 ORDER BY b.key",
            )?;
            let ids = statement.query_map(params![context, principal.api_key], |row| row.get(0))?;
            Ok(ids.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Binds a knowledge base to a context.
    pub fn bind(&self, principal: &Principal, base: &str, context: &str) -> ApiResult<()> {
        let connection = self.database.writer();
        let base = knowledge_bases::number(&connection, principal, base)?;
        check_permission(&connection, principal, base, Permission::Write)?;
        let context = number(&connection, principal, context)?;
        bind(&connection, principal, base, context)?;
        Ok(())
    }
}

/// Checks that the principal may replace or delete a context: with the admin key, or the API key that stored it.
///
/// # Errors
/// If it may not.
fn check_may_replace(connection: &Connection, principal: &Principal, context: i64) -> ApiResult<()> {
    let sql = "SELECT stored_by FROM contexts WHERE key = ?";
    let stored_by: Option<i64> = connection.prepare_cached(sql)?.query_row([context], |row| row.get(0))?;
    if principal.api_key.is_none() || principal.api_key == stored_by {
        return Ok(());
    }
    Err(ApiError::forbidden("only the admin key and the API key that stored this context can replace or delete it"))
}
