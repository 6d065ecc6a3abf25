//! A GPU with the processor behind it: what the GPU returns is checked, and what it does not return, or returns wrong,
//! the processor computes.

use super::checks;
use super::cpu::{self, Cpu};
use super::crossover::{Crossovers, Kernel, Work};
use super::devices::{AdapterInfo, GpuTimes};
use super::fixed_base::FixedBase;
use super::gpu::adapter::KernelOptions;
use super::gpu::{DeviceRows, Gpu, GpuFailure};
use super::known_answers;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use crate::device::Device;
use crate::error::Error;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(feature = "owner")]
use super::crt_key::{CrtKey, NOT_A_DISTANCE};
#[cfg(feature = "owner")]
use crate::arith::random::{self, OsRandom};

/// An open GPU, and the processor.
#[derive(Clone)]
pub struct Offloaded {
    gpu: Gpu,
    cpu: Cpu,
    record: Arc<Record>,
    /// For `auto`: which batches the processor finishes sooner.
    crossovers: Option<Arc<Crossovers>>,
}

/// What is to be done, apart from the numbers.
struct Batch<'a> {
    kernel: Kernel,
    modulus: &'a Modulus,
    exponent_bits: usize,
    /// Elements of a row of the output.
    width: usize,
}

/// What became of the GPU's batches.
#[derive(Default)]
struct Record {
    /// Set with the first failure: the GPU is not asked again.
    given_up: AtomicBool,
    on_cpu: AtomicU64,
    /// Nanoseconds from handing batches to the GPU to having them back, and those of checking them.
    away: AtomicU64,
    checking: AtomicU64,
    /// Kernels that have shown known answers, by the size of the modulus.
    proven: Mutex<HashSet<(Kernel, usize)>>,
}

impl Record {
    fn took(&self, away: Duration, checking: Duration) {
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.away.fetch_add(nanoseconds(away), Ordering::Relaxed);
        self.checking.fetch_add(nanoseconds(checking), Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Offloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offloaded").field("gpu", &self.info().name).field("cpu", &self.cpu).finish_non_exhaustive()
    }
}

impl Offloaded {
    pub(super) fn open(device: &Device, cpu: Cpu, options: KernelOptions) -> Result<Self, Error> {
        let crossovers = (*device == Device::Auto).then(Arc::default);
        Ok(Self { gpu: Gpu::open(device, options)?, cpu, record: Arc::default(), crossovers })
    }

    pub(super) fn cpu(&self) -> &Cpu {
        &self.cpu
    }

    pub(super) fn info(&self) -> AdapterInfo {
        self.gpu.info()
    }

    /// Where the time went.
    pub(super) fn times(&self) -> GpuTimes {
        let nanoseconds = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        GpuTimes {
            kernels: self.gpu.kernel_time(),
            away: nanoseconds(&self.record.away),
            checking: nanoseconds(&self.record.checking),
        }
    }

    pub(super) fn batches_on_cpu(&self) -> u64 {
        self.record.on_cpu.load(Ordering::Relaxed)
    }

    /// Whether the GPU may have this batch: it has not failed before, and its kernel gives known answers.
    fn is_trusted(&self, kernel: Kernel, modulus: &Modulus) -> bool {
        if !Gpu::takes(modulus) || self.record.given_up.load(Ordering::Relaxed) {
            return false;
        }
        let mut proven = self.record.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.contains(&(kernel, modulus.bits())) {
            return true;
        }
        match known_answers::show(kernel, modulus.bits(), &self.gpu, &self.cpu) {
            Ok(()) => proven.insert((kernel, modulus.bits())),
            Err(failure) => {
                self.give_up(&failure);
                false
            }
        }
    }

    fn give_up(&self, failure: &GpuFailure) {
        if !self.record.given_up.swap(true, Ordering::Relaxed) {
            let name = self.info().name;
            tracing::warn!("{name} is not used any more: {failure}; the processor does the rest");
        }
    }

    /// Has the GPU compute a batch into `out`, checks it, and has the processor compute it if that fails. `on_cpu` computes
    /// as many of the first rows as its output has room for.
    fn run<T: Copy>(
        &self,
        Batch { kernel, modulus, exponent_bits, width }: Batch<'_>,
        out: &mut [T],
        on_gpu: impl FnOnce(&Gpu, &mut [T]) -> Result<(), GpuFailure>,
        holds: impl FnOnce(&mut [T]) -> Result<bool, Error>,
        on_cpu: impl Fn(&Cpu, &mut [T]),
    ) {
        let work = Work { kernel, bits: modulus.bits(), exponent_bits };
        let rows = out.len() / width.max(1);
        if rows == 0 {
            return;
        }
        let by_choice = self.crossovers.as_ref().is_some_and(|crossovers| {
            crossovers.prefers_cpu(work, rows, self.cpu.threads(), |rows| {
                on_cpu(&self.cpu, &mut out[..rows * width]);
            })
        });
        if by_choice {
            return on_cpu(&self.cpu, out);
        }
        if self.is_trusted(kernel, modulus) {
            let started = Instant::now();
            let outcome = on_gpu(&self.gpu, out).and_then(|()| {
                let away = started.elapsed();
                // Without random weights nothing can be checked, so nothing is known to hold.
                let holds = holds(out).unwrap_or(false);
                self.record.took(away, started.elapsed().saturating_sub(away));
                if holds { Ok(()) } else { Err(GpuFailure::Wrong("result")) }
            });
            match outcome {
                Ok(()) => {
                    if let Some(crossovers) = &self.crossovers {
                        crossovers.gpu_took(work, rows, started.elapsed());
                    }
                    return;
                }
                Err(failure) => self.give_up(&failure),
            }
        }
        self.record.on_cpu.fetch_add(1, Ordering::Relaxed);
        on_cpu(&self.cpu, out);
    }

    pub(super) fn pair_pow(&self, modulus: &Modulus, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
        let width = bases.width();
        self.run(
            Batch { kernel: Kernel::PairPow, modulus, exponent_bits: exponent.bits(), width },
            out,
            |gpu, out| gpu.pair_pow(modulus, bases, exponent, out),
            |out| checks::powers_hold(&self.cpu, modulus, bases, exponent, Rows::new(out, width)),
            |cpu, out| cpu::pair_pow::pair_pow(cpu, modulus, bases, exponent, out),
        );
    }

    pub(super) fn pair_fixed_base_pow(&self, base: &FixedBase, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
        let width = 2 * base.modulus().width();
        self.run(
            Batch { kernel: Kernel::PairFixedBasePow, modulus: base.modulus(), exponent_bits: bits, width },
            out,
            |gpu, out| gpu.pair_fixed_base_pow(base, bits, exponents, out),
            |out| checks::fixed_base_powers_hold(&self.cpu, base, bits, exponents, Rows::new(out, width)),
            |cpu, out| cpu::pair_fixed_base_pow::pair_fixed_base_pow(cpu, base, bits, exponents, out),
        );
    }

    /// Sends rows to the GPU, to stay there; `None` if it has no room for them, or is not used any more.
    pub(super) fn reside(&self, rows: Rows<'_>) -> Option<DeviceRows> {
        if rows.is_empty() || self.record.given_up.load(Ordering::Relaxed) {
            return None;
        }
        self.gpu.reside(rows).ok()
    }

    pub(super) fn hamming_aggregate(
        &self,
        modulus: &Modulus,
        queries: Rows<'_>,
        stored: Rows<'_>,
        resident: Option<&DeviceRows>,
        out: &mut [u64],
    ) {
        let width = stored.width();
        let a_query = stored.limbs().len();
        self.run(
            Batch { kernel: Kernel::HammingAggregate, modulus, exponent_bits: 0, width },
            out,
            |gpu, out| gpu.hamming_aggregate(modulus, queries, stored, resident, out),
            |out| {
                let mut answers = queries.iter().zip(out.chunks_exact(a_query));
                answers.try_fold(true, |holds, (query, out)| {
                    Ok(holds && checks::products_hold(&self.cpu, modulus, query, stored, Rows::new(out, width))?)
                })
            },
            |cpu, out| {
                let stored = Rows::new(&stored.limbs()[..a_query.min(out.len())], width);
                cpu::hamming_aggregate::hamming_aggregate(cpu, modulus, queries, stored, out);
            },
        );
    }

    /// With one prime. Rows in which the GPU proves no distance are looked at again, which those that hold none are
    /// rare enough for.
    #[cfg(feature = "owner")]
    pub(super) fn hamming_decode(&self, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &mut [u32]) {
        let mut nonce = [0u64];
        let drawn = random::fill_limbs(&mut OsRandom, &mut nonce);
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let nonce = nonce[0] as u32;
        self.run(
            Batch {
                kernel: Kernel::HammingDecode,
                modulus: &key.p().modulus,
                exponent_bits: key.p().exponent.bits(),
                width: 1,
            },
            out,
            |gpu, out| gpu.hamming_decode(key, dimensions, nonce, ciphertexts, out),
            |out| {
                drawn?;
                Ok(self.none_was_missed(key, dimensions, ciphertexts, out))
            },
            |cpu, out| cpu::hamming_decode::hamming_decode(cpu, key, dimensions, ciphertexts, out),
        );
    }

    /// Whether the processor finds no distance either, where the GPU proved none.
    #[cfg(feature = "owner")]
    fn none_was_missed(&self, key: &CrtKey, dimensions: usize, ciphertexts: Rows<'_>, out: &[u32]) -> bool {
        let again: Vec<u64> = ciphertexts
            .iter()
            .zip(out)
            .filter(|(_, distance)| **distance == NOT_A_DISTANCE)
            .flat_map(|(row, _)| row)
            .copied()
            .collect();
        let again = Rows::new(&again, ciphertexts.width());
        let mut distances = vec![0; again.len()];
        cpu::hamming_decode::hamming_decode(&self.cpu, key, dimensions, again, &mut distances);
        distances.iter().all(|distance| *distance == NOT_A_DISTANCE)
    }
}

#[cfg(feature = "hazmat")]
impl Offloaded {
    pub(super) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub(super) fn trust_again(&self) {
        self.record.given_up.store(false, Ordering::Relaxed);
    }
}
