//! A GPU that fails, returns wrong results or is missing never causes a wrong or missing result.
//!
//! HUSHVEC_LONG_TESTS=1 injects a hundred times as many faults.

#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "common/crt.rs"]
mod crt;
#[path = "common/devices.rs"]
mod devices;
#[path = "gpu/faults.rs"]
mod faults;
#[path = "gpu/job.rs"]
mod job;
#[path = "common/keys.rs"]
mod keys;
#[path = "gpu/lattice.rs"]
mod lattice;
#[path = "common/numbers.rs"]
mod numbers;
#[path = "gpu/opening.rs"]
mod opening;
#[path = "common/reference.rs"]
mod reference;
#[path = "gpu/residence.rs"]
mod residence;
#[path = "gpu/rounds.rs"]
mod rounds;
#[path = "gpu/trust.rs"]
mod trust;
#[path = "gpu/variants.rs"]
mod variants;
