//! The processor: kernels on all cores, with the best instructions there are.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(feature = "gpu")]
pub(super) mod combinations;
#[cfg(target_arch = "x86_64")]
mod factor;
pub(super) mod hamming_aggregate;
#[cfg(target_arch = "x86_64")]
mod ifma;
pub(super) mod integers;
mod inverses;
pub(super) mod level;
pub(super) mod messages;
pub(super) mod pair_fixed_base_pow;
pub(super) mod pair_mul;
pub(super) mod pair_pow;
pub(super) mod residue_product;
pub(super) mod threads;
#[cfg(target_arch = "x86_64")]
mod vectors;
pub(super) mod weighted_sum;

#[cfg(feature = "owner")]
pub(super) mod crt_decrypt;
#[cfg(feature = "owner")]
pub(super) mod crt_encrypt;
#[cfg(feature = "owner")]
pub(super) mod crt_pow;
#[cfg(feature = "owner")]
pub(super) mod hamming_decode;
#[cfg(feature = "owner")]
mod residue;

use crate::arith::lanes::Lanes;
use crate::error::Error;
use level::Level;
use rayon::prelude::*;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

/// Threads, and the instruction set that the kernels use on them.
#[derive(Clone)]
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
    level: Level,
}

impl std::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu").field("threads", &self.threads()).field("level", &self.level.name()).finish()
    }
}

impl Cpu {
    pub(super) fn open(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads::checked(threads)?)
            .thread_name(|i| format!("hushvec-{i}"))
            .build()
            .map_err(|error| Error::Device { asked: "cpu".to_owned(), reason: error.to_string() })?;
        Ok(Self { pool: Arc::new(pool), level: Level::best() })
    }

    /// The same threads at each level that this processor has, the best first.
    #[cfg(feature = "hazmat")]
    pub(super) fn at_every_level(threads: Option<NonZeroUsize>) -> Result<impl Iterator<Item = Self>, Error> {
        let best = Self::open(threads)?;
        Ok(Level::all().map(move |level| Self { level, ..best.clone() }))
    }

    pub(super) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    pub(super) fn level(&self) -> Level {
        self.level
    }

    /// The processor at the level that is best for powers of so many bases.
    fn for_powers(&self, bases: usize) -> Self {
        let few = bases < self.level.least_powers();
        Self { level: if few { Level::Portable } else { self.level }, ..self.clone() }
    }

    /// Does both, at once if there are threads for it.
    #[cfg(feature = "owner")]
    pub(super) fn do_both(&self, first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
        self.do_each(&mut once(first), &mut once(second));
    }

    /// Not generic, as [`Cpu::deal_runs`] is not.
    #[cfg(feature = "owner")]
    fn do_each(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        if self.threads() > 1 {
            self.pool.join(first, second);
        } else {
            first();
            second();
        }
    }

    /// Cuts `out` into runs of rows, one task each, and calls `work` with the number of a run's first row and the run.
    fn for_each_run<T: Send>(&self, out: &mut [T], width: usize, run: Run, work: impl Fn(usize, &mut [T]) + Sync) {
        self.deal_runs(out, width, run, &work);
    }

    /// Not generic over the work, or the machinery of threads is compiled again for every kernel, level and size, with the
    /// kernel in several places of it.
    fn deal_runs<T: Send>(&self, out: &mut [T], width: usize, run: Run, work: &(dyn Fn(usize, &mut [T]) + Sync)) {
        let rows = out.len() / width;
        let fair = rows.div_ceil(self.threads());
        // Four runs a thread, so that one that is late does not keep the others waiting.
        let length = rows.div_ceil(4 * self.threads()).max(run.least.min(fair)).clamp(1, run.most);
        let length = length.next_multiple_of(run.lanes);
        let runs =
            |out: &mut [T]| out.chunks_mut(length * width).enumerate().for_each(|(i, out)| work(i * length, out));
        // One run is not worth waking another thread for.
        if self.threads() == 1 || rows <= length {
            return runs(out);
        }
        self.pool.install(|| {
            out.par_chunks_mut(length * width).enumerate().for_each(|(i, out)| work(i * length, out));
        });
    }

    /// Calls `work` with as many rows at a time as arithmetic `A` has lanes, and their place in `out`.
    fn for_each_group<A: Lanes, T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        run: Run,
        work: impl Fn(Range<usize>, &mut [T]) + Sync,
    ) {
        self.for_each_run(out, width, Run { lanes: A::COUNT, ..run }, |first, out| {
            for (group, out) in out.chunks_mut(A::COUNT * width).enumerate() {
                let first = first + group * A::COUNT;
                work(first..first + out.len() / width, out);
            }
        });
    }
}

/// Work that is done when it is called first.
#[cfg(feature = "owner")]
fn once(work: impl FnOnce() + Send) -> impl FnMut() + Send {
    let mut work = Some(work);
    move || {
        if let Some(work) = work.take() {
            work();
        }
    }
}

/// How many rows a task takes.
#[derive(Clone, Copy)]
struct Run {
    /// Not fewer, as long as every thread gets some.
    least: usize,
    /// Not more.
    most: usize,
    /// A multiple of this.
    lanes: usize,
}

impl Run {
    const fn new(least: usize, most: usize) -> Self {
        Self { least, most, lanes: 1 }
    }
}
