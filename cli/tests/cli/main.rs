//! Tests of the command line.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod audit;
mod context;
#[cfg(target_os = "linux")]
mod crash;
mod deletion;
mod demo;
mod dry_run;
mod encrypt;
#[cfg(feature = "client")]
mod fake_server;
mod help;
#[cfg(all(feature = "client", feature = "server"))]
#[path = "../../../server/tests/common/http.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod http;
mod ids;
mod index;
mod inputs;
mod mistakes;
#[cfg(feature = "client")]
mod oracle;
mod packed;
#[cfg(all(feature = "client", feature = "server"))]
#[path = "../../../server/tests/common/process.rs"]
#[allow(dead_code, reason = "these tests use a part of it")]
mod process;
#[cfg(unix)]
mod read_once;
mod rekey;
#[cfg(all(feature = "client", feature = "server"))]
mod remote;
mod roles;
mod shards;
#[cfg(all(feature = "client", unix))]
mod stopped;
mod tables;
mod targets;
mod workspace;

/// Returns the command that starts a server.
#[cfg(all(feature = "client", feature = "server"))]
fn program() -> std::process::Command {
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("hushvec"));
    command.arg("serve");
    command
}
