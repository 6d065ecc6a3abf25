//! What one client may take from others: memory, storage and time. Apart from the other tests, since these measure what this process uses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/context.rs"]
#[allow(dead_code, reason = "these tests need less of it")]
mod context;

mod application;
mod fairness;
mod memory;
mod permission;
mod pieces;
mod quota;
mod repeated;
mod waiting;
