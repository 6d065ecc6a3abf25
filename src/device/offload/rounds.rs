//! Batches in rounds that fit into a device's buffers, the next one on its way while the last one comes back.

use super::kernel::{Kernel, Launch};
use crate::device::gpu::GpuFailure;
use crate::device::gpu::engine::Engine;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// A batch on a device. Its results come a round at a time, when they are asked for.
pub(crate) struct Rounds<'a, 'out, K: Kernel> {
    kernel: &'a K,
    engine: &'a Engine,
    prepared: K::Prepared,
    /// What has not been filled yet.
    lists: Vec<&'out mut [K::Element]>,
    /// Rows of a round, at most.
    most: usize,
    /// Rows that were launched.
    launched: usize,
    on_its_way: Option<(Range<usize>, Instant, Launch)>,
    /// What kept the next round from being launched. What came before is not lost by that.
    failure: Option<GpuFailure>,
}

/// Results of a device.
pub(crate) struct Round<'out, T> {
    pub(crate) rows: Range<usize>,
    /// Those rows of each list.
    pub(crate) lists: Vec<&'out mut [T]>,
}

impl<'a, 'out, K: Kernel> Rounds<'a, 'out, K> {
    /// Sends what all rounds of a batch need, to compute `out` in rounds of at most `most` rows.
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
            on_its_way: None,
            failure: None,
        })
    }

    /// Waits for the next round; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Round<'out, K::Element>>, GpuFailure> {
        if self.on_its_way.is_none() {
            self.launch();
        }
        let Some((rows, started, Launch { readback, macs })) = self.on_its_way.take() else {
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
                self.on_its_way = Some((rows, started, launch));
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Fills the next `rows` rows of each list, each from its share of the bytes.
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

/// Has a device compute a batch, and checks nothing.
pub(crate) fn unchecked<K: Kernel>(kernel: &K, engine: &Arc<Engine>, out: &mut [K::Element]) -> Result<(), GpuFailure> {
    let mut rounds = Rounds::new(kernel, engine, out, usize::MAX)?;
    while rounds.next()?.is_some() {}
    Ok(())
}
