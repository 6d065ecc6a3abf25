//! Limits on the memory, storage and time that a client can use. Separate from the other tests, because these measure
//! the resources of this process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../common/context.rs"]
#[allow(dead_code, reason = "these tests use only part of it")]
mod context;

mod application;
mod fairness;
mod memory;
mod permission;
mod pieces;
mod quota;
mod repeated;
mod waiting;
