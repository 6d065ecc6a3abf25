//! Who computes: the open handle on a device, and one function a kernel.
//!
//! Kernels take and return reduced numbers as rows of limbs and never see Montgomery forms of another device, so every
//! backend returns the same bytes. Opening can fail; a batch on an open backend finishes.

mod cpu;
#[cfg(feature = "owner")]
pub mod crt_key;
pub mod devices;
pub mod fixed_base;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "gpu")]
pub mod kernels;
mod multi_power;
#[cfg(feature = "gpu")]
mod offload;
pub mod report;
mod schedule;
pub mod weights;

use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use crate::device::Device;
use crate::error::Error;
use cpu::Cpu;
#[cfg(feature = "owner")]
use crt_key::CrtKey;
use fixed_base::FixedBase;
#[cfg(all(feature = "gpu", feature = "hazmat"))]
use gpu::adapter::KernelOptions;
#[cfg(feature = "gpu")]
use kernels::{hamming_aggregate, pair_fixed_base_pow, pair_pow, weighted_sum};
#[cfg(feature = "gpu")]
use offload::Offloaded;
use report::{DeviceReport, GpuTimes};
use std::num::NonZeroUsize;
use weights::Weights;

/// An open device.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Backend {
    /// The CPU.
    Cpu(Cpu),
    /// A GPU, with the CPU behind it.
    #[cfg(feature = "gpu")]
    Gpu(Offloaded),
}

/// Rows that may be in the memory of a GPU.
#[derive(Default)]
pub struct Resident {
    #[cfg(feature = "gpu")]
    rows: Option<hamming_aggregate::DeviceRows>,
}

impl std::fmt::Debug for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resident").field("on_gpu", &self.is_on_gpu()).finish()
    }
}

impl Resident {
    /// Whether they are.
    pub fn is_on_gpu(&self) -> bool {
        #[cfg(feature = "gpu")]
        return self.rows.is_some();
        #[cfg(not(feature = "gpu"))]
        false
    }
}

impl Backend {
    /// Opens `device` with `threads` threads, or with one a core.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no such GPU, or its driver refuses, or threads cannot be started;
    /// [`Error::Parameter`] for more threads than [`Devices::check_threads`](devices::Devices::check_threads) allows.
    #[cfg(feature = "gpu")]
    pub fn open(device: &Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let cpu = Cpu::open(threads)?;
        match device {
            Device::Cpu => Ok(Self::Cpu(cpu)),
            // Whatever keeps a GPU from being used, the CPU is there.
            Device::Auto => Ok(Offloaded::open(device, cpu.clone()).map_or(Self::Cpu(cpu), Self::Gpu)),
            Device::Gpu | Device::GpuIndex(_) | Device::GpuName(_) => {
                let offloaded = Offloaded::open(device, cpu)?;
                let info = offloaded.info();
                if info.software {
                    tracing::warn!("{} is a GPU emulated by the CPU: slower than the CPU itself", info.name);
                }
                Ok(Self::Gpu(offloaded))
            }
        }
    }

    /// Opens `device` with `threads` threads, or with one a core.
    ///
    /// # Errors
    /// [`Error::Device`] if it is a GPU, which this build cannot use, or threads cannot be started;
    /// [`Error::Parameter`] for more threads than [`Devices::check_threads`](devices::Devices::check_threads) allows.
    #[cfg(not(feature = "gpu"))]
    pub fn open(device: &Device, threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        match device {
            Device::Auto | Device::Cpu => Ok(Self::Cpu(Cpu::open(threads)?)),
            Device::Gpu | Device::GpuIndex(_) | Device::GpuName(_) => Err(Error::Device {
                asked: device.to_string(),
                reason: "this build has no GPU kernels; use cpu or auto".to_owned(),
            }),
        }
    }

    /// What this backend is, given what was asked for.
    pub fn report(&self, asked: &Device) -> DeviceReport {
        match self {
            Self::Cpu(_) => {
                DeviceReport { asked: asked.to_string(), used: "cpu".to_owned(), software: false, batches_on_cpu: 0 }
            }
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => {
                let info = offloaded.info();
                DeviceReport {
                    asked: asked.to_string(),
                    used: info.name,
                    software: info.software,
                    batches_on_cpu: offloaded.batches_on_cpu(),
                }
            }
        }
    }

    /// Where a GPU's time went; `None` on the CPU.
    pub fn gpu_times(&self) -> Option<GpuTimes> {
        match self {
            Self::Cpu(_) => None,
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => Some(offloaded.times()),
        }
    }

    /// Threads that it computes with.
    pub fn threads(&self) -> usize {
        self.cpu().threads()
    }

    /// The instruction set that its processor kernels use.
    pub fn cpu_level(&self) -> &'static str {
        self.cpu().level().name()
    }

    /// Whether batches go to a GPU.
    pub(crate) fn is_gpu(&self) -> bool {
        match self {
            Self::Cpu(_) => false,
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => true,
        }
    }

    /// The CPU, which is there on every device for what is not worth sending to another.
    pub(crate) fn cpu(&self) -> &Cpu {
        match self {
            Self::Cpu(cpu) => cpu,
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => offloaded.cpu(),
        }
    }

    /// Each base to the same power, modulo m².
    ///
    /// `bases` and `out` are pairs: rows of 2·width limbs. Panics if `out` is shorter than `bases`.
    pub fn pair_pow(&self, modulus: &Modulus, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
        match self {
            Self::Cpu(cpu) => cpu::pair_pow::pair_pow(cpu, modulus, bases, exponent, out),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => offloaded.run(&pair_pow::PairPow { modulus, bases, exponent }, out),
        }
    }

    /// Each base to the same power, modulo p² and, with other bases and another power, modulo q².
    ///
    /// `bases` and `out` are pairs, as many modulo one prime as modulo the other.
    #[cfg(feature = "owner")]
    pub fn crt_pow(&self, key: &CrtKey, bases: [Rows<'_>; 2], exponents: [&Exponent; 2], out: [&mut [u64]; 2]) {
        let moduli = [&*key.p().modulus, &*key.q().modulus];
        match self {
            Self::Cpu(cpu) => cpu::crt_pow::crt_pow(cpu, moduli, bases, exponents, out),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => {
                for (((modulus, bases), exponent), out) in moduli.into_iter().zip(bases).zip(exponents).zip(out) {
                    offloaded.run(&pair_pow::PairPow { modulus, bases, exponent }, out);
                }
            }
        }
    }

    /// Does both, at once on a CPU that has threads for it.
    #[cfg(feature = "owner")]
    pub(crate) fn do_both(&self, first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
        match self {
            Self::Cpu(cpu) => cpu.do_both(first, second),
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => {
                first();
                second();
            }
        }
    }

    /// One base to each power, modulo m², from its window tables.
    ///
    /// `exponents` are rows of limbs, of which the lower `bits` count, up to `base.exponent_bits()`; `out` are pairs.
    pub fn pair_fixed_base_pow(&self, base: &FixedBase, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
        match self {
            Self::Cpu(cpu) => cpu::pair_fixed_base_pow::pair_fixed_base_pow(cpu, base, bits, exponents, out),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => {
                offloaded.run(&pair_fixed_base_pow::PairFixedBasePow { base, bits, exponents }, out);
            }
        }
    }

    /// Sends stored rows to a GPU, for [`Backend::hamming_aggregate_resident`]. On the CPU, and where there is no
    /// room, nothing is sent and the rows are used from where they are.
    #[cfg_attr(not(feature = "gpu"), expect(unused_variables, reason = "only GPUs have memory of their own"))]
    pub fn reside(&self, stored: Rows<'_>) -> Resident {
        match self {
            Self::Cpu(_) => Resident::default(),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) if stored.is_empty() || offloaded.is_retired() => Resident::default(),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => {
                Resident { rows: hamming_aggregate::DeviceRows::new(&offloaded.gpu().engine, stored).ok() }
            }
        }
    }

    /// Each query times each stored ciphertext, modulo n². All are pairs; `out` has the rows of the first query, then
    /// those of the next.
    pub fn hamming_aggregate(&self, modulus: &Modulus, queries: Rows<'_>, stored: Rows<'_>, out: &mut [u64]) {
        self.hamming_aggregate_resident(modulus, queries, stored, &Resident::default(), out);
    }

    /// [`Backend::hamming_aggregate`] with rows that were sent before; `stored` are the same.
    #[cfg_attr(not(feature = "gpu"), expect(unused_variables, reason = "only GPUs have memory of their own"))]
    pub fn hamming_aggregate_resident(
        &self,
        modulus: &Modulus,
        queries: Rows<'_>,
        stored: Rows<'_>,
        resident: &Resident,
        out: &mut [u64],
    ) {
        match self {
            Self::Cpu(cpu) => cpu::hamming_aggregate::hamming_aggregate(cpu, modulus, queries, stored, out),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => {
                let resident = resident.rows.as_ref();
                offloaded.run(&hamming_aggregate::HammingAggregate { modulus, queries, stored, resident }, out);
            }
        }
    }

    /// [`Backend::hamming_aggregate_resident`] as the integers that the products stand for.
    #[cfg_attr(not(feature = "gpu"), expect(unused_variables, reason = "only GPUs have memory of their own"))]
    pub fn hamming_aggregate_integers(
        &self,
        modulus: &Modulus,
        queries: Rows<'_>,
        stored: Rows<'_>,
        resident: &Resident,
        out: &mut [u64],
    ) {
        match self {
            Self::Cpu(cpu) => cpu::hamming_aggregate::hamming_aggregate_integers(cpu, modulus, queries, stored, out),
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => {
                self.hamming_aggregate_resident(modulus, queries, stored, resident, out);
                self.integers_from_pairs(modulus, out);
            }
        }
    }

    /// Products of pairs row by row, modulo m². Always on the CPU: it takes less time than checking a GPU's.
    pub fn pair_mul(&self, modulus: &Modulus, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
        cpu::pair_mul::pair_mul(self.cpu(), modulus, a, b, out);
    }

    /// For each row of weights the product of all inputs, each to its weight, modulo m²; 0 where a negative weight is
    /// for a number that has no inverse. `inputs` and `out` are pairs, an output a row of weights. Takes time by the weights.
    pub fn weighted_sum_vartime(&self, modulus: &Modulus, inputs: Rows<'_>, weights: &Weights, out: &mut [u64]) {
        match self {
            Self::Cpu(cpu) => cpu::weighted_sum::weighted_sum_vartime(cpu, modulus, inputs, weights, out),
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) => {
                let sides = weighted_sum::WeightedSides { modulus, inputs, weights };
                if !sides.is_worth_it(&offloaded.gpu().engine) {
                    return cpu::weighted_sum::weighted_sum_vartime(self.cpu(), modulus, inputs, weights, out);
                }
                let mut products = vec![0; weights.sides() * inputs.width()];
                offloaded.run(&sides, &mut products);
                let products = Rows::new(&products, inputs.width());
                cpu::weighted_sum::quotients_vartime(self.cpu(), modulus, weights, products, out);
            }
        }
    }

    /// x·(1 + message·m) for each pair x of `out`, modulo m²: encryption and addition of a plaintext for g = 1 + n.
    pub fn add_messages(&self, modulus: &Modulus, messages: Rows<'_>, out: &mut [u64]) {
        cpu::messages::add_messages(self.cpu(), modulus, messages, out);
    }

    /// The product of the lower halves of all pairs, up to a factor coprime to m: coprime to m exactly if all are.
    pub fn residue_product(&self, modulus: &Modulus, pairs: Rows<'_>) -> Vec<u64> {
        cpu::residue_product::residue_product(self.cpu(), modulus, pairs)
    }

    /// Turns integers below m² into pairs, in place. For public values: takes time by their size.
    pub fn pairs_from_integers(&self, modulus: &Modulus, rows: &mut [u64]) {
        cpu::integers::pairs_from_integers(self.cpu(), modulus, rows);
    }

    /// Turns pairs into the integers that they stand for, in place. For public values: takes time by their size.
    pub fn integers_from_pairs(&self, modulus: &Modulus, rows: &mut [u64]) {
        cpu::integers::integers_from_pairs(self.cpu(), modulus, rows);
    }

    /// The Hamming distance in each ciphertext of `dimensions` dimensions: one number a row, or
    /// [`crt_key::NOT_A_DISTANCE`].
    #[cfg(feature = "owner")]
    pub fn hamming_decode(&self, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &mut [u32]) {
        match self {
            #[cfg(feature = "gpu")]
            Self::Gpu(offloaded) if dimensions <= key.one_prime_dimensions() => {
                offloaded.run(&kernels::hamming_decode::HammingDecode::new(key, dimensions, ciphertexts), out);
            }
            _ => cpu::hamming_decode::hamming_decode(self.cpu(), key, dimensions, ciphertexts, out),
        }
    }

    /// The plaintext of each ciphertext, below n, or all ones for what is no ciphertext of this key: rows of one
    /// width of n.
    #[cfg(feature = "owner")]
    pub fn crt_decrypt(&self, key: &CrtKey, ciphertexts: Rows<'_>, out: &mut [u64]) {
        cpu::crt_decrypt::crt_decrypt(self.cpu(), key, ciphertexts, out);
    }

    /// The ciphertexts whose noise modulo p² and q² is given, with these plaintexts in them.
    #[cfg(feature = "owner")]
    pub fn crt_encrypt(
        &self,
        key: &CrtKey,
        noise_p: Rows<'_>,
        noise_q: Rows<'_>,
        plaintexts: Rows<'_>,
        out: &mut [u64],
    ) {
        cpu::crt_encrypt::crt_encrypt(self.cpu(), key, [noise_p, noise_q], plaintexts, out);
    }
}

#[cfg(feature = "hazmat")]
impl Backend {
    /// The CPU at each level of instructions that it has, the best first: to compare them.
    ///
    /// # Errors
    /// [`Error::Device`] if threads cannot be started.
    pub fn at_every_level(threads: Option<NonZeroUsize>) -> Result<Vec<Self>, Error> {
        Ok(Cpu::at_every_level(threads)?.map(Self::Cpu).collect())
    }
}

#[cfg(all(feature = "gpu", feature = "hazmat"))]
impl Backend {
    /// Opens a GPU with kernels of a certain kind, for this backend alone. Anything but a GPU opens as ever.
    ///
    /// # Errors
    /// As [`Backend::open`].
    pub fn with_options(device: &Device, threads: Option<NonZeroUsize>, options: KernelOptions) -> Result<Self, Error> {
        match device {
            Device::Auto | Device::Cpu => Self::open(device, threads),
            _ => Ok(Self::Gpu(Offloaded::with_options(device, Cpu::open(threads)?, options)?)),
        }
    }

    /// Whether both have one open GPU between them.
    pub fn shares_gpu_with(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Gpu(mine), Self::Gpu(theirs)) if mine.gpu().is(theirs.gpu()))
    }

    /// Has something go wrong on the GPU after `results` more results have come back. Nothing happens on the CPU.
    pub fn inject_fault(&self, results: u64, fault: gpu::fault::Fault) {
        if let Self::Gpu(offloaded) = self {
            offloaded.gpu().inject(results, fault);
        }
    }

    /// Gives a GPU that failed another chance.
    pub fn trust_again(&self) {
        if let Self::Gpu(offloaded) = self {
            offloaded.trust_again();
        }
    }

    /// The multiply-adds of the GPU's largest dispatch so far; 0 on the CPU.
    pub fn most_macs_a_dispatch(&self) -> u64 {
        match self {
            Self::Gpu(offloaded) => offloaded.gpu().most_macs_a_dispatch(),
            Self::Cpu(_) => 0,
        }
    }

    /// [`Backend::pair_mul`] on the GPU, unchecked; `None` on the CPU.
    pub fn pair_mul_on_gpu(
        &self,
        modulus: &Modulus,
        a: Rows<'_>,
        b: Rows<'_>,
        out: &mut [u64],
    ) -> Option<Result<(), String>> {
        let Self::Gpu(offloaded) = self else { return None };
        Some(unchecked(offloaded, &kernels::pair_mul::PairMul { modulus, a, b }, out))
    }

    /// [`Backend::weighted_sum_vartime`] on the GPU, unchecked and whatever the shape; `None` on the CPU.
    pub fn weighted_sum_on_gpu(
        &self,
        modulus: &Modulus,
        inputs: Rows<'_>,
        weights: &Weights,
        out: &mut [u64],
    ) -> Option<Result<(), String>> {
        let Self::Gpu(offloaded) = self else { return None };
        let mut products = vec![0; weights.sides() * inputs.width()];
        let outcome = unchecked(offloaded, &weighted_sum::WeightedSides { modulus, inputs, weights }, &mut products);
        let products = Rows::new(&products, inputs.width());
        cpu::weighted_sum::quotients_vartime(self.cpu(), modulus, weights, products, out);
        Some(outcome)
    }
}

/// Has a GPU compute a batch, and checks nothing.
#[cfg(all(feature = "gpu", feature = "hazmat"))]
fn unchecked<K: offload::kernel::Kernel>(
    offloaded: &Offloaded,
    kernel: &K,
    out: &mut [K::Element],
) -> Result<(), String> {
    offload::rounds::unchecked(kernel, &offloaded.gpu().engine, out).map_err(|failure| failure.to_string())
}
