//! The devices that a context computes on.

use crate::device::Device;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use std::num::NonZeroUsize;

/// One device for what needs the secret key, and one for the rest: the same, unless secrets have to stay on the CPU. They share
/// their threads.
#[derive(Debug, Clone)]
pub(super) struct OpenDevices {
    pub(super) secrets_on_cpu: bool,
    pub(super) secret: OpenDevice,
    pub(super) public: OpenDevice,
}

impl OpenDevices {
    pub(super) fn new(public: OpenDevice, secrets_on_cpu: bool) -> Self {
        let secret = if secrets_on_cpu { public.cpu_only() } else { public.clone() };
        Self { secrets_on_cpu, secret, public }
    }
}

/// A device that is open already, or one to open.
#[derive(Debug, Clone, Default)]
pub(super) struct DeviceChoice {
    pub(super) open: Option<OpenDevice>,
    pub(super) device: Option<Device>,
    pub(super) threads: Option<NonZeroUsize>,
}

impl DeviceChoice {
    /// The open device, or the device asked for, or else `default`.
    pub(super) fn open(self, default: impl FnOnce() -> Result<Device, Error>) -> Result<OpenDevice, Error> {
        match (self.open, self.device) {
            (Some(open), _) => Ok(open),
            (None, Some(device)) => OpenDevice::open(device, self.threads),
            (None, None) => OpenDevice::open(default()?, self.threads),
        }
    }
}
