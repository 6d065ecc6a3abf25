//! `pair_pow`: many bases to one power. The GPU's part of it, and what its results are checked by.

use super::checks;
use super::constants::DeviceModulus;
use super::known_answers::{self, EXPONENT_BITS};
use super::pace::Steps;
use super::pair_mul::agree;
use super::program::Program;
use super::shader::{Bindings, Shader};
use super::shape::RowLimits;
use super::{copy, suits_gpus};
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;
use crate::backend::cpu::{self, Cpu};
use crate::backend::gpu::GpuFailure;
use crate::backend::gpu::buffer::{Buffer, Secrecy};
use crate::backend::gpu::engine::Engine;
use crate::backend::gpu::readback::Readback;
use crate::backend::offload::kernel::{Kernel, Launch};
use crate::error::Error;
use std::ops::Range;
use std::sync::Arc;

pub(super) const SHADER: Shader =
    Shader { name: "pair_pow", text: include_str!("../../../shaders/paillier/pair_pow.wgsl") };

/// Each base to the same power, modulo m².
pub(in crate::backend) struct PairPow<'a> {
    pub(in crate::backend) modulus: &'a Modulus,
    pub(in crate::backend) bases: Rows<'a>,
    pub(in crate::backend) exponent: &'a Exponent,
}

/// A modulus and a power on a device.
pub(in crate::backend) struct DevicePower {
    pub(super) modulus: DeviceModulus,
    program: Program,
    steps: Buffer,
}

impl DevicePower {
    pub(super) fn new(engine: &Engine, modulus: DeviceModulus, program: Program) -> Result<Self, GpuFailure> {
        let steps = engine.upload(&program.limbs(), Secrecy::Secret)?;
        Ok(Self { modulus, program, steps })
    }

    /// Limits of rounds whose accumulators and tables fit, for pairs of `width` limbs and dispatches of at least `products`
    /// products a row.
    pub(super) fn limits(&self, width: usize, products: usize) -> RowLimits {
        RowLimits { bytes_a_row: 8 * width * (1 + self.program.entries), products }
    }

    /// Room for accumulators of `limbs` limbs in all, and their tables.
    pub(super) fn state(&self, engine: &Engine, limbs: usize) -> Result<Buffer, GpuFailure> {
        engine.buffer(8 * limbs * (1 + self.program.entries), Secrecy::Secret)
    }

    /// Runs the program over `rows` rows.
    pub(super) fn run(
        &self,
        engine: &Engine,
        rows: usize,
        input: &Buffer,
        output: &Buffer,
        state: &Buffer,
    ) -> Result<(), GpuFailure> {
        let on = Bindings { input: Some(input), second: Some(&self.steps), output: Some(output), state: Some(state) };
        Steps { shape: self.modulus.shape, rows, range: 0..self.program.len(), more: 0 }.run(engine, |steps| {
            SHADER.dispatch(engine, &self.modulus, rows, steps.len(), [steps.start, steps.end], on)
        })
    }
}

impl Kernel for PairPow<'_> {
    const NAME: &'static str = SHADER.name;
    type Element = u64;
    type Prepared = DevicePower;

    fn bits(&self) -> usize {
        self.modulus.bits()
    }

    fn exponent_bits(&self) -> usize {
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
        cpu::pair_pow::pair_pow(cpu, self.modulus, self.bases.slice(rows), self.exponent, out);
    }

    fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
        let out = Rows::new(out, self.width());
        checks::powers_hold(cpu, self.modulus, self.bases.slice(rows), self.exponent, out)
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
        let (modulus, pairs) = known_answers::pairs(bits)?;
        let bases = Rows::new(&pairs, 2 * modulus.width());
        let exponent = Exponent::new(&[0x1a_5f03], EXPONENT_BITS);
        agree(&PairPow { modulus: &modulus, bases, exponent: &exponent }, engine, cpu)
    }
}
