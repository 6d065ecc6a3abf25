//! Key switching: turns a product with one secret into an encryption under another.
//!
//! A hybrid of digit decomposition and a special prime, with one digit for each prime of the modulus (Gentry, Halevi
//! and Smart, Homomorphic evaluation of the AES circuit, CRYPTO 2012, appendix D; Cheon, Han, Kim, Kim and Song, A full
//! RNS variant of approximate homomorphic encryption, SAC 2018).

use crate::device::isa::Isa;
use crate::ring::basis::Basis;
use crate::ring::pointwise;

/// A key from a secret s' to a secret s. The basis has one prime more than the ciphertexts: the last one is the special
/// prime P.
pub(crate) struct SwitchingKey {
    /// For each digit and each prime: b, then a, as values in Montgomery form, with b + a·s = e + P·s'·(1 modulo the
    /// digit's prime, 0 modulo the others).
    pub(crate) words: Vec<u32>,
}

/// Memory for switching, for reuse.
pub(crate) struct Scratch {
    digits: Vec<u32>,
    /// b and a of the result, each with one limb for each prime of the basis.
    sums: [Vec<u32>; 2],
}

impl Scratch {
    /// Allocates memory for a basis.
    pub(crate) fn new(basis: &Basis) -> Self {
        let (primes, degree) = (basis.rings().len(), basis.degree());
        Self { digits: vec![0; (primes - 1) * degree], sums: [0, 1].map(|_| vec![0; primes * degree]) }
    }
}

impl SwitchingKey {
    /// Returns b and a with b + a·s ≈ x·s', as polynomials modulo the primes but the last. `x` is such a polynomial.
    pub(crate) fn switch<'s>(
        &self,
        isa: Isa,
        basis: &Basis,
        x: &[u32],
        scratch: &'s mut Scratch,
    ) -> [&'s mut [u32]; 2] {
        let (rings, degree) = (basis.rings(), basis.degree());
        let digits = rings.len() - 1;
        for (l, ring) in rings.iter().enumerate() {
            for (digit, out) in x.chunks_exact(degree).zip(scratch.digits.chunks_exact_mut(degree)) {
                basis.reduce(isa, l, digit, out);
                ring.forward(isa, out);
            }
            for (half, sums) in scratch.sums.iter_mut().enumerate() {
                let pairs = std::array::from_fn::<_, MOST_DIGITS, _>(|j| {
                    let j = j.min(digits - 1);
                    let key = ((j * rings.len() + l) * 2 + half) * degree;
                    [&scratch.digits[j * degree..(j + 1) * degree], &self.words[key..key + degree]]
                });
                let sum = &mut sums[l * degree..(l + 1) * degree];
                pointwise::dot(isa, ring.modulus(), sum, &pairs[..digits]);
                ring.inverse(isa, sum);
            }
        }
        scratch.sums.each_mut().map(|sums| {
            let (limbs, special) = sums.split_at_mut(digits * degree);
            basis.divide_by(isa, digits, limbs, special);
            limbs
        })
    }
}

/// The number of products whose sum [`pointwise::dot`] computes.
pub(crate) const MOST_DIGITS: usize = 4;
