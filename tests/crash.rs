//! Programs that are killed, disks that are full and system calls that fail while contexts and indexes are written: the
//! files hold the old state or the new one, whole.
//!
//! The tests start this very program as a child that writes. HUSHVEC_LONG_TESTS=1 kills it a thousand times. Failing
//! system calls need strace: without it that test says that it was skipped, with HUSHVEC_REQUIRE_STRACE=1 it fails.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "crash/child.rs"]
mod child;
#[path = "crash/desk.rs"]
mod desk;
#[path = "common/keys.rs"]
mod keys;
#[path = "crash/kills.rs"]
mod kills;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "crash/system_calls.rs"]
mod system_calls;
