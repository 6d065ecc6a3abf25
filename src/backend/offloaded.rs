//! A GPU with the processor behind it: what the GPU returns is checked, and what it does not return, or returns wrong,
//! the processor computes.

use super::checks;
use super::cpu::{self, Cpu};
use super::crossover::{Crossovers, Kernel, Work};
use super::devices::{AdapterInfo, GpuTimes};
use super::fixed_base::FixedBase;
#[cfg(feature = "hazmat")]
use super::gpu::adapter::KernelOptions;
use super::gpu::{DeviceRows, Gpu, GpuFailure};
use super::known_answers;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use crate::device::Device;
use crate::error::Error;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
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
    /// Rows that are checked while the GPU computes the next ones, at least.
    part: usize,
}

/// Enough to keep a large GPU busy.
const PART: usize = 1 << 14;

/// What is to be done, apart from the numbers.
struct Batch<'a> {
    kernel: Kernel,
    modulus: &'a Modulus,
    exponent_bits: usize,
    /// Elements of a row of the output.
    width: usize,
    /// Whether it must not be cut into parts.
    whole: bool,
}

/// What became of the GPU's batches.
#[derive(Default)]
struct Record {
    /// Set with the first failure: the GPU is not asked again.
    given_up: AtomicBool,
    on_cpu: AtomicU64,
    /// Nanoseconds from handing batches to the GPU to having them back; of checking them; of waiting for checks.
    away: AtomicU64,
    checking: AtomicU64,
    waiting: AtomicU64,
    /// Kernels that have shown known answers, by the size of the modulus.
    proven: Mutex<HashSet<(Kernel, usize)>>,
}

impl Record {
    /// Adds the time since `started` to a counter.
    fn add(counter: &AtomicU64, started: Instant) {
        counter.fetch_add(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Offloaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offloaded").field("gpu", &self.info().name).field("cpu", &self.cpu).finish_non_exhaustive()
    }
}

impl Offloaded {
    /// The GPU that `device` means, shared with whoever else has it open.
    pub(super) fn open(device: &Device, cpu: Cpu) -> Result<Self, Error> {
        let crossovers = (*device == Device::Auto).then(Arc::default);
        Ok(Self { gpu: Gpu::share(device)?, cpu, record: Arc::default(), crossovers, part: PART })
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
            waiting: nanoseconds(&self.record.waiting),
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

    /// Has the GPU compute a batch into `out`, checks it, and has the processor compute what fails and all after it. The
    /// functions are given the rows that they are to do, and the place for them.
    fn run<T: Send>(
        &self,
        Batch { kernel, modulus, exponent_bits, width, whole }: Batch<'_>,
        out: &mut [T],
        on_gpu: impl Fn(&Gpu, Range<usize>, &mut [T]) -> Result<(), GpuFailure>,
        holds: impl Fn(Range<usize>, &mut [T]) -> Result<bool, Error> + Sync,
        on_cpu: impl Fn(&Cpu, Range<usize>, &mut [T]),
    ) {
        let work = Work { kernel, bits: modulus.bits(), exponent_bits };
        let rows = out.len() / width.max(1);
        if rows == 0 {
            return;
        }
        let by_choice = self.crossovers.as_ref().is_some_and(|crossovers| {
            crossovers.prefers_cpu(work, rows, self.cpu.threads(), |rows| {
                on_cpu(&self.cpu, 0..rows, &mut out[..rows * width]);
            })
        });
        if by_choice {
            return on_cpu(&self.cpu, 0..rows, out);
        }
        let mut failed_from = 0;
        if self.is_trusted(kernel, modulus) {
            let started = Instant::now();
            // Eight parts of a large batch, each but the last checked while the GPU computes the next.
            let part = if whole { rows } else { self.part.max(rows.div_ceil(8)) };
            match self.in_parts(part, rows, width, out, on_gpu, holds) {
                Ok(()) => {
                    if let Some(crossovers) = &self.crossovers {
                        crossovers.gpu_took(work, rows, started.elapsed());
                    }
                    return;
                }
                Err((row, failure)) => {
                    failed_from = row;
                    self.give_up(&failure);
                }
            }
        }
        self.record.on_cpu.fetch_add(1, Ordering::Relaxed);
        on_cpu(&self.cpu, failed_from..rows, &mut out[failed_from * width..]);
    }

    /// Has the GPU compute `rows` rows, `part` at a time. Returns the first row that it did not compute, or not rightly.
    fn in_parts<T: Send>(
        &self,
        part: usize,
        rows: usize,
        width: usize,
        out: &mut [T],
        on_gpu: impl Fn(&Gpu, Range<usize>, &mut [T]) -> Result<(), GpuFailure>,
        holds: impl Fn(Range<usize>, &mut [T]) -> Result<bool, Error> + Sync,
    ) -> Result<(), (usize, GpuFailure)> {
        let record = &*self.record;
        let check = |range: Range<usize>, out: &mut [T]| {
            let started = Instant::now();
            // Without random weights nothing can be checked, so nothing is known to hold.
            let holds = holds(range, out).unwrap_or(false);
            Record::add(&record.checking, started);
            holds
        };
        let wait = |(first, checked): (usize, ScopedJoinHandle<'_, bool>)| {
            let started = Instant::now();
            let holds = checked.join().unwrap_or(false);
            Record::add(&record.waiting, started);
            if holds { Ok(()) } else { Err((first, GpuFailure::Wrong("result"))) }
        };
        std::thread::scope(|scope| {
            let mut checking = None;
            for (number, out) in out.chunks_mut(part * width).enumerate() {
                let (first, started) = (number * part, Instant::now());
                let range = first..(first + part).min(rows);
                let outcome = on_gpu(&self.gpu, range.clone(), out);
                Record::add(&record.away, started);
                checking.take().map_or(Ok(()), wait)?;
                outcome.map_err(|failure| (first, failure))?;
                checking = Some((first, scope.spawn(move || check(range, out))));
            }
            checking.map_or(Ok(()), wait)
        })
    }

    pub(super) fn pair_pow(&self, modulus: &Modulus, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
        let width = bases.width();
        self.run(
            Batch { kernel: Kernel::PairPow, modulus, exponent_bits: exponent.bits(), width, whole: false },
            out,
            |gpu, rows, out| gpu.pair_pow(modulus, bases.slice(rows), exponent, out),
            |rows, out| checks::powers_hold(&self.cpu, modulus, bases.slice(rows), exponent, Rows::new(out, width)),
            |cpu, rows, out| cpu::pair_pow::pair_pow(cpu, modulus, bases.slice(rows), exponent, out),
        );
    }

    pub(super) fn pair_fixed_base_pow(&self, base: &FixedBase, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
        let width = 2 * base.modulus().width();
        self.run(
            Batch {
                kernel: Kernel::PairFixedBasePow,
                modulus: base.modulus(),
                exponent_bits: bits,
                width,
                whole: false,
            },
            out,
            |gpu, rows, out| gpu.pair_fixed_base_pow(base, bits, exponents.slice(rows), out),
            |rows, out| {
                let out = Rows::new(out, width);
                checks::fixed_base_powers_hold(&self.cpu, base, bits, exponents.slice(rows), out)
            },
            |cpu, rows, out| {
                cpu::pair_fixed_base_pow::pair_fixed_base_pow(cpu, base, bits, exponents.slice(rows), out);
            },
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
        // Rows of `out` are rows of `stored` only if there is one query. Several go through in one pass.
        let whole = queries.len() != 1;
        let of = |rows: Range<usize>| if whole { stored } else { stored.slice(rows) };
        self.run(
            Batch { kernel: Kernel::HammingAggregate, modulus, exponent_bits: 0, width, whole },
            out,
            |gpu, rows, out| {
                let resident = resident.map(|resident| (resident, if whole { 0 } else { rows.start }));
                gpu.hamming_aggregate(modulus, queries, of(rows), resident, out)
            },
            |rows, out| {
                let stored = of(rows);
                let mut answers = queries.iter().zip(out.chunks_exact(stored.limbs().len().max(1)));
                answers.try_fold(true, |holds, (query, out)| {
                    Ok(holds && checks::products_hold(&self.cpu, modulus, query, stored, Rows::new(out, width))?)
                })
            },
            |cpu, rows, out| {
                let stored = stored.slice(if whole { 0..rows.end } else { rows });
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
                whole: false,
            },
            out,
            |gpu, rows, out| gpu.hamming_decode(key, dimensions, nonce, ciphertexts.slice(rows), out),
            |rows, out| {
                drawn.as_ref().map_err(|error| Error::Random(error.to_string()))?;
                Ok(self.none_was_missed(key, dimensions, ciphertexts.slice(rows), out))
            },
            |cpu, rows, out| cpu::hamming_decode::hamming_decode(cpu, key, dimensions, ciphertexts.slice(rows), out),
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
    /// One with kernels of a certain kind, and a GPU of its own.
    pub(super) fn with_options(device: &Device, cpu: Cpu, options: KernelOptions) -> Result<Self, Error> {
        let gpu = Gpu::open(device, options)?;
        Ok(Self { gpu, cpu, record: Arc::default(), crossovers: None, part: options.part.unwrap_or(PART) })
    }

    pub(super) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub(super) fn trust_again(&self) {
        self.record.given_up.store(false, Ordering::Relaxed);
    }
}
