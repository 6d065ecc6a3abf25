//! `hamming_aggregate`: queries times every stored ciphertext.

use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::modulus::{Modulus, with_modulus};
use crate::arith::pair::Pair;

pub(in crate::backend) fn hamming_aggregate(
    cpu: &Cpu,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) {
    let width = 2 * modulus.width();
    with_modulus!(modulus, m => {
        for (query, out) in queries.iter().zip(out.chunks_exact_mut(stored.limbs().len().max(1))) {
            // With the query in Montgomery form each product comes out plain: one multiplication a row.
            let query = m.enter(&Pair::from_row(query));
            cpu.for_each_run(out, width, Run { least: 16, most: 256 }, |first, out| {
                for (stored, out) in stored.iter().skip(first).zip(out.chunks_exact_mut(width)) {
                    m.reduce_pair(&m.mul(&query, &Pair::from_row(stored))).to_row(out);
                }
            });
        }
    });
}
