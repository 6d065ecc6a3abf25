//! `crt_encrypt`: adds plaintexts to noise given modulo p² and q², and joins the two residues.

use super::crt_key::CrtKey;
use super::residue::Residue;
#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;

/// Encrypts plaintexts with the noise given modulo p² and modulo q².
pub fn crt_encrypt(device: &OpenDevice, key: &CrtKey, noise: [Rows<'_>; 2], plaintexts: Rows<'_>, out: &mut [u64]) {
    let cpu = device.cpu();
    with_lanes!(cpu, [key.p().modulus, key.q().modulus], [p, q] => encrypt(cpu, [p, q], key, noise, plaintexts, out));
}

/// Adds the plaintexts and joins the residues: with a = c mod p² and b = c mod q² as pairs, c = c0 + c1·n has
///
/// ```text
/// c0 ≡ a0 (mod p), b0 (mod q);   c0 = a0 + p·t = b0 + q·s,  t = (b0 − a0)/p mod q,  s = (a0 − b0)/q mod p
/// c1 ≡ (a1 − t)/q (mod p), (b1 − s)/p (mod q)
/// ```
///
/// because a0 + a1·p ≡ a0 + p·t + c1·p·q (mod p²).
fn encrypt<A: Lanes>(
    cpu: &Cpu,
    [p, q]: [&A; 2],
    key: &CrtKey,
    [noise_p, noise_q]: [Rows<'_>; 2],
    plaintexts: Rows<'_>,
    out: &mut [u64],
) {
    let width = 4 * p.width();
    let mod_p = Residue::new(p, key.p(), key.q().modulus.limbs());
    let mod_q = Residue::new(q, key.q(), key.p().modulus.limbs());
    cpu.for_each_group(out, width, Run::new(16, 256).of(A::COUNT), |rows, out| {
        let plaintexts = plaintexts.slice(rows.clone());
        let a = mod_p.put_messages(&p.load_pair(noise_p.slice(rows.clone())), plaintexts);
        let b = mod_q.put_messages(&q.load_pair(noise_q.slice(rows)), plaintexts);
        let t = mod_q.quotient(&b.x0, &a.x0);
        let s = mod_p.quotient(&a.x0, &b.x0);
        mod_p.join(&a.x0, &b.x0, out, width, 0);
        mod_p.join(&mod_p.quotient(&a.x1, &t), &mod_q.quotient(&b.x1, &s), out, width, width / 2);
    });
}

/// Inputs with arbitrary noise and plaintexts.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "crt_encrypt", batches: &[16, 1024], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    let key = samples::decode_case(bits, 0)?.key;
    let width = 2 * key.p().modulus.width();
    // Clearing the top bit makes the numbers smaller than both primes, whose top bits are set.
    let below: Vec<u64> = samples::numbers(bits, 4 * rows)
        .chunks(bits / 64)
        .flat_map(|number| {
            number.iter().enumerate().map(|(i, limb)| if i + 1 == number.len() { limb >> 1 } else { *limb })
        })
        .collect();
    Ok(Sample::new(2 * rows * width, move |device, out| {
        let (noise, plaintexts) = below.split_at(rows * width);
        crt_encrypt(device, &key, [Rows::new(noise, width); 2], Rows::new(plaintexts, width), out);
    }))
}
