//! What the owner's kernels need of a secret key: both primes with their constants, as plain numbers that any device
//! can bring into its own form.

use crate::bignum::limbs::less_than;
use crate::bignum::modulus::Modulus;
use crate::bignum::secrecy::declassify;
use crate::bignum::window::Exponent;
use crate::error::Error;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What `hamming_decode` writes for a ciphertext that holds no Hamming distance.
pub const NOT_A_DISTANCE: u32 = u32::MAX;

/// One prime p of n = p·q. Secret throughout, wiped when dropped; Debug shows sizes only.
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
    /// q⁻¹ mod p, q being the other prime.
    pub other_inverse: Zeroizing<Vec<u64>>,
}

/// Both primes, the larger one first. Reads p and q from left to right.
#[derive(Debug)]
pub struct CrtKey {
    p: PrimeKey,
    q: PrimeKey,
    one_prime_dimensions: usize,
}

impl CrtKey {
    /// # Errors
    /// If the primes have different sizes.
    pub fn new(p: PrimeKey, q: PrimeKey) -> Result<Self, Error> {
        if p.modulus.bits() != q.modulus.bits() {
            return Err(Error::Modulus { bits: q.modulus.bits(), reason: "the other prime has another size" });
        }
        let one_prime_dimensions = one_prime_dimensions(p.modulus.limbs());
        Ok(Self { p, q, one_prime_dimensions })
    }

    /// The larger prime.
    pub fn p(&self) -> &PrimeKey {
        &self.p
    }

    /// The smaller prime.
    pub fn q(&self) -> &PrimeKey {
        &self.q
    }

    /// The most dimensions for which the largest sum of two vectors, 2·(4^D − 1)/3, is below p, so that its residue
    /// modulo p is the sum itself and one prime is enough to decode.
    pub fn one_prime_dimensions(&self) -> usize {
        self.one_prime_dimensions
    }
}

/// 2·(4^D − 1)/3 is the binary number 1010…10 of 2·D bits.
fn one_prime_dimensions(p: &[u64]) -> usize {
    // A p below that number still has its full length, or one bit less, and lies above the next shorter one.
    let largest_sum = vec![0xaaaa_aaaa_aaaa_aaaa; p.len()];
    // New primes, whose two top bits are set, are all above it.
    let above = declassify(
        less_than(&largest_sum, p),
        "about half a bit of a prime, which only keys made elsewhere have to give",
    );
    if above { 32 * p.len() } else { 32 * p.len() - 1 }
}
