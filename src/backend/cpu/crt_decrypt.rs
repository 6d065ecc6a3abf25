//! `crt_decrypt`: plaintexts from both primes.

use super::level::with_lanes;
use super::residue::Residue;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::digits;
use crate::arith::lanes::Lanes;
use crate::arith::window;
use crate::backend::crt_key::CrtKey;

pub(in crate::backend) fn crt_decrypt(cpu: &Cpu, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
    with_lanes!(cpu.for_powers(ciphertexts.len()), [key.p().modulus, key.q().modulus], [p, q] => decrypt(cpu, p, q, key, ciphertexts, out));
}

fn decrypt<A: Lanes>(cpu: &Cpu, p: &A, q: &A, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
    let width = 2 * p.width();
    let mod_p = Residue::new(p, key.p(), key.q().modulus.limbs());
    let mod_q = Residue::new(q, key.q(), key.p().modulus.limbs());
    cpu.for_each_group::<A, _>(out, width, Run::new(1, 16), |rows, out| {
        let rows = ciphertexts.slice(rows);
        let (x, x_valid) = mod_p.logarithm(&window::pow(p, &mod_p.enter(rows), &key.p().exponent));
        let (y, y_valid) = mod_q.logarithm(&window::pow(q, &mod_q.enter(rows), &key.q().exponent));
        mod_p.join(&x, &y, out, width, 0);
        for (lane, out) in out.chunks_exact_mut(width).enumerate() {
            let invalid = digits::mask(u64::from((x_valid & y_valid) >> lane & 1 ^ 1));
            for limb in out {
                *limb |= invalid;
            }
        }
    });
}
