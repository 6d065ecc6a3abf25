//! Tests of the server's process and sockets, and of its application without them.
//!
//! Tests that measure the memory or time of this process are in `limits`.

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

/// Returns the command of the server to test.
fn program() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_hushvec-server"))
}
