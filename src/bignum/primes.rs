//! Generation of secret primes, following FIPS 186-5.

use super::random::RandomSource;
use super::uint::{self, Secret};
use crate::error::Error;
use crypto_bigint::BoxedUint;
use crypto_primes::fips::{self, FipsOptions};
use crypto_primes::{Flavor, is_prime};
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// A generated number is composite with probability below 2^-ERROR_BITS.
///
/// FIPS 186-5 appendix B.3 (table B.1) requires 2^-112 at 1024 bits, 2^-128 at 1536 and 2^-144 at 2048. One bound for
/// all sizes is simpler, and a strong Lucas test is run in addition.
const ERROR_BITS: u32 = 144;

/// Adapts a fallible random source to the infallible interface of crypto-primes, and keeps the first failure.
///
/// After a failure it returns a counter, so that loops that wait for a suitable number end. The caller must check
/// `failure` and discard the result.
struct LatchingRng<'a, S> {
    source: &'a mut S,
    failure: Option<Error>,
    counter: u64,
}

impl<S: RandomSource> TryRng for LatchingRng<'_, S> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        if self.failure.is_none() {
            self.failure = self.source.fill(bytes).err();
        }
        if self.failure.is_some() {
            for chunk in bytes.chunks_mut(8) {
                self.counter = self.counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
                chunk.copy_from_slice(&self.counter.to_le_bytes()[..chunk.len()]);
            }
        }
        Ok(())
    }
}

impl<S: RandomSource> TryCryptoRng for LatchingRng<'_, S> {}

/// Returns the tests for candidates of `bits` bits: trial division, the rounds of Miller–Rabin that the error bound
/// requires, and Lucas. Computing the number of rounds costs more than testing a candidate, so do it once for all
/// candidates.
fn tests_for(bits: u32) -> Result<FipsOptions, Error> {
    let rounds = FipsOptions::with_error_bound(bits, ERROR_BITS).ok_or(Error::Parameter {
        name: "prime length",
        actual: bits as usize,
        limit: "too short to be tested well enough".to_owned(),
    })?;
    Ok(rounds.with_trial_division_test().with_lucas_test())
}

/// Returns whether a random candidate passes the tests.
fn accept(candidate: &BoxedUint, tests: FipsOptions, source: &mut impl RandomSource) -> Result<bool, Error> {
    let mut rng = LatchingRng { source, failure: None, counter: 0 };
    let prime = fips::is_prime(&mut rng, Flavor::Any, candidate, tests);
    rng.failure.map_or(Ok(prime), Err)
}

/// Returns whether a number that was not generated here is prime (Baillie–PSW: no composite is known to pass).
///
/// The time depends on the number, but only in the computation of Jacobi symbols and trailing zeros. Called once for
/// each key that is read.
pub(crate) fn looks_prime_vartime(candidate: &BoxedUint) -> bool {
    is_prime(Flavor::Any, candidate)
}

/// Draws a uniform number below 2^`bits`, with a precision that is a multiple of 64 bits.
fn random_bits(bits: u32, source: &mut impl RandomSource) -> Result<Secret, Error> {
    let mut limbs = Zeroizing::new(vec![0u64; (bits as usize).div_ceil(64)]);
    crate::bignum::random::fill_limbs(source, &mut limbs)?;
    if let Some(last) = limbs.last_mut()
        && !bits.is_multiple_of(64)
    {
        *last &= (1 << (bits % 64)) - 1;
    }
    Ok(uint::from_limbs(&limbs))
}

/// Draws a random prime of exactly `bits` bits. Its two highest bits are set, so the product of two such primes has
/// 2·`bits` bits.
///
/// Every candidate is drawn independently, so primes after long gaps are no likelier than others (FIPS 186-5 A.1.3).
pub(crate) fn random_prime(bits: u32, source: &mut impl RandomSource) -> Result<Secret, Error> {
    let tests = tests_for(bits)?;
    loop {
        let mut candidate = random_bits(bits, source)?;
        for bit in [0, bits - 1, bits - 2] {
            set_bit(&mut candidate, bit);
        }
        if accept(&candidate, tests, source)? {
            return Ok(candidate);
        }
    }
}

/// Draws a random prime p = step·b + 1 of exactly `bits` bits with the two highest bits set. Returns p and b.
///
/// b is uniform among the numbers that fit, or among the odd ones if `odd` is set.
pub(crate) fn random_prime_with_divisor(
    step: &BoxedUint,
    bits: u32,
    odd: bool,
    source: &mut impl RandomSource,
) -> Result<(Secret, Secret), Error> {
    let impossible = || Error::Parameter {
        name: "alpha_len",
        actual: step.bits() as usize,
        limit: format!("no prime of {bits} bits has a divisor of that length"),
    };
    // 3·2^(bits−2) ≤ step·b + 1 < 2^bits
    let mut lowest = Zeroizing::new(BoxedUint::zero_with_precision(bits + 64));
    set_bit(&mut lowest, bits - 1);
    set_bit(&mut lowest, bits - 2);
    let (least, _) = uint::quotient(&lowest, step).ok_or_else(impossible)?;
    let mut span = Zeroizing::new(BoxedUint::zero_with_precision(bits + 64));
    set_bit(&mut span, bits - 2);
    let (span, _) = uint::quotient(&span, step).ok_or_else(impossible)?;
    if span.bits() < 64 {
        return Err(impossible());
    }
    let tests = tests_for(bits)?;
    let mut drawn = Zeroizing::new(vec![0; span.as_words().len()]);
    loop {
        crate::bignum::random::fill_below(source, span.as_words(), &mut drawn)?;
        let mut b = uint::sum(&least, &uint::from_limbs(&drawn));
        if odd {
            set_bit(&mut b, 0);
        }
        let candidate = uint::sum(&uint::product(step, &b), &uint::one());
        let candidate = uint::from_limbs(&uint::to_limbs(&candidate, (bits as usize).div_ceil(64)));
        let top = candidate.bit_vartime(bits - 1) && candidate.bit_vartime(bits - 2);
        if candidate.bits() == bits && top && accept(&candidate, tests, source)? {
            return Ok((candidate, b));
        }
    }
}

fn set_bit(x: &mut BoxedUint, bit: u32) {
    if let Some(word) = x.as_mut_words().get_mut(bit as usize / 64) {
        *word |= 1 << (bit % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bignum::random::{OsRandom, stub};

    #[test]
    fn primes_have_the_requested_form() {
        for bits in [512, 513, 640] {
            let p = random_prime(bits, &mut OsRandom).unwrap();
            assert_eq!(p.bits(), bits);
            assert!(p.bit_vartime(bits - 2) && looks_prime_vartime(&p));
        }
        let step = BoxedUint::from(2 * 0xffff_ffff_ffff_ffc5u128);
        let (p, b) = random_prime_with_divisor(&step, 512, true, &mut OsRandom).unwrap();
        assert_eq!(p.bits(), 512);
        assert!(p.bit_vartime(510) && looks_prime_vartime(&p) && b.bit_vartime(0));
        let product = uint::sum(&uint::product(&step, &b), &uint::one());
        assert!(uint::equal(&product, &p));
    }

    #[test]
    fn composites_and_impossible_requests_are_refused() {
        // A product of two primes of 256 bits, which trial division does not detect.
        let (p, q) = (random_prime(256, &mut OsRandom).unwrap(), random_prime(256, &mut OsRandom).unwrap());
        let n = uint::product(&p, &q);
        assert!(!looks_prime_vartime(&n));
        assert!(!accept(&n, tests_for(512).unwrap(), &mut OsRandom).unwrap());
        let step = random_prime(512, &mut OsRandom).unwrap();
        assert!(matches!(random_prime_with_divisor(&step, 512, false, &mut OsRandom), Err(Error::Parameter { .. })));
    }

    #[test]
    fn a_failing_source_stops_the_search() {
        for bytes_left in [0, 64, 100, 200, 10_000] {
            let found = random_prime(512, &mut stub::Failing { bytes_left });
            assert!(matches!(found, Err(Error::Random(_))), "{bytes_left}");
        }
        // A source that repeats itself yields the same composite forever, unless it fails in the end.
        let p = random_prime(512, &mut OsRandom).unwrap();
        assert!(matches!(
            accept(&p, tests_for(512).unwrap(), &mut stub::Failing { bytes_left: 70 }),
            Err(Error::Random(_))
        ));
    }
}
