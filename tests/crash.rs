//! Kills, full disks and failing system calls while contexts and indexes are written. Afterwards a file must have
//! either its complete old state or its complete new state; of an append of packed search that writes several blocks,
//! some may be there. No nonce of packed search is ever used for two contents.
//!
//! The tests start this test binary as a child process that writes. HUSHVEC_LONG_TESTS=1 kills it a thousand times.
//! Failing system calls need strace: without it that test is skipped with a message, or fails with
//! HUSHVEC_REQUIRE_STRACE=1.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "crash/child.rs"]
mod child;
#[path = "crash/fixture.rs"]
mod fixture;
#[path = "crash/folder.rs"]
mod folder;
#[path = "common/keys.rs"]
mod keys;
#[path = "crash/kills.rs"]
mod kills;
#[path = "crash/nonces.rs"]
mod nonces;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "common/packed_blocks.rs"]
mod packed_blocks;
#[path = "crash/packed_fixture.rs"]
mod packed_fixture;
#[path = "crash/packed_kills.rs"]
mod packed_kills;
#[path = "crash/packed_system_calls.rs"]
mod packed_system_calls;
#[path = "crash/scene.rs"]
mod scene;
#[path = "crash/system_calls.rs"]
mod system_calls;
