//! A GPU with the processor behind it: what the GPU returns is checked, and what it does not return, or returns wrong,
//! the processor computes.

use super::checks;
use super::cpu::{self, Cpu};
use super::crossover::{Crossovers, Kernel, Work};
use super::devices::{AdapterInfo, GpuTimes};
use super::fixed_base::FixedBase;
#[cfg(feature = "hazmat")]
use super::gpu::adapter::KernelOptions;
use super::gpu::{DeviceRows, Gpu, GpuFailure, Output};
use super::known_answers;
use super::trust::{Admission, Trust, Verdict};
use super::weights::Weights;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use crate::device::Device;
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    round: usize,
}

/// Enough to keep a large GPU busy.
const ROUND: usize = 1 << 14;

/// What is to be done, apart from the numbers.
struct Batch<'a> {
    kernel: Kernel,
    modulus: &'a Modulus,
    exponent_bits: usize,
    /// Elements of a row of the output.
    width: usize,
    /// Lists of rows that the output has.
    lists: usize,
}

/// What became of the GPU's batches.
#[derive(Default)]
struct Record {
    trust: Trust,
    on_cpu: AtomicU64,
    /// Nanoseconds from handing batches to the GPU to having them back; of checking them; of waiting for checks.
    away: AtomicU64,
    checking: AtomicU64,
    waiting: AtomicU64,
}

impl Record {
    fn add(counter: &AtomicU64, time: Duration) {
        counter.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
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
        Ok(Self { gpu: Gpu::share(device)?, cpu, record: Arc::default(), crossovers, round: ROUND })
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

    /// Lets the GPU have a batch, if it is to be trusted with it.
    fn admit(&self, kernel: Kernel, modulus: &Modulus) -> Option<Admission> {
        if !Gpu::takes(modulus) {
            return None;
        }
        let show = || known_answers::show(kernel, modulus.bits(), &self.gpu, &self.cpu);
        self.record.trust.admit(kernel, modulus.bits(), show).unwrap_or_else(|(failure, verdict)| {
            self.report(&failure, verdict);
            None
        })
    }

    /// Says what a failure leads to, and gets the GPU ready for another try.
    fn report(&self, failure: &GpuFailure, verdict: Verdict) {
        let name = self.info().name;
        match verdict {
            Verdict::Known => {}
            Verdict::TriedAgain(left) if self.gpu.recover() => tracing::warn!(
                "{name} failed: {failure}; the CPU computes this batch, and the GPU is used again once its known answers are \
                 right (failures left: {left})"
            ),
            Verdict::TriedAgain(_) | Verdict::Retired => {
                tracing::warn!("{name} is not used any more: {failure}; the CPU does the rest");
            }
        }
    }

    /// Has the GPU compute a batch into `out`, checks it, and has the processor compute what fails and all after it. The
    /// functions are given the number of a list, the rows of it that they are to do, and the place for them.
    fn run<T: Send>(
        &self,
        Batch { kernel, modulus, exponent_bits, width, lists }: Batch<'_>,
        out: &mut [T],
        on_gpu: impl FnOnce(&Gpu, &mut Output<'_, '_, T>) -> Result<(), GpuFailure>,
        holds: impl Fn(usize, Range<usize>, &mut [T]) -> Result<bool, Error> + Sync,
        on_cpu: impl Fn(&Cpu, usize, Range<usize>, &mut [T]),
    ) {
        let work = Work { kernel, bits: modulus.bits(), exponent_bits };
        let (all, rows) = (out.len() / width.max(1), out.len() / (width * lists).max(1));
        if rows == 0 {
            return;
        }
        // From row `first` of each list on.
        let compute = |first: usize, out: &mut [T]| {
            for (list, out) in out.chunks_mut(rows * width).enumerate() {
                on_cpu(&self.cpu, list, first..out.len() / width, &mut out[first * width..]);
            }
        };
        let by_choice = self.crossovers.as_ref().is_some_and(|crossovers| {
            crossovers.prefers_cpu(work, all, self.cpu.threads(), |rows| compute(0, &mut out[..rows * width]))
        });
        if by_choice {
            return compute(0, out);
        }
        let mut failed_from = 0;
        if let Some(admission) = self.admit(kernel, modulus) {
            let started = Instant::now();
            // A large batch goes in eight rounds, each but the last checked while the GPU computes the next.
            let round = self.round.max(rows.div_ceil(8));
            let lists = out.chunks_mut(rows * width).collect();
            match self.in_rounds(round, lists, width, |output| on_gpu(&self.gpu, output), holds) {
                Ok(()) => {
                    self.record.trust.succeeded();
                    if let Some(crossovers) = &self.crossovers {
                        crossovers.gpu_took(work, all, started.elapsed());
                    }
                    return;
                }
                Err((row, failure)) => {
                    failed_from = row;
                    self.report(&failure, self.record.trust.failed(admission, &failure));
                }
            }
        }
        self.record.on_cpu.fetch_add(1, Ordering::Relaxed);
        compute(failed_from, out);
    }

    /// Has the GPU compute in rounds of `round` rows. Returns the first row that it did not compute, or not rightly.
    fn in_rounds<'out, T: Send>(
        &self,
        round: usize,
        lists: Vec<&'out mut [T]>,
        width: usize,
        on_gpu: impl FnOnce(&mut Output<'_, 'out, T>) -> Result<(), GpuFailure>,
        holds: impl Fn(usize, Range<usize>, &mut [T]) -> Result<bool, Error> + Sync,
    ) -> Result<(), (usize, GpuFailure)> {
        let (record, holds) = (&*self.record, &holds);
        let check = move |rows: Range<usize>, lists: Vec<&mut [T]>| {
            let started = Instant::now();
            // Without random weights nothing can be checked, so nothing is known to hold.
            let holds = |(list, out)| holds(list, rows.clone(), out).unwrap_or(false);
            let holds = lists.into_iter().enumerate().all(holds);
            Record::add(&record.checking, started.elapsed());
            if holds { Some(rows.end) } else { None }
        };
        // Rows that came back, and rows that are known to be right.
        let (mut arrived, mut right) = (0, 0);
        let mut waited = Duration::ZERO;
        let mut wait = |checked: ScopedJoinHandle<'_, Option<usize>>, right: &mut usize| {
            let started = Instant::now();
            let checked = checked.join().ok().flatten();
            waited += started.elapsed();
            *right = checked.ok_or(GpuFailure::Wrong("result"))?;
            Ok(())
        };
        let started = Instant::now();
        let outcome = std::thread::scope(|scope| {
            let mut checking = None;
            let mut take = |lists: Vec<&'out mut [T]>| {
                let rows = arrived..arrived + lists.first().map_or(0, |list| list.len() / width);
                arrived = rows.end;
                checking.take().map_or(Ok(()), |checked| wait(checked, &mut right))?;
                checking = Some(scope.spawn(move || check(rows, lists)));
                Ok(())
            };
            let outcome = on_gpu(&mut Output::lists(lists, width).in_rounds(round, &mut take));
            checking.map_or(Ok(()), |checked| wait(checked, &mut right)).and(outcome)
        });
        Record::add(&record.away, started.elapsed().saturating_sub(waited));
        Record::add(&record.waiting, waited);
        outcome.map_err(|failure| (right, failure))
    }

    pub(super) fn pair_pow(&self, modulus: &Modulus, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
        let width = bases.width();
        self.run(
            Batch { kernel: Kernel::PairPow, modulus, exponent_bits: exponent.bits(), width, lists: 1 },
            out,
            |gpu, out| gpu.pair_pow(modulus, bases, exponent, out),
            |_, rows, out| checks::powers_hold(&self.cpu, modulus, bases.slice(rows), exponent, Rows::new(out, width)),
            |cpu, _, rows, out| cpu::pair_pow::pair_pow(cpu, modulus, bases.slice(rows), exponent, out),
        );
    }

    pub(super) fn pair_fixed_base_pow(&self, base: &FixedBase, bits: usize, exponents: Rows<'_>, out: &mut [u64]) {
        let width = 2 * base.modulus().width();
        self.run(
            Batch { kernel: Kernel::PairFixedBasePow, modulus: base.modulus(), exponent_bits: bits, width, lists: 1 },
            out,
            |gpu, out| gpu.pair_fixed_base_pow(base, bits, exponents, out),
            |_, rows, out| {
                let out = Rows::new(out, width);
                checks::fixed_base_powers_hold(&self.cpu, base, bits, exponents.slice(rows), out)
            },
            |cpu, _, rows, out| {
                cpu::pair_fixed_base_pow::pair_fixed_base_pow(cpu, base, bits, exponents.slice(rows), out);
            },
        );
    }

    /// Sends rows to the GPU, to stay there; `None` if it has no room for them, or is not used any more.
    pub(super) fn reside(&self, rows: Rows<'_>) -> Option<DeviceRows> {
        if rows.is_empty() || self.record.trust.is_retired() {
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
        let query = |list: usize| queries.get(list).unwrap_or_default();
        self.run(
            Batch { kernel: Kernel::HammingAggregate, modulus, exponent_bits: 0, width, lists: queries.len() },
            out,
            |gpu, out| gpu.hamming_aggregate(modulus, queries, stored, resident, out),
            |list, rows, out| {
                let out = Rows::new(out, width);
                checks::products_hold(&self.cpu, modulus, query(list), stored.slice(rows), out)
            },
            |cpu, list, rows, out| {
                let query = Rows::new(query(list), width);
                cpu::hamming_aggregate::hamming_aggregate(cpu, modulus, query, stored.slice(rows), out);
            },
        );
    }

    /// A job whose check would take the processor nearly as long is left to it.
    pub(super) fn weighted_sum_vartime(&self, modulus: &Modulus, inputs: Rows<'_>, weights: &Weights, out: &mut [u64]) {
        let is_worth_it = weights.outputs() > 0
            && self.gpu.takes_inputs(modulus, inputs.len(), weights)
            && checks::weighted_sides_are_worth_checking(inputs.len(), weights);
        if !is_worth_it {
            return cpu::weighted_sum::weighted_sum_vartime(&self.cpu, modulus, inputs, weights, out);
        }
        let width = inputs.width();
        let mut sides = vec![0; weights.sides() * width];
        let exponent_bits = weights.bits() * inputs.len();
        self.run(
            Batch { kernel: Kernel::WeightedSum, modulus, exponent_bits, width, lists: 1 },
            &mut sides,
            |gpu, out| gpu.weighted_sides(modulus, inputs, weights, out),
            |_, rows, out| {
                let out = Rows::new(out, width);
                checks::weighted_sides_hold(&self.cpu, modulus, inputs, weights, rows, out)
            },
            |cpu, _, rows, out| {
                cpu::weighted_sum::weighted_sides_vartime(cpu, modulus, inputs, weights, rows, out);
            },
        );
        cpu::weighted_sum::quotients_vartime(&self.cpu, modulus, weights, Rows::new(&sides, width), out);
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
                lists: 1,
            },
            out,
            |gpu, out| gpu.hamming_decode(key, dimensions, nonce, ciphertexts, out),
            |_, rows, out| {
                drawn.as_ref().map_err(|error| Error::Random(error.to_string()))?;
                Ok(self.none_was_missed(key, dimensions, ciphertexts.slice(rows), out))
            },
            |cpu, _, rows, out| cpu::hamming_decode::hamming_decode(cpu, key, dimensions, ciphertexts.slice(rows), out),
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
        Ok(Self { gpu, cpu, record: Arc::default(), crossovers: None, round: options.round.unwrap_or(ROUND) })
    }

    pub(super) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    pub(super) fn trust_again(&self) {
        self.gpu.recover();
        self.record.trust.restore();
    }
}
