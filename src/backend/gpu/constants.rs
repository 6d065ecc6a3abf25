//! The constants of a modulus as the shaders want them.

use super::buffer::{Buffer, Secrecy};
use super::engine::Engine;
use super::failure::GpuFailure;
use super::shader::Shape;
use crate::arith::modulus::Modulus;
use zeroize::Zeroizing;

/// The limbs of the constants' buffer, in the order of `shader::Offsets`.
pub(super) fn limbs(modulus: &Modulus) -> Zeroizing<Vec<u64>> {
    let form = modulus.word_form();
    let mut limbs = Zeroizing::new(vec![form.negative_inverse & 0xffff_ffff, 0]);
    limbs.extend_from_slice(modulus.limbs());
    for power in &form.radix_powers {
        limbs.extend_from_slice(power);
    }
    limbs
}

/// The constants of a modulus on a device.
pub(super) fn upload(engine: &Engine, modulus: &Modulus) -> Result<(Shape, Buffer), GpuFailure> {
    Ok((engine.shape(modulus.bits()), engine.upload(&limbs(modulus), Secrecy::Secret)?))
}
