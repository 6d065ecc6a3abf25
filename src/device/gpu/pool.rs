//! Buffers that wait to be used again: making one takes a driver longer than small batches take to compute.

use super::lock::lock;
use std::sync::Mutex;

/// What waiting buffers may take in all. The ones that have waited longest go first.
const MOST_WAITING: u64 = 1 << 31;

#[derive(Default)]
pub(super) struct Pool {
    waiting: Mutex<Vec<wgpu::Buffer>>,
}

impl Pool {
    /// A waiting buffer for that use with room for `bytes`, and not for more than twice as many.
    pub(super) fn take(&self, bytes: u64, usage: wgpu::BufferUsages) -> Option<wgpu::Buffer> {
        let mut waiting = lock(&self.waiting);
        let fits = |buffer: &wgpu::Buffer| {
            buffer.usage() == usage && buffer.size() >= bytes && buffer.size() / 2 <= bytes.max(256)
        };
        let found = waiting.iter().position(fits)?;
        Some(waiting.remove(found))
    }

    /// Keeps a buffer for later.
    pub(super) fn give(&self, buffer: wgpu::Buffer) {
        let mut waiting = lock(&self.waiting);
        waiting.push(buffer);
        let mut bytes: u64 = waiting.iter().map(wgpu::Buffer::size).sum();
        while bytes > MOST_WAITING && waiting.len() > 1 {
            bytes -= waiting.remove(0).size();
        }
    }
}
