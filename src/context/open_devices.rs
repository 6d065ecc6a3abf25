//! The devices that a context computes on.

use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use std::num::NonZeroUsize;

/// One device for work that needs the secret key, and one for all other work. They are the same unless secrets have
/// to stay on the CPU, and always share their threads.
#[derive(Debug, Clone)]
pub(crate) struct OpenDevices {
    pub(crate) secrets_on_cpu: bool,
    pub(crate) secret: OpenDevice,
    pub(crate) public: OpenDevice,
}

impl OpenDevices {
    pub(crate) fn new(public: OpenDevice, secrets_on_cpu: bool) -> Self {
        let secret = if secrets_on_cpu { public.cpu_only() } else { public.clone() };
        Self { secrets_on_cpu, secret, public }
    }
}

/// A device that is already open, or one to open.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeviceChoice {
    pub(crate) open: Option<OpenDevice>,
    pub(crate) device: Option<Device>,
    pub(crate) threads: Option<NonZeroUsize>,
}

impl DeviceChoice {
    /// Returns the open device, or else opens the requested device, or else `default`.
    pub(crate) fn open(self, default: impl FnOnce() -> Result<Device, Error>) -> Result<OpenDevice, Error> {
        match (self.open, self.device) {
            (Some(open), _) => Ok(open),
            (None, Some(device)) => OpenDevice::open(device, self.threads),
            (None, None) => OpenDevice::open(default()?, self.threads),
        }
    }
}
