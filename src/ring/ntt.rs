//! The negacyclic number-theoretic transform (NTT): evaluates a polynomial modulo X^N + 1 at the N primitive roots of
//! unity of order 2N, so that products of polynomials become products of residues.
//!
//! Butterflies of Cooley and Tukey forward and of Gentleman and Sande backward, with the powers of the root merged into
//! the twiddle factors (Pöppelmann, Oder and Güneysu, High-performance ideal lattice-based cryptography on 8-bit
//! ATxmega microcontrollers, LATINCRYPT 2015, algorithms 1 and 2), and Harvey's lazy reductions (see
//! [`Multiplier`](super::modulus::Multiplier)). Coefficients are in natural order, values in bit-reversed order.

mod butterfly;
mod inverse;
mod last_levels;

use super::modulus::{Modulus, Multiplier, low};
use super::primes;
use crate::device::isa::Isa;
use crate::device::words::{Words, compiled_for_each_isa};
use butterfly::{butterfly, quarters};
use last_levels::LastLevels;

/// The transform for one modulus and degree.
#[derive(Clone)]
pub struct Ntt {
    modulus: Modulus,
    degree: usize,
    /// Powers of the root in bit-reversed order: entry m + i is the factor of block i among m blocks.
    forward: Vec<Multiplier>,
    /// The same powers of the inverse of the root.
    backward: Vec<Multiplier>,
    /// N^−1, and N^−1 times the last factor of the inverse transform.
    scale: [Multiplier; 2],
    /// Of the forward and of the inverse transform.
    last_levels: [LastLevels; 2],
}

impl std::fmt::Debug for Ntt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ntt").field("modulus", &self.modulus.value()).field("degree", &self.degree).finish()
    }
}

impl Ntt {
    /// The smallest degree: two of the largest vectors.
    pub(crate) const LEAST_DEGREE: usize = 32;

    /// Prepares the transform. `degree` is a power of two from [`Ntt::LEAST_DEGREE`], and the modulus is 1 modulo
    /// 2·`degree`. The root is the first in 2^e, 3^e, … with e = (q − 1) / 2N that has order 2N.
    pub(crate) fn new(modulus: Modulus, degree: usize) -> Self {
        debug_assert!(degree.is_power_of_two() && degree >= Self::LEAST_DEGREE);
        let q = u64::from(modulus.value());
        debug_assert_eq!(q % (2 * degree as u64), 1);
        let exponent = (q - 1) / (2 * degree as u64);
        let has_order = |root: &u64| primes::pow(*root, degree as u64, q) == q - 1;
        let root = (2..q).map(|base| primes::pow(base, exponent, q)).find(has_order).unwrap_or(1);
        let powers = |root: u64| {
            let mut powers = vec![Multiplier::default(); degree];
            let mut power = 1;
            for i in 0..degree {
                powers[i.reverse_bits() >> (usize::BITS - degree.ilog2())] = modulus.multiplier(low(power));
                power = primes::mul(power, root, q);
            }
            powers
        };
        let (forward, backward) = (powers(root), powers(primes::inverse(root, q)));
        let inverse = modulus.inverse(low(degree as u64));
        let scale = [inverse, modulus.mul(inverse, backward[1].value)].map(|x| modulus.multiplier(x));
        Self { modulus, degree, forward, backward, scale, last_levels: Default::default() }
    }

    /// Prepares the transform for a prime below 2^30. `degree` is a power of two from 32, and the prime is 1 modulo
    /// 2·`degree`.
    #[cfg(feature = "hazmat")]
    pub fn for_prime(prime: u32, degree: usize) -> Self {
        Self::new(Modulus::new(prime), degree)
    }

    /// The factors of the forward transform: 1, then factor m + i for block i among m blocks.
    #[cfg(feature = "gpu")]
    pub(crate) fn forward_factors(&self) -> &[Multiplier] {
        &self.forward
    }

    /// The factors of the inverse transform, in the same order.
    #[cfg(feature = "gpu")]
    pub(crate) fn inverse_factors(&self) -> &[Multiplier] {
        &self.backward
    }

    /// N^−1, and N^−1 times the last factor of the inverse transform.
    #[cfg(feature = "gpu")]
    pub(crate) fn scale(&self) -> [Multiplier; 2] {
        self.scale
    }

    /// The modulus.
    pub(crate) fn modulus(&self) -> Modulus {
        self.modulus
    }

    /// The number of coefficients of a polynomial.
    pub(crate) fn degree(&self) -> usize {
        self.degree
    }

    /// Transforms a polynomial to its values. Coefficients may be up to 4q − 1; values are canonical.
    pub(crate) fn forward(&self, isa: Isa, polynomial: &mut [u32]) {
        debug_assert_eq!(polynomial.len(), self.degree);
        let factors = self.last_levels[0].factors(isa, &self.forward);
        forward(isa, self, factors, polynomial);
    }

    /// Transforms values to the polynomial that has them. Values may be up to 2q − 1; coefficients are canonical.
    pub(crate) fn inverse(&self, isa: Isa, values: &mut [u32]) {
        debug_assert_eq!(values.len(), self.degree);
        let factors = self.last_levels[1].factors(isa, &self.backward);
        inverse(isa, self, factors, values);
    }

    /// [`Ntt::forward`] with vectors.
    #[inline(always)]
    fn forward_with<W: Words>(&self, isa: W::Isa, factors: &[u32], polynomial: &mut [u32]) {
        let m = self.modulus.broadcast::<W>(isa);
        let vectors: &mut [W::Array] = bytemuck::cast_slice_mut(polynomial);
        let mut blocks = 1;
        // Levels between vectors, two at a time; a single one first if their number is odd.
        if vectors.len().ilog2() % 2 == 1 {
            let factor = self.forward[1].broadcast(isa);
            let (x, y) = vectors.split_at_mut(vectors.len() / 2);
            for (x, y) in x.iter_mut().zip(y) {
                let [a, b] = butterfly(&m, [W::load(isa, x), W::load(isa, y)], factor);
                a.store(x);
                b.store(y);
            }
            blocks = 2;
        }
        while blocks < vectors.len() {
            let length = vectors.len() / blocks;
            for (i, block) in vectors.chunks_exact_mut(length).enumerate() {
                let first = self.forward[blocks + i].broadcast(isa);
                let second = [0, 1].map(|half| self.forward[2 * (blocks + i) + half].broadcast(isa));
                for [x0, x1, x2, x3] in quarters::<W>(block) {
                    let [a, b, c, d] = [&x0, &x1, &x2, &x3].map(|x| W::load(isa, x));
                    let ([a, c], [b, d]) = (butterfly(&m, [a, c], first), butterfly(&m, [b, d], first));
                    let ([a, b], [c, d]) = (butterfly(&m, [a, b], second[0]), butterfly(&m, [c, d], second[1]));
                    a.store(x0);
                    b.store(x1);
                    c.store(x2);
                    d.store(x3);
                }
            }
            blocks *= 4;
        }
        last_levels::forward::<W>(isa, &m, vectors, bytemuck::cast_slice(factors));
    }
}

compiled_for_each_isa! {
    fn forward<W>(isa; ntt: &Ntt, factors: &[u32], polynomial: &mut [u32]) {
        ntt.forward_with::<W>(isa, factors, polynomial);
    }

    fn inverse<W>(isa; ntt: &Ntt, factors: &[u32], values: &mut [u32]) {
        ntt.inverse_with::<W>(isa, factors, values);
    }
}

#[cfg(test)]
mod tests;
