//! Contexts and ciphertexts of XTrace's SDK, recorded in tests/data/xtrace: ids, wire encodings, products and
//! distances are reproduced exactly, and any change of a context is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "xtrace/answers.rs"]
mod answers;
#[path = "xtrace/content.rs"]
mod content;
#[path = "xtrace/copies.rs"]
mod copies;
#[path = "xtrace/recorded.rs"]
mod recorded;
#[path = "xtrace/refusals.rs"]
mod refusals;
#[path = "xtrace/tables.rs"]
mod tables;
