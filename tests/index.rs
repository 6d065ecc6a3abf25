//! Operations on indexes: ids of all kinds, deletion, compaction, merging, shards and verification.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "index/compaction.rs"]
mod compaction;
#[path = "index/damage.rs"]
mod damage;
#[path = "index/deletion.rs"]
mod deletion;
#[path = "index/ids.rs"]
mod ids;
#[path = "common/keys.rs"]
mod keys;
#[path = "index/merging.rs"]
mod merging;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "index/pool.rs"]
mod pool;
