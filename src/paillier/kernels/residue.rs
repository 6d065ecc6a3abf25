//! Converts between numbers modulo n² and their residues modulo the squares of the primes.

use super::crt_key::PrimeKey;
use crate::bignum::batch::Rows;
use crate::bignum::lanes::{Lanes, Pair};
use zeroize::Zeroize;

/// The constants of one prime in Montgomery form. Wiped when dropped.
pub(super) struct Residue<'a, A: Lanes> {
    pub(super) m: &'a A,
    /// B·R² for B = 2^bits, where `bits` is the size of p. Converts the upper half of a number to Montgomery form.
    upper_r2: Pair<A::Number>,
    /// q, the other prime.
    other: A::Number,
    /// q·R².
    other_r2: A::Number,
    /// q·B·R².
    other_upper_r2: A::Number,
    /// s·R².
    message_r2: A::Number,
    /// s·B·R².
    message_upper_r2: A::Number,
    /// (e·s)⁻¹·R.
    decode_r: A::Number,
    /// q⁻¹·R.
    other_inverse_r: A::Number,
}

impl<A: Lanes> Drop for Residue<'_, A> {
    fn drop(&mut self) {
        self.upper_r2.zeroize();
        for constant in [
            &mut self.other,
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

impl<'a, A: Lanes> Residue<'a, A> {
    /// Computes the constants. `other` is the other prime.
    pub(super) fn new(m: &'a A, key: &PrimeKey, other: &[u64]) -> Self {
        let mut half = vec![0; 2 * m.width()];
        if let Some(top) = half.get_mut(m.width() - 1) {
            *top = 1 << 63;
        }
        let half = m.to_mont(&m.broadcast_pair(&half));
        let upper_r = m.plus_pair(&half, &half);
        let upper_r2 = m.mul(&upper_r, m.r2());
        let to_mont = |limbs: &[u64]| m.mont_mul(&m.broadcast(limbs), &m.r2().x0);
        let (other_r, message_r) = (to_mont(other), to_mont(&key.message_scale));
        Self {
            m,
            upper_r2,
            other: m.broadcast(other),
            other_r2: m.mont_mul(&other_r, &m.r2().x0),
            other_upper_r2: m.mont_mul(&other_r, &upper_r2.x0),
            message_r2: m.mont_mul(&message_r, &m.r2().x0),
            message_upper_r2: m.mont_mul(&message_r, &upper_r2.x0),
            decode_r: to_mont(&key.decode_scale),
            other_inverse_r: to_mont(&key.other_inverse),
        }
    }

    /// Reduces ciphertexts c0 + c1·n, given as rows of four widths of p, modulo p² to Montgomery form.
    ///
    /// c0 = u0 + u1·B, and c1·n = p·(q·c1) needs only q·c1 mod p, so no division is needed.
    pub(super) fn to_mont(&self, ciphertexts: Rows<'_>) -> Pair<A::Number> {
        let (m, width) = (self.m, self.m.width());
        let part = |i: usize| m.load(ciphertexts, i * width);
        let zero = m.broadcast(&[]);
        let lower = m.to_mont(&Pair { x0: part(0), x1: zero });
        let upper = m.mul(&Pair { x0: part(1), x1: zero }, &self.upper_r2);
        let c0 = m.plus_pair(&lower, &upper);
        let c1 = m.plus(&m.mont_mul(&part(2), &self.other_r2), &m.mont_mul(&part(3), &self.other_upper_r2));
        Pair { x0: c0.x0, x1: m.plus(&c0.x1, &c1) }
    }

    /// Computes m mod p from c^e = 1 + e·s·m·p in Montgomery form. Also returns one bit per lane: whether c^e has
    /// that form.
    pub(super) fn logarithm(&self, power: &Pair<A::Number>) -> (A::Number, u32) {
        let power = self.m.from_mont(power);
        (self.m.reduce_once(&self.m.mont_mul(&power.x1, &self.decode_r)), self.m.is_one(&power.x0))
    }

    /// Computes the plain pairs ν·(1 + s·m·p) from plain reduced ν and messages of two widths of p.
    pub(super) fn put_messages(&self, noise: &Pair<A::Number>, messages: Rows<'_>) -> Pair<A::Number> {
        let m = self.m;
        let lower = m.mont_mul(&m.load(messages, 0), &self.message_r2);
        let upper = m.mont_mul(&m.load(messages, m.width()), &self.message_upper_r2);
        let added = m.mont_mul(&m.plus(&lower, &upper), &noise.x0);
        Pair { x0: noise.x0, x1: m.add(&noise.x1, &added) }
    }

    /// Computes (x − y)·q⁻¹ mod p, reduced, for a reduced x and a y below 2p.
    pub(super) fn quotient(&self, x: &A::Number, y: &A::Number) -> A::Number {
        self.m.reduce_once(&self.m.mont_mul(&self.m.sub(x, y), &self.other_inverse_r))
    }

    /// Computes the numbers below p·q that are x modulo p and y modulo q: y + q·((x − y)·q⁻¹ mod p) (Garner 1959).
    /// Writes them into rows of `width` limbs, starting at limb `at` of each row. q is below 2p because both primes
    /// have the same length.
    pub(super) fn join(&self, x: &A::Number, y: &A::Number, out: &mut [u64], width: usize, at: usize) {
        self.m.store_product(&self.quotient(x, y), &self.other, y, out, width, at);
    }
}
