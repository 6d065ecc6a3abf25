//! Storage quotas of organisations.

use super::principal::Principal;
use crate::error::{ApiError, ApiResult};
use rusqlite::Connection;

/// Bytes that count for each chunk besides its text: its ciphertext and its rows in tables.
const CHUNK_BYTES: u64 = 2048;
/// The maximum number of knowledge bases, and of API keys.
const MOST_NAMES: u64 = 10_000;
/// The maximum number of bindings.
const MOST_BINDINGS: u64 = 100_000;

/// The storage quota of an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of contents, embeddings, names, metadata and contexts, plus 2048 for each chunk.
    pub bytes: u64,
    /// The number of chunks.
    pub chunks: u64,
    /// The number of contexts.
    pub contexts: u64,
}

impl Quota {
    /// Checks that the principal's organisation stays within its quota with `chunks` more chunks and `bytes` more text.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(self, connection: &Connection, principal: &Principal, chunks: usize, bytes: usize) -> ApiResult<()> {
        let sql = "SELECT chunks, bytes FROM usage WHERE organisation = ?";
        let (had, text): (u64, i64) = connection
            .prepare_cached(sql)?
            .query_row([principal.organisation], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let all = had.saturating_add(chunks as u64);
        if all > self.chunks {
            let most = self.chunks;
            return Err(ApiError::quota(format!(
                "the organisation would have {all} chunks; the maximum is {most} chunks (--max-org-chunks). Nothing \
                 was stored"
            )));
        }
        let text = u64::try_from(text).unwrap_or(0).saturating_add(bytes as u64);
        let bytes = all.saturating_mul(CHUNK_BYTES).saturating_add(text);
        if bytes > self.bytes {
            let (bytes, most) = (bytes.div_ceil(1 << 20), self.bytes >> 20);
            return Err(ApiError::quota(format!(
                "the organisation would have {bytes} MiB; the maximum is {most} MiB (--max-org-storage). Nothing was \
                 stored"
            )));
        }
        Ok(())
    }

    /// Checks that the principal's organisation may add a context.
    ///
    /// # Errors
    /// If it has reached the limit.
    pub fn check_contexts(self, connection: &Connection, principal: &Principal) -> ApiResult<()> {
        let sql = "SELECT count(*) FROM contexts WHERE organisation = ?";
        check_names(connection, principal, sql, self.contexts, "contexts", " (--max-contexts)")
    }
}

/// Checks that the principal's organisation may add a knowledge base.
///
/// # Errors
/// If it has reached the limit.
pub fn check_knowledge_bases(connection: &Connection, principal: &Principal) -> ApiResult<()> {
    let sql = "SELECT count(*) FROM knowledge_bases WHERE organisation = ?";
    check_names(connection, principal, sql, MOST_NAMES, "knowledge bases", "")
}

/// Checks that the principal's organisation may add an API key.
///
/// # Errors
/// If it has reached the limit.
pub fn check_keys(connection: &Connection, principal: &Principal) -> ApiResult<()> {
    let sql = "SELECT count(*) FROM api_keys WHERE organisation = ?";
    check_names(connection, principal, sql, MOST_NAMES, "API keys", "")
}

/// Checks that the principal's organisation may add a binding.
///
/// # Errors
/// If it has reached the limit.
pub fn check_bindings(connection: &Connection, principal: &Principal) -> ApiResult<()> {
    let sql = "SELECT count(*) FROM bindings b JOIN contexts c ON c.key = b.context WHERE c.organisation = ?";
    check_names(connection, principal, sql, MOST_BINDINGS, "bindings of contexts", "")
}

fn check_names(
    connection: &Connection,
    principal: &Principal,
    sql: &str,
    most: u64,
    what: &str,
    option: &str,
) -> ApiResult<()> {
    let count: u64 = connection.prepare_cached(sql)?.query_row([principal.organisation], |row| row.get(0))?;
    if count >= most {
        return Err(ApiError::quota(format!("the organisation has {count} {what}; the maximum is {most}{option}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::migrations;
    use super::*;

    /// Returns the usage as counted by the triggers, and as computed from the tables.
    fn counts(connection: &Connection) -> [(i64, i64); 2] {
        let counted = "SELECT chunks, bytes FROM usage";
        let actual =
            "SELECT (SELECT count(*) FROM chunks), (SELECT coalesce(sum(octet_length(concat(content, embedding))), 0) FROM contents)
            + (SELECT coalesce(sum(octet_length(document)), 0) FROM contexts)
            + (SELECT coalesce(sum(octet_length(concat(name, tag1, tag2, tag3, tag4, tag5, facets))), 0) FROM chunks)";
        [counted, actual].map(|sql| connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap())
    }

    #[test]
    fn every_change_is_counted() {
        // Version 2 has no usage counts.
        let mut connection = migrations::in_memory(2);
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        let fill = "INSERT INTO organisations (key, name, admin_hash) VALUES (1, 'o', x'');
            INSERT INTO knowledge_bases (key, organisation, id, name, description) VALUES (1, 1, 'k', 'k', '');
            INSERT INTO contexts (key, organisation, id, document) VALUES (1, 1, 'c', '{\"ä\": 1}');
            INSERT INTO bindings (key, knowledge_base, context) VALUES (1, 1, 1);
            INSERT INTO segments (key, binding) VALUES (1, 1);
            INSERT INTO chunks (key, knowledge_base, id, binding, segment, row, tag1, facets)
            VALUES (1, 1, 1, 1, 1, 0, 'ä', '[\"x\"]'), (2, 1, 2, 1, 1, 1, NULL, NULL), (3, 1, 3, 1, 1, 2, 'c', NULL);
            INSERT INTO contents (chunk, content, embedding) VALUES (1, 'ä content', 'abcd'), (2, '', NULL), (3, 'three', NULL);";
        connection.execute_batch(fill).unwrap();
        migrations::run(&mut connection, 2).unwrap();
        let [counted, actual] = counts(&connection);
        assert_eq!(counted, actual);
        assert_eq!(counted.0, 3);
        for change in [
            "UPDATE chunks SET name = 'a name', tag1 = NULL WHERE key = 1",
            "UPDATE contents SET content = 'longer than before' WHERE chunk = 2",
            "UPDATE contexts SET document = '{}'",
            "UPDATE contents SET embedding = 'some embedding' WHERE chunk = 2",
            "UPDATE contents SET content = '', embedding = 'another' WHERE chunk = 3",
            "DELETE FROM chunks WHERE key = 2",
            "DELETE FROM contents WHERE chunk = 1",
            "DELETE FROM chunks WHERE key = 1",
            "INSERT INTO chunks (key, knowledge_base, id, binding, segment, row, tag5) VALUES (4, 1, 4, 1, 1, 3, 'five')",
            "INSERT INTO contents (chunk, content, embedding) VALUES (4, 'four', 'abc')",
            "UPDATE contents SET embedding = NULL WHERE chunk = 4",
            "DELETE FROM chunks",
            "DELETE FROM bindings",
            "DELETE FROM contexts",
        ] {
            connection.execute(change, []).unwrap();
            let [counted, actual] = counts(&connection);
            assert_eq!(counted, actual, "{change}");
        }
        assert_eq!(counts(&connection)[0], (0, 0));
        connection.execute("INSERT INTO organisations (name, admin_hash) VALUES ('new', x'')", []).unwrap();
        let both: i64 = connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).unwrap();
        assert_eq!(both, 2);
    }
}
