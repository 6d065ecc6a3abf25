//! Key switching: turns a product with one secret into an encryption under another.
//!
//! A hybrid of digit decomposition and a special prime, with one digit for each prime of the modulus (Gentry, Halevi
//! and Smart, Homomorphic evaluation of the AES circuit, CRYPTO 2012, appendix D; Cheon, Han, Kim, Kim and Song, A full
//! RNS variant of approximate homomorphic encryption, SAC 2018).

#[cfg(feature = "gpu")]
mod check;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

#[cfg(feature = "gpu")]
use crate::device::cpu::Cpu;
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::ring::basis::Basis;
use crate::ring::pointwise;

/// Polynomials of a task.
const RUN: Run = Run::new(1, 8);

/// A key from a secret s' to a secret s. The basis has one prime more than the ciphertexts: the last one is the special
/// prime P.
pub struct SwitchingKey {
    /// For each digit and each prime: b, then a, as values in Montgomery form, with b + a·s = e + P·s'·(1 modulo the
    /// digit's prime, 0 modulo the others).
    pub(crate) words: Vec<u32>,
}

/// Memory for switching, for reuse.
pub(crate) struct Scratch {
    digits: Vec<u32>,
    /// b and a of the result, each with one limb for each prime of the basis.
    sums: [Vec<u32>; 2],
}

impl Scratch {
    /// Allocates memory for a basis.
    pub(crate) fn new(basis: &Basis) -> Self {
        let (primes, degree) = (basis.rings().len(), basis.degree());
        Self { digits: vec![0; (primes - 1) * degree], sums: [0, 1].map(|_| vec![0; primes * degree]) }
    }
}

impl SwitchingKey {
    /// Makes a key of its words: see [`key_switch`].
    #[cfg(feature = "hazmat")]
    pub fn from_words(words: Vec<u32>) -> Self {
        Self { words }
    }

    /// Returns b and a with b + a·s ≈ x·s', as polynomials modulo the primes but the last. `x` is such a polynomial.
    pub(crate) fn switch<'s>(
        &self,
        isa: Isa,
        basis: &Basis,
        x: &[u32],
        scratch: &'s mut Scratch,
    ) -> [&'s mut [u32]; 2] {
        let (digits, degree) = (basis.rings().len() - 1, basis.degree());
        let Scratch { digits: memory, sums: [b, a] } = scratch;
        self.add_products(isa, basis, x, memory, [b, a]);
        [b, a].map(|sums| {
            let (limbs, special) = sums.split_at_mut(digits * degree);
            basis.divide_by(isa, digits, limbs, special);
            limbs
        })
    }

    /// Writes P times b and a, modulo all primes. `memory` has room for the digits of x.
    fn add_products(&self, isa: Isa, basis: &Basis, x: &[u32], memory: &mut [u32], mut sums: [&mut [u32]; 2]) {
        let (rings, degree) = (basis.rings(), basis.degree());
        let digits = rings.len() - 1;
        for (l, ring) in rings.iter().enumerate() {
            for (digit, out) in x.chunks_exact(degree).zip(memory.chunks_exact_mut(degree)) {
                basis.reduce(isa, l, digit, out);
                ring.forward(isa, out);
            }
            for (half, sums) in sums.iter_mut().enumerate() {
                let pairs = std::array::from_fn::<_, MOST_DIGITS, _>(|j| {
                    let j = j.min(digits - 1);
                    let key = ((j * rings.len() + l) * 2 + half) * degree;
                    [&memory[j * degree..(j + 1) * degree], &self.words[key..key + degree]]
                });
                let sum = &mut sums[l * degree..(l + 1) * degree];
                pointwise::dot(isa, ring.modulus(), sum, &pairs[..digits]);
                ring.inverse(isa, sum);
            }
        }
    }
}

/// Switches polynomials modulo all primes but the last from s' to s. For each one, writes b and a with
/// b + a·s ≈ x·s', which have a limb for each prime but the last.
pub fn key_switch(device: &OpenDevice, basis: &Basis, key: &SwitchingKey, polynomials: &[u32], out: &mut [u32]) {
    let (cpu, isa, primes, degree) = (device.cpu(), device.cpu().isa(), basis.rings().len(), basis.degree());
    let digits = primes - 1;
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        let mut sums = vec![0; out.len() / digits * primes];
        offloaded.run(&gpu::KeySwitch::new(basis, key, polynomials), &mut sums);
        // The division is a small part of the work, and the check needs the sums before it.
        cpu.for_each_run(out, digits * degree, RUN, |first, out| {
            let sums = sums.chunks_exact(primes * degree).skip(first);
            for (out, sums) in out.chunks_exact_mut(digits * degree).zip(sums) {
                let (limbs, special) = sums.split_at(digits * degree);
                out.copy_from_slice(limbs);
                basis.divide_by(isa, digits, out, &mut special.to_vec());
            }
        });
        return;
    }
    cpu.for_each_run(out, 2 * digits * degree, RUN, |first, out| {
        let mut scratch = Scratch::new(basis);
        let polynomials = polynomials.chunks_exact(digits * degree).skip(first);
        for (out, x) in out.chunks_exact_mut(2 * digits * degree).zip(polynomials) {
            let [b, a] = key.switch(isa, basis, x, &mut scratch);
            out[..digits * degree].copy_from_slice(b);
            out[digits * degree..].copy_from_slice(a);
        }
    });
}

/// Writes P times b and a for each polynomial, modulo all primes.
#[cfg(feature = "gpu")]
fn sums_on_cpu(cpu: &Cpu, basis: &Basis, key: &SwitchingKey, polynomials: &[u32], out: &mut [u32]) {
    let (primes, degree) = (basis.rings().len(), basis.degree());
    cpu.for_each_run(out, 2 * primes * degree, RUN, |first, out| {
        let mut memory = vec![0; (primes - 1) * degree];
        let polynomials = polynomials.chunks_exact((primes - 1) * degree).skip(first);
        for (out, x) in out.chunks_exact_mut(2 * primes * degree).zip(polynomials) {
            let (b, a) = out.split_at_mut(primes * degree);
            key.add_products(cpu.isa(), basis, x, &mut memory, [b, a]);
        }
    });
}

/// The number of products whose sum [`pointwise::dot`] computes.
pub(crate) const MOST_DIGITS: usize = 4;
