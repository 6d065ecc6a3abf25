//! Buffers on a device: taken from a pool, bound, wiped and given back.

use super::failure::GpuFailure;
use super::pool::Pool;
use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use std::sync::Arc;

/// A buffer, which goes back to the engine's pool when it is dropped: overwritten, if it held secrets.
pub(crate) struct Buffer {
    pub(super) buffer: wgpu::Buffer,
    /// The part of it that is used.
    pub(super) bytes: u64,
    secrecy: Secrecy,
    /// Whether another job may have it afterwards.
    is_reusable: bool,
    home: Arc<Home>,
}

/// Where buffers come from and go back to.
pub(super) struct Home {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pool: Pool,
    /// Makes threads take turns, for OpenGL only.
    turns: Option<ReentrantMutex<()>>,
}

impl Home {
    pub(super) fn new(device: wgpu::Device, queue: wgpu::Queue, backend: wgpu::Backend) -> Arc<Self> {
        let turns = (backend == wgpu::Backend::Gl).then(|| ReentrantMutex::new(()));
        Arc::new(Self { device, queue, pool: Pool::default(), turns })
    }

    /// To be held while wgpu is called, or a resource dropped. An OpenGL context belongs to one thread at a time: wgpu
    /// locks it in every call, and panics if another thread's dispatch keeps it for some seconds. Other APIs need no
    /// turns and get none.
    pub(super) fn turn(&self) -> Option<ReentrantMutexGuard<'_, ()>> {
        self.turns.as_ref().map(ReentrantMutex::lock)
    }

    /// A buffer for that use.
    pub(super) fn buffer(
        self: &Arc<Self>,
        bytes: usize,
        usage: wgpu::BufferUsages,
        secrecy: Secrecy,
    ) -> Result<Buffer, GpuFailure> {
        let bytes = (bytes as u64).max(16);
        let _turn = self.turn();
        let of = |buffer| Buffer { buffer, bytes, secrecy, is_reusable: true, home: Arc::clone(self) };
        if let Some(buffer) = self.pool.take(bytes, usage) {
            return Ok(of(buffer));
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: bytes,
            usage,
            mapped_at_creation: false,
        });
        if pollster::block_on(scope.pop()).is_some() { Err(GpuFailure::Memory(bytes)) } else { Ok(of(buffer)) }
    }
}

impl Buffer {
    /// Takes a buffer back from the host in whatever state its mapping is, and lets no other job have it.
    pub(super) fn abandon(&mut self) {
        self.is_reusable = false;
        let _turn = self.home.turn();
        // A mapping that failed cannot be undone, which is no error of the device's.
        let scope = self.home.device.push_error_scope(wgpu::ErrorFilter::Validation);
        self.buffer.unmap();
        drop(pollster::block_on(scope.pop()));
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let _turn = self.home.turn();
        if self.secrecy == Secrecy::Secret {
            let mut encoder = self.home.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.clear_buffer(&self.buffer, 0, None);
            self.home.queue.submit([encoder.finish()]);
        }
        if self.is_reusable {
            self.home.pool.give(self.buffer.clone());
        } else {
            self.buffer.destroy();
        }
    }
}

/// Whether a buffer may hold secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    Public,
    Secret,
}
