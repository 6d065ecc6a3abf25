//! `pair_mul`: multiplies pairs row by row.

#[cfg(feature = "hazmat")]
use super::samples::{self, Sample, Sampler};
use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
#[cfg(feature = "hazmat")]
use crate::error::Error;

/// Multiplies pairs row by row, modulo m². Always runs on the CPU, since checking a GPU's products would take longer
/// than computing them.
pub fn pair_mul(device: &OpenDevice, modulus: &Modulus, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
    on_cpu(device.cpu(), modulus, a, b, out);
}

/// Runs [`pair_mul`] on the GPU without checking the results; `None` on the CPU.
#[cfg(all(feature = "gpu", feature = "hazmat"))]
pub fn pair_mul_on_gpu(
    device: &OpenDevice,
    modulus: &Modulus,
    a: Rows<'_>,
    b: Rows<'_>,
    out: &mut [u64],
) -> Option<Result<(), String>> {
    Some(device.gpu()?.run_unchecked(&gpu::PairMul { modulus, a, b }, out))
}

pub(super) fn on_cpu(cpu: &Cpu, modulus: &Modulus, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
    with_lanes!(cpu, modulus, m => products(cpu, m, a, b, out));
}

fn products<A: Lanes>(cpu: &Cpu, m: &A, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
    cpu.for_each_group(out, 2 * m.width(), Run::new(16, 256).of(A::COUNT), |rows, out| {
        // The conversion to Montgomery form multiplies by R, and the Montgomery product divides by R.
        let mut product = m.to_mont(&m.load_pair(a.slice(rows.clone())));
        m.mul_assign(&mut product, &m.load_pair(b.slice(rows)));
        m.reduce_pair(&mut product);
        m.store_pair(&product, out);
    });
}

/// Inputs with products of each row and the next. Runs on a GPU too, although `pair_mul` itself does not.
#[cfg(feature = "hazmat")]
pub(super) const SAMPLER: Sampler = Sampler { name: "pair_mul", batches: &[16, 1024, 16_384], make: sample };

#[cfg(feature = "hazmat")]
fn sample(bits: usize, rows: usize) -> Result<Sample, Error> {
    let (modulus, a) = samples::pairs(bits, rows)?;
    let width = 2 * modulus.width();
    let mut b = a.clone();
    b.rotate_left(width.min(a.len()));
    Ok(Sample::new(a.len(), move |device, out| {
        let (a, b) = (Rows::new(&a, width), Rows::new(&b, width));
        #[cfg(feature = "gpu")]
        if let Some(Ok(())) = pair_mul_on_gpu(device, &modulus, a, b, out) {
            return;
        }
        pair_mul(device, &modulus, a, b, out);
    }))
}

/// The kernel on a GPU, and the check of its results.
#[cfg(feature = "gpu")]
pub(super) mod gpu {
    use crate::bignum::batch::Rows;
    use crate::bignum::modulus::Modulus;
    use crate::device::cpu::Cpu;
    use crate::device::gpu::GpuFailure;
    use crate::device::gpu::buffer::Secrecy;
    use crate::device::gpu::engine::Engine;
    use crate::device::gpu::readback::{Readback, copy};
    use crate::device::offload::kernel::{Kernel, Launch};
    use crate::device::offload::known_answer;
    use crate::error::Error;
    use crate::paillier::kernels::gpu::ROWS;
    use crate::paillier::kernels::gpu::constants::DeviceModulus;
    use crate::paillier::kernels::gpu::shader::{Bindings, Shader};
    use crate::paillier::kernels::gpu::shape::RowLimits;
    use crate::paillier::kernels::gpu::suits_gpus;
    use crate::paillier::kernels::samples;
    use std::ops::Range;
    use std::sync::Arc;

    pub(crate) const SHADER: Shader =
        Shader { name: "pair_mul", text: include_str!("../../../shaders/paillier/pair_mul.wgsl") };

    /// Products per row: one converts to Montgomery form, the other multiplies and converts back.
    const PRODUCTS: usize = 2;

    /// The products of pairs row by row, modulo m².
    pub(crate) struct PairMul<'a> {
        pub(crate) modulus: &'a Modulus,
        pub(crate) a: Rows<'a>,
        pub(crate) b: Rows<'a>,
    }

    impl Kernel for PairMul<'_> {
        const NAME: &'static str = SHADER.name;
        type Element = u64;
        type Prepared = DeviceModulus;

        fn size(&self) -> usize {
            self.modulus.bits()
        }

        fn suits_gpus(&self) -> bool {
            suits_gpus(self.modulus)
        }

        fn rows(&self) -> usize {
            self.a.len()
        }

        fn width(&self) -> usize {
            self.a.width()
        }

        fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u64]) {
            super::on_cpu(cpu, self.modulus, self.a.slice(rows.clone()), self.b.slice(rows), out);
        }

        fn holds(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
            let mut expected = vec![0; out.len()];
            self.compute(cpu, list, rows, &mut expected);
            Ok(expected == out)
        }

        fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceModulus, GpuFailure> {
            DeviceModulus::new(engine, self.modulus)
        }

        fn round(&self, engine: &Engine, modulus: &mut DeviceModulus, _: usize, most: usize) -> usize {
            let bytes_per_row = 8 * self.width();
            RowLimits { bytes_per_row, products: PRODUCTS }.rows(engine, modulus.shape).min(most)
        }

        fn launch(
            &self,
            engine: &Engine,
            modulus: &mut DeviceModulus,
            rows: Range<usize>,
        ) -> Result<Launch, GpuFailure> {
            let (a, b) = (self.a.slice(rows.clone()), self.b.slice(rows));
            let input = engine.upload(a.limbs(), Secrecy::Secret)?;
            let second = engine.upload(b.limbs(), Secrecy::Secret)?;
            let output = engine.buffer(8 * a.limbs().len(), Secrecy::Secret)?;
            let on = Bindings { input: Some(&input), second: Some(&second), output: Some(&output), state: None };
            SHADER.dispatch(engine, modulus, a.len(), PRODUCTS, (), on)?;
            let readback = Readback::start(engine, &output, a.len(), 8 * self.width(), Secrecy::Secret)?;
            Ok(Launch { readback, macs: Some(modulus.shape.macs(a.len(), PRODUCTS)) })
        }

        fn read(&self, bytes: &[u8], out: &mut [u64]) {
            copy(bytes, out);
        }

        fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
            let (modulus, a) = samples::pairs(bits, ROWS)?;
            let width = 2 * modulus.width();
            // Multiplies each row with the fourth row after it. All products are different, so swapped rows are
            // noticed.
            let mut b = a.clone();
            b.rotate_left(4 * width);
            let kernel = PairMul { modulus: &modulus, a: Rows::new(&a, width), b: Rows::new(&b, width) };
            known_answer::are_same(&kernel, engine, cpu)
        }
    }

    /// Returns whether a device and the CPU agree on a kernel. Tests products first, since all kernels consist of them.
    pub(crate) fn agree<K: Kernel<Element = u64>>(
        kernel: &K,
        engine: &Arc<Engine>,
        cpu: &Cpu,
    ) -> Result<bool, GpuFailure> {
        Ok(PairMul::known_answer(kernel.size(), engine, cpu)? && known_answer::are_same(kernel, engine, cpu)?)
    }
}
