//! `pair_mul`: products row by row.

use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::arith::pair::Pair;

pub(in crate::backend) fn pair_mul(cpu: &Cpu, modulus: &Modulus, a: Rows<'_>, b: Rows<'_>, out: &mut [u64]) {
    let width = 2 * modulus.width();
    with_modulus!(modulus, m => cpu.for_each_run(out, width, Run { least: 16, most: 256 }, |first, out| {
        for ((a, b), out) in a.iter().zip(b.iter()).skip(first).zip(out.chunks_exact_mut(width)) {
            // Entering and multiplying undo each other's factor of R.
            let product = m.mul(&m.enter(&Pair::from_row(a)), &Pair::from_row(b));
            m.reduce_pair(&product).to_row(out);
        }
    }));
}
