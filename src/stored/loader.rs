//! Opening stored contexts of either format.

mod plain;
mod remote;
mod sealed;

use crate::context::ExecutionContext;
use crate::context::open_devices::DeviceChoice;
use crate::device::Device;
use crate::device::open_device::OpenDevice;
use std::num::NonZeroUsize;

/// Options for loading an [`ExecutionContext`].
#[derive(Debug, Default)]
#[must_use]
pub struct Loader {
    allow_weak: bool,
    device: DeviceChoice,
    secrets_on_cpu: bool,
    context_id: Option<String>,
    expected_id: Option<String>,
}

impl ExecutionContext {
    /// Starts the loading of a stored context with options.
    pub fn loader() -> Loader {
        Loader::default()
    }
}

impl Loader {
    /// Loads weak keys too, with a warning that says what an attacker can do.
    pub fn allow_weak(mut self, allow: bool) -> Self {
        self.allow_weak = allow;
        self
    }

    /// Computes on a device that is open already, whatever the context, [`Loader::device`] and [`Loader::threads`] say.
    pub fn open_device(mut self, device: OpenDevice) -> Self {
        self.device.open = Some(device);
        self
    }

    /// Computes on this device instead of the stored one.
    pub fn device(mut self, device: Device) -> Self {
        self.device.device = Some(device);
        self
    }

    /// Keeps everything that needs a secret on the processor, even if the context does not insist on it.
    pub fn secrets_on_cpu(mut self, keep: bool) -> Self {
        self.secrets_on_cpu = keep;
        self
    }

    /// Threads to compute with; one a core if not given. At most four a core, or 64:
    /// [`Devices::check_threads`](crate::Devices::check_threads).
    pub fn threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.device.threads = threads;
        self
    }

    /// An id instead of the derived one. [`Loader::load_from_remote`] has no use for it: what it is asked for is the id.
    pub fn context_id(mut self, id: impl Into<String>) -> Self {
        self.context_id = Some(id.into());
        self
    }

    /// Refuses any context but the one of this id: its public id, or its [`ExecutionContext::id`] as it was when the
    /// context was made.
    ///
    /// # Security
    /// XTrace's format authenticates the secret key only. Whoever can write the file can put another embedding length, or
    /// for `paillier_lookup` another generator, into it that goes with the same secret key. Ids cover both.
    pub fn expect_id(mut self, id: impl Into<String>) -> Self {
        self.expected_id = Some(id.into());
        self
    }
}
