//! Contexts, vectors and results of packed search, for the commands.

pub mod neighbours;
pub mod vectors;

use crate::args::{Expected, Owner, public_given};
use crate::failure::Failure;
use hushvec::{Device, Devices, OpenDevice, PackedContext, PackedContextFile, PassphraseKeyProvider};
use zeroize::Zeroizing;

/// Opens an owner's context with its passphrase, on a device that is already open or else on its own.
pub fn open(
    file: &PackedContextFile,
    owner: &Owner,
    passphrase: &Zeroizing<String>,
    device: Option<&OpenDevice>,
    expected: &Expected,
) -> Result<PackedContext, Failure> {
    let device = match (device, &owner.compute.device) {
        (Some(device), _) => Some(device.clone()),
        (None, device) => {
            let device = device.as_ref().or(file.device()).cloned().unwrap_or(Device::Auto);
            Some(OpenDevice::open(device, owner.compute.threads)?)
        }
    };
    let context = file.open(&PassphraseKeyProvider::new(passphrase.as_str())?, device)?;
    if let Some(expected) = &expected.expect_id {
        context.check_id(expected).map_err(|error| error.in_file(file.path()))?;
    }
    Ok(context)
}

impl Owner {
    /// Opens an owner's context of packed search.
    pub fn open_packed(&self, file: &PackedContextFile) -> Result<PackedContext, Failure> {
        self.check_packed(file)?;
        let passphrase = self.passphrase.read(file.path())?;
        open(file, self, &passphrase, None, &self.expected)
    }

    /// Checks, before the passphrase is asked for, that a context has a secret key and may be used.
    pub fn check_packed(&self, file: &PackedContextFile) -> Result<(), Failure> {
        let Some(device) = file.device() else {
            return Err(public_given(file.path()));
        };
        self.expected.check_packed(file)?;
        Devices::check(self.compute.device.as_ref().unwrap_or(device))?;
        Ok(())
    }
}

impl Expected {
    /// Checks the id of a context of packed search.
    pub fn check_packed(&self, file: &PackedContextFile) -> Result<(), Failure> {
        let Some(expected) = &self.expect_id else { return Ok(()) };
        Ok(file.check_id(expected)?)
    }
}
