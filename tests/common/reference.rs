//! The oracle: textbook Paillier in num-bigint, short and slow.

#![allow(dead_code, reason = "each test uses a part")]

use num_bigint::BigUint;

/// Returns the number with these little-endian limbs.
pub fn biguint(limbs: &[u64]) -> BigUint {
    limbs.iter().rev().fold(BigUint::ZERO, |x, limb| (x << 64u32) + limb)
}

/// Returns the little-endian limbs of a number, padded with zeros to `width`.
pub fn limbs(x: &BigUint, width: usize) -> Vec<u64> {
    let mut limbs = x.to_u64_digits();
    assert!(limbs.len() <= width);
    limbs.resize(width, 0);
    limbs
}

/// Returns x modulo m² as a row: x mod m, then x div m.
pub fn pair_row(x: &BigUint, m: &BigUint, width: usize) -> Vec<u64> {
    let x = x % (m * m);
    [limbs(&(&x % m), width), limbs(&(&x / m), width)].concat()
}

/// Returns the number that a row represents.
pub fn pair_value(row: &[u64], m: &BigUint) -> BigUint {
    let (x0, x1) = row.split_at(row.len() / 2);
    let (x0, x1) = (biguint(x0), biguint(x1));
    assert!(x0 < *m && x1 < *m, "not reduced");
    x0 + x1 * m
}

/// Σ b[i]·4^(D−1−i).
pub fn encode(bits: &[u8]) -> BigUint {
    bits.iter().fold(BigUint::ZERO, |m, b| m * 4u32 + b)
}

/// Counts the base-4 digits that are 1.
pub fn count_ones(mut m: BigUint) -> u32 {
    let mut ones = 0;
    while m != BigUint::ZERO {
        ones += u32::from(&m % 4u32 == BigUint::from(1u32));
        m /= 4u32;
    }
    ones
}

/// A Paillier key pair with g = 1 + n.
pub struct Key {
    pub p: BigUint,
    pub q: BigUint,
}

impl Key {
    pub fn n(&self) -> BigUint {
        &self.p * &self.q
    }

    pub fn encrypt(&self, m: &BigUint, r: &BigUint) -> BigUint {
        let n = self.n();
        let square = &n * &n;
        (&n + 1u32).modpow(m, &square) * r.modpow(&n, &square) % square
    }

    pub fn decrypt(&self, c: &BigUint) -> BigUint {
        let n = self.n();
        let phi = (&self.p - 1u32) * (&self.q - 1u32);
        (c.modpow(&phi, &(&n * &n)) - 1u32) / &n * phi.modinv(&n).unwrap() % n
    }
}
