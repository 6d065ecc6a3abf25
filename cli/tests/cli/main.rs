//! The command line as its users meet it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod audit;
mod context;
mod demo;
mod desk;
mod encrypt;
mod help;
mod index;
mod rekey;
mod roles;
