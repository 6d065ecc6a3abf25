//! `packed_scan`: the sums of products of queries with blocks.

#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use crate::device::cpu::{Cpu, Run};
use crate::device::open_device::OpenDevice;
use crate::device::words::{Words, compiled_for_each_isa};
use crate::ring::modulus::Broadcast;
use crate::rlwe::packed::parameters::{DEGREE, TILE, basis};

/// Words of the sums of a block and a query: for each half and each limb, a polynomial.
pub(crate) const SUMS: usize = 4 * DEGREE;

/// Tiles of a polynomial.
pub(super) const TILES: usize = DEGREE / TILE;

/// Tiles of a query that stay in the cache together.
const TILES_AT_ONCE: usize = 4;

/// Products that are summed before reducing: 52·2^58 plus what is left of the sum before is less than 2^64.
const PRODUCTS: usize = 52;

/// Blocks of a task on the CPU.
const RUN: Run = Run::new(4, 64);

/// Writes d0 = Σ b_i·c0_i and d1 = Σ b_i·c1_i for each query and each block, as values:
/// \[query\]\[block\]\[half\]\[limb\]\[coefficient\].
///
/// Blocks are the values of polynomials b_i, \[limb\]\[tile\]\[polynomial\]\[coefficient of the tile\], queries those
/// of c0_i and c1_i in Montgomery form, \[limb\]\[tile\]\[polynomial\]\[half\]\[coefficient of the tile\].
pub fn packed_scan(device: &OpenDevice, polynomials: usize, queries: &[&[u32]], blocks: &[&[u32]], sums: &mut [u32]) {
    #[cfg(feature = "gpu")]
    if let Some(offloaded) = device.gpu() {
        return offloaded.run(&gpu::PackedScan::new(polynomials, queries, blocks), sums);
    }
    on_cpu(device.cpu(), polynomials, queries, blocks, sums);
}

fn on_cpu(cpu: &Cpu, polynomials: usize, queries: &[&[u32]], blocks: &[&[u32]], sums: &mut [u32]) {
    for (query, sums) in queries.iter().zip(sums.chunks_exact_mut((blocks.len() * SUMS).max(1))) {
        cpu.for_each_group(sums, SUMS, RUN, |range, sums| {
            add_products(cpu.isa(), polynomials, &[query], &blocks[range], sums);
        });
    }
}

compiled_for_each_isa! {
    /// [`packed_scan`] on one thread.
    pub(crate) fn add_products<W>(isa; polynomials: usize, queries: &[&[u32]], blocks: &[&[u32]], sums: &mut [u32]) {
        let at_once = if W::REGISTERS >= 32 { 4 } else { 2 };
        let mut waiting = vec![zero::<W>(isa); queries.len()];
        for limb in 0..2 {
            let m = basis().rings()[limb].modulus().broadcast::<W>(isa);
            for first in (0..TILES).step_by(TILES_AT_ONCE) {
                for (group, some) in blocks.chunks(at_once).enumerate() {
                    for tile in first..first + TILES_AT_ONCE {
                        let place = Place { polynomials, limb, tile };
                        let out = &mut Out { sums, query: blocks.len() * SUMS, first: group * at_once * SUMS };
                        match some {
                            [a, b, c, d] => {
                                add_tile::<W, 4>(isa, &m, queries, [a, b, c, d], place, out, &mut waiting);
                            }
                            [a, b, c] => add_tile::<W, 3>(isa, &m, queries, [a, b, c], place, out, &mut waiting),
                            [a, b] => add_tile::<W, 2>(isa, &m, queries, [a, b], place, out, &mut waiting),
                            [a] => add_tile::<W, 1>(isa, &m, queries, [a], place, out, &mut waiting),
                            _ => {}
                        }
                    }
                }
            }
        }
    }
}

/// The sums of four blocks and a query: for each block, of c0 and of c1.
type Sums<W> = [[<W as Words>::Wide; 2]; 4];

#[inline(always)]
fn zero<W: Words>(isa: W::Isa) -> Sums<W> {
    [[W::splat(isa, 0).mul_wide(W::splat(isa, 0)); 2]; 4]
}

/// Where the sums of some blocks are written.
struct Out<'a> {
    sums: &'a mut [u32],
    /// Words from the sums of one query to those of the next.
    query: usize,
    /// Words before the sums of the first block.
    first: usize,
}

/// A tile of a limb.
#[derive(Clone, Copy)]
struct Place {
    polynomials: usize,
    limb: usize,
    tile: usize,
}

impl Place {
    /// Returns the words of the tile, of which each polynomial has `words`.
    #[inline(always)]
    fn of(self, all: &[u32], words: usize) -> &[u32] {
        let length = self.polynomials * words;
        let first = (self.limb * TILES + self.tile) * length;
        &all[first..first + length]
    }
}

/// Writes the sums of one tile of some blocks.
///
/// One part of the polynomials after the other meets all queries, so that this part of the blocks stays in the first
/// level of the cache. Between parts, sums wait in memory.
#[inline(always)]
fn add_tile<W: Words, const BLOCKS: usize>(
    isa: W::Isa,
    m: &Broadcast<W>,
    queries: &[&[u32]],
    blocks: [&[u32]; BLOCKS],
    place: Place,
    out: &mut Out<'_>,
    waiting: &mut [Sums<W>],
) {
    let Place { polynomials, limb, tile } = place;
    let vectors = TILE / W::LANES;
    let blocks = blocks.map(|block| bytemuck::cast_slice::<u32, W::Array>(place.of(block, TILE)));
    for part in 0..vectors {
        waiting.fill(zero::<W>(isa));
        for first in (0..polynomials).step_by(PRODUCTS) {
            let until = polynomials.min(first + PRODUCTS);
            for (query, waiting) in queries.iter().zip(waiting.iter_mut()) {
                let query: &[W::Array] = bytemuck::cast_slice(place.of(query, 2 * TILE));
                let mut sum = [waiting[0]; BLOCKS];
                sum.copy_from_slice(&waiting[..BLOCKS]);
                for i in first..until {
                    let [c0, c1] = [0, 1].map(|half| W::load(isa, &query[(2 * i + half) * vectors + part]));
                    for (sum, block) in sum.iter_mut().zip(&blocks) {
                        let b = W::load(isa, &block[i * vectors + part]);
                        *sum = [W::add_wide(sum[0], b.mul_wide(c0)), W::add_wide(sum[1], b.mul_wide(c1))];
                    }
                }
                for (waiting, sum) in waiting.iter_mut().zip(&sum).take(BLOCKS) {
                    *waiting = sum.map(|x| m.fold(x));
                }
            }
        }
        for (query, sum) in waiting.iter().enumerate() {
            let of_query = out.sums[out.first + query * out.query..].chunks_exact_mut(SUMS);
            for (halves, of_block) in sum.iter().take(BLOCKS).zip(of_query) {
                let first = limb * DEGREE + tile * TILE + part * W::LANES;
                for (x, of_half) in halves.iter().zip(of_block.chunks_exact_mut(2 * DEGREE)) {
                    // The sum is below 2^62, so below q·2^32 after another fold.
                    let reduced = m.reduce_mont(m.fold(*x));
                    let words: &mut [W::Array] = bytemuck::cast_slice_mut(&mut of_half[first..first + W::LANES]);
                    if let [words] = words {
                        reduced.store(words);
                    }
                }
            }
        }
    }
}
