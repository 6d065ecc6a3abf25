//! The shape of numbers on a device: how the work of a number is split, and what it costs.

use crate::device::gpu::adapter::{Cooperation, WORKGROUP_SIZE};
use crate::device::gpu::dispatch_budget::DispatchBudget;
use crate::device::gpu::engine::Engine;

/// The most loop iterations of one invocation in one dispatch. Mesa's software driver silently ends loops after
/// 65,535 iterations, with wrong results.
pub(crate) const MOST_ITERATIONS: u32 = 60_000;
/// The most words of a lane for which loops are fully unrolled: as many as fit into registers.
const MOST_UNROLLED: u32 = 32;
/// [`MOST_UNROLLED`] for software devices. Mesa's driver takes long to compile longer shaders.
const MOST_UNROLLED_IN_SOFTWARE: u32 = 16;
/// [`MOST_UNROLLED`] for the portable family, whose products of words take several times the registers and the code.
const MOST_UNROLLED_PORTABLE: u32 = 12;
/// The smallest array, in words, for a lane whose loops are not fully unrolled. Drivers compile an index into a
/// shorter array to a tree of branches; Mesa's driver for AMD GPUs does so up to 64 words.
const LEAST_ROOM: u32 = 65;
/// [`LEAST_ROOM`] for software devices. Mesa's driver does so up to 32 words, and longer arrays are slower.
const LEAST_ROOM_IN_SOFTWARE: u32 = 33;
/// How many words the innermost loop of a product takes at a time if it is not fully unrolled. The more is unrolled,
/// the longer a driver takes to compile the shader. So the smallest number is used that keeps the longest kernel
/// within a dispatch's iterations.
const AT_A_TIME: [u32; 4] = [1, 2, 4, 8];
/// The words of the largest prime.
const LARGEST_PRIME: u32 = 128;
/// A product of two pairs of N words takes this many times N² multiply-adds: three products of numbers and two
/// reductions.
const PRODUCT: u64 = 5;
/// The fewest words per lane of the cooperative family.
const WORDS_A_LANE: u32 = 6;

/// How the invocations of a GPU share the work of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The 32-bit words of the modulus.
    pub words: u32,
    /// The invocations per number: 1 for the portable family.
    pub lanes: u32,
    /// Whether products are computed in 64 bits.
    pub wide: bool,
    /// Whether a CPU emulates the GPU.
    pub software: bool,
}

impl Shape {
    /// Returns the shape of numbers of `bits` bits on a device. The portable family takes one invocation per number,
    /// the cooperative family as many lanes as leave each one a handful of words.
    pub(crate) fn new(engine: &Engine, bits: usize) -> Self {
        let words = u32::try_from(bits / 32).unwrap_or(u32::MAX);
        let adapter = engine.adapter();
        Self::on(adapter.cooperation(), adapter.has_software_kernels(), words)
    }

    /// Returns the shape of numbers of `words` words, from the device's cooperation and whether a CPU emulates it.
    pub fn on(cooperation: Option<Cooperation>, software: bool, words: u32) -> Self {
        let portable = Self { words, lanes: 1, wide: false, software };
        let Some(limits) = cooperation else { return portable };
        let fits = |shape: &Self| {
            words.is_multiple_of(shape.lanes)
                && shape.words_a_lane() >= WORDS_A_LANE
                && shape.workgroup_bytes() <= limits.workgroup_bytes
        };
        let lanes = [32, 16, 8, 4, 2].into_iter().filter(|lanes| *lanes <= limits.lanes);
        lanes.map(|lanes| Self { words, lanes, wide: true, software }).find(fits).unwrap_or(portable)
    }

    /// Returns the words of a number per lane.
    pub fn words_a_lane(self) -> u32 {
        self.words / self.lanes
    }

    /// Returns how many numbers a workgroup computes.
    pub(crate) fn numbers_per_group(self) -> u32 {
        WORKGROUP_SIZE / self.lanes
    }

    /// Returns the size of workgroup memory in bytes.
    pub(crate) fn workgroup_bytes(self) -> u32 {
        if self.lanes == 1 { 0 } else { self.numbers_per_group() * 3 * self.words * 4 }
    }

    /// Returns how many workgroups compute `numbers` numbers.
    pub(crate) fn workgroups(self, numbers: usize) -> u32 {
        u32::try_from(numbers).unwrap_or(u32::MAX).div_ceil(self.numbers_per_group())
    }

    /// Returns the multiply-adds of `products` products of pairs for each of `rows` rows.
    pub(crate) fn macs(self, rows: usize, products: usize) -> u64 {
        let words = u64::from(self.words);
        (rows as u64).saturating_mul(products as u64).saturating_mul(PRODUCT * words * words)
    }

    /// Returns the most rows of a dispatch that does `products` products per row, at least as many as fill a workgroup.
    pub(crate) fn affordable_rows(self, budget: &DispatchBudget, products: usize) -> usize {
        budget.pieces(self.macs(1, products)).max(self.numbers_per_group() as usize)
    }

    /// Returns the most products per row of a dispatch with `rows` rows, at least one.
    pub(crate) fn affordable_products(self, budget: &DispatchBudget, rows: usize) -> usize {
        budget.pieces(self.macs(rows, 1))
    }

    /// Returns the most rows of a dispatch.
    pub(crate) fn most_rows(self, engine: &Engine) -> usize {
        (engine.most_workgroups().saturating_mul(self.numbers_per_group()) as usize).min(1 << 20)
    }

    fn most_unrolled(self) -> u32 {
        match (self.lanes, self.software) {
            (1, _) => MOST_UNROLLED_PORTABLE,
            (_, true) => MOST_UNROLLED_IN_SOFTWARE,
            (_, false) => MOST_UNROLLED,
        }
    }

    /// Returns the length of a lane's arrays, in words.
    pub(crate) fn room(self) -> u32 {
        let least = if self.software { LEAST_ROOM_IN_SOFTWARE } else { LEAST_ROOM };
        if self.is_unrolled() { self.words_a_lane() } else { self.words_a_lane().max(least) }
    }

    /// Returns whether loops over a lane's words are fully unrolled, so that the words stay in registers.
    pub fn is_unrolled(self) -> bool {
        self.words_a_lane() <= self.most_unrolled()
    }

    /// Returns the products of pairs that the longest kernel for numbers of this size does in one dispatch. That
    /// kernel is `decode_to_mont` modulo primes, and `pair_mul` modulo n.
    pub(crate) fn most_products(self) -> u32 {
        if self.words <= LARGEST_PRIME { 3 } else { 2 }
    }

    /// Returns the words that an iteration of a product's innermost loop takes.
    pub(crate) fn words_at_a_time(self) -> u32 {
        let fits = |words: &u32| self.most_products() * self.iterations(*words) <= MOST_ITERATIONS;
        AT_A_TIME.into_iter().find(fits).unwrap_or(8)
    }

    /// Returns the words that the shader's text unrolls in the innermost loop of a product.
    #[cfg(all(feature = "hazmat", feature = "owner"))]
    pub fn words_written_out(self) -> u32 {
        if self.is_unrolled() { self.words_a_lane() } else { self.words_at_a_time() }
    }

    /// Returns the most loop iterations of one multiplication of pairs, per invocation.
    pub(crate) fn iterations_per_product(self) -> u32 {
        if self.is_unrolled() { 2 * self.words + 32 } else { self.iterations(self.words_at_a_time()) }
    }

    fn iterations(self, at_a_time: u32) -> u32 {
        // Two passes over the operands' words, and two dozen loops over a lane's words for operands, carries and
        // corrections.
        2 * self.words * (1 + self.words_a_lane() / at_a_time) + 24 * (1 + self.words_a_lane())
    }
}

/// The limits of the rows of a round.
pub(crate) struct RowLimits {
    /// The bytes per row of the largest buffer.
    pub(crate) bytes_per_row: usize,
    /// The fewest products per row in one dispatch.
    pub(crate) products: usize,
}

impl RowLimits {
    /// Returns the most rows that fit into buffers, into a dispatch and into the dispatch budget.
    pub(crate) fn rows(&self, engine: &Engine, shape: Shape) -> usize {
        let fit = engine.most_bytes() / (self.bytes_per_row as u64).max(1);
        let fit = usize::try_from(fit).unwrap_or(usize::MAX).min(shape.most_rows(engine));
        fit.min(shape.affordable_rows(&engine.budget, self.products)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::gpu::dispatch_budget::FIRST;

    #[test]
    fn no_dispatch_exceeds_the_first_budget() {
        let budget = DispatchBudget::new(None);
        for words in [16, 32, 48, 64, 96, 128, 192, 256] {
            for (lanes, software) in [1, 2, 4, 8, 16, 32].into_iter().flat_map(|lanes| [(lanes, false), (lanes, true)])
            {
                let shape = Shape { words, lanes, wide: lanes > 1, software };
                for products in 1..=3 {
                    let rows = shape.affordable_rows(&budget, products);
                    assert!(shape.macs(rows, products) <= FIRST, "{shape:?}, {products} products");
                    let steps = shape.affordable_products(&budget, rows);
                    assert!(steps >= products && shape.macs(rows, steps) <= FIRST, "{shape:?}, {steps} steps");
                }
            }
        }
    }
}
