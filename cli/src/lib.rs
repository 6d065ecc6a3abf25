//! The command line of hushvec. What is public here is so for the fuzz targets only.

mod absent;
mod aggregate;
mod args;
mod bench;
mod ciphertexts;
mod completions;
mod context;
mod decode;
mod demo;
mod devices;
mod drivers;
mod encrypt;
mod encrypt_query;
pub mod failure;
mod guard;
mod ids;
mod index;
pub mod input;
#[cfg(feature = "client")]
mod kb;
#[cfg(feature = "client")]
mod key;
mod log;
mod man;
mod npy_header;
mod output;
mod output_file;
mod partial;
mod passphrase;
mod progress;
#[cfg(feature = "client")]
mod push;
#[cfg(feature = "client")]
mod pushed_list;
mod query;
mod rekey;
#[cfg(feature = "client")]
mod remote;
#[cfg(feature = "client")]
mod search;
#[cfg(feature = "server")]
mod serve;
mod suggested;
mod target;

use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Encrypted nearest-neighbour search on binary embeddings.
///
/// The owner makes a context, encrypts vectors and queries, and decodes distances. An evaluator, who has the public
/// context only, combines an encrypted query with every encrypted vector. Start with `hushvec demo`.
#[derive(Parser)]
#[command(name = "hushvec", version, max_term_width = 110, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: log::Options,
}

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage; `context compare`: 0 the same, 1 different, 2 cannot tell.

Environment:
  HUSHVEC_PASSPHRASE      the passphrase of the context
  HUSHVEC_NEW_PASSPHRASE  that of `rekey`'s new context, or the new one of `context passphrase`
  HUSHVEC_API_KEY         the API key for the server, for `push`, `search` and `kb`
  HUSHVEC_ADMIN_KEY       the admin key, for `push --create-kb`, `kb` and `key`, if it is another
  HUSHVEC_REQUIRE_GPU=1   fail where the processor would take over from a GPU
  NO_COLOR=1              no colours";

#[derive(Subcommand)]
enum Command {
    /// Search 919 real manual pages, encrypted, through all three roles. Asks for nothing.
    Demo(demo::Args),
    /// Show the processor and GPUs that batches could be computed on, and what `auto` picks.
    Devices(devices::Args),
    /// Make, show, publish and convert contexts (the owner's keys).
    #[command(subcommand)]
    Context(context::Command),
    /// Owner: encrypt vectors into an index.
    Encrypt(encrypt::Args),
    /// Owner: encrypt one or more query vectors.
    EncryptQuery(encrypt_query::Args),
    /// Evaluator: combine an encrypted query with every vector of an index.
    Aggregate(aggregate::Args),
    /// Owner: decrypt a response and list the nearest vectors.
    Decode(decode::Args),
    /// Owner with the index at hand: encrypt-query, aggregate and decode in one.
    Query(query::Args),
    /// Inspect, check, change and merge index files; export and import raw ciphertexts.
    #[command(subcommand)]
    Index(index::Command),
    /// Owner: move an index to a new key: decrypt each vector with the old context, encrypt it with the new one.
    Rekey(rekey::Args),
    /// Owner: send the vectors of an index, and sealed content, to a server.
    #[cfg(feature = "client")]
    Push(push::Args),
    /// Owner: search what was pushed to a server, which learns neither the query nor the distances.
    #[cfg(feature = "client")]
    Search(search::Args),
    /// List, show, make and delete the knowledge bases of a server.
    #[cfg(feature = "client")]
    #[command(subcommand)]
    Kb(kb::Command),
    /// Make, list and revoke API keys for a server, and say what they may do.
    #[cfg(feature = "client")]
    #[command(subcommand)]
    Key(key::Command),
    /// Store encrypted vectors and search them over HTTP, for XTrace's SDK and hushvec's own clients.
    ///
    /// The admin key of the organisation is printed once, when it is made. docs/server.md has the rest.
    #[cfg(feature = "server")]
    Serve(serve::Args),
    /// Measure encryption, aggregation and decoding on this machine.
    Bench(bench::Args),
    /// Print the completions of a shell, to be sourced or put where it looks for them.
    Completions(completions::Args),
    /// Write the manual pages of all commands into a folder.
    Man(man::Args),
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Context(command) => return context::run(command),
        Command::Demo(args) => demo::run(&args)?,
        Command::Devices(args) => devices::run(&args)?,
        Command::Encrypt(args) => encrypt::run(&args)?,
        Command::EncryptQuery(args) => encrypt_query::run(&args)?,
        Command::Aggregate(args) => aggregate::run(&args)?,
        Command::Decode(args) => decode::run(&args)?,
        Command::Query(args) => query::run(&args)?,
        Command::Index(command) => index::run(command)?,
        Command::Bench(args) => bench::run(&args)?,
        Command::Rekey(args) => rekey::run(&args)?,
        #[cfg(feature = "client")]
        Command::Push(args) => push::run(&args)?,
        #[cfg(feature = "client")]
        Command::Search(args) => search::run(&args)?,
        #[cfg(feature = "client")]
        Command::Kb(command) => kb::run(&command)?,
        #[cfg(feature = "client")]
        Command::Key(command) => key::run(&command)?,
        #[cfg(feature = "server")]
        Command::Serve(args) => serve::run(&args)?,
        Command::Completions(args) => completions::run(&args, Cli::command())?,
        Command::Man(args) => man::run(&args, Cli::command())?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Command {
    /// Whether it goes on until it is stopped.
    fn runs_for_long(&self) -> bool {
        #[cfg(feature = "server")]
        if let Self::Serve(_) = self {
            return true;
        }
        false
    }
}

/// What the program does with its arguments: the exit code.
#[must_use]
pub fn main() -> ExitCode {
    drivers::silence();
    let Cli { command, log } = Cli::try_parse().unwrap_or_else(|error| absent::explain(error).exit());
    log::start(log, command.runs_for_long());
    run(command).unwrap_or_else(|failure| {
        failure.print();
        failure.exit_code()
    })
}
