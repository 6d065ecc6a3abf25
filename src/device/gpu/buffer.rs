//! GPU buffers: taken from a pool, wiped if they held secrets, and returned to the pool.

use super::failure::GpuFailure;
use super::pool::Pool;
use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use std::sync::Arc;

/// A GPU buffer. Dropping it returns it to the engine's pool, after overwriting it if it may hold secrets.
pub(crate) struct Buffer {
    pub(super) buffer: wgpu::Buffer,
    /// Bytes in use.
    pub(super) bytes: u64,
    secrecy: Secrecy,
    /// Whether it returns to the pool when dropped.
    is_reusable: bool,
    context: Arc<GpuContext>,
}

/// A wgpu device with its queue and its pool of buffers.
pub(super) struct GpuContext {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pool: Pool,
    /// Held by the thread that uses an OpenGL device; `None` for other APIs.
    opengl: Option<ReentrantMutex<()>>,
}

impl GpuContext {
    pub(super) fn new(device: wgpu::Device, queue: wgpu::Queue, backend: wgpu::Backend) -> Arc<Self> {
        let opengl = (backend == wgpu::Backend::Gl).then(|| ReentrantMutex::new(()));
        Arc::new(Self { device, queue, pool: Pool::default(), opengl })
    }

    /// Locks an OpenGL device. Hold the guard while calling wgpu or dropping a resource.
    ///
    /// An OpenGL context belongs to one thread at a time: wgpu locks it in every call, and panics if another thread's
    /// dispatch holds it for some seconds. Other APIs need no lock, and this returns `None`.
    pub(super) fn lock_opengl(&self) -> Option<ReentrantMutexGuard<'_, ()>> {
        self.opengl.as_ref().map(ReentrantMutex::lock)
    }

    /// Returns a buffer of at least `bytes` bytes for `usage`, from the pool if one fits.
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
    /// Unmaps a buffer in any state of its mapping, and keeps it from being reused.
    pub(super) fn abandon(&mut self) {
        self.is_reusable = false;
        let _opengl = self.context.lock_opengl();
        // Unmapping a failed mapping is a validation error, which says nothing about the device: discard it.
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
