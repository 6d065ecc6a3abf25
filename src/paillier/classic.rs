//! `paillier`: the classic scheme with g = 1 + n and noise r^n (Paillier, "Public-Key Cryptosystems Based on
//! Composite Degree Residuosity Classes", Eurocrypt 1999, section 4; g = 1 + n as in Damgård and Jurik, PKC 2001).
//!
//! Modulo p², (1 + n)^m = 1 + q·m·p, and r^n has an order that divides p − 1. The owner draws noise as y_p^p and
//! y_q^q. The map x ↦ x^p takes the units modulo p² onto their subgroup of order p − 1, and takes each y below p to a
//! different element of it. The map r ↦ r^n has the same image, because q is coprime to p − 1. So both ways draw
//! uniformly from the same set.

use super::encrypt::random_units;
use super::keys::{Keys, Primes, Share, crt_key, draw_primes};
use super::parameters::Parameters;
use super::public_key::{Elements, PublicKey};
use crate::bignum::batch::Rows;
use crate::bignum::primes;
use crate::bignum::random::RandomSource;
use crate::bignum::uint;
use crate::bignum::window::Exponent;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::paillier::kernels::crt_pow::crt_pow;
use zeroize::Zeroizing;

/// An owner's key of the classic scheme.
#[derive(Debug)]
pub struct Paillier {
    pub(super) keys: Keys,
}

impl Paillier {
    pub(crate) fn generate(parameters: Parameters, source: &mut impl RandomSource) -> Result<Self, Error> {
        let bits = u32::try_from(parameters.key_len()).unwrap_or(u32::MAX);
        let (primes, ()) = draw_primes(&parameters, source, |source| {
            Ok((primes::random_prime(bits, source)?, primes::random_prime(bits, source)?, ()))
        })?;
        Self::from_primes(parameters, &primes)
    }

    pub(crate) fn from_primes(parameters: Parameters, primes: &Primes) -> Result<Self, Error> {
        let share = |p: &uint::Secret, q: &uint::Secret| Share {
            exponent: uint::difference(p, &uint::one()),
            exponent_bits: parameters.key_len(),
            message_scale: q.clone(),
        };
        let (share_p, share_q) = (share(&primes.p, &primes.q), share(&primes.q, &primes.p));
        let public = PublicKey::new(parameters, primes.n(), Elements::Paillier)?;
        Ok(Self { keys: Keys { public, crt: crt_key(primes, &share_p, &share_q)? } })
    }

    /// Draws noise: `count` pairs modulo p² and `count` pairs modulo q².
    pub(crate) fn noise(
        &self,
        device: &OpenDevice,
        count: usize,
        source: &mut impl RandomSource,
    ) -> Result<[Zeroizing<Vec<u64>>; 2], Error> {
        let crt = &self.keys.crt;
        let [p, q] = [&crt.p().modulus, &crt.q().modulus];
        let width = 2 * p.width();
        let bases = [random_units(p.limbs(), count, source)?, random_units(q.limbs(), count, source)?];
        let [power_p, power_q] = [p, q].map(|p| Exponent::new(p.limbs(), p.bits()));
        let mut noise = [p, q].map(|_| Zeroizing::new(vec![0; width * count]));
        let [noise_p, noise_q] = &mut noise;
        let bases = [Rows::new(&bases[0], width), Rows::new(&bases[1], width)];
        crt_pow(device, crt, bases, [&power_p, &power_q], [noise_p, noise_q]);
        Ok(noise)
    }
}
