//! An open GPU: buffers, pipelines, dispatches and their failures.

use super::adapter::Adapter;
use super::buffer::{Buffer, GpuContext, Secrecy};
use super::dispatch_budget::DispatchBudget;
use super::failure::GpuFailure;
#[cfg(feature = "hazmat")]
use super::fault::Fault;
use super::lock::lock;
use super::timer::Timer;
use bytemuck::NoUninit;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Timeout for one submission.
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);
/// Maximum size of a buffer in bytes.
const MOST_BYTES: u64 = 1 << 30;
/// Maximum size of a buffer in bytes on a software device, where it takes host memory.
const MOST_BYTES_IN_SOFTWARE: u64 = 1 << 26;

/// An open GPU. It knows no kernel: each dispatch brings its shader, parameters and buffers.
pub(crate) struct Engine {
    pub(super) context: Arc<GpuContext>,
    adapter: Adapter,
    pipelines: Mutex<HashMap<ShaderId, Pipeline>>,
    /// A failure reported by wgpu's callbacks.
    failure: Arc<Mutex<Option<GpuFailure>>>,
    pub(crate) budget: DispatchBudget,
    pub(super) timer: Option<Timer>,
    /// Held from reserving a dispatch's timestamps until the dispatch is submitted. Otherwise a readback could resolve
    /// timestamps of a dispatch that is submitted after it, and the driver would wait for them forever.
    pub(super) submitting: Mutex<()>,
    /// A fault to inject, and the number of readbacks before it.
    #[cfg(feature = "hazmat")]
    fault: Mutex<Option<(u64, Fault)>>,
}

/// Identifies a shader: its name, and the sizes that its text was generated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShaderId {
    pub(crate) name: &'static str,
    pub(crate) variant: [u32; 3],
}

/// A compiled shader and the layout of its bindings.
#[derive(Clone)]
struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// One dispatch of a shader.
pub(crate) struct Dispatch<'a> {
    pub(crate) shader: ShaderId,
    /// Returns the shader's WGSL; called the first time only. The entry point is `main`.
    pub(crate) text: &'a dyn Fn() -> String,
    /// The uniform at binding 0.
    pub(crate) params: &'a [u8],
    /// Storage buffers with their bindings: exactly those that the shader uses.
    pub(crate) buffers: &'a [(u32, &'a Buffer)],
    pub(crate) workgroups: u32,
    /// Multiply-adds of this dispatch.
    pub(crate) macs: u64,
}

/// Converts a number to a shader's parameter. The numbers are limited by the sizes of buffers, far below 2^32.
pub(crate) fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Engine {
    pub(crate) fn open(adapter: Adapter) -> Result<Self, GpuFailure> {
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("hushvec"),
            required_features: adapter.features(),
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.handle().request_device(&descriptor))
            .map_err(|error| GpuFailure::Refused(error.to_string()))?;
        let failure = Arc::new(Mutex::new(None));
        let on_error = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            lock(&on_error).get_or_insert(GpuFailure::Refused(error.to_string()));
        }));
        let on_loss = Arc::clone(&failure);
        device.set_device_lost_callback(move |reason, message| {
            // Replaces any earlier failure: a lost device cannot recover. Dropping an engine also ends here, when
            // nothing reads the failure.
            let lost = GpuFailure::Lost(format!("{reason:?} {message}").trim_end().to_owned());
            *lock(&on_loss) = Some(lost);
        });
        let pipelines = Mutex::new(HashMap::new());
        let timer = Timer::new(&device, &queue);
        let budget = DispatchBudget::new(adapter.options().budget);
        let engine = Self {
            budget,
            context: GpuContext::new(device, queue, adapter.backend()),
            adapter,
            pipelines,
            failure,
            timer,
            submitting: Mutex::new(()),
            #[cfg(feature = "hazmat")]
            fault: Mutex::new(None),
        };
        engine.check().map(|()| engine)
    }

    pub(crate) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Returns the failure that was reported in the background, if any.
    pub(crate) fn check(&self) -> Result<(), GpuFailure> {
        lock(&self.failure).clone().map_or(Ok(()), Err)
    }

    /// Clears a failure, unless the device is lost. Returns whether the device can be used again.
    pub(crate) fn recover(&self) -> bool {
        // A loss may not have been reported yet.
        let _opengl = self.context.lock_opengl();
        let _ = self.context.device.poll(wgpu::PollType::Poll);
        let mut failure = lock(&self.failure);
        let is_lost = matches!(&*failure, Some(GpuFailure::Lost(_)));
        if !is_lost {
            *failure = None;
        }
        !is_lost
    }

    /// Returns the total run time of kernels, if the device has a clock.
    pub(crate) fn kernel_time(&self) -> Option<Duration> {
        self.timer.as_ref().and_then(Timer::total)
    }

    /// Returns the maximum size of a buffer in bytes.
    pub(crate) fn most_bytes(&self) -> u64 {
        let most = if self.adapter.is_software() { MOST_BYTES_IN_SOFTWARE } else { MOST_BYTES };
        let most = most.min(self.adapter.options().most_bytes.unwrap_or(u64::MAX));
        let limits = self.context.device.limits();
        most.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size)
    }

    /// Returns the maximum number of workgroups per dispatch.
    pub(crate) fn most_workgroups(&self) -> u32 {
        self.context.device.limits().max_compute_workgroups_per_dimension
    }

    /// Returns a storage buffer of `bytes` bytes. Its content is unspecified.
    pub(crate) fn buffer(&self, bytes: usize, secrecy: Secrecy) -> Result<Buffer, GpuFailure> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = self.context.buffer(bytes, usage, secrecy)?;
        self.check().map(|()| buffer)
    }

    /// Returns a storage buffer that contains `numbers`.
    pub(crate) fn upload<T: NoUninit>(&self, numbers: &[T], secrecy: Secrecy) -> Result<Buffer, GpuFailure> {
        let buffer = self.buffer(size_of_val(numbers), secrecy)?;
        self.write(&buffer, numbers);
        Ok(buffer)
    }

    /// Writes numbers to the start of a buffer.
    pub(crate) fn write<T: NoUninit>(&self, buffer: &Buffer, numbers: &[T]) {
        self.write_at(buffer, 0, numbers);
    }

    /// Writes numbers to a buffer, from number `first` on. The offset in bytes must be a multiple of four.
    pub(crate) fn write_at<T: NoUninit>(&self, buffer: &Buffer, first: usize, numbers: &[T]) {
        let _opengl = self.context.lock_opengl();
        let offset = (first * size_of::<T>()) as u64;
        self.context.queue.write_buffer(&buffer.buffer, offset, bytemuck::cast_slice(numbers));
    }

    fn pipeline(&self, shader: ShaderId, text: &dyn Fn() -> String) -> Result<Pipeline, GpuFailure> {
        let mut pipelines = lock(&self.pipelines);
        if let Some(pipeline) = pipelines.get(&shader) {
            return Ok(pipeline.clone());
        }
        let _opengl = self.context.lock_opengl();
        let scope = self.context.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let label = Some(shader.name);
        let descriptor = wgpu::ShaderModuleDescriptor { label, source: wgpu::ShaderSource::Wgsl(text().into()) };
        let module = self.adapter.checks().create(&self.context.device, descriptor);
        let pipeline = self.context.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            // Inferred from the bindings that the shader uses.
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(GpuFailure::Refused(format!("{}: {error}", shader.name)));
        }
        self.check()?;
        let pipeline = Pipeline { pipeline, layout };
        pipelines.insert(shader, pipeline.clone());
        Ok(pipeline)
    }

    /// Submits a dispatch.
    pub(crate) fn dispatch(&self, dispatch: &Dispatch<'_>) -> Result<wgpu::SubmissionIndex, GpuFailure> {
        let Pipeline { pipeline, layout } = self.pipeline(dispatch.shader, dispatch.text)?;
        self.budget.note(dispatch.macs);
        let _opengl = self.context.lock_opengl();
        // Written through the queue: creating a mapped buffer panics on a lost device.
        let params = self.context.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: dispatch.params.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.context.queue.write_buffer(&params, 0, dispatch.params);
        let mut entries = vec![wgpu::BindGroupEntry { binding: 0, resource: params.as_entire_binding() }];
        entries.extend(dispatch.buffers.iter().map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding: *binding,
            resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &buffer.buffer,
                offset: 0,
                size: NonZeroU64::new(buffer.bytes),
            }),
        }));
        let label = Some(dispatch.shader.name);
        let group = self.context.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label,
            layout: &layout,
            entries: &entries,
        });
        let submitting = lock(&self.submitting);
        let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let timestamp_writes = self.timer.as_ref().and_then(Timer::next);
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes });
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(dispatch.workgroups, 1, 1);
        }
        let index = self.context.queue.submit([encoder.finish()]);
        drop(submitting);
        self.check()?;
        Ok(index)
    }

    /// Waits until a submission has finished.
    pub(crate) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuFailure> {
        let _opengl = self.context.lock_opengl();
        let waited = self
            .context
            .device
            .poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(TIMEOUT) });
        self.check()?;
        waited.map(drop).map_err(|_| GpuFailure::TimeOut(TIMEOUT.as_secs()))
    }
}

#[cfg(feature = "hazmat")]
impl Engine {
    /// Injects a fault after the next `readings` readbacks.
    pub(crate) fn inject(&self, readings: u64, fault: Fault) {
        *lock(&self.fault) = Some((readings, fault));
    }

    /// Returns the fault to apply to the data of this readback, if any. Device faults take effect here.
    pub(super) fn due_fault(&self) -> Result<Option<Fault>, GpuFailure> {
        let mut planned = lock(&self.fault);
        let Some((readings, fault)) = &mut *planned else { return Ok(None) };
        if *readings > 0 {
            *readings -= 1;
            return Ok(None);
        }
        let fault = *fault;
        *planned = None;
        match fault {
            Fault::Destroyed => {
                self.context.device.destroy();
                Ok(None)
            }
            Fault::OutOfMemory => Err(GpuFailure::Memory(0)),
            Fault::Flipped | Fault::Swapped | Fault::Zeroed => Ok(Some(fault)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;
    use crate::device::gpu::adapter::{self, KernelOptions};
    use crate::device::gpu::readback::Readback;
    use std::io::Write;

    /// Opens the preferred GPU. Returns `None` if there is none, unless a GPU is required.
    fn open(options: KernelOptions) -> Option<Engine> {
        let Ok(adapter) = adapter::choose(&Device::Gpu, options) else {
            assert!(std::env::var_os("HUSHVEC_REQUIRE_GPU").is_none_or(|value| value != "1"), "there is no GPU");
            writeln!(std::io::stderr(), "SKIPPED on a GPU: there is none").unwrap();
            return None;
        };
        Some(Engine::open(adapter).unwrap())
    }

    /// Without the lock, wgpu panics in a thread that waits several seconds for another thread's dispatch.
    #[test]
    fn one_thread_at_a_time_uses_an_opengl_device() {
        let Some(engine) = open(KernelOptions { open_gl: true, ..KernelOptions::default() }) else { return };
        let lock = engine.context.lock_opengl();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| engine.upload(&[7u64; 100], Secrecy::Public).is_ok());
            std::thread::sleep(Duration::from_millis(100));
            assert!(!other.is_finished(), "two threads use one OpenGL context");
            drop(lock);
            assert!(other.join().unwrap());
        });
    }

    #[test]
    fn secrets_are_overwritten_when_their_buffers_are_dropped() {
        let Some(engine) = open(KernelOptions::default()) else { return };
        for (secrecy, left) in [(Secrecy::Secret, 0), (Secrecy::Public, 7)] {
            let buffer = engine.upload(&[7u64; 100], secrecy).unwrap();
            // The pool returns the same buffer, with the content that it had when it was dropped.
            let witness = buffer.buffer.clone();
            drop(buffer);
            let usage = witness.usage();
            let again = engine.context.buffer(800, usage, Secrecy::Public).unwrap();
            assert!(again.buffer == witness, "the pool returned another buffer");
            let readback = Readback::start(&engine, &again, 1, 800, Secrecy::Public).unwrap();
            readback
                .finish(&engine, |bytes| {
                    assert!(bytemuck::pod_collect_to_vec::<u8, u64>(bytes).iter().all(|limb| *limb == left));
                })
                .unwrap();
        }
    }
}
