//! The server from outside: its process and its sockets, and its application without them.
//!
//! Tests that measure memory or time of this process are in `limits`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../common/chunks.rs"]
mod chunks;
#[path = "../common/context.rs"]
mod context;
#[path = "../common/http.rs"]
mod http;
#[path = "../common/process.rs"]
mod process;

mod access;
mod connections;
mod crash;
mod load;
mod migrations;
mod no_secrets;
mod operation;
mod refusals;
mod requests;
mod tls;
mod upsert;

/// The server that these tests start.
fn program() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_hushvec-server"))
}
