//! `pair_pow`: one exponent, many bases.

use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::arith::pair::Pair;
use crate::arith::window::{self, Exponent};

pub(in crate::backend) fn pair_pow(
    cpu: &Cpu,
    modulus: &Modulus,
    bases: Rows<'_>,
    exponent: &Exponent,
    out: &mut [u64],
) {
    let width = 2 * modulus.width();
    with_modulus!(modulus, m => cpu.for_each_run(out, width, Run { least: 1, most: 16 }, |first, out| {
        for (base, out) in bases.iter().skip(first).zip(out.chunks_exact_mut(width)) {
            let power = window::pow(m, &m.enter(&Pair::from_row(base)), exponent);
            m.leave(&power).to_row(out);
        }
    }));
}
