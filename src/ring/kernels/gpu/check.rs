//! Checks of transforms that another device computed.

use crate::bignum::random::{OsRandom, fill_limbs};
use crate::device::cpu::{Cpu, Run};
use crate::device::isa::Isa;
use crate::device::words::compiled_for_each_isa;
use crate::error::Error;
use crate::ring::modulus::{Modulus, low};
use crate::ring::ntt::Ntt;

/// A wrong polynomial passes with a probability of at most 2^−`SOUNDNESS`.
const SOUNDNESS: f64 = 57.9;

/// Products between two reductions of their sum.
const PRODUCTS: usize = 2;

/// Returns whether all residues are less than the prime of their polynomial's ring. Residues that are not reduced may
/// be right, but are not the bytes that other devices return.
pub(crate) fn are_canonical(rings: &[Ntt], first: usize, out: &[u32]) -> bool {
    let Some(ring) = rings.first() else { return true };
    let polynomials = out.chunks_exact(ring.degree());
    let rings = rings.iter().cycle().skip(first % rings.len());
    polynomials.zip(rings).all(|(out, ring)| out.iter().fold(0, |most, x| most.max(*x)) < ring.modulus().value())
}

/// Checks that polynomials have these values: Σ r_j·value_j = N·Σ s_k·coefficient_k, with random s. The r are the
/// values of the polynomial s(1/X), since Σ_j r_j·value_j is N times the constant coefficient of a product.
///
/// If some value or coefficient is wrong, the difference of both sides is uniform modulo q, so it is 0 with
/// probability 1/q. This is repeated with other s until 1/q^n is at most 2^−57.9: twice for primes of 29 bits or
/// more, three times for 20 bits. Costs 2·n·N products per polynomial, and n transforms per ring.
pub(crate) fn transforms_hold(
    cpu: &Cpu,
    rings: &[Ntt],
    first: usize,
    coefficients: &[u32],
    values: &[u32],
) -> Result<bool, Error> {
    let Some(ring) = rings.first() else { return Ok(true) };
    let degree = ring.degree();
    let functionals = rings.iter().map(|ring| functionals(cpu, ring)).collect::<Result<Vec<_>, _>>()?;
    let mut verdicts = vec![false; values.len() / degree];
    cpu.for_each_run(&mut verdicts, 1, Run::new(1, 64), |start, verdicts| {
        for (i, verdict) in (start..).zip(verdicts) {
            let number = (first + i) % rings.len();
            let [coefficients, values] = [coefficients, values].map(|x| &x[i * degree..(i + 1) * degree]);
            *verdict = functionals[number].iter().all(|functional| functional.holds(cpu, coefficients, values));
        }
    });
    Ok(verdicts.into_iter().all(|holds| holds))
}

/// A linear function of a polynomial: once of its coefficients, once of its values.
struct Functional {
    modulus: Modulus,
    degree: u32,
    of_coefficients: Vec<u32>,
    of_values: Vec<u32>,
}

/// Draws as many functionals as the soundness takes.
fn functionals(cpu: &Cpu, ring: &Ntt) -> Result<Vec<Functional>, Error> {
    repeats(ring.modulus()).map(|_| Functional::new(cpu, ring)).collect()
}

/// Counts the checks that the soundness takes, each of which misses an error with probability 1/q.
pub(crate) fn repeats(modulus: Modulus) -> impl Iterator<Item = u32> {
    let count = (SOUNDNESS / f64::from(modulus.value()).log2()).ceil();
    (0..).take_while(move |i| f64::from(*i) < count)
}

/// Draws a uniform polynomial.
pub(crate) fn random_polynomial(modulus: Modulus, degree: usize) -> Result<Vec<u32>, Error> {
    let mut random = vec![0; degree];
    fill_limbs(&mut OsRandom, &mut random)?;
    Ok(random.into_iter().map(|x| modulus.reduce(x)).collect())
}

/// Returns s(1/X) for a polynomial s. The constant coefficient of its product with another polynomial is the inner
/// product of both polynomials' coefficients.
pub(crate) fn reflected(modulus: Modulus, polynomial: &[u32]) -> Vec<u32> {
    // X^−k is −X^(N−k).
    let mut reflected: Vec<u32> = polynomial.iter().map(|x| (modulus.value() - x) % modulus.value()).collect();
    if let Some((constant, others)) = reflected.split_first_mut() {
        *constant = polynomial.first().copied().unwrap_or_default();
        others.reverse();
    }
    reflected
}

impl Functional {
    fn new(cpu: &Cpu, ring: &Ntt) -> Result<Self, Error> {
        let (modulus, degree) = (ring.modulus(), ring.degree());
        let of_coefficients = random_polynomial(modulus, degree)?;
        let mut of_values = reflected(modulus, &of_coefficients);
        ring.forward(cpu.isa(), &mut of_values);
        Ok(Self { modulus, degree: low(degree as u64), of_coefficients, of_values })
    }

    fn holds(&self, cpu: &Cpu, coefficients: &[u32], values: &[u32]) -> bool {
        let of_coefficients = inner_product(cpu.isa(), self.modulus, coefficients, &self.of_coefficients);
        let of_values = inner_product(cpu.isa(), self.modulus, values, &self.of_values);
        self.modulus.mul(of_coefficients, self.degree) == of_values
    }
}

/// Σ x·y·2^−32 mod q, for any 32-bit x and residues y.
pub(crate) fn inner_product(isa: Isa, modulus: Modulus, x: &[u32], y: &[u32]) -> u32 {
    // As many as the widest vector has.
    let mut lanes = [0; 16];
    write_sums(isa, modulus, x, y, &mut lanes);
    modulus.reduce(lanes.iter().map(|x| u64::from(*x)).sum())
}

compiled_for_each_isa! {
    /// Writes Σ x·y·2^−32 mod q over the numbers of each lane.
    fn write_sums<W>(isa; modulus: Modulus, x: &[u32], y: &[u32], lanes: &mut [u32]) {
        let m = modulus.broadcast::<W>(isa);
        let [x, y]: [&[W::Array]; 2] = [x, y].map(bytemuck::cast_slice);
        let zero = W::splat(isa, 0);
        let mut sum = zero.mul_wide(zero);
        for (x, y) in x.chunks(PRODUCTS).zip(y.chunks(PRODUCTS)) {
            for (x, y) in x.iter().zip(y) {
                sum = W::add_wide(sum, W::load(isa, x).mul_wide(W::load(isa, y)));
            }
            // Less than 2^62 + 2^32, so that two more products of less than 2^62 do not overflow.
            sum = m.fold(sum);
        }
        if let Some(lanes) = bytemuck::cast_slice_mut::<u32, W::Array>(lanes).first_mut() {
            m.reduce_mont(m.fold(sum)).store(lanes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::device::open_device::OpenDevice;
    use crate::ring::kernels::samples;

    #[test]
    fn every_single_error_is_found() {
        let device = OpenDevice::open(Device::Cpu, None).unwrap();
        let (degree, rings) = (2048, samples::rings(2048));
        let coefficients = samples::polynomials(&rings, 4, 9);
        let mut values = coefficients.clone();
        for (ring, values) in rings.iter().cycle().zip(values.chunks_exact_mut(degree)) {
            ring.forward(device.cpu().isa(), values);
        }
        for isa in Isa::all() {
            let cpu = device.cpu().at(isa);
            let holds = |values: &[u32]| {
                are_canonical(&rings, 0, values) && transforms_hold(&cpu, &rings, 0, &coefficients, values).unwrap()
            };
            assert!(holds(&values));
            for at in [0, 1, degree - 1, degree, 5 * degree + 77, 9 * degree - 1] {
                for change in [1, 4, 1 << 12, u32::MAX] {
                    let mut wrong = values.clone();
                    wrong[at] = wrong[at].wrapping_add(change);
                    assert!(!holds(&wrong), "{} + {change} at {at}", values[at]);
                }
            }
            let mut swapped = values.clone();
            swapped.swap(6 * degree, 6 * degree + 1);
            assert!(!holds(&swapped));
            swapped.clone_from(&values);
            let (low, high) = swapped.split_at_mut(8 * degree);
            low[6 * degree..7 * degree].swap_with_slice(high);
            assert!(!holds(&swapped));
            // Right values that are not canonical.
            let mut lazy = values.clone();
            lazy[3] += rings[0].modulus().value();
            assert!(!holds(&lazy));
        }
    }

    #[test]
    fn functionals_are_as_many_as_the_soundness_takes() {
        let device = OpenDevice::open(Device::Cpu, None).unwrap();
        let counts = samples::rings(2048).iter().map(|ring| functionals(device.cpu(), ring).unwrap().len()).collect();
        assert_eq!(Vec::<usize>::from_iter::<Vec<usize>>(counts), [2, 3]);
    }
}
