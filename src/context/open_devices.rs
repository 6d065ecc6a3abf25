//! The devices that a context computes on.

use crate::backend::Backend;
use crate::device::Device;
use crate::error::Error;
use std::num::NonZeroUsize;

/// One device for what needs the secret key, and one for the rest: the same, unless secrets have to stay on the
/// processor.
#[derive(Debug)]
pub(super) struct OpenDevices {
    pub(super) asked: Device,
    pub(super) secrets_on_cpu: bool,
    pub(super) secret: Backend,
    pub(super) public: Backend,
}

impl OpenDevices {
    pub(super) fn open(asked: Device, threads: Option<NonZeroUsize>, secrets_on_cpu: bool) -> Result<Self, Error> {
        let public = Backend::open(&asked, threads)?;
        let secret = if secrets_on_cpu { Backend::open(&Device::Cpu, threads)? } else { public.clone() };
        Ok(Self { asked, secrets_on_cpu, secret, public })
    }

    /// The processor, with this backend for everything.
    #[cfg(feature = "hazmat")]
    pub(super) fn with_backend(backend: Backend, secrets_on_cpu: bool) -> Self {
        Self { asked: Device::Cpu, secrets_on_cpu, secret: backend.clone(), public: backend }
    }
}
