//! `hamming_aggregate`: queries times every stored ciphertext.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::lanes::{Lanes, Pair};
use crate::arith::modulus::Modulus;

const RUN: Run = Run::new(16, 256);

pub(in crate::backend) fn hamming_aggregate(
    cpu: &Cpu,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) {
    with_lanes!(cpu, modulus, m => {
        for (query, out) in queries.iter().zip(out.chunks_exact_mut(stored.limbs().len().max(1))) {
            aggregate(cpu, m, query, stored, out, |product, out| m.store_pair(product, out));
        }
    });
}

/// The same, as integers.
pub(in crate::backend) fn hamming_aggregate_integers(
    cpu: &Cpu,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) {
    with_lanes!(cpu, modulus, m => {
        let n = m.spread(modulus.limbs());
        for (query, out) in queries.iter().zip(out.chunks_exact_mut(stored.limbs().len().max(1))) {
            aggregate(cpu, m, query, stored, out, |product, out| {
                m.store_product(&product.x1, &n, &product.x0, out, 2 * m.width(), 0);
            });
        }
    });
}

/// With the query in Montgomery form each product comes out plain: one multiplication a row.
fn aggregate<A: Lanes>(
    cpu: &Cpu,
    m: &A,
    query: &[u64],
    stored: Rows<'_>,
    out: &mut [u64],
    store: impl Fn(&Pair<A::Number>, &mut [u64]) + Sync,
) {
    let query = m.enter(&m.spread_pair(query));
    cpu.for_each_group::<A, _>(out, 2 * m.width(), RUN, |rows, out| {
        let mut product = m.load_pair(stored.slice(rows));
        m.mul_assign(&mut product, &query);
        m.reduce_pair(&mut product);
        store(&product, out);
    });
}
