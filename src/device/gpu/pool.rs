//! A pool of free buffers: allocating a buffer takes a driver longer than computing a small batch.

use super::lock::lock;
use std::sync::Mutex;

/// Maximum total size of the free buffers in bytes. Beyond it, the buffers that have been free longest are released.
const MOST_FREE: u64 = 1 << 31;

#[derive(Default)]
pub(super) struct Pool {
    free: Mutex<Vec<wgpu::Buffer>>,
}

impl Pool {
    /// Takes a free buffer for `usage` with at least `bytes` bytes, and not more than about twice as many.
    pub(super) fn take(&self, bytes: u64, usage: wgpu::BufferUsages) -> Option<wgpu::Buffer> {
        let mut free = lock(&self.free);
        let fits = |buffer: &wgpu::Buffer| {
            buffer.usage() == usage && buffer.size() >= bytes && buffer.size() / 2 <= bytes.max(256)
        };
        let found = free.iter().position(fits)?;
        Some(free.remove(found))
    }

    /// Returns a buffer to the pool.
    pub(super) fn give(&self, buffer: wgpu::Buffer) {
        let mut free = lock(&self.free);
        free.push(buffer);
        let mut bytes: u64 = free.iter().map(wgpu::Buffer::size).sum();
        while bytes > MOST_FREE && free.len() > 1 {
            bytes -= free.remove(0).size();
        }
    }
}
