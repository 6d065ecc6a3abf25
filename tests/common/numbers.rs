//! Test numbers: random ones, and extremes that random numbers never hit.

#![allow(dead_code, reason = "each test uses a part")]

use num_bigint::BigUint;

/// A generator with the same numbers in every run (Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
pub struct SplitMix(pub u64);

impl SplitMix {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of `bits` bits, sometimes with long runs of zeros and ones, which produce long carries.
    pub fn number(&mut self, bits: usize) -> BigUint {
        let runs = self.next().is_multiple_of(4);
        let limbs: Vec<u64> = (0..bits.div_ceil(64))
            .map(|_| match self.next() % 3 {
                0 if runs => 0,
                1 if runs => u64::MAX,
                _ => self.next(),
            })
            .collect();
        limbs.iter().rev().fold(BigUint::ZERO, |x, limb| (x << 64u32) + limb) % (BigUint::from(1u32) << bits)
    }

    /// An odd number of exactly `bits` bits.
    pub fn modulus(&mut self, bits: usize) -> BigUint {
        let mut m = self.number(bits);
        m.set_bit(0, true);
        m.set_bit(bits as u64 - 1, true);
        m
    }

    /// `count` residues modulo m²: the extremes first, then random ones.
    pub fn residues(&mut self, m: &BigUint, count: usize) -> Vec<BigUint> {
        let square = m * m;
        let one = BigUint::from(1u32);
        let extremes = [BigUint::ZERO, one.clone(), &square - &one, m.clone(), m - &one, m + &one, &square - m];
        let bits = usize::try_from(square.bits()).unwrap();
        extremes.into_iter().chain(std::iter::from_fn(|| Some(self.number(bits) % &square))).take(count).collect()
    }

    /// `count` numbers below m² that have an inverse.
    pub fn units(&mut self, m: &BigUint, count: usize) -> Vec<BigUint> {
        let (square, bits) = (m * m, usize::try_from(2 * m.bits()).unwrap());
        let numbers = std::iter::from_fn(|| Some(self.number(bits) % &square));
        numbers.filter(|x| x.modinv(m).is_some()).take(count).collect()
    }

    pub fn bits(&mut self, dimensions: usize) -> Vec<u8> {
        (0..dimensions).map(|_| u8::from(self.next().is_multiple_of(2))).collect()
    }
}
