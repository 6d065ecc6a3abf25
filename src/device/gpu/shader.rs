//! Shaders that consist of a header of constants and of files.

use super::GpuFailure;
use super::buffer::Buffer;
use super::engine::{Dispatch, Engine, ShaderId};
use bytemuck::Pod;

/// A shader without its header. Its name is that of its file in `shaders/`.
pub(crate) struct Shader {
    pub(crate) name: &'static str,
    pub(crate) parts: &'static [&'static str],
}

/// A dispatch of a [`Shader`].
pub(crate) struct Run<'a, P> {
    /// The sizes that the header depends on.
    pub(crate) variant: [u32; 3],
    /// Returns the header, which defines what the files do not.
    pub(crate) header: &'a dyn Fn() -> String,
    /// The uniform at binding 0.
    pub(crate) params: P,
    /// The storage buffers, from binding 1 on.
    pub(crate) buffers: &'a [&'a Buffer],
    pub(crate) workgroups: u32,
    /// Multiply-adds of this dispatch.
    pub(crate) macs: u64,
}

impl Shader {
    /// Returns the shader's WGSL. The entry point is `main`.
    pub(crate) fn source(&self, header: &str) -> String {
        std::iter::once(&header).chain(self.parts).copied().collect()
    }

    /// Submits a dispatch.
    pub(crate) fn run<P: Pod>(&self, engine: &Engine, run: &Run<'_, P>) -> Result<(), GpuFailure> {
        let buffers: Vec<(u32, &Buffer)> = (1..).zip(run.buffers.iter().copied()).collect();
        let dispatch = Dispatch {
            shader: ShaderId { name: self.name, variant: run.variant },
            text: &|| self.source(&(run.header)()),
            params: bytemuck::bytes_of(&run.params),
            buffers: &buffers,
            workgroups: run.workgroups,
            macs: run.macs,
        };
        engine.dispatch(&dispatch).map(drop)
    }
}

/// Fails unless a shader is valid without any optional feature, and stays within WebGPU's default limits.
#[cfg(test)]
pub(crate) fn assert_portable(name: &str, text: &str) {
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
    use wgpu::naga::{AddressSpace, front};

    let module = front::wgsl::parse_str(text).unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(text)));
    Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(text)));
    let [entry] = module.entry_points.as_slice() else { panic!("{name}: not one entry point") };
    assert!(entry.workgroup_size.iter().product::<u32>() <= 256, "{name}");
    let shared = module.global_variables.iter().filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
    let bytes: u32 = shared.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx())).sum();
    assert!(bytes <= 16 << 10, "{name}: {bytes} bytes of workgroup memory");
}
