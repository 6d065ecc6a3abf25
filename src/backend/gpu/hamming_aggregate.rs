//! `hamming_aggregate` on a GPU.

use super::constants;
use super::engine::{Bindings, Engine, Secrecy};
use super::failure::GpuFailure;
use super::pace;
use super::rounds::{self, Rounds};
use super::shader::Stem;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::word_form;

/// The rows of `out` are all of the first query, then all of the next.
pub(super) fn hamming_aggregate(
    engine: &Engine,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) -> Result<(), GpuFailure> {
    let (shape, constants) = constants::upload(engine, modulus)?;
    let [radix, ..] = &modulus.word_form().radix_powers;
    let entered: Vec<u64> =
        queries.iter().flat_map(|query| word_form::multiply(modulus, query, radix).to_vec()).collect();
    let second = engine.upload(&entered, Secrecy::Public)?;
    let (width, total) = (stored.width(), stored.len());
    let at_once = pace::most_steps(shape, 1).min(queries.len());
    let start = |stored: Rows<'_>, _| {
        let bytes = 8 * stored.limbs().len();
        let input = engine.upload(stored.limbs(), Secrecy::Public)?;
        let output = engine.buffer(bytes * queries.len(), Secrecy::Public)?;
        for first in (0..queries.len()).step_by(at_once.max(1)) {
            let last = (first + at_once).min(queries.len());
            let on = Bindings {
                constants: Some(&constants),
                input: Some(&input),
                second: Some(&second),
                output: Some(&output),
                state: None,
            };
            engine.dispatch(Stem::HammingAggregate, shape, stored.len(), [word(first), word(last), 0, 0, 0, 0], on)?;
        }
        engine.start_reading(&output, stored.len() * queries.len(), 8 * width, Secrecy::Public)
    };
    Rounds::new(engine, shape, 8 * width * queries.len()).run(engine, stored, start, |first, rows, bytes| {
        for (query, bytes) in bytes.chunks_exact(8 * width * rows).enumerate() {
            rounds::copy(bytes, &mut out[(query * total + first) * width..][..rows * width]);
        }
    })
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
