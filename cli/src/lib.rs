//! The command line of hushvec. Items are public only for the fuzz targets.

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
mod index_file;
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
mod packed;
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
/// The owner creates a context (the keys), encrypts vectors and queries, and decodes distances. The evaluator holds
/// only the public context and computes the encrypted distance between a query and every stored vector. Start with
/// `hushvec demo`.
#[derive(Parser)]
#[command(name = "hushvec", version, max_term_width = 110, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: log::Options,
}

const AFTER_HELP: &str = "\
Exit codes: 0 success, 1 failure, 2 wrong usage. `context compare`: 0 same key, 1 different, 2 cannot compare.

Environment:
  HUSHVEC_PASSPHRASE      passphrase of the context
  HUSHVEC_NEW_PASSPHRASE  new passphrase (`context passphrase`), or passphrase of the new context (`rekey`)
  HUSHVEC_API_KEY         API key for the server (`push`, `search`, `kb`)
  HUSHVEC_ADMIN_KEY       admin key, if it differs from the API key (`push --create-kb`, `kb`, `key`)
  HUSHVEC_REQUIRE_GPU=1   fail instead of falling back from the GPU to the CPU
  NO_COLOR=1              no colours";

#[derive(Subcommand)]
enum Command {
    /// Encrypt and search 919 real manual pages, and check every distance. Needs no setup.
    Demo(demo::Args),
    /// List the CPU and the GPUs to compute on, and the one that `auto` picks.
    Devices(devices::Args),
    /// Create, show, publish and convert contexts (the owner's keys).
    #[command(subcommand)]
    Context(context::Command),
    /// Owner: encrypt vectors into an index.
    Encrypt(encrypt::Args),
    /// Owner: encrypt one or more query vectors.
    EncryptQuery(encrypt_query::Args),
    /// Evaluator: compute the encrypted distance between a query and every vector of an index.
    Aggregate(aggregate::Args),
    /// Owner: decrypt a response and list the nearest vectors.
    Decode(decode::Args),
    /// Owner: search a local index: encrypt-query, aggregate and decode in one step.
    Query(query::Args),
    /// Inspect, verify, change and merge index files; export and import raw ciphertexts.
    #[command(subcommand)]
    Index(index::Command),
    /// Owner: re-encrypt an index with a new key.
    Rekey(rekey::Args),
    /// Owner: store the vectors of an index, and sealed content, on a server.
    #[cfg(feature = "client")]
    Push(push::Args),
    /// Owner: search the vectors on a server, which learns neither the query nor the distances.
    #[cfg(feature = "client")]
    Search(search::Args),
    /// List, show, create and delete the knowledge bases of a server.
    #[cfg(feature = "client")]
    #[command(subcommand)]
    Kb(kb::Command),
    /// Create, list and revoke the API keys of a server, and set their permissions.
    #[cfg(feature = "client")]
    #[command(subcommand)]
    Key(key::Command),
    /// Run a server: store and search encrypted vectors over HTTP, for XTrace's SDK and hushvec's clients.
    ///
    /// The admin key of the organisation is printed once, when it is created. See docs/server.md.
    #[cfg(feature = "server")]
    Serve(serve::Args),
    /// Measure encryption, aggregation and decoding on this machine.
    Bench(bench::Args),
    /// Print the completion script of a shell.
    Completions(completions::Args),
    /// Write the manual pages of all commands to a folder.
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
    /// Whether the command runs until it is stopped.
    fn runs_for_long(&self) -> bool {
        #[cfg(feature = "server")]
        if let Self::Serve(_) = self {
            return true;
        }
        false
    }
}

/// Runs the program with its arguments. Returns the exit code.
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
