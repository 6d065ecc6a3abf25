//! The oblivious expansion of a query: one ciphertext whose coefficients are the message becomes one ciphertext for each
//! coefficient (Angel, Chen, Laine and Setty, PIR with compressed queries and amortized query processing, IEEE S&P
//! 2018, section 3.3).

use super::block::check_parameters;
use super::evaluation_key::EvaluationKey;
use super::kernels::uses_gpu;
use super::parameters::{DEGREE, Parameters, TILE, basis};
use super::query::{QUERY_LIMBS, Query, query_polynomial};
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::query_id::QueryId;
use crate::ring::automorphism::Automorphism;
use crate::ring::modulus::Modulus;
use crate::ring::pointwise;
use crate::rlwe::key_switch::{Scratch, SwitchingKey, key_switch};

/// A query that is ready to be combined with blocks.
pub struct ExpandedQuery {
    pub(super) parameters: Parameters,
    pub(super) id: QueryId,
    /// The values of c0_i and c1_i in Montgomery form: \[limb\]\[tile\]\[polynomial\]\[half\]\[coefficient of the tile\].
    pub(super) words: Vec<u32>,
    /// Σ a_i·c0_i and Σ a_i·c1_i as fractions of Q: what all blocks of an answer share.
    pub(super) shared: Vec<u32>,
}

impl std::fmt::Debug for ExpandedQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExpandedQuery").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl ExpandedQuery {
    /// The part that all blocks of an answer share, as words.
    pub(crate) fn shared(&self) -> &[u32] {
        &self.shared
    }
}

/// Words of a polynomial of a query.
const QUERY_WORDS: usize = QUERY_LIMBS * DEGREE;

/// A ciphertext on its way: the coefficients that it stands for are those that are `id` modulo 2^level.
struct Node {
    id: usize,
    /// c0, then c1, with one limb for each of q0, q1 and R.
    words: Vec<u32>,
    /// The node that splits off in a level.
    sibling: Option<Box<Node>>,
}

impl EvaluationKey {
    /// Expands a query.
    ///
    /// # Errors
    /// [`Error::Context`] if the query has other parameters.
    pub fn expand(&self, device: &OpenDevice, query: &Query) -> Result<ExpandedQuery, Error> {
        check_parameters("the query", &self.parameters, &query.parameters)?;
        let (cpu, isa) = (device.cpu(), device.cpu().isa());
        let polynomials = self.parameters.polynomials();
        let leaves: Vec<usize> = (0..polynomials).map(|i| self.parameters.leaf(i)).collect();

        let mut words = query.words.clone();
        words.resize(2 * QUERY_WORDS, 0);
        for (limb, words) in words[QUERY_WORDS..].chunks_exact_mut(DEGREE).enumerate() {
            query_polynomial(&query.seed, limb, words);
        }
        let mut nodes = vec![Node { id: 0, words, sibling: None }];
        for (level, (automorphism, key)) in self.levels.iter().enumerate() {
            let step = 1 << level;
            let mut needed = vec![false; 2 * step];
            leaves.iter().for_each(|leaf| needed[leaf % (2 * step)] = true);
            if uses_gpu(device) {
                split_on_gpu(device, &mut nodes, step, &needed, automorphism, key);
            } else {
                cpu.for_each_run(&mut nodes, 1, Run::new(1, 8), |_, nodes| {
                    let mut scratch = Scratch::new(basis());
                    let mut rotated = vec![0; 2 * QUERY_WORDS];
                    for node in nodes {
                        let (c0, c1) = rotated.split_at_mut(QUERY_WORDS);
                        node.rotate(automorphism, [c0, c1]);
                        let switched = key.switch(isa, basis(), c1, &mut scratch).map(|half| &*half);
                        node.split(isa, step, &needed, c0, switched);
                    }
                });
            }
            let with_siblings = nodes.into_iter().flat_map(|mut node| {
                let sibling = node.sibling.take().map(|sibling| *sibling);
                [Some(node), sibling]
            });
            nodes = with_siblings.flatten().filter(|node| needed[node.id]).collect();
        }

        let mut position = vec![0; 1 << self.levels.len()];
        leaves.iter().enumerate().for_each(|(i, leaf)| position[*leaf] = i);
        nodes.sort_by_key(|node| position[node.id]);
        cpu.for_each_run(&mut nodes, 1, Run::new(1, 8), |_, nodes| {
            nodes.iter_mut().for_each(|node| node.finish(isa));
        });
        let shared = self.shared_sums(isa, &nodes);
        let words = interleave(device, &nodes);
        Ok(ExpandedQuery { parameters: self.parameters.clone(), id: query.id, words, shared })
    }

    /// Returns Σ a_i·c0_i and Σ a_i·c1_i as fractions of Q.
    fn shared_sums(&self, isa: Isa, nodes: &[Node]) -> Vec<u32> {
        let mut fractions = vec![0; 2 * DEGREE];
        let mut sums = vec![0; 2 * DEGREE];
        for (half, fractions) in fractions.chunks_exact_mut(DEGREE).enumerate() {
            sums.fill(0);
            for (limb, sum) in sums.chunks_exact_mut(DEGREE).enumerate() {
                let ring = &basis().rings()[limb];
                let shared = self.shared.chunks_exact(DEGREE).skip(limb * nodes.len());
                for (node, shared) in nodes.iter().zip(shared) {
                    pointwise::mul_add_mont(isa, ring.modulus(), sum, shared, node.limb(half, limb));
                }
                ring.inverse(isa, sum);
            }
            super::response::fractions(isa, &sums, fractions);
        }
        fractions
    }
}

impl Node {
    fn limb(&self, half: usize, limb: usize) -> &[u32] {
        &self.words[half * QUERY_WORDS + limb * DEGREE..][..DEGREE]
    }

    /// Writes τ(c0) and τ(c1).
    fn rotate(&self, automorphism: &Automorphism, rotated: [&mut [u32]; 2]) {
        for (words, rotated) in self.words.chunks_exact(QUERY_WORDS).zip(rotated) {
            let limbs = words.chunks_exact(DEGREE).zip(rotated.chunks_exact_mut(DEGREE));
            for (ring, (limb, out)) in basis().rings().iter().zip(limbs) {
                automorphism.apply(ring.modulus(), limb, out);
            }
        }
    }

    /// Splits the ciphertext of a message m into one of m + τ(m) and one of (m − τ(m))·X^−step, as far as needed.
    /// `rotated` is τ(c0), and changes; b and a are τ(c1) after the key switch.
    fn split(&mut self, isa: Isa, step: usize, needed: &[bool], rotated: &mut [u32], [b, a]: [&[u32]; 2]) {
        let rings = &basis().rings()[..QUERY_LIMBS];
        let limbs = rings.iter().cycle();
        for ((ring, limb), b) in rings.iter().zip(rotated.chunks_exact_mut(DEGREE)).zip(b.chunks_exact(DEGREE)) {
            pointwise::add(isa, ring.modulus(), limb, b);
        }
        let images = || rotated.chunks_exact(DEGREE).chain(a.chunks_exact(DEGREE));
        if needed[self.id + step] {
            let mut words = vec![0; 2 * QUERY_WORDS];
            for (((ring, out), x), image) in
                limbs.clone().zip(words.chunks_exact_mut(DEGREE)).zip(self.words.chunks_exact(DEGREE)).zip(images())
            {
                rotated_difference(isa, ring.modulus(), out, [x, image], step);
            }
            self.sibling = Some(Box::new(Self { id: self.id + step, words, sibling: None }));
        }
        if needed[self.id] {
            for ((ring, x), image) in limbs.zip(self.words.chunks_exact_mut(DEGREE)).zip(images()) {
                pointwise::add(isa, ring.modulus(), x, image);
            }
        }
    }

    /// Divides by R, transforms to values and converts to Montgomery form.
    fn finish(&mut self, isa: Isa) {
        for half in self.words.chunks_exact_mut(QUERY_WORDS) {
            let (limbs, last) = half.split_at_mut(QUERY_WORDS - DEGREE);
            basis().divide_by(isa, QUERY_LIMBS - 1, limbs, last);
            for (ring, limb) in basis().rings().iter().zip(limbs.chunks_exact_mut(DEGREE)) {
                ring.forward(isa, limb);
                pointwise::to_mont(isa, ring.modulus(), limb);
            }
        }
    }
}

/// Splits all nodes of a level, with the key switches on a GPU.
fn split_on_gpu(
    device: &OpenDevice,
    nodes: &mut [Node],
    step: usize,
    needed: &[bool],
    automorphism: &Automorphism,
    key: &SwitchingKey,
) {
    let [mut c0, mut c1] = [(); 2].map(|()| vec![0; nodes.len() * QUERY_WORDS]);
    for ((node, c0), c1) in nodes.iter().zip(c0.chunks_exact_mut(QUERY_WORDS)).zip(c1.chunks_exact_mut(QUERY_WORDS)) {
        node.rotate(automorphism, [c0, c1]);
    }
    let mut switched = vec![0; 2 * c1.len()];
    key_switch(device, basis(), key, &c1, &mut switched);
    device.cpu().for_each_run(nodes, 1, Run::new(1, 8), |first, nodes| {
        let rotated = c0.chunks_exact(QUERY_WORDS).zip(switched.chunks_exact(2 * QUERY_WORDS)).skip(first);
        for (node, (c0, switched)) in nodes.iter_mut().zip(rotated) {
            let (b, a) = switched.split_at(QUERY_WORDS);
            node.split(device.cpu().isa(), step, needed, &mut c0.to_vec(), [b, a]);
        }
    });
}

/// out ← (x − y)·X^−step.
fn rotated_difference(isa: Isa, modulus: Modulus, out: &mut [u32], [x, y]: [&[u32]; 2], step: usize) {
    // X^−step turns the lowest coefficients into the highest, negated.
    pointwise::difference(isa, modulus, out, y, x);
    let lowest = out[..step].to_vec();
    pointwise::difference(isa, modulus, out, x, y);
    out.copy_within(step.., 0);
    out[DEGREE - step..].copy_from_slice(&lowest);
}

/// Brings the ciphertexts into the order of [`ExpandedQuery::words`].
fn interleave(device: &OpenDevice, nodes: &[Node]) -> Vec<u32> {
    let width = nodes.len() * 2 * TILE;
    let tiles = DEGREE / TILE;
    let mut words = vec![0; 2 * tiles * width];
    device.cpu().for_each_run(&mut words, width, Run::new(8, 64), |first, words| {
        for (i, words) in words.chunks_exact_mut(width).enumerate() {
            let (limb, tile) = ((first + i) / tiles, (first + i) % tiles);
            for (node, words) in nodes.iter().zip(words.chunks_exact_mut(2 * TILE)) {
                let (c0, c1) = words.split_at_mut(TILE);
                c0.copy_from_slice(&node.limb(0, limb)[tile * TILE..][..TILE]);
                c1.copy_from_slice(&node.limb(1, limb)[tile * TILE..][..TILE]);
            }
        }
    });
    words
}
