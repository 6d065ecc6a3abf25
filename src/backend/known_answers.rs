//! What a GPU has to show before it is trusted with a kernel and a size: the same bytes as the processor, for numbers that
//! are hard on carries.

use super::cpu::{self, Cpu};
use super::crossover::Kernel;
use super::fixed_base::FixedBase;
use super::gpu::{Gpu, GpuFailure, Output};
use super::weights::Weights;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use std::sync::Arc;

#[cfg(feature = "owner")]
use super::crt_key::{CrtKey, NOT_A_DISTANCE, PrimeKey};
#[cfg(feature = "owner")]
use crate::error::Error;
#[cfg(feature = "owner")]
use num_bigint::BigUint;
#[cfg(feature = "owner")]
use zeroize::Zeroizing;

/// Rows of a known answer: more than a workgroup of the widest numbers has, and not a multiple of it.
const ROWS: usize = 9;
/// Bits of an exponent.
const EXPONENT_BITS: usize = 21;

/// Has the GPU compute what the processor computes too.
pub(super) fn show(kernel: Kernel, bits: usize, gpu: &Gpu, cpu: &Cpu) -> Result<(), GpuFailure> {
    let right = pair_mul(bits, gpu, cpu)?
        && match kernel {
            Kernel::PairPow => pair_pow(bits, gpu, cpu)?,
            Kernel::PairFixedBasePow => pair_fixed_base_pow(bits, gpu, cpu)?,
            Kernel::HammingAggregate => hamming_aggregate(bits, gpu, cpu)?,
            Kernel::WeightedSum => weighted_sum(bits, gpu, cpu)?,
            #[cfg(feature = "owner")]
            Kernel::HammingDecode => hamming_decode(bits, gpu)?,
        };
    if right { Ok(()) } else { Err(GpuFailure::Wrong("known answer")) }
}

/// The same numbers every time (Steele, Lea and Flood, OOPSLA 2014), a few limbs of each all ones or all zeros.
struct Numbers(u64);

impl Numbers {
    fn limb(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An odd number of exactly that many limbs.
    fn modulus(&mut self, limbs: usize) -> Vec<u64> {
        let mut modulus: Vec<u64> = (0..limbs).map(|_| self.limb()).collect();
        if let Some(low) = modulus.first_mut() {
            *low |= 1;
        }
        if let Some(top) = modulus.last_mut() {
            *top |= 3 << 62;
        }
        modulus
    }

    /// Pairs below a modulus whose two top bits are set: the extremes first.
    fn pairs(&mut self, modulus: &[u64], rows: usize) -> Vec<u64> {
        let mut pairs = Vec::with_capacity(2 * modulus.len() * rows);
        for row in 0..2 * rows {
            match row {
                0 | 1 => pairs.extend(modulus.iter().map(|_| 0)),
                // m − 1, which is m with its lowest bit cleared.
                2 | 3 => {
                    pairs.extend(modulus.iter().enumerate().map(|(i, limb)| if i == 0 { limb - 1 } else { *limb }));
                }
                _ => pairs.extend((1..=modulus.len()).map(|i| {
                    let limb = match self.limb() % 4 {
                        0 => 0,
                        1 => u64::MAX,
                        _ => self.limb(),
                    };
                    if i == modulus.len() { limb >> 1 } else { limb }
                })),
            }
        }
        pairs
    }
}

fn case(bits: usize) -> Result<(Modulus, Vec<u64>), GpuFailure> {
    let mut numbers = Numbers(bits as u64);
    let limbs = numbers.modulus(bits / 64);
    let modulus = Modulus::new(&limbs).map_err(|error| GpuFailure::Refused(error.to_string()))?;
    let pairs = numbers.pairs(&limbs, ROWS);
    Ok((modulus, pairs))
}

/// What all kernels are made of.
fn pair_mul(bits: usize, gpu: &Gpu, cpu: &Cpu) -> Result<bool, GpuFailure> {
    let (modulus, a) = case(bits)?;
    let width = 2 * modulus.width();
    // Each row times the fourth after it: no two products are the same, so that swapped rows show.
    let mut b = a.clone();
    b.rotate_left(4 * width);
    let (a, b) = (Rows::new(&a, width), Rows::new(&b, width));
    let (mut ours, mut theirs) = (vec![0; width * ROWS], vec![0; width * ROWS]);
    gpu.pair_mul(&modulus, a, b, &mut Output::new(&mut theirs, width))?;
    cpu::pair_mul::pair_mul(cpu, &modulus, a, b, &mut ours);
    Ok(ours == theirs)
}

fn pair_pow(bits: usize, gpu: &Gpu, cpu: &Cpu) -> Result<bool, GpuFailure> {
    let (modulus, pairs) = case(bits)?;
    let rows = Rows::new(&pairs, 2 * modulus.width());
    let exponent = Exponent::new(&[0x1a_5f03], EXPONENT_BITS);
    let (mut ours, mut theirs) = (vec![0; pairs.len()], vec![0; pairs.len()]);
    gpu.pair_pow(&modulus, rows, &exponent, &mut Output::new(&mut theirs, rows.width()))?;
    cpu::pair_pow::pair_pow(cpu, &modulus, rows, &exponent, &mut ours);
    Ok(ours == theirs)
}

fn pair_fixed_base_pow(bits: usize, gpu: &Gpu, cpu: &Cpu) -> Result<bool, GpuFailure> {
    let (modulus, pairs) = case(bits)?;
    let width = 2 * modulus.width();
    let base = FixedBase::new(Arc::new(modulus), &pairs[pairs.len() - width..], EXPONENT_BITS);
    let exponents: Vec<u64> = (0..ROWS as u64).map(|row| row.wrapping_mul(0x1_e3f7) ^ 0xff).collect();
    let exponents = Rows::new(&exponents, 1);
    let (mut ours, mut theirs) = (vec![0; pairs.len()], vec![0; pairs.len()]);
    gpu.pair_fixed_base_pow(&base, EXPONENT_BITS, exponents, &mut Output::new(&mut theirs, width))?;
    cpu::pair_fixed_base_pow::pair_fixed_base_pow(cpu, &base, EXPONENT_BITS, exponents, &mut ours);
    Ok(ours == theirs)
}

fn hamming_aggregate(bits: usize, gpu: &Gpu, cpu: &Cpu) -> Result<bool, GpuFailure> {
    let (modulus, pairs) = case(bits)?;
    let width = 2 * modulus.width();
    let rows = Rows::new(&pairs, width);
    let queries = Rows::new(&pairs[width..3 * width], width);
    let (mut ours, mut theirs) = (vec![0; 2 * pairs.len()], vec![0; 2 * pairs.len()]);
    let mut lists = Output::lists(theirs.chunks_mut(pairs.len()).collect(), width);
    gpu.hamming_aggregate(&modulus, queries, rows, None, &mut lists)?;
    cpu::hamming_aggregate::hamming_aggregate(cpu, &modulus, queries, rows, &mut ours);
    Ok(ours == theirs)
}

fn weighted_sum(bits: usize, gpu: &Gpu, cpu: &Cpu) -> Result<bool, GpuFailure> {
    let (modulus, pairs) = case(bits)?;
    let rows = Rows::new(&pairs, 2 * modulus.width());
    let integers: Vec<i64> = (0..3 * ROWS as i64).map(|i| (i * 0x9e37 + 5) % 101 - 50).collect();
    let weights = Weights::from_integers(ROWS, &integers);
    let mut ours = vec![0; weights.sides() * rows.width()];
    let mut theirs = ours.clone();
    gpu.weighted_sides(&modulus, rows, &weights, &mut Output::new(&mut theirs, rows.width()))?;
    cpu::weighted_sum::weighted_sides_vartime(cpu, &modulus, rows, &weights, 0..weights.sides(), &mut ours);
    Ok(ours == theirs)
}

/// Ciphertexts under a key whose numbers need not be primes: noise of −1 vanishes in every even power.
#[cfg(feature = "owner")]
fn hamming_decode(bits: usize, gpu: &Gpu) -> Result<bool, GpuFailure> {
    let mut numbers = Numbers(bits as u64);
    let big = |limbs: &[u64]| BigUint::from_bytes_le(bytemuck::cast_slice(limbs));
    let fill = |number: &BigUint, width: usize| {
        let mut limbs = number.to_u64_digits();
        limbs.resize(width, 0);
        limbs
    };
    let refused = |error: Error| GpuFailure::Refused(error.to_string());
    let width = bits / 64;
    let exponent = BigUint::from(0x1a_5f04u32);
    // Two odd numbers that are coprime to each other and to the exponent, found soon.
    let (p, q, inverse) = loop {
        let (p, q) = (big(&numbers.modulus(width)), big(&numbers.modulus(width)));
        let (p, q) = if p > q { (p, q) } else { (q, p) };
        if let Some(inverse) = (&exponent * &q).modinv(&p)
            && q.modinv(&p).is_some()
        {
            break (p, q, inverse);
        }
    };
    let prime = |m: &BigUint, other: &BigUint, decode: &BigUint| -> Result<PrimeKey, GpuFailure> {
        let rest = |number: &BigUint| Zeroizing::new(fill(&(number % m), width));
        Ok(PrimeKey {
            modulus: Arc::new(Modulus::new(&fill(m, width)).map_err(refused)?),
            exponent: Exponent::new(&fill(&exponent, 1), EXPONENT_BITS),
            message_scale: rest(other),
            decode_scale: rest(decode),
            other_inverse: rest(&BigUint::ZERO),
        })
    };
    let key = CrtKey::new(prime(&p, &q, &inverse)?, prime(&q, &p, &BigUint::ZERO)?).map_err(refused)?;
    let n = &p * &q;
    let square = &n * &n;
    let dimensions = key.one_prime_dimensions().min(77);
    // Sums of two vectors, then a digit of 3, a bit above the last dimension, and what is no ciphertext of this key.
    let mut rows = Vec::new();
    let mut expected = Vec::new();
    for row in 0..ROWS {
        let digits: Vec<u32> = (0..dimensions)
            .map(|i| match row {
                0 => 0,
                1 => 2,
                2 if i == 5 => 3,
                _ => u32::try_from(numbers.limb() % 3).unwrap_or(0),
            })
            .collect();
        let mut message = digits.iter().fold(BigUint::ZERO, |sum, digit| sum * 4u32 + *digit);
        let mut distance = u32::try_from(digits.iter().filter(|digit| **digit == 1).count()).unwrap_or(u32::MAX);
        if row == 3 {
            message.set_bit(2 * dimensions as u64, true);
        }
        if row == 2 || row == 3 || row == 4 {
            distance = NOT_A_DISTANCE;
        }
        let mut c = (&n * message + 1u32) * (&square - 1u32) % &square;
        if row == 4 {
            c += 1u32;
        }
        rows.extend(fill(&(&c % &n), 2 * width));
        rows.extend(fill(&(&c / &n), 2 * width));
        expected.push(distance);
    }
    let mut distances = vec![0; ROWS];
    gpu.hamming_decode(
        &key,
        dimensions,
        0x5a5a_1234,
        Rows::new(&rows, 4 * width),
        &mut Output::new(&mut distances, 1),
    )?;
    Ok(distances == expected)
}
