//! What a program that was built without some features says when it is asked for them.

#[cfg(not(feature = "tables"))]
use crate::failure::Failure;
use clap::error::{ContextKind, ContextValue, ErrorKind};
#[cfg(not(feature = "tables"))]
use std::path::Path;

/// Why Parquet and Arrow are refused.
#[cfg(not(feature = "tables"))]
pub const TABLES: &str =
    "this build of hushvec reads no Parquet and no Arrow; build hushvec-cli with `--features full`";

/// That a table can neither be read nor written.
#[cfg(not(feature = "tables"))]
pub fn tables(path: &Path) -> Failure {
    Failure::Other(format!("{}: {TABLES}", path.display()))
}

/// Commands that are not in this build.
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

/// Replaces the message about an unknown command by one that says how to get it, if it is in other builds.
pub fn explain(error: clap::Error) -> clap::Error {
    let asked = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(asked)) => asked.clone(),
        _ => return error,
    };
    if !COMMANDS.contains(&asked.as_str()) {
        return error;
    }
    clap::Error::raw(
        ErrorKind::InvalidSubcommand,
        format!("`hushvec {asked}` is not in this build of hushvec; build hushvec-cli with `--features full`\n"),
    )
}
