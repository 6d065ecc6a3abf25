//! How long the kernels themselves took, by the device's own clock where it has one.

use super::lock::lock;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Dispatches that are timed between two readings. Further ones go untimed.
const MOST: u32 = 1024;

pub(super) struct Timer {
    set: wgpu::QuerySet,
    nanoseconds_a_tick: f64,
    /// Dispatches since the last reading, and whether there were more than fit.
    since: Mutex<(u32, bool)>,
    nanoseconds: AtomicU64,
    incomplete: AtomicU64,
}

/// Ticks on their way back.
pub(super) struct Ticks {
    host: wgpu::Buffer,
}

impl Timer {
    /// A timer, if the device has a clock.
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

    /// Where the next dispatch writes when it begins and ends.
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

    /// Has the times since the last call copied to the host with the commands of `encoder`.
    pub(super) fn collect(&self, device: &wgpu::Device, encoder: &mut wgpu::CommandEncoder) -> Option<Ticks> {
        let (dispatches, overflown) = std::mem::take(&mut *lock(&self.since));
        if overflown {
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

    /// Adds up times that have arrived.
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

    /// All kernel time so far, unless some went untimed.
    pub(super) fn total(&self) -> Option<Duration> {
        let whole = self.incomplete.load(Ordering::Relaxed) == 0;
        whole.then(|| Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)))
    }
}

impl Ticks {
    /// Maps them once the commands before are done.
    pub(super) fn map(&self) {
        self.host.map_async(wgpu::MapMode::Read, .., |_| {});
    }
}
