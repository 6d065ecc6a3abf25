//! Primes for number-theoretic transforms.

/// Returns the largest `count` primes below 2^bits that are 1 modulo 2·`degree`, in falling order: fewer if there are
/// not enough.
///
/// Modulo such a prime q, the polynomial X^degree + 1 has `degree` roots, so products modulo it can be computed by a
/// number-theoretic transform.
pub fn ntt_primes(bits: u32, degree: usize, count: usize) -> Vec<u64> {
    let step = 2 * degree as u64;
    let largest = ((1u64 << bits) - 1) / step * step + 1;
    let candidates = (0..=largest / step).map(|i| largest - i * step);
    candidates.filter(|q| q >> bits == 0 && is_prime(*q)).take(count).collect()
}

/// Returns whether an odd number of less than 64 bits is prime.
///
/// Miller–Rabin with the first twelve primes as bases, which is exact below 3.3·10^24 (Sorenson and Webster, Strong
/// pseudoprimes to twelve prime bases, Mathematics of Computation 86, 2017).
fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 || BASES.iter().any(|base| n.is_multiple_of(*base)) {
        return BASES.contains(&n);
    }
    let twos = (n - 1).trailing_zeros();
    let odd = (n - 1) >> twos;
    BASES.iter().all(|base| {
        let mut power = pow(*base, odd, n);
        let mut reached = power == 1;
        for _ in 0..twos {
            reached |= power == n - 1;
            power = mul(power, power, n);
        }
        reached
    })
}

/// x·y mod q. Not constant-time.
pub(crate) fn mul(x: u64, y: u64, q: u64) -> u64 {
    u64::try_from(u128::from(x) * u128::from(y) % u128::from(q)).unwrap_or_default()
}

/// base^exponent mod q. Not constant-time.
pub(crate) fn pow(base: u64, mut exponent: u64, q: u64) -> u64 {
    let (mut power, mut result) = (base % q, 1 % q);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = mul(result, power, q);
        }
        power = mul(power, power, q);
        exponent >>= 1;
    }
    result
}

/// x^−1 modulo a prime q, or 0 for x = 0. Not constant-time.
pub(crate) fn inverse(x: u64, q: u64) -> u64 {
    pow(x, q - 2, q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primality_agrees_with_trial_division() {
        let by_division = |n: u64| n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        for n in 0..20_000 {
            assert_eq!(is_prime(n), by_division(n), "{n}");
        }
        // Carmichael numbers, strong pseudoprimes to several bases, and neighbours of 2^61 − 1.
        for composite in [561, 41_041, 3_215_031_751, 3_474_749_660_383, (1 << 61) - 3, 4_759_123_141] {
            assert!(!is_prime(composite), "{composite}");
        }
        for prime in [(1 << 61) - 1, (1 << 31) - 1, 18_446_744_073_709_551_557] {
            assert!(is_prime(prime), "{prime}");
        }
    }

    #[test]
    fn primes_have_the_roots_of_unity() {
        for (bits, degree, count) in [(20, 4096, 2), (29, 4096, 2), (30, 8192, 5), (29, 2048, 3), (60, 32_768, 3)] {
            let primes = ntt_primes(bits, degree, count);
            assert_eq!(primes.len(), count);
            assert!(primes.is_sorted_by(|a, b| a > b));
            for q in primes {
                assert!(q >> bits == 0 && q % (2 * degree as u64) == 1, "{q}");
            }
        }
        assert_eq!(ntt_primes(29, 4096, 2), [536_813_569, 536_690_689]);
        assert!(ntt_primes(14, 4096, 9).is_empty());
    }

    #[test]
    fn inverses_multiply_to_one() {
        for q in ntt_primes(29, 4096, 2) {
            for x in [1, 2, 3, q - 1, q / 2, 12_345] {
                assert_eq!(mul(x, inverse(x, q), q), 1);
            }
            assert_eq!(inverse(0, q), 0);
        }
    }
}
