//! Readback: copies results from a device to host memory.

use super::buffer::{Buffer, Secrecy};
use super::engine::{Engine, TIMEOUT};
use super::failure::GpuFailure;
#[cfg(feature = "hazmat")]
use super::fault::Fault;
use super::lock::lock;
use super::timer::Ticks;
use bytemuck::Pod;
use std::sync::mpsc::{Receiver, channel};

/// A copy of a buffer that the host can read once its submission has finished.
pub(crate) struct Readback {
    host: Buffer,
    /// From the request for the mapping until the buffer is unmapped.
    is_mapped: bool,
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<Result<(), wgpu::BufferAsyncError>>,
    ticks: Option<Ticks>,
    /// An injected fault, and the bytes of a row.
    #[cfg(feature = "hazmat")]
    fault: Option<(Fault, usize)>,
}

impl Readback {
    /// Starts copying `rows` rows of `row` bytes from a buffer.
    pub(crate) fn start(
        engine: &Engine,
        buffer: &Buffer,
        rows: usize,
        row: usize,
        secrecy: Secrecy,
    ) -> Result<Self, GpuFailure> {
        let bytes = rows * row;
        #[cfg(feature = "hazmat")]
        let fault = engine.due_fault()?;
        let context = &engine.context;
        let _opengl = context.lock_opengl();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let host = context.buffer(bytes, usage, secrecy)?;
        let submitting = lock(&engine.submitting);
        let mut encoder = context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&buffer.buffer, 0, &host.buffer, 0, bytes as u64);
        let ticks = engine.timer.as_ref().and_then(|timer| timer.collect(&context.device, &mut encoder));
        let submission = context.queue.submit([encoder.finish()]);
        drop(submitting);
        if let Some(ticks) = &ticks {
            ticks.map();
        }
        let (sender, mapped) = channel();
        host.buffer.map_async(wgpu::MapMode::Read, ..bytes as u64, move |result| {
            let _ = sender.send(result);
        });
        Ok(Self {
            host,
            is_mapped: true,
            submission,
            mapped,
            ticks,
            #[cfg(feature = "hazmat")]
            fault: fault.map(|fault| (fault, row)),
        })
    }

    /// Waits for the bytes and passes them to `take`.
    pub(crate) fn finish(mut self, engine: &Engine, take: impl FnOnce(&[u8])) -> Result<(), GpuFailure> {
        engine.wait(self.submission.clone())?;
        // The submission has finished, but another thread may have polled the device and may not have called back yet.
        match self.mapped.recv_timeout(TIMEOUT) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(GpuFailure::Lost(error.to_string())),
            Err(_) => return Err(GpuFailure::TimeOut(TIMEOUT.as_secs())),
        }
        let _opengl = engine.context.lock_opengl();
        if let (Some(timer), Some(ticks)) = (&engine.timer, &self.ticks) {
            timer.add(ticks);
        }
        {
            let view = self.host.buffer.get_mapped_range(..self.host.bytes);
            let view = view.map_err(|error| GpuFailure::Lost(error.to_string()))?;
            #[cfg(feature = "hazmat")]
            match self.fault {
                Some((fault, row)) => {
                    let mut damaged = view.to_vec();
                    fault.damage(&mut damaged, row);
                    take(&damaged);
                }
                None => take(&view),
            }
            #[cfg(not(feature = "hazmat"))]
            take(&view);
        }
        self.host.buffer.unmap();
        self.is_mapped = false;
        Ok(())
    }
}

/// Copies bytes that were read back to `numbers`.
pub(crate) fn copy<T: Pod>(bytes: &[u8], numbers: &mut [T]) {
    bytemuck::cast_slice_mut(numbers).copy_from_slice(bytes);
}

impl Drop for Readback {
    fn drop(&mut self) {
        if self.is_mapped {
            self.host.abandon();
        }
    }
}
