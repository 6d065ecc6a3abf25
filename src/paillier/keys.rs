//! The parts that the secret keys of all three schemes have in common.

use super::parameters::Parameters;
use super::public_key::{PublicKey, limbs};
use crate::bignum::batch::Rows;
use crate::bignum::modulus::Modulus;
use crate::bignum::primes;
use crate::bignum::random::RandomSource;
use crate::bignum::secrecy::declassify;
use crate::bignum::uint::{self, Secret};
use crate::bignum::window::Exponent;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::crt_key::{CrtKey, PrimeKey};
use crate::paillier::kernels::fixed_base::FixedBase;
use crate::paillier::kernels::pair_fixed_base_pow::pair_fixed_base_pow;
use crypto_bigint::BoxedUint;
use num_bigint::BigUint;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A public key with the secret constants for decryption and fast encryption.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) public: Arc<PublicKey>,
    pub(crate) crt: CrtKey,
}

/// The two primes of n, the larger one first. Wiped when dropped.
pub(crate) struct Primes {
    pub(crate) p: Secret,
    pub(crate) q: Secret,
}

impl Primes {
    /// Makes a pair of primes. Checks their lengths, and that they are far enough apart to resist Fermat's
    /// factorization method (FIPS 186-5 A.1.3: |p − q| > 2^(bits−100)). Does not check that they are prime.
    ///
    /// # Errors
    /// [`Error::Context`] if a check fails.
    pub(crate) fn new(parameters: &Parameters, a: Secret, b: Secret) -> Result<Self, Error> {
        let bits = parameters.key_len();
        if a.bits() as usize != bits || b.bits() as usize != bits {
            return Err(Error::context("key_len", format!("is {bits}, but the primes have other lengths")));
        }
        let (p, q) = if uint::greater(&a, &b) { (a, b) } else { (b, a) };
        if uint::difference(&p, &q).bits() as usize <= bits - 100 {
            return Err(Error::context("n", "is a product of two primes that are too close to each other"));
        }
        Ok(Self { p, q })
    }

    /// Computes the primes from n and φ(n): they are the roots of x² − (n + 1 − φ)·x + n.
    ///
    /// # Errors
    /// [`Error::Context`] if φ does not match n, or if n is not a product of two primes.
    pub(crate) fn from_totient(parameters: &Parameters, n: &BigUint, phi: &BoxedUint) -> Result<Self, Error> {
        let mismatch = || Error::context("phi", "does not match n");
        let n = uint::from_limbs(&limbs(n, parameters.key_len() / 32));
        if uint::greater(phi, &n) {
            return Err(mismatch());
        }
        let sum = uint::difference(&uint::sum(&n, &uint::one()), phi);
        let square = uint::product(&sum, &sum);
        let four_n = uint::product(&n, &BoxedUint::from(4u8));
        if sum.bits() as usize > parameters.key_len() + 1 || uint::greater(&four_n, &square) {
            return Err(mismatch());
        }
        let discriminant = uint::difference(&square, &four_n);
        let root = Zeroizing::new(discriminant.floor_sqrt());
        let double_p = uint::sum(&sum, &root);
        let p = Zeroizing::new(double_p.shr_vartime(1).ok_or_else(mismatch)?);
        let Some((q, rest)) = uint::quotient(&n, &p) else {
            return Err(mismatch());
        };
        let width = parameters.key_len() / 64;
        let fit = |x: &BoxedUint| uint::from_limbs(&uint::to_limbs(x, width));
        let primes = Self::new(parameters, fit(&p), fit(&q))?;
        if rest.bits() != 0 || !uint::equal(&primes.totient(), phi) {
            return Err(mismatch());
        }
        primes.check_prime()?;
        Ok(primes)
    }

    /// Checks that both numbers are prime.
    ///
    /// # Errors
    /// [`Error::Context`] if one of them is composite.
    pub(crate) fn check_prime(&self) -> Result<(), Error> {
        if primes::looks_prime_vartime(&self.p) && primes::looks_prime_vartime(&self.q) {
            return Ok(());
        }
        Err(Error::context("n", "is not a product of two primes"))
    }

    /// Computes φ(n) = (p − 1)·(q − 1).
    pub(crate) fn totient(&self) -> Secret {
        uint::product(&uint::difference(&self.p, &uint::one()), &uint::difference(&self.q, &uint::one()))
    }

    /// Computes n = p·q, which is public.
    pub(crate) fn n(&self) -> BigUint {
        let product = uint::product(&self.p, &self.q);
        let words: Vec<u64> = product.as_words().iter().map(|word| declassify(*word, "n is the public key")).collect();
        BigUint::from_bytes_le(bytemuck::cast_slice(&words))
    }

    /// Checks that n is the product of the primes.
    ///
    /// # Errors
    /// [`Error::Context`] if it is not.
    pub(crate) fn check_product(&self, n: &BigUint) -> Result<(), Error> {
        if self.n() == *n {
            return Ok(());
        }
        Err(Error::context("n", "is not the product of the secret primes"))
    }

    /// Returns whether n and φ(n) have no common factor. Otherwise decryption is not unique.
    pub(crate) fn totient_is_coprime(&self) -> bool {
        uint::gcd(&uint::product(&self.p, &self.q), &self.totient()).bits() == 1
    }

    /// Returns whether gcd(p − 1, q − 1) = 2, the smallest value for two odd primes.
    pub(crate) fn share_only_two(&self) -> bool {
        let [p, q] = [&self.p, &self.q].map(|prime| uint::difference(prime, &uint::one()));
        uint::equal(&uint::gcd(&p, &q), &BoxedUint::from(2u8))
    }
}

/// The numbers of a scheme for one prime: the exponent that removes the noise, and the scale of messages.
pub(crate) struct Share {
    /// e, at most `exponent_bits` long.
    pub(crate) exponent: Secret,
    pub(crate) exponent_bits: usize,
    /// s: a ciphertext of m is (1 + s·m·p) times the noise.
    pub(crate) message_scale: Secret,
}

/// Computes the constants of both primes.
///
/// # Errors
/// [`Error::Context`] if the parts contradict each other, so that an inverse does not exist.
pub(crate) fn crt_key(primes: &Primes, share_p: &Share, share_q: &Share) -> Result<CrtKey, Error> {
    CrtKey::new(prime_key(&primes.p, &primes.q, share_p)?, prime_key(&primes.q, &primes.p, share_q)?)
}

fn prime_key(p: &BoxedUint, q: &BoxedUint, share: &Share) -> Result<PrimeKey, Error> {
    let width = p.bits_precision() as usize / 64;
    let missing = || Error::context("the secret key", "has parts that contradict each other");
    let decode_scale = uint::inverse(&uint::product(&share.exponent, &share.message_scale), p).ok_or_else(missing)?;
    let scale = uint::remainder(&share.message_scale, p).ok_or_else(missing)?;
    let exponent = uint::to_limbs(&share.exponent, share.exponent_bits.div_ceil(64));
    Ok(PrimeKey {
        modulus: Arc::new(Modulus::new(&uint::to_limbs(p, width))?),
        exponent: Exponent::new(&exponent, share.exponent_bits),
        message_scale: uint::to_limbs(&scale, width),
        decode_scale: uint::to_limbs(&decode_scale, width),
        other_inverse: uint::to_limbs(&*uint::inverse(q, p).ok_or_else(missing)?, width),
    })
}

/// Computes x mod p² as a pair, for a public or secret x.
pub(crate) fn residue_pair(x: &BoxedUint, p: &BoxedUint) -> Option<Zeroizing<Vec<u64>>> {
    let width = p.bits_precision() as usize / 64;
    let residue = uint::remainder(x, &uint::product(p, p))?;
    let (x1, x0) = uint::quotient(&residue, p)?;
    let mut row = uint::to_limbs(&x0, width);
    row.extend_from_slice(&uint::to_limbs(&x1, width));
    Some(row)
}

/// Converts a public number to a [`Secret`], to compute with other secrets.
pub(crate) fn secret(x: &BigUint, width: usize) -> Secret {
    uint::from_limbs(&limbs(x, width))
}

/// Draws pairs of primes until one is suitable for a key.
///
/// # Errors
/// [`Error::Random`], and the errors of `draw`.
pub(crate) fn draw_primes<T, S: RandomSource>(
    parameters: &Parameters,
    source: &mut S,
    mut draw: impl FnMut(&mut S) -> Result<(Secret, Secret, T), Error>,
) -> Result<(Primes, T), Error> {
    loop {
        let (a, b, rest) = draw(source)?;
        if let Ok(primes) = Primes::new(parameters, a, b)
            && primes.totient_is_coprime()
        {
            return Ok((primes, rest));
        }
    }
}

/// Computes `count` powers of one base modulo p² and `count` powers of another modulo q². Each exponent is a row.
pub(super) fn powers_of_both(
    device: &OpenDevice,
    bases: [&FixedBase; 2],
    exponents: &[Zeroizing<Vec<u64>>; 2],
    count: usize,
) -> [Zeroizing<Vec<u64>>; 2] {
    let mut powers = bases.map(|base| Zeroizing::new(vec![0; count * 2 * base.modulus().width()]));
    let power = |i: usize, out: &mut [u64]| {
        let rows = Rows::new(&exponents[i], exponents[i].len() / count.max(1));
        pair_fixed_base_pow(device, bases[i], bases[i].exponent_bits(), rows, out);
    };
    let [powers_p, powers_q] = &mut powers;
    device.do_both(|| power(0, powers_p), || power(1, powers_q));
    powers
}
