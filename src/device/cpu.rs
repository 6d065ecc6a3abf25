//! The CPU: threads, and the instruction set that kernels use on them.

use super::isa::Isa;
use super::threads;
use crate::error::Error;
use rayon::prelude::*;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

/// Threads, and the instruction set that the kernels use on them.
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

    /// The same threads with each instruction set that this CPU has, the best first.
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

    /// The same threads with another instruction set.
    pub(crate) fn at(&self, isa: Isa) -> Self {
        Self { isa, ..self.clone() }
    }

    /// Does both, at once if there are threads for it.
    #[cfg(feature = "owner")]
    pub(crate) fn do_both(&self, first: impl FnOnce() + Send, second: impl FnOnce() + Send) {
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
    pub(crate) fn for_each_run<T: Send>(
        &self,
        out: &mut [T],
        width: usize,
        run: Run,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        self.deal_runs(out, width, run, &work);
    }

    /// Not generic over the work, or the machinery of threads is compiled again for every kernel, instruction set and size, with the
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

    /// Calls `work` with as many rows at a time as [`Run::lanes`] says, and their place in `out`.
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
pub(crate) struct Run {
    /// Not fewer, as long as every thread gets some.
    least: usize,
    /// Not more.
    most: usize,
    /// A multiple of this.
    lanes: usize,
}

impl Run {
    /// From `least` to `most` rows.
    pub(crate) const fn new(least: usize, most: usize) -> Self {
        Self { least, most, lanes: 1 }
    }

    /// In multiples of `lanes` rows.
    pub(crate) const fn of(self, lanes: usize) -> Self {
        Self { lanes, ..self }
    }
}
