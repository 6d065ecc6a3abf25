//! `hamming_aggregate`: queries times every stored ciphertext.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::Modulus;

pub(in crate::backend) fn hamming_aggregate(
    cpu: &Cpu,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) {
    with_lanes!(cpu, modulus, m => {
        for (query, out) in queries.iter().zip(out.chunks_exact_mut(stored.limbs().len().max(1))) {
            aggregate(cpu, m, query, stored, out);
        }
    });
}

/// With the query in Montgomery form each product comes out plain: one multiplication a row.
fn aggregate<A: Lanes>(cpu: &Cpu, m: &A, query: &[u64], stored: Rows<'_>, out: &mut [u64]) {
    let query = m.enter(&m.spread_pair(query));
    cpu.for_each_group::<A, _>(out, 2 * m.width(), Run::new(16, 256), |rows, out| {
        let mut product = m.load_pair(stored.slice(rows));
        m.mul_assign(&mut product, &query);
        m.reduce_pair(&mut product);
        m.store_pair(&product, out);
    });
}
