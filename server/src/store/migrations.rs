//! Database versions, and the migrations between them.
//!
//! In the header of the file, `user_version` is the version, and `application_id` marks databases of this server.

use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::fmt::{self, Display, Formatter};

/// The migrations in order. The first creates version 1 in an empty file.
///
/// To change the schema, add a file and a line. Never change a released file. Foreign keys are off while migrations
/// run, so that tables can be replaced, and are checked before the commit.
const MIGRATIONS: &[&str] =
    &[include_str!("migrations/1.sql"), include_str!("migrations/2.sql"), include_str!("migrations/3.sql")];
/// The `application_id` of this server's databases. Versions 1 and 2 lack it.
const APPLICATION: i32 = i32::from_be_bytes(*b"hvec");

/// Why a file cannot be used as the database. The file was not changed.
#[derive(Debug)]
pub enum Refused {
    /// The file is not a SQLite database.
    NotSqlite,
    /// The file is a SQLite database of another application.
    OtherApplication,
    /// A newer server wrote the file.
    Newer {
        /// The version of the file.
        found: usize,
        /// The newest version that this server reads.
        newest: usize,
    },
    /// A migration failed.
    Migration {
        /// The version that the migration creates.
        to: usize,
        /// The error from SQLite.
        cause: rusqlite::Error,
    },
    /// Rows refer to missing rows.
    Dangling {
        /// The table with such a row.
        table: String,
        /// The table that it refers to.
        parent: String,
    },
    /// The file cannot be read or written.
    Sqlite(rusqlite::Error),
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSqlite => {
                f.write_str("it is not a SQLite database; restore it from a backup, or give another folder with --data")
            }
            Self::OtherApplication => {
                f.write_str("it is a SQLite database of another application; give another folder with --data")
            }
            Self::Newer { found, newest } => write!(
                f,
                "it has version {found}, but this server reads versions up to {newest}; start a newer server, or \
                 restore a backup from before the upgrade"
            ),
            Self::Migration { to, cause } => write!(
                f,
                "the upgrade to version {to} failed: {cause}; the file was not changed, and the server that wrote it \
                 can still use it"
            ),
            Self::Dangling { table, parent } => write!(
                f,
                "it is damaged: rows of {table} refer to missing rows of {parent}; the file was not changed. Restore \
                 it from a backup"
            ),
            Self::Sqlite(cause) => cause.fmt(f),
        }
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(cause: rusqlite::Error) -> Self {
        match cause.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotSqlite,
            _ => Self::Sqlite(cause),
        }
    }
}

/// Returns the version of a database; 0 if it is empty.
///
/// # Errors
/// If this server cannot use the database.
pub fn version(connection: &Connection) -> Result<usize, Refused> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let ask = |sql| connection.query_row(sql, [], |row| row.get::<_, bool>(0));
    if (application, version) == (0, 0) && !ask("SELECT EXISTS (SELECT 1 FROM sqlite_schema)")? {
        return Ok(0);
    }
    // Recognises versions 1 and 2, which have no application id.
    let unmarked = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('organisations') WHERE name = 'admin_hash')";
    if application != APPLICATION && !(application == 0 && ask(unmarked)?) {
        return Err(Refused::OtherApplication);
    }
    match usize::try_from(version) {
        Ok(found) if found > MIGRATIONS.len() => Err(Refused::Newer { found, newest: MIGRATIONS.len() }),
        Ok(found) if found > 0 => Ok(found),
        _ => Err(Refused::OtherApplication),
    }
}

/// Upgrades a database from version `from` to the newest version, and returns that. All migrations are one
/// transaction, so a failure changes nothing.
///
/// # Errors
/// If a migration fails.
pub fn run(connection: &mut Connection, from: usize) -> Result<usize, Refused> {
    run_up_to(connection, from, MIGRATIONS.len())
}

fn run_up_to(connection: &mut Connection, from: usize, newest: usize) -> Result<usize, Refused> {
    if from == newest {
        return Ok(newest);
    }
    let enforced: bool = connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))?;
    // Set before the transaction, because SQLite ignores this pragma inside one.
    connection.pragma_update(None, "foreign_keys", false)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (before, statements) in MIGRATIONS.iter().enumerate().take(newest).skip(from) {
        let to = before + 1;
        transaction
            .execute_batch(statements)
            .and_then(|()| transaction.pragma_update(None, "user_version", to))
            .map_err(|cause| Refused::Migration { to, cause })?;
    }
    if from > 0 {
        check_references(&transaction)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.commit()?;
    connection.pragma_update(None, "foreign_keys", enforced)?;
    Ok(newest)
}

fn check_references(connection: &Connection) -> Result<(), Refused> {
    let mut statement = connection.prepare("SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1")?;
    let mut rows = statement.query([])?;
    match rows.next()? {
        Some(row) => Err(Refused::Dangling { table: row.get(0)?, parent: row.get(1)? }),
        None => Ok(()),
    }
}

/// Creates a database of a version in memory.
#[cfg(test)]
pub fn in_memory(version: usize) -> Connection {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
    let mut connection = Connection::open_in_memory().unwrap();
    run_up_to(&mut connection, 0, version).unwrap();
    connection
}
