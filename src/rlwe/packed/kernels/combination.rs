//! The check of sums that another device computed: random combinations of blocks (Freivalds, Probabilistic machines
//! can use less running time, IFIP 1977).

use super::packed_scan::{SUMS, TILES, add_products};
use crate::bignum::random::{OsRandom, fill_limbs};
use crate::device::cpu::{Cpu, Run};
use crate::device::words::compiled_for_each_isa;
use crate::error::Error;
use crate::ring::modulus::Modulus;
use crate::rlwe::packed::parameters::{DEGREE, TILE, basis};

/// The combinations of a batch.
const COMBINATIONS: usize = 2;

/// Blocks that are added at once: sums of eight products are less than 2^62.
const AT_ONCE: usize = 8;

/// Two random combinations of blocks, Σ r_b·block_b, with r_b uniform modulo each prime.
///
/// Sums with the same coefficients must be the products of the combinations with the query. If any word of the sums
/// is wrong, one combination agrees with probability 1/q, and both with 1/q^2, which is 2^−57.9. Combining takes two
/// products for each word of the blocks, as many as the sums for one query take; every query shares it. Per query, the
/// check takes as long as the sums of two blocks.
pub(super) struct Combination {
    polynomials: usize,
    /// For each limb and combination: a factor for each block, in Montgomery form.
    factors: [[Vec<u32>; COMBINATIONS]; 2],
    /// Each combination, in the layout of a block.
    words: [Vec<u32>; COMBINATIONS],
}

impl Combination {
    /// Draws factors and combines the blocks.
    pub(super) fn new(cpu: &Cpu, polynomials: usize, blocks: &[&[u32]]) -> Result<Self, Error> {
        let mut factors: [[Vec<u32>; COMBINATIONS]; 2] = Default::default();
        for (ring, factors) in basis().rings().iter().zip(&mut factors) {
            for factors in factors {
                let mut random = vec![0; blocks.len()];
                fill_limbs(&mut OsRandom, &mut random)?;
                // Uniform numbers are the Montgomery form of uniform numbers.
                *factors = random.into_iter().map(|x| ring.modulus().reduce(x)).collect();
            }
        }
        let tile = polynomials * TILE;
        let mut interleaved = vec![0; COMBINATIONS * 2 * TILES * tile];
        cpu.for_each_run(&mut interleaved, COMBINATIONS * tile, Run::new(1, 16), |first, out| {
            for (i, out) in (first..).zip(out.chunks_exact_mut(COMBINATIONS * tile)) {
                let (modulus, factors) = (basis().rings()[i / TILES].modulus(), &factors[i / TILES]);
                let rows: Vec<&[u32]> = blocks.iter().map(|block| &block[i * tile..(i + 1) * tile]).collect();
                combine(cpu, modulus, &rows, factors, out);
            }
        });
        let part = |which: usize| interleaved.chunks_exact(tile.max(1)).skip(which).step_by(COMBINATIONS);
        let words = [0, 1].map(|which| part(which).flatten().copied().collect());
        Ok(Self { polynomials, factors, words })
    }

    /// Returns whether these are the sums of the blocks for a query.
    pub(super) fn holds(&self, cpu: &Cpu, query: &[u32], sums: &[u32]) -> bool {
        if !are_canonical(sums) {
            return false;
        }
        let mut expected = vec![0; COMBINATIONS * SUMS];
        let words = self.words.each_ref().map(Vec::as_slice);
        add_products(cpu.isa(), self.polynomials, &[query], &words, &mut expected);
        let (first, second) = expected.split_at(SUMS);
        // For each half and limb, a polynomial.
        let mut right = vec![false; 4];
        cpu.for_each_run(&mut right, 1, Run::new(1, 1), |start, right| {
            for (i, right) in (start..).zip(right) {
                let range = i * DEGREE..(i + 1) * DEGREE;
                let (modulus, factors) = (basis().rings()[i % 2].modulus(), &self.factors[i % 2]);
                let rows: Vec<&[u32]> = sums.chunks_exact(SUMS).map(|sums| &sums[range.clone()]).collect();
                let mut combined = vec![0; COMBINATIONS * DEGREE];
                combine(cpu, modulus, &rows, factors, &mut combined);
                *right = combined[..DEGREE] == first[range.clone()] && combined[DEGREE..] == second[range];
            }
        });
        right.into_iter().all(|right| right)
    }
}

/// Returns whether all words of sums are residues.
fn are_canonical(sums: &[u32]) -> bool {
    let moduli = basis().rings()[..2].iter().map(|ring| ring.modulus().value()).cycle();
    sums.chunks_exact(DEGREE).zip(moduli).all(|(sums, q)| sums.iter().fold(0, |most, x| most.max(*x)) < q)
}

/// Writes both combinations of rows, one after the other.
fn combine(cpu: &Cpu, modulus: Modulus, rows: &[&[u32]], factors: &[Vec<u32>; COMBINATIONS], out: &mut [u32]) {
    let (first, second) = out.split_at_mut(out.len() / 2);
    first.fill(0);
    second.fill(0);
    let [x, y] = factors.each_ref().map(|factors| factors.chunks(AT_ONCE));
    for ((rows, x), y) in rows.chunks(AT_ONCE).zip(x).zip(y) {
        add_multiples(cpu.isa(), modulus, rows, [x, y], [&mut *first, &mut *second]);
    }
}

compiled_for_each_isa! {
    /// Adds Σ factor·row to each of two outputs. At most eight rows; factors are in Montgomery form.
    fn add_multiples<W>(isa; modulus: Modulus, rows: &[&[u32]], factors: [&[u32]; 2], outs: [&mut [u32]; 2]) {
        let m = modulus.broadcast::<W>(isa);
        let mut vectors = [&[][..]; AT_ONCE];
        let mut multiples = [[W::splat(isa, 0); 2]; AT_ONCE];
        for (i, row) in rows.iter().enumerate().take(AT_ONCE) {
            vectors[i] = bytemuck::cast_slice::<u32, W::Array>(row);
            multiples[i] = [W::splat(isa, factors[0][i]), W::splat(isa, factors[1][i])];
        }
        let [first, second]: [&mut [W::Array]; 2] = outs.map(bytemuck::cast_slice_mut);
        for (j, (first, second)) in first.iter_mut().zip(second).enumerate() {
            let zero = multiples[0][0].mul_wide(W::splat(isa, 0));
            let mut sums = [zero; 2];
            for (vectors, factors) in vectors.iter().zip(&multiples).take(rows.len()) {
                let x = W::load(isa, &vectors[j]);
                sums = [W::add_wide(sums[0], x.mul_wide(factors[0])), W::add_wide(sums[1], x.mul_wide(factors[1]))];
            }
            // Sums of eight products are less than 2^63, so below q·2^32 after a fold.
            m.add(W::load(isa, first), m.reduce_mont(m.fold(sums[0]))).store(first);
            m.add(W::load(isa, second), m.reduce_mont(m.fold(sums[1]))).store(second);
        }
    }
}
