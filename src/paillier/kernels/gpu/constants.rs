//! The constants of a modulus in the layout of the shaders.

use super::shape::Shape;
use crate::bignum::modulus::Modulus;
use crate::device::gpu::GpuFailure;
use crate::device::gpu::buffer::{Buffer, Secrecy};
use crate::device::gpu::engine::Engine;
use zeroize::Zeroizing;

/// The constants of a modulus on a device, and the shape of its numbers there.
pub(crate) struct DeviceModulus {
    pub(crate) shape: Shape,
    pub(crate) constants: Buffer,
}

impl DeviceModulus {
    /// Uploads the constants of a modulus to a device.
    pub(crate) fn new(engine: &Engine, modulus: &Modulus) -> Result<Self, GpuFailure> {
        Self::of(engine, modulus, &limbs(modulus))
    }

    /// Uploads these limbs: the [`limbs`] of the modulus, and any further constants of the kernel.
    pub(crate) fn of(engine: &Engine, modulus: &Modulus, limbs: &[u64]) -> Result<Self, GpuFailure> {
        let constants = engine.upload(limbs, Secrecy::Secret)?;
        Ok(Self { shape: Shape::new(engine, modulus.bits()), constants })
    }
}

/// Returns the limbs of the buffer of constants, in the order of `shader::Offsets`.
pub(crate) fn limbs(modulus: &Modulus) -> Zeroizing<Vec<u64>> {
    let form = modulus.word_form();
    let mut limbs = Zeroizing::new(vec![form.negative_inverse & 0xffff_ffff, 0]);
    limbs.extend_from_slice(modulus.limbs());
    for power in &form.radix_powers {
        limbs.extend_from_slice(power);
    }
    limbs
}
