//! Splits batches into rounds that fit the GPU's buffers. Each round is submitted before the results of the previous
//! round are read.

use super::kernel::{Kernel, Launch};
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// A batch on a GPU. [`Rounds::next`] returns the results of one round at a time.
pub(crate) struct Rounds<'a, 'out, K: Kernel> {
    kernel: &'a K,
    engine: &'a Engine,
    prepared: K::Prepared,
    /// The part of each list that is not filled yet.
    lists: Vec<&'out mut [K::Element]>,
    /// Maximum number of rows per round.
    most: usize,
    /// Rows launched so far.
    launched: usize,
    in_flight: Option<(Range<usize>, Instant, Launch)>,
    /// Why the next round could not be launched. Reported after the results of the round before it.
    failure: Option<GpuFailure>,
}

/// The results of one round.
pub(crate) struct Round<'out, T> {
    pub(crate) rows: Range<usize>,
    /// These rows of each list.
    pub(crate) lists: Vec<&'out mut [T]>,
}

impl<'a, 'out, K: Kernel> Rounds<'a, 'out, K> {
    /// Prepares a batch that computes `out` in rounds of at most `most` rows.
    pub(crate) fn new(
        kernel: &'a K,
        engine: &'a Arc<Engine>,
        out: &'out mut [K::Element],
        most: usize,
    ) -> Result<Self, GpuFailure> {
        let list = kernel.rows() * kernel.width();
        Ok(Self {
            kernel,
            engine,
            prepared: kernel.prepare(engine)?,
            lists: out.chunks_mut(list.max(1)).collect(),
            most,
            launched: 0,
            in_flight: None,
            failure: None,
        })
    }

    /// Waits for the next round. Returns `None` after the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Round<'out, K::Element>>, GpuFailure> {
        if self.in_flight.is_none() {
            self.launch();
        }
        let Some((rows, started, Launch { readback, macs })) = self.in_flight.take() else {
            return self.failure.take().map_or(Ok(None), Err);
        };
        self.launch();
        let mut lists = Vec::with_capacity(self.lists.len());
        readback.finish(self.engine, |bytes| lists = self.take(rows.len(), bytes))?;
        if let Some(macs) = macs {
            self.engine.budget.took(macs, started.elapsed());
        }
        Ok(Some(Round { rows, lists }))
    }

    /// Launches the next round, if there is one.
    fn launch(&mut self) {
        let (first, all) = (self.launched, self.kernel.rows());
        if first == all || self.failure.is_some() {
            return;
        }
        let rows = self.kernel.round(self.engine, &mut self.prepared, first, self.most).clamp(1, all - first);
        let (rows, started) = (first..first + rows, Instant::now());
        match self.kernel.launch(self.engine, &mut self.prepared, rows.clone()) {
            Ok(launch) => {
                self.launched = rows.end;
                self.in_flight = Some((rows, started, launch));
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Fills the next `rows` rows of each list from `bytes`, which holds the lists one after the other.
    fn take(&mut self, rows: usize, bytes: &[u8]) -> Vec<&'out mut [K::Element]> {
        let share = bytes.len() / self.lists.len().max(1);
        let mut filled = Vec::with_capacity(self.lists.len());
        for (list, bytes) in self.lists.iter_mut().zip(bytes.chunks_exact(share.max(1))) {
            let whole = std::mem::take(list);
            let (next, rest) = whole.split_at_mut((rows * self.kernel.width()).min(whole.len()));
            *list = rest;
            self.kernel.read(bytes, next);
            filled.push(next);
        }
        filled
    }
}

/// Computes a batch on a GPU without checking it.
pub(crate) fn unchecked<K: Kernel>(kernel: &K, engine: &Arc<Engine>, out: &mut [K::Element]) -> Result<(), GpuFailure> {
    let mut rounds = Rounds::new(kernel, engine, out, usize::MAX)?;
    while rounds.next()?.is_some() {}
    Ok(())
}
