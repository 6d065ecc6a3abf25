//! `pair_pow` on a GPU.

use super::buffer::{Buffer, Secrecy};
use super::constants;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::pace::Steps;
use super::program::Program;
use super::reading::Reading;
use super::rounds::{self, Output, Rounds};
use super::shader::{Shape, Stem};
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;
use crate::arith::window::Exponent;

pub(super) fn pair_pow(
    engine: &Engine,
    modulus: &Modulus,
    bases: Rows<'_>,
    exponent: &Exponent,
    out: &mut Output<'_, '_, u64>,
) -> Result<(), GpuFailure> {
    let (shape, constants) = constants::upload(engine, modulus)?;
    let program = Program::power(exponent);
    let steps = engine.upload(&program.limbs(), Secrecy::Secret)?;
    let width = bases.width();
    let start = |bases: Rows<'_>, _| {
        let input = engine.upload(bases.limbs(), Secrecy::Secret)?;
        let output = engine.buffer(8 * bases.limbs().len(), Secrecy::Secret)?;
        let state = state(engine, &program, bases.limbs().len())?;
        let on = Bindings {
            constants: Some(&constants),
            input: Some(&input),
            second: Some(&steps),
            output: Some(&output),
            state: Some(&state),
        };
        run(engine, shape, bases.len(), &program, on)?;
        Reading::start(engine, &output, bases.len(), 8 * width, Secrecy::Secret)
    };
    rounds(engine, shape, &program, width, 1).run(engine, bases, out, start, rounds::copy)
}

/// Parts of a batch whose accumulators and tables fit, for rows of `width` limbs and dispatches of at least `products`
/// products a row.
pub(super) fn rounds(engine: &Engine, shape: Shape, program: &Program, width: usize, products: usize) -> Rounds {
    Rounds::new(engine, shape, 8 * width * (1 + program.entries), products)
}

/// Room for accumulators of `limbs` limbs in all, and their tables.
pub(super) fn state(engine: &Engine, program: &Program, limbs: usize) -> Result<Buffer, GpuFailure> {
    engine.buffer(8 * limbs * (1 + program.entries), Secrecy::Secret)
}

/// Runs a program over `rows` rows.
pub(super) fn run(
    engine: &Engine,
    shape: Shape,
    rows: usize,
    program: &Program,
    on: Bindings<'_>,
) -> Result<(), GpuFailure> {
    Steps { shape, rows, range: 0..program.len(), more: 0 }.run(engine, |steps| {
        engine.dispatch(Stem::PairPow, shape, rows, steps.len(), [steps.start, steps.end, 0, 0, 0, 0], on)
    })
}
