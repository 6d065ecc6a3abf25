//! `crt_decrypt`: decrypts with both primes.

use super::crt_key::CrtKey;
use super::residue::Residue;
#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::digits;
use crate::bignum::lanes::Lanes;
use crate::bignum::window;
use crate::bignum::with_lanes::{for_powers, with_lanes};
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;

/// Decrypts each ciphertext. `out` receives rows of n's width: plaintexts below n, or all ones for a ciphertext that
/// was not made with this key.
pub fn crt_decrypt(device: &OpenDevice, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
    on_cpu(device.cpu(), key, ciphertexts, out);
}

pub(super) fn on_cpu(cpu: &Cpu, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
    with_lanes!(&for_powers(cpu, ciphertexts.len()), [key.p().modulus, key.q().modulus], [p, q] => decrypt(cpu, p, q, key, ciphertexts, out));
}

fn decrypt<A: Lanes>(cpu: &Cpu, p: &A, q: &A, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
    let width = 2 * p.width();
    let mod_p = Residue::new(p, key.p(), key.q().modulus.limbs());
    let mod_q = Residue::new(q, key.q(), key.p().modulus.limbs());
    cpu.for_each_group(out, width, Run::new(1, 16).of(A::COUNT), |rows, out| {
        let rows = ciphertexts.slice(rows);
        let (x, x_valid) = mod_p.logarithm(&window::pow(p, &mod_p.to_mont(rows), &key.p().exponent));
        let (y, y_valid) = mod_q.logarithm(&window::pow(q, &mod_q.to_mont(rows), &key.q().exponent));
        mod_p.join(&x, &y, out, width, 0);
        for (lane, out) in out.chunks_exact_mut(width).enumerate() {
            let invalid = digits::mask(u64::from((x_valid & y_valid) >> lane & 1 ^ 1));
            for limb in out {
                *limb |= invalid;
            }
        }
    });
}

/// Inputs with ciphertexts of sums of vectors.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "crt_decrypt", batches: &[], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    let case = samples::decode_case(bits, rows)?;
    let width = 2 * case.key.p().modulus.width();
    Ok(Sample::new(rows * width, move |device, out| {
        crt_decrypt(device, &case.key, Rows::new(&case.ciphertexts, 2 * width), out);
    }))
}
