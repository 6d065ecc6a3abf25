//! The scan: d0 = Σ b_i·c0_i and d1 = Σ b_i·c1_i for each block.

use super::block::{Block, check_parameters, tile_of};
use super::expand::ExpandedQuery;
use super::parameters::{DEGREE, Parameters, TILE, basis};
use super::response::{self, Response, block_words};
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::device::words::{Words, compiled_for_each_isa};
use crate::error::Error;
use crate::ring::modulus::Broadcast;

/// The most blocks of a task. For all of them, one part of a query after the other stays in the cache.
const TASK_BLOCKS: usize = 64;

/// The most blocks times queries of a task: 32 MiB of sums.
const TASK: usize = 512;

/// The most queries of a pass over the blocks.
const QUERIES: usize = 64;

/// Tiles of a query that stay in the cache together.
const TILES: usize = 4;

/// Products that are summed before reducing: 52·2^58 plus what is left of the sum before is less than 2^64.
const PRODUCTS: usize = 52;

/// Words of the sums of a block and a query: for each half and each limb, a polynomial.
const SUMS: usize = 4 * DEGREE;

impl ExpandedQuery {
    /// Combines the query with each block.
    ///
    /// # Errors
    /// [`Error::Context`] if a block has other parameters.
    pub fn scan(&self, device: &OpenDevice, blocks: &[Block]) -> Result<Response, Error> {
        let mut responses = Self::scan_all(&[self], device, blocks)?;
        responses.pop().ok_or(Error::Missing("a query is missing"))
    }

    /// Combines several queries with each block, in one pass over the blocks for each 64 queries.
    ///
    /// # Errors
    /// [`Error::Context`] if a block or a query has other parameters than the first query.
    pub fn scan_all(queries: &[&Self], device: &OpenDevice, blocks: &[Block]) -> Result<Vec<Response>, Error> {
        let Some(first) = queries.first() else { return Ok(Vec::new()) };
        let parameters = &first.parameters;
        queries.iter().try_for_each(|query| check_parameters("a query", parameters, &query.parameters))?;
        blocks.iter().try_for_each(|block| block.check(parameters))?;
        let blocks: Vec<&[u32]> = blocks.iter().map(|block| &*block.words).collect();
        let responses = queries.chunks(QUERIES).flat_map(|queries| {
            let answers = Self::answer(queries, device, &blocks).into_iter().zip(queries);
            answers.map(|(words, query)| Response {
                parameters: parameters.clone(),
                id: query.id,
                shared: query.shared.clone(),
                words,
            })
        });
        Ok(responses.collect())
    }

    /// Combines at least one and at most 64 queries with each block, given by its words. All have the same parameters.
    /// Returns the words of all blocks' answers to each query.
    pub(crate) fn answer(queries: &[&Self], device: &OpenDevice, blocks: &[&[u32]]) -> Vec<Vec<u32>> {
        let Some(Self { parameters, .. }) = queries.first() else { return Vec::new() };
        let (cpu, isa) = (device.cpu(), device.cpu().isa());
        let share = blocks.len().div_ceil(cpu.threads()).next_multiple_of(4);
        let at_once = share.min(TASK_BLOCKS).min(TASK / queries.len()).max(4);
        let tasks: Vec<&[&[u32]]> = blocks.chunks(at_once).collect();
        // Of each task: the answers of its blocks to one query after the other.
        let mut answers: Vec<Vec<u32>> = tasks.iter().map(|_| Vec::new()).collect();
        cpu.for_each_run(&mut answers, 1, Run::new(1, 1), |first, answers| {
            for (answer, blocks) in answers.iter_mut().zip(&tasks[first..]) {
                *answer = answer_blocks(isa, parameters, queries, blocks);
            }
        });
        let collect = |i: usize| {
            let parts = answers.iter().zip(&tasks).map(|(answer, blocks)| {
                let length = blocks.len() * block_words(parameters);
                &answer[i * length..(i + 1) * length]
            });
            parts.collect::<Vec<&[u32]>>().concat()
        };
        (0..queries.len()).map(collect).collect()
    }

    /// Returns the words of a tile: 32 for each polynomial.
    #[inline(always)]
    fn tile(&self, limb: usize, tile: usize) -> &[u32] {
        let words = self.parameters.polynomials() * 2 * TILE;
        let first = (limb * (DEGREE / TILE) + tile) * words;
        &self.words[first..first + words]
    }
}

/// Returns the answers of some blocks, to one query after the other.
fn answer_blocks(isa: Isa, parameters: &Parameters, queries: &[&ExpandedQuery], blocks: &[&[u32]]) -> Vec<u32> {
    let mut sums = vec![0; queries.len() * blocks.len() * SUMS];
    add_products(isa, queries, blocks, &mut sums);
    let width = block_words(parameters);
    let mut answers = vec![0; queries.len() * blocks.len() * width];
    let mut fractions = vec![0; 2 * DEGREE];
    for (sums, answer) in sums.chunks_exact_mut(SUMS).zip(answers.chunks_exact_mut(width)) {
        for (half, fractions) in sums.chunks_exact_mut(2 * DEGREE).zip(fractions.chunks_exact_mut(DEGREE)) {
            for (ring, limb) in basis().rings().iter().zip(half.chunks_exact_mut(DEGREE)) {
                ring.inverse(isa, limb);
            }
            response::fractions(isa, half, fractions);
        }
        let (d0, d1) = fractions.split_at(DEGREE);
        response::round(isa, parameters, [d0, d1], answer);
    }
    answers
}

compiled_for_each_isa! {
    /// Writes the sums of products of all queries with all blocks, as values: \[query\]\[block\]\[half\]\[limb\]\[coefficient\].
    pub(super) fn add_products<W>(isa; queries: &[&ExpandedQuery], blocks: &[&[u32]], sums: &mut [u32]) {
        let at_once = if W::REGISTERS >= 32 { 4 } else { 2 };
        for limb in 0..2 {
            let m = basis().rings()[limb].modulus().broadcast::<W>(isa);
            for first in (0..DEGREE / TILE).step_by(TILES) {
                for (group, blocks_at_once) in blocks.chunks(at_once).enumerate() {
                    for tile in first..first + TILES {
                        for (i, query) in queries.iter().enumerate() {
                            let sums = &mut sums[(i * blocks.len() + group * at_once) * SUMS..];
                            let place = Place { limb, tile };
                            match blocks_at_once {
                                [a, b, c, d] => add_tile::<W, 4>(isa, &m, query, [a, b, c, d], place, sums),
                                [a, b, c] => add_tile::<W, 3>(isa, &m, query, [a, b, c], place, sums),
                                [a, b] => add_tile::<W, 2>(isa, &m, query, [a, b], place, sums),
                                [a] => add_tile::<W, 1>(isa, &m, query, [a], place, sums),
                                _ => {}
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A tile of a limb.
#[derive(Clone, Copy)]
struct Place {
    limb: usize,
    tile: usize,
}

/// Writes the sums of one tile of some blocks.
#[inline(always)]
fn add_tile<W: Words, const BLOCKS: usize>(
    isa: W::Isa,
    m: &Broadcast<W>,
    query: &ExpandedQuery,
    blocks: [&[u32]; BLOCKS],
    place: Place,
    sums: &mut [u32],
) {
    let Place { limb, tile } = place;
    let vectors = TILE / W::LANES;
    let polynomials = query.parameters.polynomials();
    let query: &[W::Array] = bytemuck::cast_slice(query.tile(limb, tile));
    let blocks = blocks.map(|block| bytemuck::cast_slice::<u32, W::Array>(tile_of(block, polynomials, limb, tile)));
    for part in 0..vectors {
        let zero = W::splat(isa, 0).mul_wide(W::splat(isa, 0));
        let mut sum = [[zero; 2]; BLOCKS];
        for first in (0..polynomials).step_by(PRODUCTS) {
            for i in first..polynomials.min(first + PRODUCTS) {
                let [c0, c1] = [0, 1].map(|half| W::load(isa, &query[(2 * i + half) * vectors + part]));
                for (sum, block) in sum.iter_mut().zip(&blocks) {
                    let b = W::load(isa, &block[i * vectors + part]);
                    *sum = [W::add_wide(sum[0], b.mul_wide(c0)), W::add_wide(sum[1], b.mul_wide(c1))];
                }
            }
            sum = sum.map(|halves| halves.map(|x| m.fold(x)));
        }
        for (block, halves) in sum.iter().enumerate() {
            for (half, x) in halves.iter().enumerate() {
                // The sum is below 2^62, so below q·2^32 after another fold.
                let reduced = m.reduce_mont(m.fold(*x));
                let first = ((block * 2 + half) * 2 + limb) * DEGREE + tile * TILE + part * W::LANES;
                let out: &mut [W::Array] = bytemuck::cast_slice_mut(&mut sums[first..first + W::LANES]);
                if let [out] = out {
                    reduced.store(out);
                }
            }
        }
    }
}
