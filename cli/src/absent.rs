//! Messages about features that are not in this build.

#[cfg(not(feature = "tables"))]
use crate::failure::Failure;
use clap::error::{ContextKind, ContextValue, ErrorKind};
#[cfg(not(feature = "tables"))]
use std::path::Path;

/// The reason why Parquet and Arrow are refused.
#[cfg(not(feature = "tables"))]
pub const TABLES: &str = "Parquet and Arrow are not in this build of hushvec; build hushvec-cli with `--features full`";

/// Returns the error for a table that cannot be read or written.
#[cfg(not(feature = "tables"))]
pub fn tables(path: &Path) -> Failure {
    Failure::Other(format!("{}: {TABLES}", path.display()))
}

/// The commands that are not in this build.
const COMMANDS: &[&str] = &[
    #[cfg(not(feature = "client"))]
    "push",
    #[cfg(not(feature = "client"))]
    "search",
    #[cfg(not(feature = "client"))]
    "kb",
    #[cfg(not(feature = "client"))]
    "key",
    #[cfg(not(feature = "server"))]
    "serve",
];

/// Replaces the message about an unknown command, if other builds have it, by one that says how to get it.
pub fn explain(error: clap::Error) -> clap::Error {
    let command = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(command)) => command.clone(),
        _ => return error,
    };
    if !COMMANDS.contains(&command.as_str()) {
        return error;
    }
    clap::Error::raw(
        ErrorKind::InvalidSubcommand,
        format!("`hushvec {command}` is not in this build of hushvec; build hushvec-cli with `--features full`\n"),
    )
}
