//! Plaintexts into ciphertexts for g = 1 + m: (x0 + x1·m)·(1 + k·m) = x0 + (x1 + k·x0)·m.

use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::digits;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::arith::pair::Pair;

pub(in crate::backend) fn add_messages(cpu: &Cpu, modulus: &Modulus, messages: Rows<'_>, out: &mut [u64]) {
    let width = 2 * modulus.width();
    with_modulus!(modulus, m => cpu.for_each_run(out, width, Run { least: 16, most: 256 }, |first, out| {
        for (message, out) in messages.iter().skip(first).zip(out.chunks_exact_mut(width)) {
            let x = Pair::from_row(out);
            let message = m.mont_mul(&digits::from_limbs(message), &m.r2().x0);
            let x1 = digits::add(&x.x1, &m.mont_mul(&message, &x.x0));
            m.reduce_pair(&Pair { x0: x.x0, x1 }).to_row(out);
        }
    }));
}
