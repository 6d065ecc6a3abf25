//! `hamming_aggregate`: each query times every stored ciphertext. The GPU's part of it, and what its results are checked by.

use super::constants::DeviceModulus;
use super::known_answers;
use super::pair_mul::agree;
use super::shader::{Bindings, Shader, word};
use super::shape::RowLimits;
use super::{checks, copy, pace, suits_gpus};
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::radix;
use crate::backend::cpu::{self, Cpu};
use crate::backend::gpu::GpuFailure;
use crate::backend::gpu::buffer::{Buffer, Secrecy};
use crate::backend::gpu::engine::Engine;
use crate::backend::gpu::readback::Readback;
use crate::backend::offload::kernel::{Kernel, Launch};
use crate::error::Error;
use std::ops::Range;
use std::sync::{Arc, Weak};

pub(super) const SHADER: Shader =
    Shader { name: "hamming_aggregate", text: include_str!("../../../shaders/paillier/hamming_aggregate.wgsl") };

/// Rows in the memory of a device, to be combined with many queries.
pub(in crate::backend) struct DeviceRows {
    engine: Weak<Engine>,
    /// Buffers of `rows_a_part` rows each, but for the last: one buffer may be less than there are rows.
    parts: Vec<Buffer>,
    rows_a_part: usize,
}

impl DeviceRows {
    /// Sends rows to a device.
    pub(in crate::backend) fn new(engine: &Arc<Engine>, rows: Rows<'_>) -> Result<Self, GpuFailure> {
        let rows_a_part = usize::try_from(engine.most_bytes() / (8 * rows.width().max(1)) as u64).unwrap_or(usize::MAX);
        let rows_a_part = rows_a_part.clamp(1, rows.len().max(1));
        let parts = rows.limbs().chunks(rows_a_part * rows.width().max(1));
        let parts = parts.map(|part| engine.upload(part, Secrecy::Public)).collect::<Result<_, _>>()?;
        Ok(Self { engine: Arc::downgrade(engine), parts, rows_a_part })
    }

    /// The buffer that a row is in, and its number there.
    fn part(&self, row: usize) -> (Option<&Buffer>, usize) {
        (self.parts.get(row / self.rows_a_part), row % self.rows_a_part)
    }
}

/// Each query times each stored ciphertext, modulo n²: a list for each query.
pub(in crate::backend) struct HammingAggregate<'a> {
    pub(in crate::backend) modulus: &'a Modulus,
    pub(in crate::backend) queries: Rows<'a>,
    pub(in crate::backend) stored: Rows<'a>,
    /// The stored rows, if they are on a device already.
    pub(in crate::backend) resident: Option<&'a DeviceRows>,
}

/// A modulus and queries, in Montgomery form, on a device, and the stored rows if they are there.
pub(in crate::backend) struct DeviceQueries<'a> {
    modulus: DeviceModulus,
    queries: Buffer,
    resident: Option<&'a DeviceRows>,
}

impl<'a> HammingAggregate<'a> {
    fn query(&self, list: usize) -> &'a [u64] {
        self.queries.get(list).unwrap_or_default()
    }
}

impl<'a> Kernel for HammingAggregate<'a> {
    const NAME: &'static str = SHADER.name;
    type Element = u64;
    type Prepared = DeviceQueries<'a>;

    fn bits(&self) -> usize {
        self.modulus.bits()
    }

    fn suits_gpus(&self) -> bool {
        suits_gpus(self.modulus)
    }

    fn lists(&self) -> usize {
        self.queries.len()
    }

    fn rows(&self) -> usize {
        self.stored.len()
    }

    fn width(&self) -> usize {
        self.stored.width()
    }

    fn compute(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &mut [u64]) {
        let query = Rows::new(self.query(list), self.width());
        cpu::hamming_aggregate::hamming_aggregate(cpu, self.modulus, query, self.stored.slice(rows), out);
    }

    fn holds(&self, cpu: &Cpu, list: usize, rows: Range<usize>, out: &[u64]) -> Result<bool, Error> {
        let out = Rows::new(out, self.width());
        checks::products_hold(cpu, self.modulus, self.query(list), self.stored.slice(rows), out)
    }

    fn prepare(&self, engine: &Arc<Engine>) -> Result<DeviceQueries<'a>, GpuFailure> {
        let [r, ..] = &self.modulus.word_form().radix_powers;
        let in_form: Vec<u64> =
            self.queries.iter().flat_map(|query| radix::multiply(self.modulus, query, r).to_vec()).collect();
        Ok(DeviceQueries {
            modulus: DeviceModulus::new(engine, self.modulus)?,
            queries: engine.upload(&in_form, Secrecy::Public)?,
            resident: self.resident.filter(|rows| Weak::ptr_eq(&rows.engine, &Arc::downgrade(engine))),
        })
    }

    fn round(&self, engine: &Engine, device: &mut DeviceQueries<'a>, first: usize, most: usize) -> usize {
        let bytes_a_row = 8 * self.width() * self.queries.len();
        let rows = RowLimits { bytes_a_row, products: 1 }.rows(engine, device.modulus.shape).min(most);
        // Not beyond a buffer of resident rows.
        device.resident.map_or(rows, |resident| rows.min(resident.rows_a_part - first % resident.rows_a_part))
    }

    fn launch(
        &self,
        engine: &Engine,
        device: &mut DeviceQueries<'a>,
        rows: Range<usize>,
    ) -> Result<Launch, GpuFailure> {
        let (shape, stored) = (device.modulus.shape, self.stored.slice(rows.clone()));
        let sent = match device.resident {
            None => Some(engine.upload(stored.limbs(), Secrecy::Public)?),
            Some(_) => None,
        };
        let (input, skipped) = device.resident.map_or((sent.as_ref(), 0), |resident| resident.part(rows.start));
        let queries = self.queries.len();
        let at_once = pace::most_steps(shape, 1).min(shape.affordable_products(&engine.budget, stored.len()));
        let output = engine.buffer(8 * stored.limbs().len() * queries, Secrecy::Public)?;
        let on = Bindings { input, second: Some(&device.queries), output: Some(&output), state: None };
        for first in (0..queries).step_by(at_once) {
            let last = (first + at_once).min(queries);
            let params = [first, last, skipped].map(word);
            SHADER.dispatch(engine, &device.modulus, stored.len(), last - first, params, on)?;
        }
        let readback = Readback::start(engine, &output, stored.len() * queries, 8 * self.width(), Secrecy::Public)?;
        Ok(Launch { readback, macs: Some(shape.macs(stored.len(), queries)) })
    }

    fn read(&self, bytes: &[u8], out: &mut [u64]) {
        copy(bytes, out);
    }

    fn known_answer(bits: usize, engine: &Arc<Engine>, cpu: &Cpu) -> Result<bool, GpuFailure> {
        let (modulus, pairs) = known_answers::pairs(bits)?;
        let width = 2 * modulus.width();
        let (stored, queries) = (Rows::new(&pairs, width), Rows::new(&pairs[width..3 * width], width));
        let kernel = HammingAggregate { modulus: &modulus, queries, stored, resident: None };
        agree(&kernel, engine, cpu)
    }
}
