//! `hushvec index …`: one file per command.

mod compact;
mod delete;
mod export;
mod import;
mod info;
mod merge;
mod packed;
mod verify;

use crate::failure::Failure;
use clap::Subcommand;

/// The commands for indexes.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show the size, key and ids of an index; with --verify, check its checksums.
    Info(info::Args),
    /// Verify a whole index: checksums, ids and every ciphertext.
    Verify(verify::Args),
    /// Delete vectors by their ids.
    Delete(delete::Args),
    /// Reclaim the space of deleted vectors. The file is replaced atomically.
    Compact(compact::Args),
    /// Merge several indexes into one, such as the shards of a job.
    Merge(merge::Args),
    /// Export the ciphertexts as NumPy or Parquet: `key_len`/2 bytes each, a little-endian integer.
    Export(export::Args),
    /// Create an index from ciphertexts in NumPy or Parquet, and check each of them.
    Import(import::Args),
}

pub fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Info(args) => info::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Delete(args) => delete::run(&args),
        Command::Compact(args) => compact::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
    }
}
