//! `ntt_inverse`: the inverse number-theoretic transform.

use super::batch;
use crate::device::cpu::Cpu;
use crate::device::open_device::OpenDevice;
use crate::ring::ntt::Ntt;

/// Transforms values to the polynomials that have them, see [`Ntt::inverse`]. All rings have the same degree, and
/// polynomial i belongs to ring i modulo their number. Values may be up to 2q − 1.
pub fn ntt_inverse(device: &OpenDevice, rings: &[Ntt], values: &[u32], out: &mut [u32]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        return offloaded.run(&gpu::Inverse::new(rings, values), out);
    }
    on_cpu(device.cpu(), rings, 0, values, out);
}

fn on_cpu(cpu: &Cpu, rings: &[Ntt], first: usize, values: &[u32], out: &mut [u32]) {
    batch::each(cpu, rings, first, values, out, Ntt::inverse);
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
        name: "ntt_inverse",
        parts: &[
            include_str!("../../../shaders/ring/transform.wgsl"),
            include_str!("../../../shaders/ring/residues.wgsl"),
            include_str!("../../../shaders/ring/polynomials.wgsl"),
            include_str!("../../../shaders/ring/ntt_inverse.wgsl"),
        ],
    };

    /// From values to coefficients.
    pub(crate) struct ToCoefficients;

    pub(crate) type Inverse<'a> = Transform<'a, ToCoefficients>;

    impl Direction for ToCoefficients {
        const SHADER: &'static Shader = &SHADER;
        const LAZINESS: u32 = 2;

        fn factors(ring: &Ntt) -> &[Multiplier] {
            ring.inverse_factors()
        }

        fn on_cpu(cpu: &Cpu, rings: &[Ntt], first: usize, input: &[u32], out: &mut [u32]) {
            super::on_cpu(cpu, rings, first, input, out);
        }

        fn sides<'s>(input: &'s [u32], out: &'s [u32]) -> [&'s [u32]; 2] {
            [out, input]
        }
    }
}
