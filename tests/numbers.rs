//! Encrypted numbers: results equal those of plain arithmetic, or an error says why there is no result.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "numbers/bounds.rs"]
mod bounds;
#[path = "numbers/encoding.rs"]
mod encoding;
#[path = "numbers/files.rs"]
mod files;
#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "numbers/operations.rs"]
mod operations;
#[path = "numbers/parties.rs"]
mod parties;
#[path = "numbers/programs.rs"]
mod programs;
