//! The CPU: a thread pool, and the instruction set that kernels use on it.

use super::isa::Isa;
use super::threads;
use crate::error::Error;
use rayon::prelude::*;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

/// A thread pool, and the instruction set that kernels use on it.
#[derive(Clone)]
pub struct Cpu {
    pool: Arc<rayon::ThreadPool>,
    isa: Isa,
}

impl std::fmt::Debug for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cpu").field("threads", &self.threads()).field("isa", &self.isa.name()).finish()
    }
}

impl Cpu {
    pub(crate) fn open(threads: Option<NonZeroUsize>) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads::checked(threads)?)
            .thread_name(|i| format!("hushvec-{i}"))
            .build()
            .map_err(|error| Error::Device { asked: "cpu".to_owned(), reason: error.to_string() })?;
        Ok(Self { pool: Arc::new(pool), isa: Isa::best() })
    }

    /// Returns the same threads with each instruction set that this CPU has, the fastest first.
    #[cfg(feature = "hazmat")]
    pub(crate) fn at_every_isa(threads: Option<NonZeroUsize>) -> Result<impl Iterator<Item = Self>, Error> {
        let best = Self::open(threads)?;
        Ok(Isa::all().map(move |isa| best.at(isa)))
    }

    pub(crate) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// Returns the same threads with another instruction set.
    pub(crate) fn at(&self, isa: Isa) -> Self {
        Self { isa, ..self.clone() }
    }

    /// Runs both closures, in parallel if there is more than one thread.
    #[cfg(feature = "owner")]
    pub(crate) fn do_both(&self, first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
        self.do_both_dyn(&mut once(first), &mut once(second));
    }

    /// [`Cpu::do_both`] without generics, for the reason given at [`Cpu::for_each_run_dyn`].
    #[cfg(feature = "owner")]
    fn do_both_dyn(&self, first: &mut (dyn FnMut() + Send), second: &mut (dyn FnMut() + Send)) {
        if self.threads() > 1 {
            self.pool.join(first, second);
        } else {
            first();
            second();
        }
    }

    /// Splits `out` into runs of rows, one task each, and calls `work` with the index of each run's first row and the
    /// run.
    pub(crate) fn for_each_run<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        run: Run,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        self.for_each_run_dyn(out, width, run, &work);
    }

    /// [`Cpu::for_each_run`], not generic over `work`: otherwise rayon's code is compiled again for every kernel, ISA
    /// and size, each time with several copies of the kernel.
    fn for_each_run_dyn<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        run: Run,
        work: &(dyn Fn(usize, &mut [T]) + Sync),
    ) {
        let rows = out.len() / width;
        let equal_share = rows.div_ceil(self.threads());
        // Four runs per thread, so that one slow run does not keep the other threads waiting.
        let length = rows.div_ceil(4 * self.threads()).max(run.least.min(equal_share)).clamp(1, run.most);
        let length = length.next_multiple_of(run.lanes);
        let runs =
            |out: &mut [T]| out.chunks_mut(length * width).enumerate().for_each(|(i, out)| work(i * length, out));
        // A single run gains nothing from another thread.
        if self.threads() == 1 || rows <= length {
            return runs(out);
        }
        self.pool.install(|| {
            out.par_chunks_mut(length * width).enumerate().for_each(|(i, out)| work(i * length, out));
        });
    }

    /// Calls `work` with the range of each group of [`Run::lanes`] rows and with that part of `out`. The last group
    /// may be shorter.
    pub(crate) fn for_each_group<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        run: Run,
        work: impl Fn(Range<usize>, &mut [T]) + Sync,
    ) {
        self.for_each_run(out, width, run, |first, out| {
            for (group, out) in out.chunks_mut(run.lanes * width).enumerate() {
                let first = first + group * run.lanes;
                work(first..first + out.len() / width, out);
            }
        });
    }
}

/// Turns `work` into a closure that runs it on the first call and does nothing afterwards.
#[cfg(feature = "owner")]
fn once(work: impl FnOnce() + Send) -> impl FnMut() + Send {
    let mut work = Some(work);
    move || {
        if let Some(work) = work.take() {
            work();
        }
    }
}

/// How many rows a task computes.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    /// Minimum, unless some threads would get no rows.
    least: usize,
    /// Maximum.
    most: usize,
    /// Lengths are a multiple of this.
    lanes: usize,
}

impl Run {
    /// Runs of `least` to `most` rows.
    pub(crate) const fn new(least: usize, most: usize) -> Self {
        Self { least, most, lanes: 1 }
    }

    /// The same, in multiples of `lanes` rows.
    pub(crate) const fn of(self, lanes: usize) -> Self {
        Self { lanes, ..self }
    }
}
