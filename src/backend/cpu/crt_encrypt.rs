//! `crt_encrypt`: puts plaintexts into noise given modulo p² and q², and joins the two.

use super::crt_decrypt::join;
use super::residue::Residue;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::modulus::with_moduli;
use crate::arith::pair::{Pair, PairModulus};
use crate::backend::crt_key::CrtKey;

pub(in crate::backend) fn crt_encrypt(
    cpu: &Cpu,
    key: &CrtKey,
    noise: [Rows<'_>; 2],
    plaintexts: Rows<'_>,
    out: &mut [u64],
) {
    let (p, q) = (&key.p().modulus, &key.q().modulus);
    with_moduli!(p, q, (p, q) => encrypt(cpu, p, q, key, noise, plaintexts, out));
}

/// With a = c mod p² and b = c mod q² as pairs, c = c0 + c1·n has
///
/// ```text
/// c0 ≡ a0 (mod p), b0 (mod q);   c0 = a0 + p·t = b0 + q·s,  t = (b0 − a0)/p mod q,  s = (a0 − b0)/q mod p
/// c1 ≡ (a1 − t)/q (mod p), (b1 − s)/p (mod q)
/// ```
///
/// because a0 + a1·p ≡ a0 + p·t + c1·p·q (mod p²).
fn encrypt<const L: usize>(
    cpu: &Cpu,
    p: &PairModulus<L>,
    q: &PairModulus<L>,
    key: &CrtKey,
    [noise_p, noise_q]: [Rows<'_>; 2],
    plaintexts: Rows<'_>,
    out: &mut [u64],
) {
    let width = 4 * key.p().modulus.width();
    let (p_limbs, q_limbs) = (key.p().modulus.limbs(), key.q().modulus.limbs());
    let (mod_p, mod_q) = (Residue::new(p, key.p(), q_limbs), Residue::new(q, key.q(), p_limbs));
    cpu.for_each_run(out, width, Run { least: 16, most: 256 }, |first, out| {
        let rows = noise_p.iter().zip(noise_q.iter()).zip(plaintexts.iter()).skip(first);
        for (((noise_p, noise_q), plaintext), out) in rows.zip(out.chunks_exact_mut(width)) {
            let a = mod_p.put_message(&Pair::from_row(noise_p), plaintext);
            let b = mod_q.put_message(&Pair::from_row(noise_q), plaintext);
            let t = mod_q.quotient(&b.x0, &a.x0);
            let s = mod_p.quotient(&a.x0, &b.x0);
            let (c0, c1) = out.split_at_mut(width / 2);
            join(&mod_p, &a.x0, q_limbs, &b.x0, c0);
            join(&mod_p, &mod_p.quotient(&a.x1, &t), q_limbs, &mod_q.quotient(&b.x1, &s), c1);
        }
    });
}
