//! RNS bases: several primes, whose residues stand for an integer modulo their product.

use super::modulus::{Modulus, Multiplier};
use super::ntt::Ntt;
use super::pointwise;
use crate::device::isa::Isa;

/// Primes with their transforms. Polynomials have one limb for each prime: all residues modulo the first, then all
/// modulo the second, and so on.
#[derive(Debug)]
pub struct Basis {
    rings: Vec<Ntt>,
    /// For each ring but the first: the constants of the division by its prime, for each ring before it.
    divisions: Vec<Vec<Division>>,
    /// 1, for each ring.
    ones: Vec<Multiplier>,
}

/// The constants for dividing by a prime p modulo another prime.
#[derive(Debug, Clone, Copy)]
struct Division {
    /// ⌊p/2⌋ mod q.
    offset: u32,
    /// p^−1 mod q.
    inverse: Multiplier,
}

impl Basis {
    /// Prepares the rings of distinct primes, which are 1 modulo 2·`degree`.
    pub(crate) fn new(primes: &[u32], degree: usize) -> Self {
        let moduli: Vec<Modulus> = primes.iter().map(|q| Modulus::new(*q)).collect();
        let division = |p: u32, m: &Modulus| Division {
            offset: m.reduce(u64::from(p / 2)),
            inverse: m.multiplier(m.inverse(m.reduce(u64::from(p)))),
        };
        let divisions = |(i, p): (usize, &u32)| moduli[..i].iter().map(|m| division(*p, m)).collect();
        Self {
            divisions: primes.iter().enumerate().map(divisions).collect(),
            ones: moduli.iter().map(|m| m.multiplier(1)).collect(),
            rings: moduli.iter().map(|m| Ntt::new(*m, degree)).collect(),
        }
    }

    /// Prepares the rings of distinct primes below 2^30, as [`Ntt::for_prime`].
    #[cfg(feature = "hazmat")]
    pub fn for_primes(primes: &[u32], degree: usize) -> Self {
        Self::new(primes, degree)
    }

    /// The rings, in the order of limbs.
    pub(crate) fn rings(&self) -> &[Ntt] {
        &self.rings
    }

    /// The number of coefficients of a polynomial.
    pub(crate) fn degree(&self) -> usize {
        self.rings[0].degree()
    }

    /// Writes a limb modulo another prime to `out`, reduced modulo the prime of `ring` to less than twice that.
    pub(crate) fn reduce(&self, isa: Isa, ring: usize, limb: &[u32], out: &mut [u32]) {
        pointwise::reduce(isa, self.rings[ring].modulus(), out, limb, self.ones[ring]);
    }

    /// Divides an integer modulo the primes up to `last` by the prime of `last`, rounded to the nearest. `residues` is
    /// its limb modulo that prime; on return it has another content. `limbs` has the limbs before it.
    pub(crate) fn divide_by(&self, isa: Isa, last: usize, limbs: &mut [u32], residues: &mut [u32]) {
        let p = self.rings[last].modulus();
        // ⌊(x + ⌊p/2⌋) / p⌋ = (x + ⌊p/2⌋ − ((x + ⌊p/2⌋) mod p)) / p.
        pointwise::add_constant(isa, p, residues, p.value() / 2);
        let limbs = limbs.chunks_exact_mut(self.degree());
        for (ring, (limb, division)) in limbs.zip(&self.divisions[last]).enumerate() {
            let modulus = self.rings[ring].modulus();
            pointwise::divide(isa, modulus, limb, residues, division.offset, self.ones[ring], division.inverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_rounds_to_the_nearest() {
        // 97 and 193 are 1 modulo 32, as a degree of 16 would need; the transforms are not used.
        let primes = [193u32, 577, 769];
        let basis = Basis::new(&primes, 32);
        let (q, product) = (193 * 577, 193 * 577 * 769i64);
        for isa in Isa::all() {
            for first in (0..product).step_by(1_000_003).chain([0, product - 32]) {
                let integers: Vec<i64> = (first..first + 32).map(|x| x % product).collect();
                let limb = |p: u32| integers.iter().map(move |x| u32::try_from(x % i64::from(p)).unwrap());
                let mut limbs: Vec<u32> = primes[..2].iter().flat_map(|p| limb(*p)).collect();
                let mut residues: Vec<u32> = limb(primes[2]).collect();
                basis.divide_by(isa, 2, &mut limbs, &mut residues);
                for (i, x) in integers.iter().enumerate() {
                    let quotient = (x + 384) / 769 % q;
                    assert_eq!([limbs[i], limbs[32 + i]].map(i64::from), [quotient % 193, quotient % 577], "{x}");
                }
            }
        }
    }
}
