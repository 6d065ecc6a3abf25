//! The scan: d0 = Σ b_i·c0_i and d1 = Σ b_i·c1_i for each block.

use super::block::{Block, check_parameters};
use super::expand::ExpandedQuery;
use super::kernels::packed_scan::{SUMS, add_products, packed_scan};
use super::kernels::uses_gpu;
use super::parameters::{DEGREE, Parameters, basis};
use super::response::{self, Response, block_words};
use crate::device::cpu::Run;
use crate::device::isa::Isa;
use crate::device::open_device::OpenDevice;
use crate::error::Error;
use crate::ring::kernels::ntt_inverse::ntt_inverse;

/// The most blocks of a task. For all of them, one part of a query after the other stays in the cache.
const TASK_BLOCKS: usize = 64;

/// The most blocks times queries of a task: 32 MiB of sums.
const TASK: usize = 512;

/// The most blocks times queries of a task on a GPU: 256 MiB of sums. Queries are uploaded once per task.
const GPU_TASK: usize = 4096;

/// The most queries of a pass over the blocks.
const QUERIES: usize = 64;

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
        let at_once = if uses_gpu(device) {
            GPU_TASK / queries.len()
        } else {
            share.min(TASK_BLOCKS).min(TASK / queries.len()).max(4)
        };
        let tasks: Vec<&[&[u32]]> = blocks.chunks(at_once).collect();
        // Of each task: the answers of its blocks to one query after the other.
        let mut answers: Vec<Vec<u32>> = tasks.iter().map(|_| Vec::new()).collect();
        if uses_gpu(device) {
            for (answer, blocks) in answers.iter_mut().zip(&tasks) {
                *answer = answer_blocks_on_gpu(device, parameters, queries, blocks);
            }
        } else {
            cpu.for_each_run(&mut answers, 1, Run::new(1, 1), |first, answers| {
                for (answer, blocks) in answers.iter_mut().zip(&tasks[first..]) {
                    *answer = answer_blocks(isa, parameters, queries, blocks);
                }
            });
        }
        let collect = |i: usize| {
            let parts = answers.iter().zip(&tasks).map(|(answer, blocks)| {
                let length = blocks.len() * block_words(parameters);
                &answer[i * length..(i + 1) * length]
            });
            parts.collect::<Vec<&[u32]>>().concat()
        };
        (0..queries.len()).map(collect).collect()
    }
}

/// Returns the answers of some blocks, to one query after the other.
fn answer_blocks(isa: Isa, parameters: &Parameters, queries: &[&ExpandedQuery], blocks: &[&[u32]]) -> Vec<u32> {
    let mut sums = vec![0; queries.len() * blocks.len() * SUMS];
    add_products(isa, parameters.polynomials(), &words(queries), blocks, &mut sums);
    let mut answers = answers(parameters, queries, blocks);
    for (ring, limb) in basis().rings()[..2].iter().cycle().zip(sums.chunks_exact_mut(DEGREE)) {
        ring.inverse(isa, limb);
    }
    finish(isa, parameters, &sums, &mut answers);
    answers
}

/// [`answer_blocks`] with a GPU, which computes the sums and transforms them.
fn answer_blocks_on_gpu(
    device: &OpenDevice,
    parameters: &Parameters,
    queries: &[&ExpandedQuery],
    blocks: &[&[u32]],
) -> Vec<u32> {
    let mut sums = vec![0; queries.len() * blocks.len() * SUMS];
    packed_scan(device, parameters.polynomials(), &words(queries), blocks, &mut sums);
    let mut coefficients = vec![0; sums.len()];
    ntt_inverse(device, &basis().rings()[..2], &sums, &mut coefficients);
    let mut answers = answers(parameters, queries, blocks);
    let width = block_words(parameters);
    device.cpu().for_each_run(&mut answers, width, Run::new(1, 16), |first, answers| {
        finish(device.cpu().isa(), parameters, &coefficients[first * SUMS..], answers);
    });
    answers
}

/// Returns the words of all queries.
fn words<'a>(queries: &[&'a ExpandedQuery]) -> Vec<&'a [u32]> {
    queries.iter().map(|query| query.words.as_slice()).collect()
}

/// Allocates the answers of all blocks to all queries.
fn answers(parameters: &Parameters, queries: &[&ExpandedQuery], blocks: &[&[u32]]) -> Vec<u32> {
    vec![0; queries.len() * blocks.len() * block_words(parameters)]
}

/// Turns sums into answers.
fn finish(isa: Isa, parameters: &Parameters, sums: &[u32], answers: &mut [u32]) {
    let mut fractions = vec![0; 2 * DEGREE];
    for (sums, answer) in sums.chunks_exact(SUMS).zip(answers.chunks_exact_mut(block_words(parameters))) {
        for (half, fractions) in sums.chunks_exact(2 * DEGREE).zip(fractions.chunks_exact_mut(DEGREE)) {
            response::fractions(isa, half, fractions);
        }
        let (d0, d1) = fractions.split_at(DEGREE);
        response::round(isa, parameters, [d0, d1], answer);
    }
}
