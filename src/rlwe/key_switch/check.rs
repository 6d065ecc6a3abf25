//! The check of key switches that another device computed.

use super::SwitchingKey;
use crate::device::cpu::{Cpu, Run};
use crate::error::Error;
use crate::ring::basis::Basis;
use crate::ring::kernels::gpu::check::{inner_product, random_polynomial, reflected, repeats};
use crate::ring::modulus::Modulus;
use crate::ring::ntt::Ntt;
use crate::ring::pointwise;

/// Random linear functions of both sums of a key switch, and the same functions of its digits.
///
/// A sum is Σ_j digit_j·key_j, so ⟨s, b⟩ + ⟨s', a⟩ = Σ_j ⟨t_j, digit_j⟩, where t_j(1/X) is
/// s(1/X)·(b of key_j) + s'(1/X)·(a of key_j). If any coefficient of a sum is wrong, both sides agree with probability
/// 1/q, and in all repeats with 2^−57.9 at most. For each polynomial, each of n = 2 or 3 repeats takes N products for
/// each digit and each half in each ring: 50·N products with three digits, where a switch has 120·N butterflies. The
/// functions are the same for all polynomials of a round; drawing them takes as long as two or three switches.
pub(super) struct Pullback<'a> {
    basis: &'a Basis,
    /// For each ring, its functions.
    functions: Vec<Vec<Function>>,
}

struct Function {
    /// s and s'.
    of_sums: [Vec<u32>; 2],
    /// t_j for each digit.
    of_digits: Vec<Vec<u32>>,
}

impl<'a> Pullback<'a> {
    /// Draws s and s' and computes all t_j.
    pub(super) fn new(cpu: &Cpu, basis: &'a Basis, key: &SwitchingKey) -> Result<Self, Error> {
        let of_ring = |(l, ring): (usize, &Ntt)| {
            repeats(ring.modulus()).map(|_| Function::new(cpu, basis, key, l, ring)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { basis, functions: basis.rings().iter().enumerate().map(of_ring).collect::<Result<_, _>>()? })
    }

    /// Returns whether these are the sums of the polynomials.
    pub(super) fn holds(&self, cpu: &Cpu, polynomials: &[u32], sums: &[u32]) -> Result<bool, Error> {
        let (primes, degree) = (self.basis.rings().len(), self.basis.degree());
        let mut verdicts = vec![false; sums.len() / (2 * primes * degree)];
        cpu.for_each_run(&mut verdicts, 1, Run::new(1, 8), |first, verdicts| {
            let rows = polynomials.chunks_exact((primes - 1) * degree).zip(sums.chunks_exact(2 * primes * degree));
            for (verdict, (x, sums)) in verdicts.iter_mut().zip(rows.skip(first)) {
                let holds = |(l, (ring, functions)): (usize, (&Ntt, &Vec<Function>))| {
                    let halves = [0, 1].map(|half| &sums[(half * primes + l) * degree..][..degree]);
                    functions.iter().all(|function| function.holds(cpu, ring.modulus(), x, halves))
                };
                *verdict = self.basis.rings().iter().zip(&self.functions).enumerate().all(holds);
            }
        });
        Ok(verdicts.into_iter().all(|holds| holds))
    }
}

impl Function {
    fn new(cpu: &Cpu, basis: &Basis, key: &SwitchingKey, l: usize, ring: &Ntt) -> Result<Self, Error> {
        let (primes, degree, modulus, isa) = (basis.rings().len(), basis.degree(), ring.modulus(), cpu.isa());
        let of_sums = [random_polynomial(modulus, degree)?, random_polynomial(modulus, degree)?];
        let values = of_sums.each_ref().map(|s| {
            let mut values = reflected(modulus, s);
            ring.forward(isa, &mut values);
            values
        });
        let of_digit = |j: usize| {
            let [b, a] = [0, 1].map(|half| &key.words[((j * primes + l) * 2 + half) * degree..][..degree]);
            let mut t = vec![0; degree];
            pointwise::dot(isa, modulus, &mut t, &[[&values[0], b], [&values[1], a]]);
            ring.inverse(isa, &mut t);
            reflected(modulus, &t)
        };
        Ok(Self { of_digits: (0..primes - 1).map(of_digit).collect(), of_sums })
    }

    fn holds(&self, cpu: &Cpu, modulus: Modulus, x: &[u32], sums: [&[u32]; 2]) -> bool {
        let total = |products: &mut dyn Iterator<Item = u32>| modulus.reduce(products.map(u64::from).sum());
        let product = |(x, s): (&[u32], &Vec<u32>)| inner_product(cpu.isa(), modulus, x, s);
        let digits = x.chunks_exact(self.of_sums[0].len());
        total(&mut sums.into_iter().zip(&self.of_sums).map(product))
            == total(&mut digits.zip(&self.of_digits).map(product))
    }
}
