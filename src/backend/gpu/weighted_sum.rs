//! `weighted_sum` on a GPU: the rounds of products that the processor would do too.

use super::buffer::Secrecy;
use super::constants;
use super::dispatch_budget::macs;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::reading::Reading;
use super::rounds::{self, Output};
use super::shader::{Shape, Stem};
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::backend::multi_power::{Part, for_each_part, inputs_at_once};
use crate::backend::weights::Weights;
use std::time::Instant;

/// The slot of R², which takes a number into Montgomery form.
const ENTER: u32 = 0;
/// The slot of 1 in Montgomery form, R.
const ONE: u32 = 1;
/// The slot of 1, which takes a number out of Montgomery form.
const LEAVE: u32 = 2;
const _: () = assert!(Part::GIVEN == 3);

/// Slots that fit into a buffer.
fn most_slots(engine: &Engine, width: usize) -> usize {
    usize::try_from(engine.most_bytes() / (8 * width as u64)).unwrap_or(usize::MAX) / 2
}

/// Whether a device has room for so many inputs at once.
pub(super) fn takes(engine: &Engine, modulus: &Modulus, inputs: usize, weights: &Weights) -> bool {
    inputs <= inputs_at_once(weights, most_slots(engine, 2 * modulus.width())) / 2
}

/// The sides of all outputs, as `cpu/weighted_sum.rs` has them.
pub(super) fn weighted_sides(
    engine: &Engine,
    modulus: &Modulus,
    inputs: Rows<'_>,
    weights: &Weights,
    out: &mut Output<'_, '_, u64>,
) -> Result<(), GpuFailure> {
    let (shape, constants) = constants::upload(engine, modulus)?;
    let width = inputs.width();
    let [radix, square, _] = &modulus.word_form().radix_powers;
    let mut given = [square.as_slice(), radix, &vec![0; width], inputs.limbs()].concat();
    given[LEAVE as usize * width] = 1;
    for_each_part(weights, 0..weights.sides(), inputs.len(), most_slots(engine, width), |part| {
        let factors = Factors::new(&part);
        let second = engine.upload(&factors.limbs, Secrecy::Public)?;
        let slots = engine.buffer(8 * width * part.slots(), Secrecy::Public)?;
        engine.write(&slots, &given);
        let output = engine.buffer(8 * width * part.sides.len(), Secrecy::Public)?;
        let on = Bindings {
            constants: Some(&constants),
            input: None,
            second: Some(&second),
            output: Some(&output),
            state: Some(&slots),
        };
        let started = Instant::now();
        factors.rounds.iter().try_for_each(|round| round.dispatch(engine, shape, on))?;
        let reading = Reading::start(engine, &output, part.sides.len(), 8 * width, Secrecy::Public)?;
        out.fill(engine, reading, part.sides.len(), &mut rounds::copy)?;
        engine.budget.took(macs(shape, factors.limbs.len(), 1), started.elapsed());
        Ok(())
    })
}

/// The slots of all products of a part, and the rounds that they come in: inputs into Montgomery form, the part's rounds,
/// results out of Montgomery form.
struct Factors {
    limbs: Vec<u64>,
    rounds: Vec<Round>,
}

/// Products that do not wait for each other.
struct Round {
    first: usize,
    length: usize,
    /// The slot of the first; `None` is the first row of the output.
    to: Option<usize>,
}

impl Factors {
    fn new(part: &Part) -> Self {
        let mut factors = Self { limbs: Vec::new(), rounds: Vec::new() };
        let inputs = Part::GIVEN..Part::GIVEN + part.inputs.len();
        factors.push(inputs.clone().map(|slot| [word(slot), ENTER]), Some(inputs.start));
        let (mut left, mut to) = (part.rounds.factors.as_slice(), inputs.end);
        for length in &part.rounds.lengths {
            let (round, rest) = left.split_at(*length);
            factors.push(round.iter().copied(), Some(to));
            (left, to) = (rest, to + length);
        }
        factors.push(part.results.iter().map(|slot| [slot.unwrap_or(ONE), LEAVE]), None);
        factors
    }

    fn push(&mut self, factors: impl Iterator<Item = [u32; 2]>, to: Option<usize>) {
        let first = self.limbs.len();
        self.limbs.extend(factors.map(|[x, y]| u64::from(x) | u64::from(y) << 32));
        self.rounds.push(Round { first, length: self.limbs.len() - first, to });
    }
}

impl Round {
    fn dispatch(&self, engine: &Engine, shape: Shape, on: Bindings<'_>) -> Result<(), GpuFailure> {
        let most = engine.most_rows(shape).min(engine.budget.rows(shape, 1));
        for done in (0..self.length).step_by(most) {
            let rows = most.min(self.length - done);
            let to = word(self.to.unwrap_or(0) + done);
            let params = [0, 0, word(self.first + done), to, u32::from(self.to.is_none()), 0];
            engine.dispatch(Stem::WeightedSum, shape, rows, 1, params, on)?;
        }
        Ok(())
    }
}

/// Slots are bounded by what fits into a buffer, far below 2^32.
fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
