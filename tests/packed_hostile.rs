//! Forged files of packed search, with right checksums: each is refused by an error that names the file, or is harmless.
//!
//! HUSHVEC_LONG_TESTS=1 tries many more random changes.

#![cfg(feature = "owner")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/packed_blocks.rs"]
mod blocks;
#[path = "packed_hostile/contexts.rs"]
mod contexts;
#[path = "packed_hostile/fields.rs"]
mod fields;
#[path = "packed_hostile/files.rs"]
mod files;
#[path = "packed_hostile/index.rs"]
mod index;
#[path = "common/keys.rs"]
mod keys;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "packed_hostile/response.rs"]
mod response;
