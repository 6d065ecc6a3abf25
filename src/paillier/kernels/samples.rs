//! Deterministic inputs with long carry chains, for known answers, benches and tests that compare devices.

use crate::bignum::modulus::Modulus;
#[cfg(feature = "hazmat")]
use crate::device::open_device::OpenDevice;
use crate::error::Error;

#[cfg(feature = "owner")]
use super::crt_key::{CrtKey, NOT_A_DISTANCE, PrimeKey};
#[cfg(feature = "owner")]
use crate::bignum::window::Exponent;
#[cfg(feature = "owner")]
use num_bigint::BigUint;
#[cfg(feature = "owner")]
use std::sync::Arc;
#[cfg(feature = "owner")]
use zeroize::Zeroizing;

/// The length of the exponents of known answers, in bits.
#[cfg(any(feature = "gpu", feature = "owner"))]
pub(super) const EXPONENT_BITS: usize = 21;

/// A kernel with a function that makes inputs for it.
#[cfg(feature = "hazmat")]
pub struct Sampler {
    /// The kernel's name.
    pub name: &'static str,
    /// Batch sizes to time on a CPU, in rows. Empty if the inputs here take a different time from real ones.
    pub batches: &'static [usize],
    /// Makes a batch of `rows` rows for a modulus of `bits` bits.
    pub make: fn(bits: usize, rows: usize) -> Result<Sample, Error>,
}

/// A kernel with inputs.
#[cfg(feature = "hazmat")]
pub struct Sample {
    limbs: usize,
    run: Run,
}

#[cfg(feature = "hazmat")]
type Run = Box<dyn Fn(&OpenDevice, &mut [u64]) + Send + Sync>;

#[cfg(feature = "hazmat")]
impl Sample {
    /// Makes a sample whose function `run` writes `limbs` limbs.
    pub(super) fn new(limbs: usize, run: impl Fn(&OpenDevice, &mut [u64]) + Send + Sync + 'static) -> Self {
        Self { limbs, run: Box::new(run) }
    }

    /// Allocates the output. It is filled with a marker value, so that limbs that were not written are noticed.
    pub fn room(&self) -> Vec<u64> {
        vec![7; self.limbs]
    }

    /// Runs the kernel on a device and returns the output.
    pub fn run(&self, device: &OpenDevice) -> Vec<u64> {
        let mut out = self.room();
        self.run_into(device, &mut out);
        out
    }

    /// Runs the kernel like [`Sample::run`], into an existing output, so that nothing is allocated.
    pub fn run_into(&self, device: &OpenDevice, out: &mut [u64]) {
        (self.run)(device, out);
    }
}

/// Makes `rows` numbers of `bits` bits, a multiple of 64, and returns their limbs.
#[cfg(feature = "hazmat")]
pub(super) fn numbers(bits: usize, rows: usize) -> Vec<u64> {
    let mut numbers = Numbers(bits as u64 + 1);
    (0..rows * bits / 64).map(|_| numbers.limb()).collect()
}

/// Makes a modulus of `bits` bits, and pairs below it, the extremes first.
pub(super) fn pairs(bits: usize, rows: usize) -> Result<(Modulus, Vec<u64>), Error> {
    let mut numbers = Numbers(bits as u64);
    let limbs = numbers.modulus(bits / 64);
    let pairs = numbers.pairs(&limbs, rows);
    Ok((Modulus::new(&limbs)?, pairs))
}

/// A deterministic generator of numbers (Steele, Lea and Flood, OOPSLA 2014). Some limbs of pairs are all ones or all
/// zeros.
struct Numbers(u64);

impl Numbers {
    fn limb(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns an odd number of `limbs` limbs whose two top bits are set.
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

    /// Returns pairs below a modulus whose two top bits are set, the extremes first.
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

/// Ciphertexts with the distances in them.
#[cfg(feature = "owner")]
pub(super) struct DecodeCase {
    pub(super) key: CrtKey,
    pub(super) dimensions: usize,
    pub(super) ciphertexts: Vec<u64>,
    pub(super) distances: Vec<u32>,
}

/// Makes ciphertexts under a key whose numbers need not be prime. Their noise is −1, which every even exponent removes.
#[cfg(feature = "owner")]
pub(super) fn decode_case(bits: usize, rows: usize) -> Result<DecodeCase, Error> {
    let mut numbers = Numbers(bits as u64);
    let big = |limbs: &[u64]| BigUint::from_bytes_le(bytemuck::cast_slice(limbs));
    let fill = |number: &BigUint, width: usize| {
        let mut limbs = number.to_u64_digits();
        limbs.resize(width, 0);
        limbs
    };
    let width = bits / 64;
    let exponent = BigUint::from(0x1a_5f04u32);
    // Draws two odd numbers that are coprime to each other and to the exponent, which takes few tries.
    let (p, q, inverse) = loop {
        let (p, q) = (big(&numbers.modulus(width)), big(&numbers.modulus(width)));
        let (p, q) = if p > q { (p, q) } else { (q, p) };
        if let Some(inverse) = (&exponent * &q).modinv(&p)
            && q.modinv(&p).is_some()
        {
            break (p, q, inverse);
        }
    };
    let prime = |m: &BigUint, other: &BigUint, decode: &BigUint| -> Result<PrimeKey, Error> {
        let rest = |number: &BigUint| Zeroizing::new(fill(&(number % m), width));
        Ok(PrimeKey {
            modulus: Arc::new(Modulus::new(&fill(m, width))?),
            exponent: Exponent::new(&fill(&exponent, 1), EXPONENT_BITS),
            message_scale: rest(other),
            decode_scale: rest(decode),
            other_inverse: rest(&BigUint::ZERO),
        })
    };
    let key = CrtKey::new(prime(&p, &q, &inverse)?, prime(&q, &p, &BigUint::ZERO)?)?;
    let n = &p * &q;
    let square = &n * &n;
    let dimensions = key.one_prime_dimensions().min(77);
    // Sums of two vectors, except for a digit 3 (row 2), a bit above the last dimension (row 3) and an invalid
    // ciphertext (row 4).
    let mut ciphertexts = Vec::new();
    let mut distances = Vec::new();
    for row in 0..rows {
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
        ciphertexts.extend(fill(&(&c % &n), 2 * width));
        ciphertexts.extend(fill(&(&c / &n), 2 * width));
        distances.push(distance);
    }
    Ok(DecodeCase { key, dimensions, ciphertexts, distances })
}
