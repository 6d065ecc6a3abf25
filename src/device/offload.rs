//! Offloads batches to a GPU: checks the results, and computes on the CPU the batches that the GPU fails.

mod crossover;
pub(crate) mod kernel;
pub(crate) mod known_answer;
pub(crate) mod rounds;
mod trust;

use super::Device;
use super::cpu::Cpu;
#[cfg(feature = "hazmat")]
use super::gpu::adapter::KernelOptions;
use super::gpu::{Gpu, GpuFailure};
use super::report::{AdapterInfo, GpuTimes};
use crate::error::Error;
use crossover::{Crossovers, Work};
use kernel::Kernel;
use rounds::{Round, Rounds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};
use trust::{Admission, Trust, Verdict};

/// An open GPU with the CPU as fallback.
#[derive(Clone)]
pub struct Offloaded {
    gpu: Gpu,
    cpu: Cpu,
    record: Arc<Record>,
    /// For `auto` only: which batches the CPU finishes faster.
    crossovers: Option<Arc<Crossovers>>,
    /// Rows of a round, unless a large batch has larger rounds.
    round: usize,
}

/// Rows of a round: enough to keep a large GPU busy.
const ROUND: usize = 1 << 14;

/// Counters of the GPU's batches, and whether the GPU is trusted.
#[derive(Default)]
struct Record {
    trust: Trust,
    /// Batches that the CPU computed because the GPU failed or was not trusted.
    on_cpu: AtomicU64,
    /// Nanoseconds from submitting batches until their results are in host memory.
    away: AtomicU64,
    /// Nanoseconds of checking results.
    checking: AtomicU64,
    /// Nanoseconds of waiting for checks.
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
    /// Opens the GPU that `device` selects, shared with other handles.
    pub(crate) fn open(device: &Device, cpu: Cpu) -> Result<Self, Error> {
        let crossovers = (*device == Device::Auto).then(Arc::default);
        Ok(Self { gpu: Gpu::share(device)?, cpu, record: Arc::default(), crossovers, round: ROUND })
    }

    pub(crate) fn info(&self) -> AdapterInfo {
        self.gpu.info()
    }

    /// Returns where the GPU's time went.
    pub(crate) fn times(&self) -> GpuTimes {
        let nanoseconds = |counter: &AtomicU64| Duration::from_nanos(counter.load(Ordering::Relaxed));
        GpuTimes {
            kernels: self.gpu.kernel_time(),
            away: nanoseconds(&self.record.away),
            checking: nanoseconds(&self.record.checking),
            waiting: nanoseconds(&self.record.waiting),
        }
    }

    pub(crate) fn batches_on_cpu(&self) -> u64 {
        self.record.on_cpu.load(Ordering::Relaxed)
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Returns whether the GPU is retired.
    pub(crate) fn is_retired(&self) -> bool {
        self.record.trust.is_retired()
    }

    /// Admits a batch to the GPU, if the GPU is trusted with its kernel and size.
    fn admit<K: Kernel>(&self, kernel: &K) -> Option<Admission> {
        if !kernel.suits_gpus() {
            return None;
        }
        let size = kernel.size();
        let prove = || match K::known_answer(size, &self.gpu.engine, &self.cpu)? {
            true => Ok(()),
            false => Err(GpuFailure::Wrong("known answer")),
        };
        self.record.trust.admit((K::NAME, size), prove).unwrap_or_else(|(failure, verdict)| {
            self.report(&failure, verdict);
            None
        })
    }

    /// Logs the consequence of a failure, and prepares the GPU for another attempt.
    fn report(&self, failure: &GpuFailure, verdict: Verdict) {
        let name = self.info().name;
        match verdict {
            Verdict::Known => {}
            Verdict::TriedAgain(left) if self.gpu.recover() => tracing::warn!(
                "GPU {name} failed: {failure}; the CPU computes this batch, and the GPU is used again if its known \
                 answers are right (failures left: {left})"
            ),
            Verdict::TriedAgain(_) | Verdict::Retired => {
                tracing::warn!(
                    "GPU {name} failed: {failure}; it is not used again, and the CPU computes all further batches"
                );
            }
        }
    }

    /// Computes a batch into `out` on the GPU and checks it. From the first row that fails, the CPU computes the rest.
    pub(crate) fn run<K: Kernel>(&self, kernel: &K, out: &mut [K::Element]) {
        let (rows, width) = (kernel.rows(), kernel.width());
        let all = rows * kernel.lists();
        if all == 0 {
            return;
        }
        let work = Work { kernel: K::NAME, size: kernel.size(), length: kernel.length() };
        // Computes each list from row `first` on the CPU.
        let compute = |first: usize, out: &mut [K::Element]| {
            for (list, out) in out.chunks_mut(rows * width).enumerate() {
                kernel.compute(&self.cpu, list, first..out.len() / width, &mut out[first * width..]);
            }
        };
        let cpu_is_faster = self.crossovers.as_ref().is_some_and(|crossovers| {
            crossovers.prefers_cpu(work, all, self.cpu.threads(), |rows| compute(0, &mut out[..rows * width]))
        });
        if cpu_is_faster {
            return compute(0, out);
        }
        let mut failed_from = 0;
        if let Some(admission) = self.admit(kernel) {
            let started = Instant::now();
            match self.run_on_gpu(kernel, out) {
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

    /// Computes a batch on the GPU in rounds. Each round but the last is checked while the GPU computes the next one.
    /// An error contains the first row that is missing or may be wrong.
    fn run_on_gpu<K: Kernel>(&self, kernel: &K, out: &mut [K::Element]) -> Result<(), (usize, GpuFailure)> {
        let check = |Round { rows, lists }: Round<'_, K::Element>| {
            let started = Instant::now();
            // Without random weights nothing can be checked, so the round counts as wrong.
            let holds = |(list, out): (usize, &mut [K::Element])| kernel.holds(&self.cpu, list, rows.clone(), out);
            let holds = lists.into_iter().enumerate().all(|list| holds(list).unwrap_or(false));
            Record::add(&self.record.checking, started.elapsed());
            if holds { Ok(rows.end) } else { Err(GpuFailure::Wrong("result")) }
        };
        let mut waited = Duration::ZERO;
        let mut wait = |checking: ScopedJoinHandle<'_, Result<usize, GpuFailure>>| {
            let started = Instant::now();
            let checked = checking.join().unwrap_or(Err(GpuFailure::Wrong("result")));
            waited += started.elapsed();
            checked
        };
        // Rows that have passed their check.
        let mut checked_rows = 0;
        let started = Instant::now();
        // A large batch has eight rounds.
        let most = self.round.max(kernel.rows().div_ceil(8));
        let outcome = std::thread::scope(|scope| {
            let mut rounds = Rounds::new(kernel, &self.gpu.engine, out, most)?;
            let mut checking = None;
            loop {
                let round = rounds.next();
                if let Some(checked) = checking.take() {
                    checked_rows = wait(checked)?;
                }
                match round? {
                    Some(round) => checking = Some(scope.spawn(|| check(round))),
                    None => return Ok(()),
                }
            }
        });
        Record::add(&self.record.away, started.elapsed().saturating_sub(waited));
        Record::add(&self.record.waiting, waited);
        outcome.map_err(|failure| (checked_rows, failure))
    }
}

#[cfg(feature = "hazmat")]
impl Offloaded {
    /// Computes a batch on the GPU without checking it.
    pub(crate) fn run_unchecked<K: Kernel>(&self, kernel: &K, out: &mut [K::Element]) -> Result<(), String> {
        rounds::unchecked(kernel, &self.gpu.engine, out).map_err(|failure| failure.to_string())
    }

    /// Opens a GPU with the given kernel options, not shared with other handles.
    pub(crate) fn with_options(device: &Device, cpu: Cpu, options: KernelOptions) -> Result<Self, Error> {
        let gpu = Gpu::open(device, options)?;
        Ok(Self { gpu, cpu, record: Arc::default(), crossovers: None, round: options.round.unwrap_or(ROUND) })
    }

    pub(crate) fn trust_again(&self) {
        self.gpu.recover();
        self.record.trust.restore();
    }
}
