//! `paillier_subgroup`: the scheme with short noise exponents (Ma, Han and Lei, "Optimized Paillier's Cryptosystem
//! with Fast Encryption and Decryption", ACSAC 2021, section 4).
//!
//! ```text
//! p = 2·α_p·b_p + 1 ≡ 3 (mod 4), q likewise; α_p ≠ α_q primes of alpha_len/2 bits; gcd(α_p·α_q, b_p·b_q) = 1;
//! gcd(p − 1, q − 1) = 2
//! h = −y^(2·b_p·b_q) mod n, of order 2·α_p·α_q;   h_n = h^n mod n²
//! Enc(m) = (1 + m·n)·h_n^ρ, ρ of alpha_len + 64 bits
//! Dec(c): c^(2·α_p) = 1 + 2·α_p·q·m·p (mod p²)
//! ```
//!
//! The owner draws ρ_p below 2·α_p and ρ_q below 2·α_q, uniformly among the pairs with equal parity. These pairs of
//! exponents correspond exactly to the elements of the group of h_n: its order is 2·α_p·α_q, and −1 is in both
//! components or in neither.

use super::keys::{Keys, Primes, Share, crt_key, draw_primes, powers_of_both, residue_pair, secret};
use super::parameters::Parameters;
use super::public_key::{Elements, PublicKey};
use crate::bignum::primes;
use crate::bignum::random::{self, RandomSource};
use crate::bignum::uint::{self, Secret};
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::fixed_base::FixedBase;
use crypto_bigint::BoxedUint;
use num_bigint::BigUint;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An owner's key of the subgroup scheme.
#[derive(Debug)]
pub struct PaillierSubgroup {
    pub(super) keys: Keys,
    pub(super) halves: [Half; 2],
}

/// The part of the key that belongs to one prime.
pub(super) struct Half {
    /// α of this prime.
    pub(super) alpha: Zeroizing<Vec<u64>>,
    /// h_n modulo the prime's square.
    pub(super) h_n: FixedBase,
}

impl std::fmt::Debug for Half {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Half").finish_non_exhaustive()
    }
}

/// The numbers that make up a key. α_p belongs to the larger prime.
pub(crate) struct Parts {
    pub(crate) primes: Primes,
    pub(crate) alpha_p: Secret,
    pub(crate) alpha_q: Secret,
    pub(crate) h_n: BigUint,
}

/// Returns the lengths of the two secret divisors, in bits.
pub(crate) fn divisor_bits(parameters: &Parameters) -> (usize, usize) {
    let alpha_len = parameters.alpha_len().unwrap_or(0);
    (alpha_len / 2, alpha_len - alpha_len / 2)
}

impl PaillierSubgroup {
    pub(crate) fn generate(parameters: Parameters, source: &mut impl RandomSource) -> Result<Self, Error> {
        let bits = u32::try_from(parameters.key_len()).unwrap_or(u32::MAX);
        let (short, long) = divisor_bits(&parameters);
        loop {
            let (primes, (alpha_a, alpha_b, cofactor)) = draw_primes(&parameters, source, |source| {
                let mut half = |length: usize| {
                    let alpha = primes::random_prime(u32::try_from(length).unwrap_or(u32::MAX), source)?;
                    let step = uint::product(&alpha, &BoxedUint::from(2u8));
                    let (p, b) = primes::random_prime_with_divisor(&step, bits, true, source)?;
                    Ok::<_, Error>((p, alpha, b))
                };
                let (a, alpha_a, b_a) = half(short)?;
                let (b, alpha_b, b_b) = half(long)?;
                Ok((a, b, (alpha_a, alpha_b, uint::product(&b_a, &b_b))))
            })?;
            // Only new keys must have this property: existing keys without it stay usable.
            if !primes.share_only_two() {
                continue;
            }
            let n = secret(&primes.n(), parameters.key_len() / 32);
            let mut y = Zeroizing::new(vec![0; n.as_words().len()]);
            random::fill_below(source, n.as_words(), &mut y)?;
            let exponent = uint::product(&cofactor, &BoxedUint::from(2u8));
            let h_n = uint::power(&uint::from_limbs(&y), &exponent, &n).and_then(|power| {
                let h = uint::difference(&n, &power);
                uint::power(&h, &n, &uint::product(&n, &n))
            });
            let Some(h_n) = h_n else { continue };
            // `Primes` puts the larger prime first, so the alphas are put in the same order.
            let belongs = divides(&alpha_a, &primes.p);
            let (alpha_p, alpha_q) = if belongs { (alpha_a, alpha_b) } else { (alpha_b, alpha_a) };
            let h_n = super::public_key::biguint(h_n.as_words());
            match Self::from_parts(parameters, Parts { primes, alpha_p, alpha_q, h_n }) {
                // The numbers do not make a valid key, which is unlikely: draw again.
                Err(Error::Context { .. }) => {}
                result => return result,
            }
        }
    }

    /// Makes a key and checks every relation between its parts.
    pub(crate) fn from_parts(parameters: Parameters, parts: Parts) -> Result<Self, Error> {
        let Parts { primes, alpha_p, alpha_q, h_n } = parts;
        let (short, long) = divisor_bits(&parameters);
        let lengths = (alpha_p.bits() as usize, alpha_q.bits() as usize);
        let ordered = lengths == (short, long) || lengths == (long, short);
        if !ordered
            || uint::equal(&alpha_p, &alpha_q)
            || ![&alpha_p, &alpha_q].into_iter().all(|a| primes::looks_prime_vartime(a))
        {
            return Err(Error::context("alpha_len", "does not fit the secret divisors of p − 1 and q − 1"));
        }
        let cofactors = [(&primes.p, &alpha_p), (&primes.q, &alpha_q)].map(|(p, alpha)| {
            let step = uint::product(alpha, &BoxedUint::from(2u8));
            let (b, rest) = uint::quotient(&uint::difference(p, &uint::one()), &step)?;
            (rest.bits() == 0 && b.bit_vartime(0)).then_some(b)
        });
        let [Some(b_p), Some(b_q)] = cofactors else {
            return Err(Error::context("the secret key", "has divisors that do not divide p − 1 and q − 1"));
        };
        if uint::gcd(&uint::product(&alpha_p, &alpha_q), &uint::product(&b_p, &b_q)).bits() != 1
            || !primes.totient_is_coprime()
        {
            return Err(Error::context("the secret key", "has common factors where it must have none"));
        }
        let value = secret(&h_n, parameters.key_len() / 16);
        let mut halves = Vec::with_capacity(2);
        let mut shares = Vec::with_capacity(2);
        for (p, q, alpha) in [(&primes.p, &primes.q, &alpha_p), (&primes.q, &primes.p, &alpha_q)] {
            let order = uint::product(alpha, &BoxedUint::from(2u8));
            check_order(&value, alpha, p)?;
            let exponent_bits = alpha.bits() as usize + 1;
            shares.push(Share { exponent: order, exponent_bits, message_scale: q.clone() });
            let width = p.bits_precision() as usize / 64;
            let modulus = Arc::new(crate::bignum::modulus::Modulus::new(&uint::to_limbs(p, width))?);
            let row = residue_pair(&value, p).ok_or_else(|| Error::context("h_n", "cannot be reduced"))?;
            halves.push(Half {
                alpha: uint::to_limbs(alpha, exponent_bits.div_ceil(64)),
                h_n: FixedBase::new(modulus, &row, exponent_bits),
            });
        }
        let public = PublicKey::new(parameters, primes.n(), Elements::Subgroup { h_n })?;
        let (Ok(halves), [share_p, share_q]) = (<[Half; 2]>::try_from(halves), shares.as_slice()) else {
            return Err(Error::context("the secret key", "is incomplete"));
        };
        Ok(Self { keys: Keys { public, crt: crt_key(&primes, share_p, share_q)? }, halves })
    }

    /// Returns α_p and α_q.
    pub(crate) fn alphas(&self) -> [&[u64]; 2] {
        [&self.halves[0].alpha, &self.halves[1].alpha]
    }

    /// Draws noise: `count` pairs modulo p² and `count` pairs modulo q².
    pub(crate) fn noise(
        &self,
        device: &OpenDevice,
        count: usize,
        source: &mut impl RandomSource,
    ) -> Result<[Zeroizing<Vec<u64>>; 2], Error> {
        let mut parities = Zeroizing::new(vec![0u8; count]);
        source.fill(&mut parities)?;
        let mut exponents = [Zeroizing::default(), Zeroizing::default()];
        for (half, exponents) in self.halves.iter().zip(&mut exponents) {
            let width = half.alpha.len();
            *exponents = Zeroizing::new(vec![0; count * width]);
            random::fill_below(source, &half.alpha, exponents)?;
            // ρ = 2·u + parity
            for (exponent, parity) in exponents.chunks_exact_mut(width).zip(parities.iter()) {
                let mut carry = u64::from(parity & 1);
                for limb in exponent {
                    (*limb, carry) = (*limb << 1 | carry, *limb >> 63);
                }
            }
        }
        Ok(powers_of_both(device, self.halves.each_ref().map(|half| &half.h_n), &exponents, count))
    }
}

fn divides(alpha: &BoxedUint, p: &BoxedUint) -> bool {
    uint::remainder(&uint::difference(p, &uint::one()), alpha).is_some_and(|rest| rest.bits() == 0)
}

/// Checks that x has order 2·α modulo p²: x^α = −1 and x² ≠ 1.
fn check_order(x: &BoxedUint, alpha: &BoxedUint, p: &BoxedUint) -> Result<(), Error> {
    let squared = uint::product(p, p);
    let minus_one = uint::difference(&squared, &uint::one());
    let full = uint::power(x, alpha, &squared).is_some_and(|power| uint::equal(&power, &minus_one));
    let trivial = uint::power(x, &BoxedUint::from(2u8), &squared).is_none_or(|square| square.bits() == 1);
    if full && !trivial {
        return Ok(());
    }
    Err(Error::context("h_n", "does not generate the noise group of the secret key"))
}
