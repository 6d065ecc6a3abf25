//! `residue_product`: one number that is coprime to m exactly if every row is.

use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::digits;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::arith::pair::PairModulus;

/// Rows multiplied by one task.
const ROWS_A_TASK: usize = 256;

pub(in crate::backend) fn residue_product(cpu: &Cpu, modulus: &Modulus, pairs: Rows<'_>) -> Vec<u64> {
    let width = modulus.width();
    let mut products = vec![0; pairs.len().div_ceil(ROWS_A_TASK) * width];
    with_modulus!(modulus, m => cpu.for_each_run(&mut products, width, Run { least: 1, most: 1 }, |first, out| {
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            let rows = pairs.iter().skip((first + i) * ROWS_A_TASK).take(ROWS_A_TASK).map(|pair| &pair[..width]);
            product(m, rows, out);
        }
    }));
    let mut whole = vec![0; width];
    with_modulus!(modulus, m => product(m, products.chunks_exact(width), &mut whole));
    whole
}

/// Each Montgomery product brings a factor R⁻¹ along, which changes nothing about common factors.
fn product<'a, const L: usize>(m: &PairModulus<L>, rows: impl Iterator<Item = &'a [u64]>, out: &mut [u64]) {
    let product = rows.fold(m.one().x0, |product, row| m.mont_mul(&product, &digits::from_limbs(row)));
    digits::to_limbs(&m.reduce_once(&product), out);
}
