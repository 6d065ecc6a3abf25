//! `pair_fixed_base_pow`: one base to many powers. The GPU's part of it, and what its results are checked by.

use super::constants::DeviceModulus;
use super::known_answers::{self, EXPONENT_BITS, ROWS};
use super::pace::Steps;
use super::pair_mul::agree;
use super::shader::{Bindings, Shader, word};
use super::shape::RowLimits;
use super::{checks, copy, suits_gpus};
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::with_modulus;
use crate::backend::cpu::{self, Cpu};
use crate::backend::fixed_base::FixedBase;
use crate::backend::gpu::GpuFailure;
use crate::backend::gpu::buffer::{Buffer, Secrecy};
use crate::backend::gpu::engine::Engine;
use crate::backend::gpu::readback::Readback;
use crate::backend::offload::kernel::{Kernel, Launch};
use crate::error::Error;
use bytemuck::{Pod, Zeroable};
use std::ops::Range;
use std::sync::{Arc, Weak};
use zeroize::Zeroizing;

pub(super) const SHADER: Shader =
    Shader { name: "pair_fixed_base_pow", text: include_str!("../../../shaders/paillier/pair_fixed_base_pow.wgsl") };

/// Bits of an exponent that one multiplication takes care of. Wider than on the CPU: a GPU looks entries up
/// instead of reading them all.
const WIDTH: usize = 8;

/// A base's window table in the memory of a device: entry d of window i is base^(d·256^i), in Montgomery form.
pub(in crate::backend) struct DeviceTable {
    engine: Weak<Engine>,
    /// Buffers of `windows_a_part` windows each, but for the last: one buffer may be less than the table.
    parts: Vec<Buffer>,
    windows_a_part: usize,
}

impl DeviceTable {
    fn new(engine: &Arc<Engine>, base: &FixedBase) -> Result<Self, GpuFailure> {
        let windows = base.exponent_bits().div_ceil(WIDTH).max(1);
        let [radix, ..] = &base.modulus().word_form().radix_powers;
        let limbs = with_modulus!(base.modulus(), m => fill(m, base.base(), radix, windows));
        let window = base.base().len() << WIDTH;
        let fit = usize::try_from(engine.most_bytes() / (8 * window as u64)).unwrap_or(usize::MAX);
        let windows_a_part = fit.clamp(1, windows);
        let parts = limbs.chunks(windows_a_part * window).map(|part| engine.upload(part, Secrecy::Secret));
        Ok(Self { engine: Arc::downgrade(engine), parts: parts.collect::<Result<_, _>>()?, windows_a_part })
    }
}

fn fill<A: Lanes>(m: &A, base: &[u64], radix: &[u64], windows: usize) -> Zeroizing<Vec<u64>> {
    let radix = m.enter(&m.spread_pair(radix));
    let mut limbs = Zeroizing::new(vec![0; (windows << WIDTH) * base.len()]);
    let mut rows = limbs.chunks_exact_mut(base.len());
    let mut step = m.enter(&m.spread_pair(base));
    for _ in 0..windows {
        let mut entry = *m.one();
        for row in rows.by_ref().take(1 << WIDTH) {
            m.store_pair(&m.leave(&m.mul(&entry, &radix)), row);
            entry = m.mul(&entry, &step);
        }
        step = entry;
    }
    limbs
}

/// What a dispatch does, as the shader's `Params` has it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Params {
    first: u32,
    last: u32,
    exponent_words: u32,
    exponent_bits: u32,
    windows: u32,
    part: u32,
}

/// One base to each power, modulo m²: the lower `bits` bits of rows of limbs.
pub(in crate::backend) struct PairFixedBasePow<'a> {
    pub(in crate::backend) base: &'a FixedBase,
    pub(in crate::backend) bits: usize,
    pub(in crate::backend) exponents: Rows<'a>,
}

/// A modulus and a base on a device.
pub(in crate::backend) struct DeviceBase {
    modulus: DeviceModulus,
    table: Arc<DeviceTable>,
}

impl Kernel for PairFixedBasePow<'_> {
    const NAME: &'static str = SHADER.name;
    type Element = u64;
    type Prepared = DeviceBase;

    fn bits(&self) -> usize {
        self.base.modulus().bits()
    }

    fn exponent_bits(&self) -> usize {
        self.bits
    }

    fn suits_gpus(&self) -> bool {
        suits_gpus(self.base.modulus())
    }

    fn rows(&self) -> usize {
        self.exponents.len()
    }

    fn width(&self) -> usize {
        2 * self.base.modulus().width()
    }

    fn compute(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &mut [u64]) {
        let exponents = self.exponents.slice(rows);
        cpu::pair_fixed_base_pow::pair_fixed_base_pow(cpu, self.base, self.bits, exponents, out);
    }

    fn holds(&self, cpu: &Cpu, _: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
        let out = Rows::new(out, self.width());
        checks::fixed_base_powers_hold(cpu, self.base, self.bits, self.exponents.slice(rows), out)
    }

    fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceBase, GpuFailure> {
        let fits = |table: &DeviceTable| Weak::ptr_eq(&table.engine, &Arc::downgrade(engine));
        Ok(DeviceBase {
            modulus: DeviceModulus::new(engine, self.base.modulus())?,
            table: self.base.table(1, fits, || DeviceTable::new(engine, self.base))?,
        })
    }

    fn round(&self, engine: &Engine, device: &mut DeviceBase, _: usize, most: usize) -> usize {
        let bytes_a_row = 8 * self.width().max(self.exponents.width());
        RowLimits { bytes_a_row, products: 2 }.rows(engine, device.modulus.shape).min(most)
    }

    fn launch(&self, engine: &Engine, device: &mut DeviceBase, rows: Range<usize>) -> Result<Launch, GpuFailure> {
        let (exponents, table) = (self.exponents.slice(rows), &device.table);
        let (rows, bytes) = (exponents.len(), 8 * self.width() * exponents.len());
        let input = engine.upload(exponents.limbs(), Secrecy::Secret)?;
        let (output, state) = (engine.buffer(bytes, Secrecy::Secret)?, engine.buffer(bytes, Secrecy::Secret)?);
        let bits = self.bits.min(self.base.exponent_bits());
        let windows = bits.div_ceil(WIDTH);
        for (part, buffer) in table.parts.iter().enumerate() {
            let first = part * table.windows_a_part;
            let range = first..windows.max(1).min(first + table.windows_a_part);
            let on = Bindings { input: Some(&input), second: Some(buffer), output: Some(&output), state: Some(&state) };
            // The last dispatch leaves Montgomery form too, which is one product more.
            Steps { shape: device.modulus.shape, rows, range, more: 1 }.run(engine, |range| {
                let params = Params {
                    first: range.start,
                    last: range.end.min(word(windows)),
                    exponent_words: word(2 * exponents.width()),
                    exponent_bits: word(bits),
                    windows: word(windows),
                    part: word(first),
                };
                SHADER.dispatch(engine, &device.modulus, rows, range.len() + 1, params, on)
            })?;
        }
        let readback = Readback::start(engine, &output, rows, 8 * self.width(), Secrecy::Secret)?;
        Ok(Launch { readback, macs: None })
    }

    fn read(&self, bytes: &[u8], out: &mut [u64]) {
        copy(bytes, out);
    }

    fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
        let (modulus, pairs) = known_answers::pairs(bits)?;
        let width = 2 * modulus.width();
        let base = FixedBase::new(Arc::new(modulus), &pairs[pairs.len() - width..], EXPONENT_BITS);
        let exponents: Vec<u64> = (0..ROWS as u64).map(|row| row.wrapping_mul(0x1_e3f7) ^ 0xff).collect();
        let exponents = Rows::new(&exponents, 1);
        agree(&PairFixedBasePow { base: &base, bits: EXPONENT_BITS, exponents }, engine, cpu)
    }
}
