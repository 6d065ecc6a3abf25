//! `hamming_decode`: decrypts Hamming distances. It reduces, raises to a power, scales, checks and counts digits, and
//! returns only the counts.

use super::crt_decrypt;
use super::crt_key::{CrtKey, NOT_A_DISTANCE};
use super::residue::Residue;
#[cfg(feature = "hazmat")]
use super::samples::{self, DecodeCase, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::window;
use crate::bignum::with_lanes::{for_powers, with_lanes};
use crate::bit_matrix::count_digits;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;
use zeroize::Zeroizing;

/// Decodes the Hamming distance in each ciphertext of `dimensions` dimensions. `out` receives one number per row,
/// which is [`NOT_A_DISTANCE`] if the ciphertext does not hold a distance.
pub fn hamming_decode(device: &OpenDevice, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &mut [u32]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu().filter(|_| dimensions <= key.one_prime_dimensions()) {
        return offloaded.run(&gpu::HammingDecode::new(key, dimensions, ciphertexts), out);
    }
    on_cpu(device.cpu(), key, dimensions, ciphertexts, out);
}

fn on_cpu(cpu: &Cpu, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &mut [u32]) {
    if dimensions > key.one_prime_dimensions() {
        let width = 2 * key.p().modulus.width();
        let mut plaintexts = Zeroizing::new(vec![0; width * ciphertexts.len()]);
        crt_decrypt::on_cpu(cpu, key, ciphertexts, &mut plaintexts);
        for (distance, plaintext) in out.iter_mut().zip(plaintexts.chunks_exact(width)) {
            *distance = checked_distance(plaintext, dimensions);
        }
        return;
    }
    with_lanes!(&for_powers(cpu, ciphertexts.len()), &key.p().modulus, m => decode(cpu, m, key, dimensions, ciphertexts, out));
}

/// Decodes with one prime, which is larger than the largest possible sum.
fn decode<A: Lanes>(cpu: &Cpu, m: &A, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &mut [u32]) {
    let residue = Residue::new(m, key.p(), key.q().modulus.limbs());
    cpu.for_each_group(out, 1, Run::new(1, 16).of(A::COUNT), |rows, out| {
        let power = window::pow(m, &residue.to_mont(ciphertexts.slice(rows)), &key.p().exponent);
        let (sums, valid) = residue.logarithm(&power);
        let mut plaintexts = Zeroizing::new(vec![0; out.len() * m.width()]);
        m.store(&sums, &mut plaintexts, m.width(), 0);
        for (lane, (out, plaintext)) in out.iter_mut().zip(plaintexts.chunks_exact(m.width())).enumerate() {
            *out = checked_distance(plaintext, dimensions) | not_a_distance_if(valid >> lane & 1 == 0);
        }
    });
}

/// Returns the distance, or [`NOT_A_DISTANCE`] if a digit is 3 or a bit above the last dimension is set.
fn checked_distance(plaintext: &[u64], dimensions: usize) -> u32 {
    let count = count_digits(plaintext, dimensions);
    count.ones | not_a_distance_if((count.threes != 0) | count.upper)
}

/// Returns [`NOT_A_DISTANCE`] if the condition is true, else 0, in a form that the compiler does not turn into a
/// branch.
fn not_a_distance_if(condition: bool) -> u32 {
    const { assert!(NOT_A_DISTANCE == u32::MAX) };
    core::hint::black_box(u32::from(condition).wrapping_neg())
}

/// Inputs with ciphertexts of sums of vectors, a few of which are invalid.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "hamming_decode", batches: &[], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    let DecodeCase { key, dimensions, ciphertexts, distances } = samples::decode_case(bits, rows)?;
    Ok(Sample::new(distances.len(), move |device, out| {
        let mut found = vec![0; out.len()];
        let ciphertexts = Rows::new(&ciphertexts, 4 * key.p().modulus.width());
        hamming_decode(device, &key, dimensions, ciphertexts, &mut found);
        out.iter_mut().zip(found).for_each(|(out, found)| *out = found.into());
    }))
}

/// The kernel on a GPU, and the check of its results.
#[cfg(feature = "gpu")]
pub(super) mod gpu {
    use crate::bignum::batch::Rows;
    use crate::bignum::radix::times_radix;
    use crate::bignum::random::{self, OsRandom};
    use crate::device::cpu::Cpu;
    use crate::device::gpu::GpuFailure;
    use crate::device::gpu::buffer::Secrecy;
    use crate::device::gpu::engine::{Engine, word};
    use crate::device::gpu::readback::Readback;
    use crate::device::offload::kernel::{Kernel, Launch};
    use crate::device::offload::rounds::unchecked;
    use crate::error::Error;
    use crate::paillier::kernels::crt_key::{CrtKey, NOT_A_DISTANCE};
    use crate::paillier::kernels::gpu::ROWS;
    use crate::paillier::kernels::gpu::constants::{self, DeviceModulus};
    use crate::paillier::kernels::gpu::program::Program;
    use crate::paillier::kernels::gpu::shader::{Bindings, Shader};
    use crate::paillier::kernels::gpu::suits_gpus;
    use crate::paillier::kernels::pair_mul::gpu::PairMul;
    use crate::paillier::kernels::pair_pow::gpu::DevicePower;
    use crate::paillier::kernels::samples::{self, DecodeCase};
    use std::ops::Range;
    use std::sync::Arc;
    use zeroize::Zeroizing;

    pub(crate) const TO_MONT: Shader =
        Shader { name: "decode_to_mont", text: include_str!("../../../shaders/paillier/decode_to_mont.wgsl") };
    pub(crate) const COUNT: Shader =
        Shader { name: "decode_count", text: include_str!("../../../shaders/paillier/decode_count.wgsl") };

    /// The most products of pairs per row in the dispatches before and after the powers.
    const PRODUCTS: usize = 3;

    /// The distances of ciphertexts of `dimensions` dimensions, at most `key.one_prime_dimensions()`.
    ///
    /// Rows in which the GPU finds no distance, and rows that its answer does not prove, are [`NOT_A_DISTANCE`]. The
    /// CPU checks all of them again, since rows without a distance are rare.
    pub(crate) struct HammingDecode<'a> {
        key: &'a CrtKey,
        dimensions: usize,
        ciphertexts: Rows<'a>,
        /// A part of the tags, so that a GPU cannot answer with the tags of another batch.
        nonce: Result<u32, Error>,
    }

    impl<'a> HammingDecode<'a> {
        /// Makes the kernel and draws its nonce.
        pub(crate) fn new(key: &'a CrtKey, dimensions: usize, ciphertexts: Rows<'a>) -> Self {
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

        fn size(&self) -> usize {
            self.key.p().modulus.bits()
        }

        fn length(&self) -> usize {
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
            super::on_cpu(cpu, self.key, self.dimensions, self.ciphertexts.slice(rows), out);
        }

        /// Checks that the CPU, too, finds no distance in the rows where the GPU proved none. Fails if the nonce was
        /// not drawn.
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
            super::on_cpu(cpu, self.key, self.dimensions, again, &mut distances);
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
            TO_MONT.dispatch(engine, &power.modulus, rows, PRODUCTS, (), to_state)?;
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
            let DecodeCase { key, dimensions, ciphertexts, distances } = samples::decode_case(bits, ROWS)?;
            let ciphertexts = Rows::new(&ciphertexts, 4 * key.p().modulus.width());
            let kernel = HammingDecode { key: &key, dimensions, ciphertexts, nonce: Ok(0x5a5a_1234) };
            let mut theirs = vec![0; distances.len()];
            unchecked(&kernel, engine, &mut theirs)?;
            Ok(theirs == distances)
        }
    }

    /// Computes x·R^power modulo p.
    fn times_radix_residue(key: &CrtKey, x: &[u64], power: usize) -> Zeroizing<Vec<u64>> {
        let modulus = &key.p().modulus;
        let mut pair = Zeroizing::new(x.to_vec());
        pair.resize(2 * modulus.width(), 0);
        let mut product = times_radix(modulus, &pair, power);
        product.truncate(modulus.width());
        product
    }
}
