//! Adds plaintexts to ciphertexts for g = 1 + m: (x0 + x1·m)·(1 + k·m) = x0 + (x1 + k·x0)·m.

use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;

/// Replaces each pair x of `out` by x·(1 + message·m) modulo m². This encrypts or adds a plaintext for g = 1 + n.
pub fn add_messages(device: &OpenDevice, modulus: &Modulus, messages: Rows<'_>, out: &mut [u64]) {
    let cpu = device.cpu();
    with_lanes!(cpu, modulus, m => add(cpu, m, messages, out));
}

fn add<A: Lanes>(cpu: &Cpu, m: &A, messages: Rows<'_>, out: &mut [u64]) {
    let width = 2 * m.width();
    cpu.for_each_group(out, width, Run::new(16, 256).of(A::COUNT), |rows, out| {
        let mut x = m.load_pair(Rows::new(out, width));
        let message = m.mont_mul(&m.load(messages.slice(rows), 0), &m.r2().x0);
        x.x1 = m.plus(&x.x1, &m.mont_mul(&message, &x.x0));
        m.reduce_pair(&mut x);
        m.store_pair(&x, out);
    });
}
