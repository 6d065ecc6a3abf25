//! Batches of polynomials on the CPU.

use crate::device::cpu::{Cpu, Run};
use crate::device::isa::Isa;
use crate::ring::ntt::Ntt;

/// Polynomials of a task.
const RUN: Run = Run::new(1, 32);

/// Copies polynomials to `out` and applies `change` to each, with its ring. Polynomial i belongs to ring `first` + i
/// modulo the number of rings.
pub(super) fn each(
    cpu: &Cpu,
    rings: &[Ntt],
    first: usize,
    polynomials: &[u32],
    out: &mut [u32],
    change: impl Fn(&Ntt, Isa, &mut [u32]) + Sync,
) {
    let Some(ring) = rings.first() else { return };
    let degree = ring.degree();
    cpu.for_each_run(out, degree, RUN, |start, out| {
        let rings = rings.iter().cycle().skip((first + start) % rings.len());
        let polynomials = polynomials.chunks_exact(degree).skip(start);
        for ((out, polynomial), ring) in out.chunks_exact_mut(degree).zip(polynomials).zip(rings) {
            out.copy_from_slice(polynomial);
            change(ring, cpu.isa(), out);
        }
    });
}
