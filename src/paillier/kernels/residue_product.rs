//! `residue_product`: computes a number that is coprime to m exactly if every row is.

use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::{Modulus, with_modulus};
use crate::bignum::with_lanes::with_lanes;
use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;

/// The rows that a task multiplies.
const ROWS_PER_TASK: usize = 256;

/// Computes the product of the lower halves of all pairs, up to a factor coprime to m. The result is coprime to m
/// exactly if all pairs are.
pub fn residue_product(device: &OpenDevice, modulus: &Modulus, pairs: Rows<'_>) -> Vec<u64> {
    let cpu = device.cpu();
    let products = with_lanes!(cpu, modulus, m => partial(cpu, m, pairs));
    let mut whole = vec![0; modulus.width()];
    with_modulus!(modulus, m => m.store(&product(m, Rows::new(&products, m.width())), &mut whole, m.width(), 0));
    whole
}

/// Computes one product for each lane of each task.
fn partial<A: Lanes>(cpu: &Cpu, m: &A, pairs: Rows<'_>) -> Vec<u64> {
    let width = m.width();
    let mut products = vec![0; pairs.len().div_ceil(ROWS_PER_TASK) * A::COUNT * width];
    cpu.for_each_run(&mut products, A::COUNT * width, Run::new(1, 1), |task, out| {
        let first = task * ROWS_PER_TASK;
        m.store(&product(m, pairs.slice(first..first + ROWS_PER_TASK)), out, width, 0);
    });
    products
}

/// Multiplies the rows, one product per lane. The factor R⁻¹ of each Montgomery product, and rows that occur twice,
/// do not change which prime factors the result shares with m.
fn product<A: Lanes>(m: &A, rows: Rows<'_>) -> A::Number {
    let groups = (0..rows.len()).step_by(A::COUNT);
    let product =
        groups.fold(m.one().x0, |product, first| m.mont_mul(&product, &m.load(rows.slice(first..first + A::COUNT), 0)));
    m.reduce_once(&product)
}
