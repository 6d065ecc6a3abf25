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
    context: Arc<GpuContext>,
}

/// Where buffers come from and go back to.
pub(super) struct GpuContext {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pool: Pool,
    /// Held by the one thread that may use an OpenGL device; `None` for other APIs.
    opengl: Option<ReentrantMutex<()>>,
}

impl GpuContext {
    pub(super) fn new(device: wgpu::Device, queue: wgpu::Queue, backend: wgpu::Backend) -> Arc<Self> {
        let opengl = (backend == wgpu::Backend::Gl).then(|| ReentrantMutex::new(()));
        Arc::new(Self { device, queue, pool: Pool::default(), opengl })
    }

    /// Hold this while calling wgpu or dropping a resource. An OpenGL context belongs to one thread at a time: wgpu locks it
    /// in every call, and panics if another thread's dispatch keeps it for some seconds. Other APIs need no lock and get none.
    pub(super) fn lock_opengl(&self) -> Option<ReentrantMutexGuard<'_, ()>> {
        self.opengl.as_ref().map(ReentrantMutex::lock)
    }

    /// A buffer for that use.
    pub(super) fn buffer(
        self: &Arc<Self>,
        bytes: usize,
        usage: wgpu::BufferUsages,
        secrecy: Secrecy,
    ) -> Result<Buffer, GpuFailure> {
        let bytes = (bytes as u64).max(16);
        let _opengl = self.lock_opengl();
        let of = |buffer| Buffer { buffer, bytes, secrecy, is_reusable: true, context: Arc::clone(self) };
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
        let _opengl = self.context.lock_opengl();
        // A mapping that failed cannot be undone, which is no error of the device's.
        let scope = self.context.device.push_error_scope(wgpu::ErrorFilter::Validation);
        self.buffer.unmap();
        drop(pollster::block_on(scope.pop()));
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let _opengl = self.context.lock_opengl();
        if self.secrecy == Secrecy::Secret {
            let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.clear_buffer(&self.buffer, 0, None);
            self.context.queue.submit([encoder.finish()]);
        }
        if self.is_reusable {
            self.context.pool.give(self.buffer.clone());
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
