//! Opens stored contexts of either format.

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
    /// Returns a loader, which opens stored contexts with options.
    pub fn loader() -> Loader {
        Loader::default()
    }
}

impl Loader {
    /// Sets whether weak keys are loaded. Loading one logs a warning that says what an attacker can do.
    pub fn allow_weak(mut self, allow: bool) -> Self {
        self.allow_weak = allow;
        self
    }

    /// Computes on a device that is already open. This overrides the stored device, [`Loader::device`] and
    /// [`Loader::threads`].
    pub fn open_device(mut self, device: OpenDevice) -> Self {
        self.device.open = Some(device);
        self
    }

    /// Sets the device to compute on, instead of the stored one.
    pub fn device(mut self, device: Device) -> Self {
        self.device.device = Some(device);
        self
    }

    /// Runs all work that needs a secret on the CPU, even if the stored context does not ask for it.
    pub fn secrets_on_cpu(mut self, keep: bool) -> Self {
        self.secrets_on_cpu = keep;
        self
    }

    /// Sets the number of threads; the default is one per core. The limit is four per core, or 64: see
    /// [`Devices::check_threads`](crate::Devices::check_threads).
    pub fn threads(mut self, threads: Option<NonZeroUsize>) -> Self {
        self.device.threads = threads;
        self
    }

    /// Sets an explicit id instead of the derived one. [`Loader::load_from_remote`] ignores it, because it is given
    /// an id itself.
    pub fn context_id(mut self, id: impl Into<String>) -> Self {
        self.context_id = Some(id.into());
        self
    }

    /// Refuses every context except the one with this id: its public id, or the [`ExecutionContext::id`] that it was
    /// made with.
    ///
    /// # Security
    /// XTrace's format authenticates only the secret key. Anyone who can write the file can change the embedding
    /// length, or for `paillier_lookup` the generator, to another one that is valid with the same secret key. Ids
    /// cover both.
    pub fn expect_id(mut self, id: impl Into<String>) -> Self {
        self.expected_id = Some(id.into());
        self
    }
}
