#![doc = include_str!("../README.md")]

mod arith;
mod backend;
#[cfg(feature = "owner")]
mod device;
#[cfg(feature = "owner")]
mod error;
mod paillier;
mod progress;
