//! `hamming_aggregate`: queries times every stored ciphertext.

use super::level::with_lanes;
use super::{Cpu, Run};
use crate::arith::batch::Rows;
use crate::arith::factor::FixedFactor;
use crate::arith::lanes::Lanes;
use crate::arith::modulus::Modulus;

const RUN: Run = Run::new(16, 256);

pub(in crate::backend) fn hamming_aggregate(
    cpu: &Cpu,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) {
    with_lanes!(cpu, modulus, m => aggregate(cpu, modulus, m, queries, stored, out, |m, rows, query, out| {
        let mut product = m.load_pair(rows);
        m.scale(&mut product, query);
        m.store_pair(&product, out);
    }));
}

/// The same, as integers.
pub(in crate::backend) fn hamming_aggregate_integers(
    cpu: &Cpu,
    modulus: &Modulus,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
) {
    with_lanes!(cpu, modulus, m => aggregate(cpu, modulus, m, queries, stored, out, |m, rows, query, out| {
        m.store_scaled(&m.load_pair(rows), query, out);
    }));
}

/// Each query is a factor that all rows have in common.
fn aggregate<A: FixedFactor>(
    cpu: &Cpu,
    modulus: &Modulus,
    m: &A,
    queries: Rows<'_>,
    stored: Rows<'_>,
    out: &mut [u64],
    store: impl Fn(&A, Rows<'_>, &A::Factor, &mut [u64]) + Sync,
) {
    for (query, out) in queries.iter().zip(out.chunks_exact_mut(stored.limbs().len().max(1))) {
        let query = m.factor_vartime(modulus, query, stored.len());
        cpu.for_each_group::<A, _>(out, 2 * m.width(), RUN, |rows, out| store(m, stored.slice(rows), &query, out));
    }
}
