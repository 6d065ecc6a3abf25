//! The SQLite database: one connection that writes, and several that read.

use super::migrations::{self, Refused};
use crate::error::{ApiError, ApiResult};
use crate::interrupt;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The maximum number of reading connections that are kept open.
const KEPT: usize = 8;
/// SQLite virtual machine instructions between two checks for an interrupt: a fraction of a millisecond.
const BETWEEN_CHECKS: i32 = 1000;

/// An open database.
pub struct Database {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// The time limit of a query.
    query_time: Duration,
}

impl Database {
    /// Opens a database, or creates it. `query_time` is the time limit of [`Database::query`].
    pub fn open(path: &Path, query_time: Duration) -> Result<Self, String> {
        let writer = open_writer(path).map_err(|refused| format!("cannot open {}: {refused}", path.display()))?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default(), query_time })
    }

    /// Locks and returns the writing connection. Only its holder changes data.
    pub fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads like [`Database::read`], with the time limit of a query.
    pub fn query<T>(&self, query: impl FnOnce(&Connection) -> ApiResult<T>) -> ApiResult<T> {
        self.read(|connection| interrupt::within(self.query_time, || query(connection)))
    }

    /// Reads with a connection that sees all earlier commits. Statements fail once the client disconnects. Statements
    /// of the writer do not, so that memory and disk stay consistent.
    pub fn read<T>(&self, read: impl FnOnce(&Connection) -> ApiResult<T>) -> ApiResult<T> {
        let kept = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match kept {
            Some(connection) => connection,
            None => {
                let mut connection = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                configure(&connection)?;
                connection.progress_handler(BETWEEN_CHECKS, Some(interrupt::is_over))?;
                connection
            }
        };
        let result = read(&connection);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() < KEPT {
            readers.push(connection);
        }
        result
    }
}

/// Opens the writing connection, and upgrades the database to the newest version.
fn open_writer(path: &Path) -> Result<Connection, Refused> {
    let mut writer = Connection::open(path)?;
    configure(&writer)?;
    // Checked before anything is written, because the file may belong to another application.
    let found = migrations::version(&writer)?;
    writer.pragma_update(None, "journal_mode", "wal")?;
    // Makes acknowledged writes durable.
    writer.pragma_update(None, "synchronous", "full")?;
    let newest = migrations::run(&mut writer, found)?;
    if (1..newest).contains(&found) {
        tracing::info!("upgraded {} from version {found} to {newest}", path.display());
    }
    Ok(writer)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Turns "no rows" into `None`.
pub fn optional<T>(result: rusqlite::Result<T>) -> ApiResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(ApiError::from(error)),
    }
}
