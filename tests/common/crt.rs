//! Secret keys for the kernels, and ciphertexts to decode with them.

#![allow(dead_code, reason = "each test uses a part")]

use crate::numbers::SplitMix;
use crate::reference::{self, limbs, pair_row};
use hushvec::hazmat::{CrtKey, Exponent, Modulus, PrimeKey, Rows};
use num_bigint::BigUint;
use std::sync::Arc;

/// Primes of 512 and 1024 bits, made by `openssl prime -generate -hex -bits N`.
pub const PRIMES: [(usize, [&str; 2]); 2] =
    [(512, include!("../data/primes_512.in")), (1024, include!("../data/primes_1024.in"))];

/// Returns the owner's key of two primes, for g = 1 + n.
pub fn crt_key(p: &BigUint, q: &BigUint, bits: usize) -> CrtKey {
    let width = bits / 64;
    let prime = |p: &BigUint, q: &BigUint| {
        let exponent = p - 1u32;
        let scale = (&exponent * q).modinv(p).unwrap();
        PrimeKey {
            modulus: Arc::new(Modulus::new(&limbs(p, width)).unwrap()),
            exponent: Exponent::new(&limbs(&exponent, width), bits),
            message_scale: limbs(&(q % p), width).into(),
            decode_scale: limbs(&scale, width).into(),
            other_inverse: limbs(&q.modinv(p).unwrap(), width).into(),
        }
    };
    CrtKey::new(prime(p, q), prime(q, p)).unwrap()
}

/// Ciphertexts of sums of two vectors, a few of which are not valid distances.
pub struct Decoding {
    pub crt: CrtKey,
    pub dimensions: usize,
    rows: Vec<u64>,
    width: usize,
}

impl Decoding {
    pub fn new(count: usize) -> Self {
        let (bits, primes) = PRIMES[0];
        let [p, q] = primes.map(|hex| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap());
        let (p, q) = if p > q { (p, q) } else { (q, p) };
        let (crt, key) = (crt_key(&p, &q, bits), reference::Key { p, q });
        let (mut random, dimensions, width) = (SplitMix(12), 100, bits / 32);
        let encrypt = |i: usize| {
            let sum = reference::encode(&random.bits(dimensions)) + reference::encode(&random.bits(dimensions));
            // A bit above the last dimension in every seventh.
            let sum = if i % 7 == 3 { sum + (BigUint::from(1u32) << 300u32) } else { sum };
            pair_row(&key.encrypt(&sum, &(random.number(bits) + 1u32)), &key.n(), width)
        };
        let rows = (0..count).flat_map(encrypt).collect();
        Self { crt, dimensions, rows, width: 2 * width }
    }

    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.rows, self.width)
    }
}
