//! `crt_decrypt`: plaintexts from both primes.

use super::residue::Residue;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::digits;
use crate::arith::modulus::with_moduli;
use crate::arith::pair::PairModulus;
use crate::arith::product::products;
use crate::arith::window;
use crate::backend::crt_key::CrtKey;

pub(in crate::backend) fn crt_decrypt(cpu: &Cpu, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
    let (p, q) = (&key.p().modulus, &key.q().modulus);
    with_moduli!(p, q, (p, q) => decrypt(cpu, p, q, key, ciphertexts, out));
}

fn decrypt<const L: usize>(
    cpu: &Cpu,
    p: &PairModulus<L>,
    q: &PairModulus<L>,
    key: &CrtKey,
    ciphertexts: Rows<'_>,
    out: &mut [u64],
) {
    let width = 2 * key.p().modulus.width();
    let (p_limbs, q_limbs) = (key.p().modulus.limbs(), key.q().modulus.limbs());
    let (mod_p, mod_q) = (Residue::new(p, key.p(), q_limbs), Residue::new(q, key.q(), p_limbs));
    cpu.for_each_run(out, width, Run { least: 1, most: 16 }, |first, out| {
        for (ciphertext, out) in ciphertexts.iter().skip(first).zip(out.chunks_exact_mut(width)) {
            let (x, x_valid) = mod_p.logarithm(&window::pow(p, &mod_p.enter(ciphertext), &key.p().exponent));
            let (y, y_valid) = mod_q.logarithm(&window::pow(q, &mod_q.enter(ciphertext), &key.q().exponent));
            join(&mod_p, &x, q_limbs, &y, out);
            let invalid = digits::mask((x_valid & y_valid) ^ 1);
            for limb in out {
                *limb |= invalid;
            }
        }
    });
}

/// Writes the number below p·q that is x mod p and y mod q: y + q·((x − y)·q⁻¹ mod p) (Garner 1959).
/// q is below 2p, as primes of one length are.
pub(super) fn join<const L: usize>(mod_p: &Residue<'_, L>, x: &[u64; L], q: &[u64], y: &[u64; L], out: &mut [u64]) {
    let mut columns = products([(&mod_p.quotient(x, y), &digits::from_limbs(q))]);
    for (column, digit) in columns[0].iter_mut().zip(y) {
        *column += u128::from(*digit);
    }
    let mut joined = [[0u64; L]; 2];
    let mut carry = 0u128;
    for (digit, column) in joined.as_flattened_mut().iter_mut().zip(columns.as_flattened()) {
        carry += column;
        *digit = digits::low(carry) & digits::DIGIT_MASK;
        carry >>= digits::DIGIT_BITS;
    }
    digits::to_limbs(joined.as_flattened(), out);
}
