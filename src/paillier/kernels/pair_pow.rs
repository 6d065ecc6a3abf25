//! `pair_pow`: raises many bases to one power.

#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::window::{self, Exponent};
use crate::bignum::with_lanes::for_powers;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;

/// Raises each base to the same power, modulo m².
///
/// `bases` and `out` are pairs: rows of 2·width limbs.
///
/// # Panics
/// If `out` is shorter than `bases`.
pub fn pair_pow(device: &OpenDevice, modulus: &Modulus, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        return offloaded.run(&gpu::PairPow { modulus, bases, exponent }, out);
    }
    on_cpu(device.cpu(), modulus, bases, exponent, out);
}

pub(super) fn on_cpu(cpu: &Cpu, modulus: &Modulus, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
    with_lanes!(&for_powers(cpu, bases.len()), modulus, m => powers(cpu, m, bases, exponent, out));
}

fn powers<A: Lanes>(cpu: &Cpu, m: &A, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
    cpu.for_each_group(out, 2 * m.width(), Run::new(1, 16).of(A::COUNT), |rows, out| {
        let power = window::pow(m, &m.to_mont(&m.load_pair(bases.slice(rows))), exponent);
        m.store_pair(&m.from_mont(&power), out);
    });
}

/// Inputs with an exponent as long as the modulus.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "pair_pow", batches: &[1, 8], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    let (modulus, bases) = samples::pairs(bits, rows)?;
    let exponent = Exponent::new(&samples::numbers(bits, 1), bits);
    Ok(Sample::new(bases.len(), move |device, out| {
        pair_pow(device, &modulus, Rows::new(&bases, 2 * modulus.width()), &exponent, out);
    }))
}

/// The kernel on a GPU, and the check of its results.
#[cfg(feature = "gpu")]
pub(super) mod gpu {
    use crate::bignum::batch::Rows;
    use crate::bignum::modulus::Modulus;
    use crate::bignum::window::Exponent;
    use crate::device::cpu::Cpu;
    use crate::device::gpu::GpuFailure;
    use crate::device::gpu::buffer::{Buffer, Secrecy};
    use crate::device::gpu::engine::Engine;
    use crate::device::gpu::readback::{Readback, copy};
    use crate::device::offload::kernel::{Kernel, Launch};
    use crate::error::Error;
    use crate::paillier::kernels::gpu::ROWS;
    use crate::paillier::kernels::gpu::batch_check;
    use crate::paillier::kernels::gpu::constants::DeviceModulus;
    use crate::paillier::kernels::gpu::pace::Steps;
    use crate::paillier::kernels::gpu::program::Program;
    use crate::paillier::kernels::gpu::shader::{Bindings, Shader};
    use crate::paillier::kernels::gpu::shape::RowLimits;
    use crate::paillier::kernels::gpu::suits_gpus;
    use crate::paillier::kernels::pair_mul::gpu::agree;
    use crate::paillier::kernels::samples::{self, EXPONENT_BITS};
    use std::ops::Range;
    use std::sync::Arc;

    pub(crate) const SHADER: Shader =
        Shader { name: "pair_pow", text: include_str!("../../../shaders/paillier/pair_pow.wgsl") };

    /// The same power of each base, modulo m².
    pub(crate) struct PairPow<'a> {
        pub(crate) modulus: &'a Modulus,
        pub(crate) bases: Rows<'a>,
        pub(crate) exponent: &'a Exponent,
    }

    /// A modulus and an exponent, as a program, on a device.
    pub(crate) struct DevicePower {
        pub(crate) modulus: DeviceModulus,
        program: Program,
        steps: Buffer,
    }

    impl DevicePower {
        pub(crate) fn new(engine: &Engine, modulus: DeviceModulus, program: Program) -> Result<Self, GpuFailure> {
            let steps = engine.upload(&program.limbs(), Secrecy::Secret)?;
            Ok(Self { modulus, program, steps })
        }

        /// Returns the limits of a round, so that accumulators and tables fit. Pairs have `width` limbs, and a
        /// dispatch does at least `products` products per row.
        pub(crate) fn limits(&self, width: usize, products: usize) -> RowLimits {
            RowLimits { bytes_per_row: 8 * width * (1 + self.program.entries), products }
        }

        /// Allocates accumulators of `limbs` limbs in total, and their tables.
        pub(crate) fn state(&self, engine: &Engine, limbs: usize) -> Result<Buffer, GpuFailure> {
            engine.buffer(8 * limbs * (1 + self.program.entries), Secrecy::Secret)
        }

        /// Runs the program over `rows` rows.
        pub(crate) fn run(
            &self,
            engine: &Engine,
            rows: usize,
            input: &Buffer,
            output: &Buffer,
            state: &Buffer,
        ) -> Result<(), GpuFailure> {
            let on =
                Bindings { input: Some(input), second: Some(&self.steps), output: Some(output), state: Some(state) };
            Steps { shape: self.modulus.shape, rows, range: 0..self.program.len(), more: 0 }.run(engine, |steps| {
                SHADER.dispatch(engine, &self.modulus, rows, steps.len(), [steps.start, steps.end], on)
            })
        }
    }

    impl Kernel for PairPow<'_> {
        const NAME: &'static str = SHADER.name;
        type Element = u64;
        type Prepared = DevicePower;

        fn size(&self) -> usize {
            self.modulus.bits()
        }

        fn length(&self) -> usize {
            self.exponent.bits()
        }

        fn suits_gpus(&self) -> bool {
            suits_gpus(self.modulus)
        }

        fn rows(&self) -> usize {
            self.bases.len()
        }

        fn width(&self) -> usize {
            self.bases.width()
        }

        fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u64]) {
            super::on_cpu(cpu, self.modulus, self.bases.slice(rows), self.exponent, out);
        }

        fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
            let out = Rows::new(out, self.width());
            batch_check::powers_hold(cpu, self.modulus, self.bases.slice(rows), self.exponent, out)
        }

        fn prepare(&self, engine: &Arc<Engine>) -> Result<DevicePower, GpuFailure> {
            DevicePower::new(engine, DeviceModulus::new(engine, self.modulus)?, Program::power(self.exponent))
        }

        fn round(&self, engine: &Engine, power: &mut DevicePower, _: usize, most: usize) -> usize {
            power.limits(self.width(), 1).rows(engine, power.modulus.shape).min(most)
        }

        fn launch(&self, engine: &Engine, power: &mut DevicePower, rows: Range<usize>) -> Result<Launch, GpuFailure> {
            let bases = self.bases.slice(rows);
            let input = engine.upload(bases.limbs(), Secrecy::Secret)?;
            let output = engine.buffer(8 * bases.limbs().len(), Secrecy::Secret)?;
            let state = power.state(engine, bases.limbs().len())?;
            power.run(engine, bases.len(), &input, &output, &state)?;
            let readback = Readback::start(engine, &output, bases.len(), 8 * self.width(), Secrecy::Secret)?;
            Ok(Launch { readback, macs: None })
        }

        fn read(&self, bytes: &[u8], out: &mut [u64]) {
            copy(bytes, out);
        }

        fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
            let (modulus, pairs) = samples::pairs(bits, ROWS)?;
            let bases = Rows::new(&pairs, 2 * modulus.width());
            let exponent = Exponent::new(&[0x1a_5f03], EXPONENT_BITS);
            agree(&PairPow { modulus: &modulus, bases, exponent: &exponent }, engine, cpu)
        }
    }
}
