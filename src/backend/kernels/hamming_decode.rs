//! `hamming_decode`: the Hamming distance in each ciphertext, with one prime. From a GPU only counts and tags come back.

use super::constants::{self, DeviceModulus};
use super::known_answers::{self, DecodeCase};
use super::pair_mul::PairMul;
use super::pair_pow::DevicePower;
use super::program::Program;
use super::shader::{Bindings, Shader, word};
use super::suits_gpus;
use crate::arith::batch::Rows;
use crate::arith::radix::times_radix;
use crate::arith::random::{self, OsRandom};
use crate::backend::cpu::{self, Cpu};
use crate::backend::crt_key::{CrtKey, NOT_A_DISTANCE};
use crate::backend::gpu::GpuFailure;
use crate::backend::gpu::buffer::Secrecy;
use crate::backend::gpu::engine::Engine;
use crate::backend::gpu::readback::Readback;
use crate::backend::offload::kernel::{Kernel, Launch};
use crate::backend::offload::rounds::unchecked;
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) const ENTER: Shader =
    Shader { name: "decode_enter", text: include_str!("../../../shaders/paillier/decode_enter.wgsl") };
pub(super) const COUNT: Shader =
    Shader { name: "decode_count", text: include_str!("../../../shaders/paillier/decode_count.wgsl") };

/// Products of pairs for each row, at most, of what comes before the powers and of what comes after them.
const PRODUCTS: usize = 3;

/// The distances of ciphertexts of `dimensions` dimensions, at most `key.one_prime_dimensions()`. A GPU leaves rows that it
/// finds to hold none, and rows that its answer does not prove, at [`NOT_A_DISTANCE`]: they are looked at again, which
/// those that hold none are rare enough for.
pub(in crate::backend) struct HammingDecode<'a> {
    key: &'a CrtKey,
    dimensions: usize,
    ciphertexts: Rows<'a>,
    /// Goes into the tags, so that a GPU cannot answer with those of another batch.
    nonce: Result<u32, Error>,
}

impl<'a> HammingDecode<'a> {
    /// Draws a nonce.
    pub(in crate::backend) fn new(key: &'a CrtKey, dimensions: usize, ciphertexts: Rows<'a>) -> Self {
        let mut nonce = [0u64];
        let drawn = random::fill_limbs(&mut OsRandom, &mut nonce);
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let nonce = drawn.map(|()| nonce[0] as u32);
        Self { key, dimensions, ciphertexts, nonce }
    }
}

impl Kernel for HammingDecode<'_> {
    const NAME: &'static str = "hamming_decode";
    type Element = u32;
    type Prepared = DevicePower;

    fn bits(&self) -> usize {
        self.key.p().modulus.bits()
    }

    fn exponent_bits(&self) -> usize {
        self.key.p().exponent.bits()
    }

    fn suits_gpus(&self) -> bool {
        suits_gpus(&self.key.p().modulus)
    }

    fn rows(&self) -> usize {
        self.ciphertexts.len()
    }

    fn width(&self) -> usize {
        1
    }

    fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u32]) {
        cpu::hamming_decode::hamming_decode(cpu, self.key, self.dimensions, self.ciphertexts.slice(rows), out);
    }

    /// Whether the nonce was drawn, and the CPU finds no distance either where the GPU proved none.
    fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u32]) -> Result<bool, Error> {
        if let Err(error) = &self.nonce {
            return Err(Error::Random(error.to_string()));
        }
        let again: Vec<u64> = self
            .ciphertexts
            .slice(rows)
            .iter()
            .zip(out)
            .filter(|(_, distance)| **distance == NOT_A_DISTANCE)
            .flat_map(|(row, _)| row)
            .copied()
            .collect();
        let again = Rows::new(&again, self.ciphertexts.width());
        let mut distances = vec![0; again.len()];
        cpu::hamming_decode::hamming_decode(cpu, self.key, self.dimensions, again, &mut distances);
        Ok(distances.iter().all(|distance| *distance == NOT_A_DISTANCE))
    }

    fn prepare(&self, engine: &Arc<Engine>) -> Result<DevicePower, GpuFailure> {
        let (p, q) = (self.key.p(), self.key.q().modulus.limbs());
        let mut limbs = constants::limbs(&p.modulus);
        for (residue, power) in [(q, 1), (q, 2), (&p.decode_scale, 1)] {
            limbs.extend_from_slice(&times_radix_residue(self.key, residue, power));
        }
        let modulus = DeviceModulus::of(engine, &p.modulus, &limbs)?;
        DevicePower::new(engine, modulus, Program::power_in_place(&p.exponent))
    }

    fn round(&self, engine: &Engine, power: &mut DevicePower, _: usize, most: usize) -> usize {
        power.limits(self.ciphertexts.width() / 2, PRODUCTS).rows(engine, power.modulus.shape).min(most)
    }

    fn launch(&self, engine: &Engine, power: &mut DevicePower, rows: Range<usize>) -> Result<Launch, GpuFailure> {
        let ciphertexts = self.ciphertexts.slice(rows);
        let rows = ciphertexts.len();
        let input = engine.upload(ciphertexts.limbs(), Secrecy::Public)?;
        let state = power.state(engine, ciphertexts.limbs().len() / 2)?;
        let output = engine.buffer(16 * rows, Secrecy::Secret)?;
        let (to_state, to_output) = (
            Bindings { input: Some(&input), state: Some(&state), ..Bindings::default() },
            Bindings { output: Some(&output), state: Some(&state), ..Bindings::default() },
        );
        ENTER.dispatch(engine, &power.modulus, rows, PRODUCTS, (), to_state)?;
        power.run(engine, rows, &input, &output, &state)?;
        let nonce = self.nonce.as_ref().copied().unwrap_or_default();
        COUNT.dispatch(engine, &power.modulus, rows, PRODUCTS, [word(self.dimensions), nonce], to_output)?;
        let readback = Readback::start(engine, &output, rows, 16, Secrecy::Secret)?;
        Ok(Launch { readback, macs: None })
    }

    fn read(&self, bytes: &[u8], out: &mut [u32]) {
        let nonce = self.nonce.as_ref().copied().unwrap_or_default();
        for (row, (answer, out)) in (0u32..).zip(bytes.chunks_exact(16).zip(out)) {
            let word = |i: usize| answer[4 * i..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let (zeros, ones, twos) = (u64::from(word(0)), u64::from(word(1)), u64::from(word(2)));
            let sum = zeros + ones + twos;
            let proven = word(3) == row.wrapping_mul(0x9e37_79b1) ^ nonce && sum == self.dimensions as u64;
            *out = if proven { word(1) } else { NOT_A_DISTANCE };
        }
    }

    fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
        if !PairMul::known_answer(bits, engine, cpu)? {
            return Ok(false);
        }
        let DecodeCase { key, dimensions, ciphertexts, distances } = known_answers::decode_case(bits)?;
        let ciphertexts = Rows::new(&ciphertexts, 4 * key.p().modulus.width());
        let kernel = HammingDecode { key: &key, dimensions, ciphertexts, nonce: Ok(0x5a5a_1234) };
        let mut theirs = vec![0; distances.len()];
        unchecked(&kernel, engine, &mut theirs)?;
        Ok(theirs == distances)
    }
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
