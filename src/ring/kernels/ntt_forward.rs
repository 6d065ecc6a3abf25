//! `ntt_forward`: the number-theoretic transform of polynomials.

use super::batch;
use crate::device::cpu::Cpu;
use crate::device::open_device::OpenDevice;
use crate::ring::ntt::Ntt;

/// Transforms polynomials to their values, see [`Ntt::forward`]. All rings have the same degree, and
/// polynomial i belongs to ring i modulo their number. Coefficients may be up to 4q − 1.
pub fn ntt_forward(device: &OpenDevice, rings: &[Ntt], polynomials: &[u32], out: &mut [u32]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        return offloaded.run(&gpu::Forward::new(rings, polynomials), out);
    }
    on_cpu(device.cpu(), rings, 0, polynomials, out);
}

fn on_cpu(cpu: &Cpu, rings: &[Ntt], first: usize, polynomials: &[u32], out: &mut [u32]) {
    batch::each(cpu, rings, first, polynomials, out, Ntt::forward);
}

/// The kernel on a GPU.
#[cfg(feature = "gpu")]
pub(crate) mod gpu {
    use crate::device::cpu::Cpu;
    use crate::device::gpu::shader::Shader;
    use crate::ring::kernels::gpu::transform::{Direction, Transform};
    use crate::ring::modulus::Multiplier;
    use crate::ring::ntt::Ntt;

    pub(crate) const SHADER: Shader = Shader {
        name: "ntt_forward",
        parts: &[
            include_str!("../../../shaders/ring/transform.wgsl"),
            include_str!("../../../shaders/ring/residues.wgsl"),
            include_str!("../../../shaders/ring/polynomials.wgsl"),
            include_str!("../../../shaders/ring/ntt_forward.wgsl"),
        ],
    };

    /// From coefficients to values.
    pub(crate) struct ToValues;

    pub(crate) type Forward<'a> = Transform<'a, ToValues>;

    impl Direction for ToValues {
        const SHADER: &'static Shader = &SHADER;
        const LAZINESS: u32 = 4;

        fn factors(ring: &Ntt) -> &[Multiplier] {
            ring.forward_factors()
        }

        fn on_cpu(cpu: &Cpu, rings: &[Ntt], first: usize, input: &[u32], out: &mut [u32]) {
            super::on_cpu(cpu, rings, first, input, out);
        }

        fn sides<'s>(input: &'s [u32], out: &'s [u32]) -> [&'s [u32]; 2] {
            [input, out]
        }
    }
}
