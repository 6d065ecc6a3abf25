//! The devices that tests run on.

use hushvec::Device;
use hushvec::hazmat::Backend;
use std::num::NonZeroUsize;

/// Every backend there is on this machine, with its name.
pub fn backends() -> Vec<(String, Backend)> {
    [("cpu, one thread", NonZeroUsize::new(1)), ("cpu, three threads", NonZeroUsize::new(3))]
        .into_iter()
        .map(|(name, threads)| (name.to_owned(), Backend::open(&Device::Cpu, threads).unwrap()))
        .collect()
}
