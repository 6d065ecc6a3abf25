//! `pair_mul` on a GPU.

use super::buffer::Secrecy;
use super::constants;
use super::engine::{Bindings, Engine};
use super::failure::GpuFailure;
use super::reading::Reading;
use super::rounds::{self, Output, Rounds};
use super::shader::Stem;
use crate::arith::batch::Rows;
use crate::arith::modulus::Modulus;

/// One into Montgomery form, and one out of it with the other factor.
const PRODUCTS: usize = 2;

pub(super) fn pair_mul(
    engine: &Engine,
    modulus: &Modulus,
    a: Rows<'_>,
    b: Rows<'_>,
    out: &mut Output<'_, '_, u64>,
) -> Result<(), GpuFailure> {
    let (shape, constants) = constants::upload(engine, modulus)?;
    let width = a.width();
    let start = |a: Rows<'_>, first: usize| {
        let input = engine.upload(a.limbs(), Secrecy::Secret)?;
        let second = engine.upload(&b.limbs()[first * width..][..a.limbs().len()], Secrecy::Secret)?;
        let output = engine.buffer(8 * a.limbs().len(), Secrecy::Secret)?;
        let on = Bindings {
            constants: Some(&constants),
            input: Some(&input),
            second: Some(&second),
            output: Some(&output),
            state: None,
        };
        engine.dispatch(Stem::PairMul, shape, a.len(), PRODUCTS, [0; 6], on)?;
        Reading::start(engine, &output, a.len(), 8 * width, Secrecy::Secret)
    };
    Rounds::new(engine, shape, 8 * width, PRODUCTS).learn(PRODUCTS).run(engine, a, out, start, rounds::copy)
}
