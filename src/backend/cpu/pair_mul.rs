//! `pair_mul`: products row by row.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::Modulus;

pub(in crate::backend) fn pair_mul(cpu: &Cpu, modulus: &Modulus, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
    with_lanes!(cpu, modulus, m => products(cpu, m, a, b, out));
}

fn products<A: Lanes>(cpu: &Cpu, m: &A, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
    cpu.for_each_group::<A, _>(out, 2 * m.width(), Run::new(16, 256), |rows, out| {
        // Entering and multiplying undo each other's factor of R.
        let mut product = m.enter(&m.load_pair(a.slice(rows.clone())));
        m.mul_assign(&mut product, &m.load_pair(b.slice(rows)));
        m.reduce_pair(&mut product);
        m.store_pair(&product, out);
    });
}
