//! The sides of multi-exponentiations on the CPU, and their quotients. One side is the product of the powers with
//! positive weights, the other side that of the powers with negative weights.

use crate::bignum::batch::Rows;
use crate::bignum::lanes::Lanes;
use crate::bignum::modulus::Modulus;
use crate::bignum::with_lanes::{for_powers, with_lanes};
use crate::device::cpu::{Cpu, Run};
use crate::paillier::kernels::inverses;
use crate::paillier::kernels::multi_exp::plan::{Part, Parts};
use crate::paillier::kernels::pair_mul;
use crate::paillier::kernels::weights::Weights;
use std::ops::Range;

/// The limbs that a part of a job takes at most: 64 MiB.
const MOST_LIMBS: usize = 1 << 23;

/// The rows that a task takes.
const RUN: Run = Run::new(16, 256);

/// Computes the given sides. Each output has two: first the product for its positive weights, then that for its
/// negative ones.
pub(crate) fn multi_exp_sides_vartime(
    cpu: &Cpu,
    modulus: &Modulus,
    inputs: Rows<'_>,
    weights: &Weights,
    sides: Range<usize>,
    out: &mut [u64],
) {
    with_lanes!(&for_powers(cpu, weights.len()), modulus, m => compute(cpu, m, inputs, weights, sides, out));
}

/// Divides the positive side of each output by its negative side.
pub(crate) fn quotients_vartime(cpu: &Cpu, modulus: &Modulus, weights: &Weights, sides: Rows<'_>, out: &mut [u64]) {
    let width = sides.width();
    let has_negative = |output: &usize| weights.side(2 * output + 1).next().is_some();
    let outputs: Vec<usize> = (0..weights.outputs()).filter(has_negative).collect();
    let gather = |side: usize| -> Vec<u64> {
        outputs.iter().flat_map(|output| sides.get(2 * output + side).unwrap_or_default()).copied().collect()
    };
    let (numerators, denominators) = (gather(0), gather(1));
    let inverses = inverses::inverses_vartime(cpu, modulus, Rows::new(&denominators, width));
    let mut quotients = vec![0; numerators.len()];
    let (numerators, inverses) = (Rows::new(&numerators, width), Rows::new(&inverses, width));
    pair_mul::on_cpu(cpu, modulus, numerators, inverses, &mut quotients);
    for (out, sides) in out.chunks_exact_mut(width).zip(sides.limbs().chunks_exact(2 * width)) {
        out.copy_from_slice(&sides[..width]);
    }
    for (output, quotient) in outputs.iter().zip(quotients.chunks_exact(width)) {
        out[output * width..(output + 1) * width].copy_from_slice(quotient);
    }
}

fn compute<A: Lanes>(cpu: &Cpu, m: &A, inputs: Rows<'_>, weights: &Weights, sides: Range<usize>, out: &mut [u64]) {
    let width = 2 * m.width();
    let mut one = vec![0; width];
    store_one(m, &mut one);
    let mut slots = Vec::new();
    for part in Parts::new(weights, sides.clone(), inputs.len(), MOST_LIMBS / width) {
        fill(cpu, m, inputs, &part, &mut slots);
        let results: Vec<u64> = (part.results.iter())
            .flat_map(|slot| slot.map_or(&*one, |slot| &slots[slot as usize * width..][..width]))
            .copied()
            .collect();
        let out = &mut out[(part.sides.start - sides.start) * width..][..results.len()];
        if part.inputs.start == 0 {
            out.copy_from_slice(&results);
        } else {
            multiply(cpu, m, &results, out);
        }
    }
    cpu.for_each_group(out, width, RUN.of(A::COUNT), |_, out| {
        let power = m.from_mont(&m.load_pair(Rows::new(out, width)));
        m.store_pair(&power, out);
    });
}

/// Computes all slots of a part, as reduced pairs in Montgomery form.
fn fill<A: Lanes>(cpu: &Cpu, m: &A, inputs: Rows<'_>, part: &Part, slots: &mut Vec<u64>) {
    let width = 2 * m.width();
    slots.resize(part.slots() * width, 0);
    let mut ready = (Part::GIVEN + part.inputs.len()) * width;
    let inputs = inputs.slice(part.inputs.clone());
    cpu.for_each_group(&mut slots[Part::GIVEN * width..ready], width, RUN.of(A::COUNT), |rows, out| {
        let mut input = m.to_mont(&m.load_pair(inputs.slice(rows)));
        m.reduce_pair(&mut input);
        m.store_pair(&input, out);
    });
    let mut factors = &*part.rounds.factors;
    for length in &part.rounds.lengths {
        let (of_round, rest) = factors.split_at(*length);
        let (done, new) = slots.split_at_mut(ready);
        round(cpu, m, done, of_round, &mut new[..length * width]);
        (factors, ready) = (rest, ready + length * width);
    }
}

/// Computes the products of one round from pairs of slots.
fn round<A: Lanes>(cpu: &Cpu, m: &A, slots: &[u64], factors: &[[u32; 2]], out: &mut [u64]) {
    let width = 2 * m.width();
    cpu.for_each_run(out, width, RUN.of(A::COUNT), |first, out| {
        let mut gathered = vec![0; A::COUNT * width];
        let mut factors = factors[first..].chunks(A::COUNT);
        for out in out.chunks_mut(A::COUNT * width) {
            let factors = factors.next().unwrap_or_default();
            let mut gather = |which: usize| {
                for (row, pair) in gathered.chunks_exact_mut(width).zip(factors) {
                    row.copy_from_slice(&slots[pair[which] as usize * width..][..width]);
                }
                m.load_pair(Rows::new(&gathered[..out.len()], width))
            };
            let mut product = gather(0);
            if factors.iter().all(|[x, y]| x == y) {
                m.square_assign(&mut product);
            } else {
                m.mul_assign(&mut product, &gather(1));
            }
            m.reduce_pair(&mut product);
            m.store_pair(&product, out);
        }
    });
}

/// Computes out ← out·factors, in Montgomery form.
fn multiply<A: Lanes>(cpu: &Cpu, m: &A, factors: &[u64], out: &mut [u64]) {
    let width = 2 * m.width();
    let factors = Rows::new(factors, width);
    cpu.for_each_group(out, width, RUN.of(A::COUNT), |rows, out| {
        let mut product = m.load_pair(Rows::new(out, width));
        m.mul_assign(&mut product, &m.load_pair(factors.slice(rows)));
        m.reduce_pair(&mut product);
        m.store_pair(&product, out);
    });
}

fn store_one<A: Lanes>(m: &A, row: &mut [u64]) {
    let mut one = *m.one();
    m.reduce_pair(&mut one);
    m.store_pair(&one, row);
}
