//! Measures the run time of kernels with timestamp queries, if the device has a clock.

use super::lock::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Maximum number of timed dispatches between two readbacks. Further dispatches are not timed.
const MOST: u32 = 1024;

pub(super) struct Timer {
    set: wgpu::QuerySet,
    nanoseconds_a_tick: f64,
    /// Timed dispatches since the last readback, and whether some were not timed.
    since: Mutex<(u32, bool)>,
    nanoseconds: AtomicU64,
    /// Readbacks with dispatches that were not timed.
    incomplete: AtomicU64,
}

/// Timestamps on their way to the host.
pub(super) struct Ticks {
    host: wgpu::Buffer,
}

impl Timer {
    /// Returns a timer, if the device has a clock.
    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        device.features().contains(wgpu::Features::TIMESTAMP_QUERY).then(|| Self {
            set: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("kernel times"),
                ty: wgpu::QueryType::Timestamp,
                count: 2 * MOST,
            }),
            nanoseconds_a_tick: f64::from(queue.get_timestamp_period()),
            since: Mutex::new((0, false)),
            nanoseconds: AtomicU64::new(0),
            incomplete: AtomicU64::new(0),
        })
    }

    /// Reserves the timestamps of the next dispatch: its start and its end.
    pub(super) fn next(&self) -> Option<wgpu::ComputePassTimestampWrites<'_>> {
        let mut since = lock(&self.since);
        if since.0 == MOST {
            since.1 = true;
            return None;
        }
        let first = 2 * since.0;
        since.0 += 1;
        Some(wgpu::ComputePassTimestampWrites {
            query_set: &self.set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        })
    }

    /// Adds commands to `encoder` that copy the timestamps since the last call to the host.
    pub(super) fn collect(&self, device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder) -> Option<Ticks> {
        let (dispatches, overflowed) = std::mem::take(&mut *lock(&self.since));
        if overflowed {
            self.incomplete.fetch_add(1, Ordering::Relaxed);
        }
        if dispatches == 0 {
            return None;
        }
        let bytes = u64::from(2 * dispatches) * 8;
        let buffer = |usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("kernel times"),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
        let host = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
        encoder.resolve_query_set(&self.set, 0..2 * dispatches, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &host, 0, bytes);
        Some(Ticks { host })
    }

    /// Adds the times of mapped timestamps to the total.
    pub(super) fn add(&self, ticks: &Ticks) {
        let Ok(view) = ticks.host.get_mapped_range(..) else { return };
        let tick = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let spent: u64 = view.chunks_exact(16).map(|pair| tick(&pair[8..]).saturating_sub(tick(pair))).sum();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a measurement"
        )]
        let nanoseconds = (spent as f64 * self.nanoseconds_a_tick) as u64;
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Returns the total run time of kernels, unless some dispatches were not timed.
    pub(super) fn total(&self) -> Option<Duration> {
        let complete = self.incomplete.load(Ordering::Relaxed) == 0;
        complete.then(|| Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)))
    }
}

impl Ticks {
    /// Requests the mapping, which happens when the commands before it have finished.
    pub(super) fn map(&self) {
        self.host.map_async(wgpu::MapMode::Read, .., |_| {});
    }
}
