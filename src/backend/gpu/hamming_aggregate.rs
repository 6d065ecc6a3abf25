//! `hamming_aggregate` on a GPU.

use super::buffer::{Buffer, Secrecy};
use super::constants;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::pace;
use super::reading::Reading;
use super::rounds::{self, Output, Rounds};
use super::shader::Stem;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::radix_form;
use std::sync::{Arc, Weak};

/// Rows in the memory of a device, to be combined with many queries.
pub(in crate::backend) struct DeviceRows {
    engine: Weak<Engine>,
    /// Buffers of `rows_a_part` rows each, but for the last: one buffer may be less than there are rows.
    parts: Vec<Buffer>,
    rows_a_part: usize,
}

impl DeviceRows {
    /// Sends rows to a device.
    pub(super) fn new(engine: &Arc<Engine>, rows: Rows<'_>) -> Result<Self, GpuFailure> {
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

/// `out` has a list for each query. `resident` are the stored rows, if they are on the device already.
pub(super) fn hamming_aggregate(
    engine: &Arc<Engine>,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    resident: Option<&DeviceRows>,
    out: &mut Output<'_, '_, u64>,
) -> Result<(), GpuFailure> {
    let (shape, constants) = constants::upload(engine, modulus)?;
    let [radix, ..] = &modulus.word_form().radix_powers;
    let entered: Vec<u64> =
        queries.iter().flat_map(|query| radix_form::multiply(modulus, query, radix).to_vec()).collect();
    let second = engine.upload(&entered, Secrecy::Public)?;
    let width = stored.width();
    let resident = resident.filter(|rows| Weak::ptr_eq(&rows.engine, &Arc::downgrade(engine)));
    let start = |stored: Rows<'_>, first_row| {
        let bytes = 8 * stored.limbs().len();
        let sent = if resident.is_none() { Some(engine.upload(stored.limbs(), Secrecy::Public)?) } else { None };
        let (input, skipped) = resident.map_or((sent.as_ref(), 0), |rows| rows.part(first_row));
        let at_once = pace::most_steps(shape, 1).min(engine.budget.products(shape, stored.len()));
        let output = engine.buffer(bytes * queries.len(), Secrecy::Public)?;
        for first in (0..queries.len()).step_by(at_once) {
            let last = (first + at_once).min(queries.len());
            let on = Bindings {
                constants: Some(&constants),
                input,
                second: Some(&second),
                output: Some(&output),
                state: None,
            };
            let params = [word(first), word(last), word(skipped), 0, 0, 0];
            engine.dispatch(Stem::HammingAggregate, shape, stored.len(), last - first, params, on)?;
        }
        Reading::start(engine, &output, stored.len() * queries.len(), 8 * width, Secrecy::Public)
    };
    Rounds::new(engine, shape, 8 * width * queries.len(), 1)
        .within(resident.map_or(usize::MAX, |rows| rows.rows_a_part))
        .learn(queries.len())
        .run(engine, stored, out, start, rounds::copy)
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
