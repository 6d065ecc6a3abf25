//! `pair_pow`: one exponent, many bases.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::Modulus;
use crate::arith::window::{self, Exponent};

pub(in crate::backend) fn pair_pow(
    cpu: &Cpu,
    modulus: &Modulus,
    bases: Rows<'_>,
    exponent: &Exponent,
    out: &mut [u64],
) {
    with_lanes!(cpu.for_powers(bases.len()), modulus, m => powers(cpu, m, bases, exponent, out));
}

fn powers<A: Lanes>(cpu: &Cpu, m: &A, bases: Rows<'_>, exponent: &Exponent, out: &mut [u64]) {
    cpu.for_each_group::<A, _>(out, 2 * m.width(), Run::new(1, 16), |rows, out| {
        let power = window::pow(m, &m.enter(&m.load_pair(bases.slice(rows))), exponent);
        m.store_pair(&m.leave(&power), out);
    });
}
