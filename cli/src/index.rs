//! `hushvec index …`: one file a command.

mod compact;
mod delete;
mod export;
mod import;
mod info;
mod merge;
mod verify;

use crate::failure::Failure;
use clap::Subcommand;

/// What to do with an index.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Show what an index holds; with --verify, whether every checksum fits.
    Info(info::Args),
    /// Check all of an index: checksums, ids, every ciphertext.
    Verify(verify::Args),
    /// Delete vectors by their ids.
    Delete(delete::Args),
    /// Take what was deleted out of the file, which is replaced in one step.
    Compact(compact::Args),
    /// Make one index of several, such as the shards of a job.
    Merge(merge::Args),
    /// Write the ciphertexts as a NumPy array: (N, key_len/2) uint8, one little-endian integer a row.
    Export(export::Args),
    /// Make an index of ciphertexts in a NumPy array, each of them checked.
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
