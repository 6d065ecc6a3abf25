//! `hamming_decode` on a GPU: only counts and tags come back.

use super::buffer::Secrecy;
use super::constants;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::pair_pow;
use super::program::Program;
use super::reading::Reading;
use super::rounds::Output;
use super::shader::Stem;
use crate::arith::batch::Rows;
use crate::arith::radix_form::times_radix;
use crate::backend::crt_key::{CrtKey, NOT_A_DISTANCE};
use zeroize::Zeroizing;

/// Products of pairs for each row, at most, of what comes before the powers and of what comes after them.
const PRODUCTS: usize = 3;

/// Distances of `dimensions` dimensions, at most `key.one_prime_dimensions()`. Rows that the device found to hold none,
/// and rows that its answer does not prove, are [`NOT_A_DISTANCE`]: they have to be looked at again.
pub(super) fn hamming_decode(
    engine: &Engine,
    key: &CrtKey,
    dimensions: usize,
    nonce: u32,
    ciphertexts: Rows<'_>,
    out: &mut Output<'_, '_, u32>,
) -> Result<(), GpuFailure> {
    let modulus = &key.p().modulus;
    let shape = engine.shape(modulus.bits());
    let mut limbs = constants::limbs(modulus);
    for (residue, power) in [(key.q().modulus.limbs(), 1), (key.q().modulus.limbs(), 2), (&key.p().decode_scale, 1)] {
        limbs.extend_from_slice(&times_radix_residue(key, residue, power));
    }
    let constants = engine.upload(&limbs, Secrecy::Secret)?;
    let program = Program::power_in_place(&key.p().exponent);
    let steps = engine.upload(&program.limbs(), Secrecy::Secret)?;
    let width = ciphertexts.width() / 2;
    let dimensions_word = u32::try_from(dimensions).unwrap_or(u32::MAX);
    let start = |ciphertexts: Rows<'_>, _| {
        let rows = ciphertexts.len();
        let input = engine.upload(ciphertexts.limbs(), Secrecy::Public)?;
        let state = pair_pow::state(engine, &program, rows * width)?;
        let output = engine.buffer(16 * rows, Secrecy::Secret)?;
        let on = Bindings {
            constants: Some(&constants),
            input: Some(&input),
            second: Some(&steps),
            output: Some(&output),
            state: Some(&state),
        };
        engine.dispatch(Stem::DecodeEnter, shape, rows, PRODUCTS, [0; 6], on)?;
        pair_pow::run(engine, shape, rows, &program, on)?;
        engine.dispatch(Stem::DecodeCount, shape, rows, PRODUCTS, [0, 0, dimensions_word, nonce, 0, 0], on)?;
        Reading::start(engine, &output, rows, 16, Secrecy::Secret)
    };
    pair_pow::rounds(engine, shape, &program, width, PRODUCTS).run(engine, ciphertexts, out, start, |bytes, out| {
        for (row, (answer, out)) in (0u32..).zip(bytes.chunks_exact(16).zip(out)) {
            let word = |i: usize| answer[4 * i..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let (zeros, ones, twos) = (u64::from(word(0)), u64::from(word(1)), u64::from(word(2)));
            let proven = word(3) == row.wrapping_mul(0x9e37_79b1) ^ nonce && zeros + ones + twos == dimensions as u64;
            *out = if proven { word(1) } else { NOT_A_DISTANCE };
        }
    })
}

/// x·R^power modulo p.
fn times_radix_residue(key: &CrtKey, x: &[u64], power: usize) -> Zeroizing<Vec<u64>> {
    let modulus = &key.p().modulus;
    let mut pair = Zeroizing::new(x.to_vec());
    pair.resize(2 * modulus.width(), 0);
    let mut product = times_radix(modulus, &pair, power);
    product.truncate(modulus.width());
    product
}
