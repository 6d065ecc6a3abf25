//! `pair_mul` on a GPU. The CPU takes less time for it than for checking a GPU's, so no batch is offloaded; but every other
//! kernel is made of it, and a GPU has to show it first.

use super::constants::DeviceModulus;
use super::known_answers;
use super::shader::{Bindings, Shader};
use super::shape::RowLimits;
use super::{copy, suits_gpus};
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::backend::cpu::{self, Cpu};
use crate::backend::gpu::GpuFailure;
use crate::backend::gpu::buffer::Secrecy;
use crate::backend::gpu::engine::Engine;
use crate::backend::gpu::readback::Readback;
use crate::backend::offload::kernel::{Kernel, Launch};
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;

pub(super) const SHADER: Shader =
    Shader { name: "pair_mul", text: include_str!("../../../shaders/paillier/pair_mul.wgsl") };

/// One into Montgomery form, and one out of it with the other factor.
const PRODUCTS: usize = 2;

/// Products of pairs row by row, modulo m².
pub(in crate::backend) struct PairMul<'a> {
    pub(in crate::backend) modulus: &'a Modulus,
    pub(in crate::backend) a: Rows<'a>,
    pub(in crate::backend) b: Rows<'a>,
}

impl Kernel for PairMul<'_> {
    const NAME: &'static str = SHADER.name;
    type Element = u64;
    type Prepared = DeviceModulus;

    fn bits(&self) -> usize {
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
        cpu::pair_mul::pair_mul(cpu, self.modulus, self.a.slice(rows.clone()), self.b.slice(rows), out);
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
        let bytes_a_row = 8 * self.width();
        RowLimits { bytes_a_row, products: PRODUCTS }.rows(engine, modulus.shape).min(most)
    }

    fn launch(&self, engine: &Engine, modulus: &mut DeviceModulus, rows: Range<usize>) -> Result<Launch, GpuFailure> {
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
        let (modulus, a) = known_answers::pairs(bits)?;
        let width = 2 * modulus.width();
        // Each row times the fourth after it: no two products are the same, so that swapped rows show.
        let mut b = a.clone();
        b.rotate_left(4 * width);
        let kernel = PairMul { modulus: &modulus, a: Rows::new(&a, width), b: Rows::new(&b, width) };
        known_answers::are_same(&kernel, engine, cpu)
    }
}

/// Whether a device and the CPU compute the same: products first, which all kernels are made of.
pub(super) fn agree<K: Kernel<Element = u64>>(kernel: &K, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
    Ok(PairMul::known_answer(kernel.bits(), engine, cpu)? && known_answers::are_same(kernel, engine, cpu)?)
}
