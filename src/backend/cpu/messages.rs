//! Plaintexts into ciphertexts for g = 1 + m: (x0 + x1·m)·(1 + k·m) = x0 + (x1 + k·x0)·m.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::Modulus;

pub(in crate::backend) fn add_messages(cpu: &Cpu, modulus: &Modulus, messages: Rows<'_>, out: &mut [u64]) {
    with_lanes!(cpu, modulus, m => add(cpu, m, messages, out));
}

fn add<A: Lanes>(cpu: &Cpu, m: &A, messages: Rows<'_>, out: &mut [u64]) {
    let width = 2 * m.width();
    cpu.for_each_group::<A, _>(out, width, Run::new(16, 256), |rows, out| {
        let mut x = m.load_pair(Rows::new(out, width));
        let message = m.mont_mul(&m.load(messages.slice(rows), 0), &m.r2().x0);
        x.x1 = m.plus(&x.x1, &m.mont_mul(&message, &x.x0));
        m.reduce_pair(&mut x);
        m.store_pair(&x, out);
    });
}
