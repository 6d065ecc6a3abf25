//! Between numbers modulo n² and their residues modulo the square of a prime.

use crate::arith::digits;
use crate::arith::pair::{Pair, PairModulus};
use crate::backend::crt_key::PrimeKey;
use zeroize::Zeroize;

/// The constants of one prime in Montgomery form. Wiped when dropped.
pub(super) struct Residue<'a, const L: usize> {
    pub(super) m: &'a PairModulus<L>,
    /// B·R² for B = 2^bits, bits being the size of p: takes the upper half of a number into Montgomery form.
    upper_r2: Pair<L>,
    /// q·R², q the other prime.
    other_r2: [u64; L],
    /// q·B·R².
    other_upper_r2: [u64; L],
    /// s·R².
    message_r2: [u64; L],
    /// s·B·R².
    message_upper_r2: [u64; L],
    /// (e·s)⁻¹·R.
    decode_r: [u64; L],
    /// q⁻¹·R.
    other_inverse_r: [u64; L],
}

impl<const L: usize> Drop for Residue<'_, L> {
    fn drop(&mut self) {
        self.upper_r2.zeroize();
        for constant in [
            &mut self.other_r2,
            &mut self.other_upper_r2,
            &mut self.message_r2,
            &mut self.message_upper_r2,
            &mut self.decode_r,
            &mut self.other_inverse_r,
        ] {
            constant.zeroize();
        }
    }
}

impl<'a, const L: usize> Residue<'a, L> {
    /// `other` is the other prime.
    pub(super) fn new(m: &'a PairModulus<L>, key: &PrimeKey, other: &[u64]) -> Self {
        let mut half = vec![0; key.modulus.width()];
        if let Some(top) = half.last_mut() {
            *top = 1 << 63;
        }
        let half = m.enter(&Pair::from_limbs(&half));
        let upper_r = half.add(&half);
        let upper_r2 = m.mul(&upper_r, m.r2());
        let into = |limbs: &[u64]| m.mont_mul(&digits::from_limbs(limbs), &m.r2().x0);
        let (other_r, message_r) = (into(other), into(&key.message_scale));
        Self {
            m,
            upper_r2,
            other_r2: m.mont_mul(&other_r, &m.r2().x0),
            other_upper_r2: m.mont_mul(&other_r, &upper_r2.x0),
            message_r2: m.mont_mul(&message_r, &m.r2().x0),
            message_upper_r2: m.mont_mul(&message_r, &upper_r2.x0),
            decode_r: into(&key.decode_scale),
            other_inverse_r: into(&key.other_inverse),
        }
    }

    /// A ciphertext c0 + c1·n, as a row of four widths of p, modulo p² in Montgomery form.
    ///
    /// c0 = u0 + u1·B, and c1·n = p·(q·c1) needs only q·c1 mod p: no division anywhere.
    pub(super) fn enter(&self, ciphertext: &[u64]) -> Pair<L> {
        let (c0, c1) = ciphertext.split_at(ciphertext.len() / 2);
        let (u0, u1) = c0.split_at(c0.len() / 2);
        let (v0, v1) = c1.split_at(c1.len() / 2);
        let c0 = self.m.enter(&Pair::from_limbs(u0)).add(&self.m.mul(&Pair::from_limbs(u1), &self.upper_r2));
        let lower = self.m.mont_mul(&digits::from_limbs(v0), &self.other_r2);
        let upper = self.m.mont_mul(&digits::from_limbs(v1), &self.other_upper_r2);
        Pair { x0: c0.x0, x1: digits::add(&c0.x1, &digits::add(&lower, &upper)) }
    }

    /// m mod p from c^e = 1 + e·s·m·p in Montgomery form, and 1 if it has that form, else 0.
    pub(super) fn logarithm(&self, power: &Pair<L>) -> ([u64; L], u64) {
        let power = self.m.leave(power);
        let mut difference = power.x0[0] ^ 1;
        for digit in &power.x0[1..] {
            difference |= digit;
        }
        let valid = ((difference | difference.wrapping_neg()) >> 63) ^ 1;
        (self.m.reduce_once(&self.m.mont_mul(&power.x1, &self.decode_r)), valid)
    }

    /// The plain pair ν·(1 + s·m·p) of a plain reduced ν and a message of two widths of p.
    pub(super) fn put_message(&self, noise: &Pair<L>, message: &[u64]) -> Pair<L> {
        let (lower, upper) = message.split_at(message.len() / 2);
        let lower = self.m.mont_mul(&digits::from_limbs(lower), &self.message_r2);
        let upper = self.m.mont_mul(&digits::from_limbs(upper), &self.message_upper_r2);
        let added = self.m.mont_mul(&digits::add(&lower, &upper), &noise.x0);
        Pair { x0: noise.x0, x1: self.m.add(&noise.x1, &added) }
    }

    /// (x − y)·q⁻¹ mod p, reduced, of a reduced x and a y below 2p.
    pub(super) fn quotient(&self, x: &[u64; L], y: &[u64; L]) -> [u64; L] {
        self.m.reduce_once(&self.m.mont_mul(&self.m.sub(x, y), &self.other_inverse_r))
    }
}
