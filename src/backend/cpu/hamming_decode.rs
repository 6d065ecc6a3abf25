//! `hamming_decode`: reduce, power, scale, check and count digits; only counts come out.

use super::level::with_lanes;
use super::residue::Residue;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::bits::count_digits;
use crate::arith::lanes::Lanes;
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
    with_lanes!(cpu.for_powers(ciphertexts.len()), &key.p().modulus, m => decode(cpu, m, key, dimensions, ciphertexts, out));
}

/// With one prime: the largest possible sum is below it.
fn decode<A: Lanes>(cpu: &Cpu, m: &A, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &mut [u32]) {
    let residue = Residue::new(m, key.p(), key.q().modulus.limbs());
    cpu.for_each_group::<A, _>(out, 1, Run::new(1, 16), |rows, out| {
        let power = window::pow(m, &residue.enter(ciphertexts.slice(rows)), &key.p().exponent);
        let (sums, valid) = residue.logarithm(&power);
        let mut plaintexts = Zeroizing::new(vec![0; out.len() * m.width()]);
        m.store(&sums, &mut plaintexts, m.width(), 0);
        for (lane, (out, plaintext)) in out.iter_mut().zip(plaintexts.chunks_exact(m.width())).enumerate() {
            *out = checked_distance(plaintext, dimensions) | not_a_distance_if(valid >> lane & 1 == 0);
        }
    });
}

/// The distance, unless a digit is 3 or something stands above the last dimension.
fn checked_distance(plaintext: &[u64], dimensions: usize) -> u32 {
    let count = count_digits(plaintext, dimensions);
    count.ones | not_a_distance_if((count.threes != 0) | count.upper)
}

/// All bits of [`NOT_A_DISTANCE`], or none, in a form that the compiler does not turn back into a branch.
fn not_a_distance_if(condition: bool) -> u32 {
    const { assert!(NOT_A_DISTANCE == u32::MAX) };
    core::hint::black_box(u32::from(condition).wrapping_neg())
}
