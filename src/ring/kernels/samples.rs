//! Deterministic polynomials with hard carries, for known answers.

use crate::ring::modulus::{Modulus, low};
use crate::ring::ntt::Ntt;
use crate::ring::primes::ntt_primes;

/// Returns the rings of a degree for the largest prime of 30 bits and the largest one of 20 bits.
pub(super) fn rings(degree: usize) -> Vec<Ntt> {
    let primes = [30, 20].into_iter().flat_map(|bits| ntt_primes(bits, degree, 1));
    primes.map(|q| Ntt::new(Modulus::new(low(q)), degree)).collect()
}

/// Returns `count` polynomials of these rings in turn, with coefficients below `laziness`·q: for each ring the
/// greatest ones, zeros, the greatest ones and zeros in turn, and then random ones.
pub(crate) fn polynomials(rings: &[Ntt], laziness: u32, count: usize) -> Vec<u32> {
    let mut state = 1u64;
    let mut polynomials = Vec::new();
    for (i, ring) in rings.iter().cycle().take(count).enumerate() {
        let most = laziness * ring.modulus().value() - 1;
        polynomials.extend((0..ring.degree()).map(|j| match i / rings.len() {
            0 => most,
            1 => 0,
            2 => most * u32::from(j % 2 == 0),
            _ => {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                low(((state >> 32) * u64::from(most)) >> 32)
            }
        }));
    }
    polynomials
}
