//! An open GPU: buffers, pipelines, dispatches, and what can go wrong with them.

use super::adapter::Adapter;
use super::buffer::{Buffer, Home, Secrecy, bind};
use super::dispatch_budget::{DispatchBudget, macs};
use super::failure::GpuFailure;
#[cfg(feature = "hazmat")]
use super::fault::Fault;
use super::shader::{self, GROUP, Shape, Stem};
use super::timer::Timer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A device answers within this time or counts as lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// The most that one job's buffers take.
const MOST_BYTES: u64 = 1 << 30;
/// On a software device, where the host pays for them.
const MOST_BYTES_IN_SOFTWARE: u64 = 1 << 26;

pub(super) struct Engine {
    pub(super) home: Arc<Home>,
    adapter: Adapter,
    bindings: wgpu::BindGroupLayout,
    layout: wgpu::PipelineLayout,
    pipelines: Mutex<HashMap<(Stem, Shape), wgpu::ComputePipeline>>,
    trouble: Arc<Mutex<Option<GpuFailure>>>,
    /// Stand for buffers that a kernel does not use. For writing, each binding needs one of its own.
    nothing: [wgpu::Buffer; 3],
    pub(super) budget: DispatchBudget,
    pub(super) timer: Option<Timer>,
    /// Held from taking a place for a dispatch's times to submitting it: a driver waits for times that are asked for,
    /// and those of a dispatch behind the question would never come.
    pub(super) submitting: Mutex<()>,
    /// Something to go wrong, after so many readings more.
    #[cfg(feature = "hazmat")]
    fault: Mutex<Option<(u64, Fault)>>,
}

/// What a dispatch works on; see `shaders/bindings.wgsl`.
#[derive(Default, Clone, Copy)]
pub(super) struct Bindings<'a> {
    pub(super) constants: Option<&'a Buffer>,
    pub(super) input: Option<&'a Buffer>,
    pub(super) second: Option<&'a Buffer>,
    pub(super) output: Option<&'a Buffer>,
    pub(super) state: Option<&'a Buffer>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub(super) fn open(adapter: Adapter) -> Result<Self, GpuFailure> {
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
        let entry = |binding: u32, ty: wgpu::BufferBindingType| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
            count: None,
        };
        let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
        let bindings = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("hushvec"),
            entries: &[
                entry(0, wgpu::BufferBindingType::Uniform),
                entry(1, storage(true)),
                entry(2, storage(true)),
                entry(3, storage(true)),
                entry(4, storage(false)),
                entry(5, storage(false)),
            ],
        });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("hushvec"),
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        let nothing = [0; 3].map(|_| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("nothing"),
                size: 16,
                usage: wgpu::BufferUsages::STORAGE,
                mapped_at_creation: false,
            })
        });
        let pipelines = Mutex::new(HashMap::new());
        let timer = Timer::new(&device, &queue);
        let budget = DispatchBudget::new(adapter.options().budget);
        let engine = Self {
            budget,
            home: Home::new(device, queue, adapter.backend()),
            adapter,
            bindings,
            layout,
            pipelines,
            trouble,
            nothing,
            timer,
            submitting: Mutex::new(()),
            #[cfg(feature = "hazmat")]
            fault: Mutex::new(None),
        };
        engine.check().map(|()| engine)
    }

    pub(super) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// What went wrong since, in the background.
    pub(super) fn check(&self) -> Result<(), GpuFailure> {
        lock(&self.trouble).clone().map_or(Ok(()), Err)
    }

    /// Forgets what went wrong, unless the device is gone. Returns whether it can be used again.
    pub(super) fn recover(&self) -> bool {
        // A loss may not have been reported yet.
        let _turn = self.home.turn();
        let _ = self.home.device.poll(wgpu::PollType::Poll);
        let mut trouble = lock(&self.trouble);
        let is_lost = matches!(&*trouble, Some(GpuFailure::Lost(_)));
        if !is_lost {
            *trouble = None;
        }
        !is_lost
    }

    /// How long kernels have run, if the device can tell.
    pub(super) fn kernel_time(&self) -> Option<Duration> {
        self.timer.as_ref().and_then(Timer::total)
    }

    /// How this device computes numbers of that many bits.
    pub(super) fn shape(&self, bits: usize) -> Shape {
        self.adapter.shape(bits)
    }

    /// The most bytes of one buffer.
    pub(super) fn most_bytes(&self) -> u64 {
        let most = if self.adapter.is_software() { MOST_BYTES_IN_SOFTWARE } else { MOST_BYTES };
        let most = most.min(self.adapter.options().most_bytes.unwrap_or(u64::MAX));
        let limits = self.home.device.limits();
        most.min(limits.max_storage_buffer_binding_size).min(limits.max_buffer_size)
    }

    /// The most rows of one dispatch.
    pub(super) fn most_rows(&self, shape: Shape) -> usize {
        let groups = self.home.device.limits().max_compute_workgroups_per_dimension;
        (groups.saturating_mul(shape.numbers_a_group()) as usize).min(1 << 20)
    }

    /// A buffer of that size.
    pub(super) fn buffer(&self, bytes: usize, secrecy: Secrecy) -> Result<Buffer, GpuFailure> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let buffer = self.home.buffer(bytes, usage, secrecy)?;
        self.check().map(|()| buffer)
    }

    /// A buffer with these limbs in it.
    pub(super) fn upload(&self, limbs: &[u64], secrecy: Secrecy) -> Result<Buffer, GpuFailure> {
        let buffer = self.buffer(8 * limbs.len(), secrecy)?;
        self.write(&buffer, limbs);
        Ok(buffer)
    }

    /// Writes limbs to the beginning of a buffer.
    pub(super) fn write(&self, buffer: &Buffer, limbs: &[u64]) {
        let _turn = self.home.turn();
        self.home.queue.write_buffer(&buffer.buffer, 0, bytemuck::cast_slice(limbs));
    }

    fn pipeline(&self, stem: Stem, shape: Shape) -> Result<wgpu::ComputePipeline, GpuFailure> {
        let mut pipelines = lock(&self.pipelines);
        if let Some(pipeline) = pipelines.get(&(stem, shape)) {
            return Ok(pipeline.clone());
        }
        let _turn = self.home.turn();
        let scope = self.home.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(stem.name()),
            source: wgpu::ShaderSource::Wgsl(shader::source(stem, shape).into()),
        };
        let module = self.adapter.checks().create(&self.home.device, descriptor);
        let pipeline = self.home.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(stem.name()),
            layout: Some(&self.layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[],
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        if let Some(error) = pollster::block_on(scope.pop()) {
            return Err(GpuFailure::Refused(format!("{}: {error}", stem.name())));
        }
        self.check()?;
        pipelines.insert((stem, shape), pipeline.clone());
        Ok(pipeline)
    }

    /// Runs a shader over `rows` rows, with `products` products of pairs for each. The numbers are those after the rows in `shaders/bindings.wgsl`.
    pub(super) fn dispatch(
        &self,
        stem: Stem,
        shape: Shape,
        rows: usize,
        products: usize,
        [first, last, a, b, c, d]: [u32; 6],
        on: Bindings<'_>,
    ) -> Result<wgpu::SubmissionIndex, GpuFailure> {
        let pipeline = self.pipeline(stem, shape)?;
        self.budget.note(macs(shape, rows, products));
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        let uniform = [rows, first, last, a, b, c, d, shape.words_a_lane()];
        let _turn = self.home.turn();
        // Written by the queue, since a buffer that is mapped at its creation panics on a lost device.
        let parameters = self.home.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: size_of_val(&uniform) as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.home.queue.write_buffer(&parameters, 0, bytemuck::cast_slice(&uniform));
        let [unread, unwritten, untouched] = &self.nothing;
        let group = self.home.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.bindings,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: parameters.as_entire_binding() },
                bind(1, on.constants, unread),
                bind(2, on.input, unread),
                bind(3, on.second, unread),
                bind(4, on.output, unwritten),
                bind(5, on.state, untouched),
            ],
        });
        let submitting = lock(&self.submitting);
        let mut encoder = self.home.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(stem.name()),
                timestamp_writes: self.timer.as_ref().and_then(Timer::next),
            });
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups(rows.div_ceil(shape.numbers_a_group()), 1, 1);
        }
        let index = self.home.queue.submit([encoder.finish()]);
        drop(submitting);
        self.check()?;
        Ok(index)
    }

    /// Waits until a submission is done.
    pub(super) fn wait(&self, submission: wgpu::SubmissionIndex) -> Result<(), GpuFailure> {
        let _turn = self.home.turn();
        let waited =
            self.home.device.poll(wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(PATIENCE) });
        self.check()?;
        waited.map(drop).map_err(|_| GpuFailure::TimeOut(PATIENCE.as_secs()))
    }
}

#[cfg(feature = "hazmat")]
impl Engine {
    /// Has something go wrong after `readings` readings more.
    pub(super) fn inject(&self, readings: u64, fault: Fault) {
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
                self.home.device.destroy();
                Ok(None)
            }
            Fault::OutOfMemory => Err(GpuFailure::Memory(0)),
            Fault::Flipped | Fault::Swapped | Fault::Zeroed => Ok(Some(fault)),
        }
    }
}

const _: () = assert!(GROUP.is_power_of_two());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::adapter::{self, KernelOptions};
    use crate::backend::gpu::reading::Reading;
    use crate::device::Device;
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
    fn threads_take_turns_on_open_gl() {
        let Some(engine) = open(KernelOptions { open_gl: true, ..KernelOptions::default() }) else { return };
        let turn = engine.home.turn();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| engine.upload(&[7; 100], Secrecy::Public).is_ok());
            std::thread::sleep(Duration::from_millis(100));
            assert!(!other.is_finished(), "two threads use one OpenGL context");
            drop(turn);
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
            let again = engine.home.buffer(800, usage, Secrecy::Public).unwrap();
            assert!(again.buffer == witness, "the pool has another buffer");
            let reading = Reading::start(&engine, &again, 1, 800, Secrecy::Public).unwrap();
            reading
                .finish(&engine, |bytes| {
                    assert!(bytemuck::pod_collect_to_vec::<u8, u64>(bytes).iter().all(|limb| *limb == left));
                })
                .unwrap();
        }
    }
}
