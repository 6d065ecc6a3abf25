//! `hamming_decode`: reduce, power, scale, check and count digits; only counts come out.

use super::residue::Residue;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::bits::count_digits;
use crate::arith::digits;
use crate::arith::modulus::with_moduli;
use crate::arith::pair::PairModulus;
use crate::arith::window;
use crate::backend::crt_key::{CrtKey, NOT_A_DISTANCE};
use zeroize::Zeroizing;

pub(in crate::backend) fn hamming_decode(
    cpu: &Cpu,
    key: &CrtKey,
    dimensions: usize,
    ciphertexts: Rows<'_>,
    out: &mut [u32],
) {
    if dimensions > key.one_prime_dimensions() {
        let width = 2 * key.p().modulus.width();
        let mut plaintexts = Zeroizing::new(vec![0; width * ciphertexts.len()]);
        super::crt_decrypt::crt_decrypt(cpu, key, ciphertexts, &mut plaintexts);
        for (distance, plaintext) in out.iter_mut().zip(plaintexts.chunks_exact(width)) {
            *distance = checked_distance(plaintext, dimensions);
        }
        return;
    }
    let (p, q) = (&key.p().modulus, &key.q().modulus);
    with_moduli!(p, q, (m, _other) => decode(cpu, m, key, dimensions, ciphertexts, out));
}

/// With one prime: the largest possible sum is below it.
fn decode<const L: usize>(
    cpu: &Cpu,
    m: &PairModulus<L>,
    key: &CrtKey,
    dimensions: usize,
    ciphertexts: Rows<'_>,
    out: &mut [u32],
) {
    let residue = Residue::new(m, key.p(), key.q().modulus.limbs());
    cpu.for_each_run(out, 1, Run { least: 1, most: 16 }, |first, out| {
        let mut plaintext = Zeroizing::new(vec![0; key.p().modulus.width()]);
        for (ciphertext, out) in ciphertexts.iter().skip(first).zip(out) {
            let power = window::pow(m, &residue.enter(ciphertext), &key.p().exponent);
            let (sum, valid) = residue.logarithm(&power);
            digits::to_limbs(&sum, &mut plaintext);
            *out = if valid == 1 { checked_distance(&plaintext, dimensions) } else { NOT_A_DISTANCE };
        }
    });
}

/// The distance, unless a digit is 3 or something stands above the last dimension.
fn checked_distance(plaintext: &[u64], dimensions: usize) -> u32 {
    let count = count_digits(plaintext, dimensions);
    if count.threes == 0 && !count.upper { count.ones } else { NOT_A_DISTANCE }
}
