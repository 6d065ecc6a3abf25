//! `residue_product`: one number that is coprime to m exactly if every row is.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::{Modulus, with_modulus};

/// Rows multiplied by one task.
const ROWS_A_TASK: usize = 256;

pub(in crate::backend) fn residue_product(cpu: &Cpu, modulus: &Modulus, pairs: Rows<'_>) -> Vec<u64> {
    let products = with_lanes!(cpu, modulus, m => partial(cpu, m, pairs));
    let mut whole = vec![0; modulus.width()];
    with_modulus!(modulus, m => m.store(&product(m, Rows::new(&products, m.width())), &mut whole, m.width(), 0));
    whole
}

/// A product for each lane of each task.
fn partial<A: Lanes>(cpu: &Cpu, m: &A, pairs: Rows<'_>) -> Vec<u64> {
    let width = m.width();
    let mut products = vec![0; pairs.len().div_ceil(ROWS_A_TASK) * A::COUNT * width];
    cpu.for_each_run(&mut products, A::COUNT * width, Run::new(1, 1), |task, out| {
        let first = task * ROWS_A_TASK;
        m.store(&product(m, pairs.slice(first..first + ROWS_A_TASK)), out, width, 0);
    });
    products
}

/// Each Montgomery product brings a factor R⁻¹ along, which changes nothing about common factors, and neither does a row
/// that comes twice.
fn product<A: Lanes>(m: &A, rows: Rows<'_>) -> A::Number {
    let groups = (0..rows.len()).step_by(A::COUNT);
    let product =
        groups.fold(m.one().x0, |product, first| m.mont_mul(&product, &m.load(rows.slice(first..first + A::COUNT), 0)));
    m.reduce_once(&product)
}
