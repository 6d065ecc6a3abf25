//! The command line as its users meet it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod audit;
mod context;
#[cfg(target_os = "linux")]
mod crash;
mod deletion;
mod demo;
mod desk;
mod dry_run;
mod encrypt;
mod help;
#[cfg(feature = "client")]
mod hostile;
mod ids;
mod index;
mod inputs;
mod mistakes;
#[cfg(feature = "client")]
mod oracle;
#[cfg(unix)]
mod read_once;
mod rekey;
#[cfg(all(feature = "client", feature = "server"))]
mod reranking;
mod roles;
#[cfg(all(feature = "client", feature = "server"))]
mod served;
mod shards;
mod tables;
mod targets;
