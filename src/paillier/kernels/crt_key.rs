//! The parts of a secret key that the owner's kernels need: both primes with their constants. They are plain numbers,
//! which each device converts to its own form.

use crate::bignum::limbs::less_than;
use crate::bignum::modulus::Modulus;
use crate::bignum::secrecy::declassify;
use crate::bignum::window::Exponent;
use crate::error::Error;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The result of `hamming_decode` for a ciphertext that does not hold a Hamming distance.
pub const NOT_A_DISTANCE: u32 = u32::MAX;

/// One prime p of n = p·q with its constants. All of it is secret and wiped when dropped; Debug shows only sizes.
///
/// In every scheme a ciphertext of m is c ≡ (1 + s·m·p)·ν (mod p²) for a noise ν whose order divides the exponent e,
/// so that c^e = 1 + e·s·m·p. The schemes differ in e and s, and in how ν is drawn.
#[derive(Debug)]
pub struct PrimeKey {
    /// p.
    pub modulus: Arc<Modulus>,
    /// e.
    pub exponent: Exponent,
    /// s mod p.
    pub message_scale: Zeroizing<Vec<u64>>,
    /// (e·s)⁻¹ mod p.
    pub decode_scale: Zeroizing<Vec<u64>>,
    /// q⁻¹ mod p, where q is the other prime.
    pub other_inverse: Zeroizing<Vec<u64>>,
}

/// Both primes. p is the larger one.
#[derive(Debug)]
pub struct CrtKey {
    p: PrimeKey,
    q: PrimeKey,
    one_prime_dimensions: usize,
}

impl CrtKey {
    /// Makes a key from both primes.
    ///
    /// # Errors
    /// [`Error::Modulus`] if the primes have different sizes.
    pub fn new(p: PrimeKey, q: PrimeKey) -> Result<Self, Error> {
        if p.modulus.bits() != q.modulus.bits() {
            return Err(Error::Modulus { bits: q.modulus.bits(), reason: "the other prime has a different size" });
        }
        let one_prime_dimensions = one_prime_dimensions(p.modulus.limbs());
        Ok(Self { p, q, one_prime_dimensions })
    }

    /// Returns the larger prime.
    pub fn p(&self) -> &PrimeKey {
        &self.p
    }

    /// Returns the smaller prime.
    pub fn q(&self) -> &PrimeKey {
        &self.q
    }

    /// Returns the largest number of dimensions D for which one prime is enough to decode: the largest sum of two
    /// vectors, 2·(4^D − 1)/3, is below p, so that its residue modulo p is the sum itself.
    pub fn one_prime_dimensions(&self) -> usize {
        self.one_prime_dimensions
    }
}

/// Computes [`CrtKey::one_prime_dimensions`]. 2·(4^D − 1)/3 is the binary number 1010…10 of 2·D bits.
fn one_prime_dimensions(p: &[u64]) -> usize {
    // A p that is not above this number has the full length, or one bit less, so it is above the sum for one
    // dimension less.
    let largest_sum = vec![0xaaaa_aaaa_aaaa_aaaa; p.len()];
    // All new primes are above it, because their two top bits are set.
    let above = declassify(
        less_than(&largest_sum, p),
        "reveals about half a bit of a prime, and only for keys that were made elsewhere",
    );
    if above { 32 * p.len() } else { 32 * p.len() - 1 }
}
