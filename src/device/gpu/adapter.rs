//! The GPU adapters of this machine, and which of them a device name selects.

use crate::device::Device;
use crate::device::report::AdapterInfo;
use crate::error::Error;

/// Workgroup size of the shaders for large numbers, in invocations.
pub(crate) const WORKGROUP_SIZE: u32 = 64;

/// The invocations and the bytes of memory of a workgroup that every device must allow: WebGPU's default limits.
const INVOCATIONS: u32 = 256;
const WORKGROUP_BYTES: u32 = 16 << 10;

/// How kernels are built. Only tests and benchmarks use other values than the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KernelOptions {
    /// Use the portable family of kernels even if the adapter supports the cooperative one.
    pub portable: bool,
    /// Maximum number of lanes per number, for the cooperative family.
    pub lanes: Option<u32>,
    /// Let the driver check every index and every loop of the shaders.
    pub checked: bool,
    /// Use OpenGL.
    pub open_gl: bool,
    /// Run the kernels for hardware GPUs on an emulated GPU.
    pub hardware: bool,
    /// Rows of a round: they are checked while the GPU computes the next round.
    pub round: Option<usize>,
    /// Maximum number of 32-bit multiply-adds per dispatch, instead of a limit that adapts to the GPU's speed.
    pub budget: Option<u64>,
    /// Maximum size of a buffer in bytes, as if it were a limit of the GPU.
    pub most_bytes: Option<u64>,
}

/// An adapter that can be opened.
#[derive(Clone)]
pub(crate) struct Adapter {
    handle: wgpu::Adapter,
    info: wgpu::AdapterInfo,
    index: usize,
    options: KernelOptions,
}

/// Limits of the cooperative family, in which several invocations share a number.
#[derive(Debug, Clone, Copy)]
pub struct Cooperation {
    /// Maximum number of lanes per number: at most the minimum subgroup size.
    pub lanes: u32,
    /// Workgroup memory in bytes.
    pub workgroup_bytes: u32,
}

/// Whether the driver checks the indices and loops of shaders.
#[derive(Clone, Copy)]
pub(super) enum ShaderChecks {
    Trusted,
    Checked,
}

impl ShaderChecks {
    pub(super) fn create(
        self,
        device: &wgpu::Device,
        descriptor: wgpu::ShaderModuleDescriptor<'_>,
    ) -> wgpu::ShaderModule {
        match self {
            Self::Checked => device.create_shader_module(descriptor),
            // SAFETY: only this crate's own shaders are compiled here. Their loops end, and every index into a buffer
            // is below the number of rows times the words of a row, which is the size that the host allocates. The
            // parity tests run the same shaders with all checks enabled.
            Self::Trusted => unsafe {
                device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
            },
        }
    }
}

/// Returns all adapters, in order of preference.
pub(super) fn adapters(options: KernelOptions) -> Vec<Adapter> {
    // OpenGL only if no other API has an adapter: otherwise the same GPUs would be listed twice.
    let mut adapters = if options.open_gl { Vec::new() } else { through(wgpu::Backends::PRIMARY, options) };
    if adapters.is_empty() {
        adapters = through(wgpu::Backends::GL, options);
    }
    adapters.sort_by_key(Adapter::rank);
    for (index, adapter) in adapters.iter_mut().enumerate() {
        adapter.index = index;
    }
    adapters
}

/// Returns the usable adapters of some backends.
fn through(backends: wgpu::Backends, options: KernelOptions) -> Vec<Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    let handles = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(backends));
    let adapters = handles.into_iter().map(|handle| Adapter { info: handle.get_info(), handle, index: 0, options });
    adapters.filter(Adapter::is_usable).collect()
}

/// Returns the adapter that `device` selects.
///
/// # Errors
/// [`Error::Device`] if there is none.
pub(super) fn choose(device: &Device, options: KernelOptions) -> Result<Adapter, Error> {
    let adapters = adapters(options);
    let names: Vec<&str> = adapters.iter().map(|adapter| adapter.info.name.as_str()).collect();
    let none = |reason: String| Error::Device { asked: device.to_string(), reason };
    let listed = if names.is_empty() {
        "no GPU found; hushvec needs a driver for Vulkan, Metal or DirectX 12".to_owned()
    } else {
        format!("not found; available GPUs: {}", names.join(", "))
    };
    let found = match device {
        Device::GpuIndex(index) => adapters.get(*index),
        Device::GpuName(name) => {
            let name = name.to_lowercase();
            adapters.iter().find(|adapter| adapter.info.name.to_lowercase().contains(&name))
        }
        Device::Auto => adapters.iter().find(|adapter| !adapter.is_software()),
        Device::Gpu | Device::Cpu => adapters.first(),
    };
    found.cloned().ok_or_else(|| none(listed))
}

/// Adapters are equal if they are the same GPU with the same driver and kernel options.
impl PartialEq for Adapter {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.info == other.info && self.options == other.options
    }
}

impl Adapter {
    pub(super) fn options(&self) -> KernelOptions {
        self.options
    }

    pub(super) fn handle(&self) -> &wgpu::Adapter {
        &self.handle
    }

    pub(super) fn backend(&self) -> wgpu::Backend {
        self.info.backend
    }

    pub(super) fn is_software(&self) -> bool {
        self.info.device_type == wgpu::DeviceType::Cpu
    }

    /// Returns whether to use the kernels for emulated GPUs.
    pub(crate) fn has_software_kernels(&self) -> bool {
        self.is_software() && !self.options.hardware
    }

    pub(super) fn checks(&self) -> ShaderChecks {
        if self.options.checked { ShaderChecks::Checked } else { ShaderChecks::Trusted }
    }

    fn is_usable(&self) -> bool {
        let limits = self.handle.limits();
        self.info.backend != wgpu::Backend::Noop
            && limits.max_storage_buffers_per_shader_stage >= 5
            && limits.max_compute_invocations_per_workgroup >= INVOCATIONS
            && limits.max_compute_workgroup_storage_size >= WORKGROUP_BYTES
    }

    /// Order of preference: discrete, integrated, virtual, unknown, software.
    fn rank(&self) -> u8 {
        match self.info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        }
    }

    fn is_cooperative(&self) -> bool {
        let needed = wgpu::Features::SHADER_INT64 | wgpu::Features::SUBGROUP;
        !self.options.portable
            && self.handle.features().contains(needed)
            && self.info.subgroup_max_size <= WORKGROUP_SIZE
    }

    pub(super) fn features(&self) -> wgpu::Features {
        let clock = self.handle.features() & wgpu::Features::TIMESTAMP_QUERY;
        if self.is_cooperative() { wgpu::Features::SHADER_INT64 | wgpu::Features::SUBGROUP | clock } else { clock }
    }

    pub(super) fn limits(&self) -> wgpu::Limits {
        self.handle.limits()
    }

    /// Returns the limits of the cooperative family, or `None` if the adapter runs the portable one.
    pub(crate) fn cooperation(&self) -> Option<Cooperation> {
        self.is_cooperative().then(|| Cooperation {
            lanes: self.info.subgroup_min_size.min(32).min(self.options.lanes.unwrap_or(32)),
            workgroup_bytes: self.handle.limits().max_compute_workgroup_storage_size,
        })
    }

    pub(super) fn describe(&self) -> AdapterInfo {
        let driver = [&self.info.driver, &self.info.driver_info];
        let driver: Vec<&str> = driver.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        AdapterInfo {
            index: self.index,
            name: self.info.name.clone(),
            kind: match self.info.device_type {
                wgpu::DeviceType::DiscreteGpu => "discrete",
                wgpu::DeviceType::IntegratedGpu => "integrated",
                wgpu::DeviceType::VirtualGpu => "virtual",
                wgpu::DeviceType::Cpu => "software",
                wgpu::DeviceType::Other => "unknown",
            },
            software: self.is_software(),
            api: format!("{:?}", self.info.backend),
            driver: driver.join(" "),
            kernels: if self.is_cooperative() { "cooperative" } else { "portable" },
        }
    }
}
