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
    buffer: Buffer,
}

impl DeviceRows {
    /// Sends rows to a device.
    pub(super) fn new(engine: &Arc<Engine>, rows: Rows<'_>) -> Result<Self, GpuFailure> {
        let buffer = engine.upload(rows.limbs(), Secrecy::Public)?;
        Ok(Self { engine: Arc::downgrade(engine), buffer })
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
    let at_once = pace::most_steps(shape, 1).min(queries.len());
    let resident = resident.filter(|rows| Weak::ptr_eq(&rows.engine, &Arc::downgrade(engine)));
    let start = |stored: Rows<'_>, first_row| {
        let bytes = 8 * stored.limbs().len();
        let sent = if resident.is_none() { Some(engine.upload(stored.limbs(), Secrecy::Public)?) } else { None };
        let (input, skipped) = resident.map_or((sent.as_ref(), 0), |rows| (Some(&rows.buffer), word(first_row)));
        let output = engine.buffer(bytes * queries.len(), Secrecy::Public)?;
        for first in (0..queries.len()).step_by(at_once.max(1)) {
            let last = (first + at_once).min(queries.len());
            let on = Bindings {
                constants: Some(&constants),
                input,
                second: Some(&second),
                output: Some(&output),
                state: None,
            };
            engine.dispatch(
                Stem::HammingAggregate,
                shape,
                stored.len(),
                [word(first), word(last), skipped, 0, 0, 0],
                on,
            )?;
        }
        Reading::start(engine, &output, stored.len() * queries.len(), 8 * width, Secrecy::Public)
    };
    Rounds::new(engine, shape, 8 * width * queries.len()).run(engine, stored, out, start, rounds::copy)
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
