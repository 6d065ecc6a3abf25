//! An open GPU: buffers, pipelines, dispatches, and what can go wrong with them.

use super::adapter::Adapter;
use super::buffer::{Buffer, GpuContext, Secrecy};
use super::dispatch_budget::DispatchBudget;
use super::failure::GpuFailure;
#[cfg(feature = "hazmat")]
use super::fault::Fault;
use super::lock::lock;
use super::timer::Timer;
use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A device answers within this time or counts as lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// The most that one job's buffers take.
const MOST_BYTES: u64 = 1 << 30;
/// On a software device, where the host pays for them.
const MOST_BYTES_IN_SOFTWARE: u64 = 1 << 26;

/// An open device. It knows no kernel: shaders, parameters and buffers come with each dispatch.
pub(crate) struct Engine {
    pub(super) context: Arc<GpuContext>,
    adapter: Adapter,
    pipelines: Mutex<HashMap<ShaderId, Pipeline>>,
    trouble: Arc<Mutex<Option<GpuFailure>>>,
    pub(crate) budget: DispatchBudget,
    pub(super) timer: Option<Timer>,
    /// Held from taking a place for a dispatch's times to submitting it: a driver waits for times that are asked for,
    /// and those of a dispatch behind the question would never come.
    pub(super) submitting: Mutex<()>,
    /// Something to go wrong, after so many readings more.
    #[cfg(feature = "hazmat")]
    fault: Mutex<Option<(u64, Fault)>>,
}

/// What tells a shader from all others: its name, and the numbers that its text was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShaderId {
    pub(crate) name: &'static str,
    pub(crate) variant: [u32; 3],
}

/// A compiled shader, and which buffers it takes.
#[derive(Clone)]
struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// One call of a shader.
pub(crate) struct Dispatch<'a> {
    pub(crate) shader: ShaderId,
    /// Its WGSL, which is asked for the first time only. The entry point is `main`.
    pub(crate) text: &'a dyn Fn() -> String,
    /// What is bound as a uniform at 0.
    pub(crate) params: &'a [u8],
    /// Storage buffers, by their bindings: those that the shader uses, and no other.
    pub(crate) buffers: &'a [(u32, &'a Buffer)],
    pub(crate) workgroups: u32,
    /// Multiply-adds that it does.
    pub(crate) macs: u64,
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
        let trouble = Arc::new(Mutex::new(None));
        let of_errors = Arc::clone(&trouble);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            lock(&of_errors).get_or_insert(GpuFailure::Refused(error.to_string()));
        }));
        let of_loss = Arc::clone(&trouble);
        device.set_device_lost_callback(move |reason, message| {
            // An engine that is dropped reports its device as destroyed too, but then nobody asks any more. What was
            // noted before does not matter any more: there is no recovery from a loss.
            let failure = GpuFailure::Lost(format!("{reason:?} {message}").trim_end().to_owned());
            *lock(&of_loss) = Some(failure);
        });
        let pipelines = Mutex::new(HashMap::new());
        let timer = Timer::new(&device, &queue);
        let budget = DispatchBudget::new(adapter.options().budget);
        let engine = Self {
            budget,
            context: GpuContext::new(device, queue, adapter.backend()),
            adapter,
            pipelines,
            trouble,
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

    /// What went wrong since, in the background.
    pub(crate) fn check(&self) -> Result<(), GpuFailure> {
        lock(&self.trouble).clone().map_or(Ok(()), Err)
    }

    /// Forgets what went wrong, unless the device is gone. Returns whether it can be used again.
    pub(crate) fn recover(&self) -> bool {
        // A loss may not have been reported yet.
        let _opengl = self.context.lock_opengl();
        let _ = self.context.device.poll(wgpu::PollType::Poll);
        let mut trouble = lock(&self.trouble);
        let is_lost = matches!(&*trouble, Some(GpuFailure::Lost(_)));
        if !is_lost {
            *trouble = None;
        }
        !is_lost
    }

    /// How long kernels have run, if the device can tell.
    pub(crate) fn kernel_time(&self) -> Option<Duration> {
        self.timer.as_ref().and_then(Timer::total)
    }

    /// The most bytes of one buffer.
    pub(crate) fn most_bytes(&self) -> u64 {
        let most = if self.adapter.is_software() { MOST_BYTES_IN_SOFTWARE } else { MOST_BYTES };
        let most = most.min(self.adapter.options().most_bytes.unwrap_or(u64::MAX));
        let limits = self.context.device.limits();
        most.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size)
    }

    /// The most workgroups of one dispatch.
    pub(crate) fn most_workgroups(&self) -> u32 {
        self.context.device.limits().max_compute_workgroups_per_dimension
    }

    /// A buffer of that size.
    pub(crate) fn buffer(&self, bytes: usize, secrecy: Secrecy) -> Result<Buffer, GpuFailure> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = self.context.buffer(bytes, usage, secrecy)?;
        self.check().map(|()| buffer)
    }

    /// A buffer with these limbs in it.
    pub(crate) fn upload(&self, limbs: &[u64], secrecy: Secrecy) -> Result<Buffer, GpuFailure> {
        let buffer = self.buffer(8 * limbs.len(), secrecy)?;
        self.write(&buffer, limbs);
        Ok(buffer)
    }

    /// Writes limbs to the beginning of a buffer.
    pub(crate) fn write(&self, buffer: &Buffer, limbs: &[u64]) {
        let _opengl = self.context.lock_opengl();
        self.context.queue.write_buffer(&buffer.buffer, 0, bytemuck::cast_slice(limbs));
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
            // What the shader uses.
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
        // Written by the queue, since a buffer that is mapped at its creation panics on a lost device.
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

    /// Waits until a submission is done.
    pub(crate) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuFailure> {
        let _opengl = self.context.lock_opengl();
        let waited = self
            .context
            .device
            .poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(PATIENCE) });
        self.check()?;
        waited.map(drop).map_err(|_| GpuFailure::TimeOut(PATIENCE.as_secs()))
    }
}

#[cfg(feature = "hazmat")]
impl Engine {
    /// Has something go wrong after `readings` readings more.
    pub(crate) fn inject(&self, readings: u64, fault: Fault) {
        *lock(&self.fault) = Some((readings, fault));
    }

    /// The fault of this reading, if it has one. Those of the device happen here.
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

    /// The best GPU, unless there is none and none is required.
    fn open(options: KernelOptions) -> Option<Engine> {
        let Ok(adapter) = adapter::choose(&Device::Gpu, options) else {
            assert!(std::env::var_os("HUSHVEC_REQUIRE_GPU").is_none_or(|value| value != "1"), "there is no GPU");
            writeln!(std::io::stderr(), "SKIPPED on a GPU: there is none").unwrap();
            return None;
        };
        Some(Engine::open(adapter).unwrap())
    }

    /// Otherwise wgpu panics in the thread that waits for another's dispatch of several seconds.
    #[test]
    fn one_thread_at_a_time_uses_an_opengl_device() {
        let Some(engine) = open(KernelOptions { open_gl: true, ..KernelOptions::default() }) else { return };
        let lock = engine.context.lock_opengl();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| engine.upload(&[7; 100], Secrecy::Public).is_ok());
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
            let buffer = engine.upload(&[7; 100], secrecy).unwrap();
            // Comes back from the pool as it was left there.
            let witness = buffer.buffer.clone();
            drop(buffer);
            let usage = witness.usage();
            let again = engine.context.buffer(800, usage, Secrecy::Public).unwrap();
            assert!(again.buffer == witness, "the pool has another buffer");
            let readback = Readback::start(&engine, &again, 1, 800, Secrecy::Public).unwrap();
            readback
                .finish(&engine, |bytes| {
                    assert!(bytemuck::pod_collect_to_vec::<u8, u64>(bytes).iter().all(|limb| *limb == left));
                })
                .unwrap();
        }
    }
}
