//! The SQLite file: one connection that writes, and some that read.

use super::migrations::{self, Refused};
use crate::error::{ApiError, ApiResult};
use crate::interrupt;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Readers that are kept open.
const KEPT: usize = 8;
/// Instructions of SQLite's virtual machine between two checks of whether a query goes on: a fraction of a millisecond.
const BETWEEN_CHECKS: i32 = 1000;

/// An open database.
pub struct Database {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    /// How long a query may take.
    query_time: Duration,
}

impl Database {
    /// Opens the database of a folder, or makes one. `query_time` is for [`Database::query`].
    pub fn open(path: &Path, query_time: Duration) -> Result<Self, String> {
        let writer = open_writer(path).map_err(|refused| format!("cannot open {}: {refused}", path.display()))?;
        Ok(Self { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default(), query_time })
    }

    /// The connection that writes. Whoever has it is the only one that changes anything.
    pub fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads as [`Database::read`] does, and fails if that takes longer than a query may.
    pub fn query<T>(&self, query: impl FnOnce(&Connection) -> ApiResult<T>) -> ApiResult<T> {
        self.read(|connection| interrupt::within(self.query_time, || query(connection)))
    }

    /// Reads with a connection that sees what was committed before. Statements fail once the client has gone. Those of the writer
    /// do not, so that memory and disk agree.
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

/// The connection that writes, to a database of the newest version.
fn open_writer(path: &Path) -> Result<Connection, Refused> {
    let mut writer = Connection::open(path)?;
    configure(&writer)?;
    // Before anything that writes to the file, which may not be ours.
    let found = migrations::version(&writer)?;
    writer.pragma_update(None, "journal_mode", "wal")?;
    // What is acknowledged is on disk.
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

/// What a statement that may find nothing found.
pub fn optional<T>(result: rusqlite::Result<T>) -> ApiResult<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(ApiError::from(error)),
    }
}
