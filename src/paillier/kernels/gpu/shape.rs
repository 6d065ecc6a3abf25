//! How a device computes numbers of a size, and what that costs.

use crate::device::gpu::adapter::{Cooperation, WORKGROUP_SIZE};
use crate::device::gpu::dispatch_budget::DispatchBudget;
use crate::device::gpu::engine::Engine;

/// Loop iterations of one invocation in one dispatch, at most. Mesa's software driver ends loops silently after 65,535,
/// with wrong results.
pub(crate) const MOST_ITERATIONS: u32 = 60_000;
/// Words of a number that a lane's loops are written out for: as many as registers have room for.
const MOST_UNROLLED: u32 = 32;
/// The same for software. More take Mesa's driver long to compile.
const MOST_UNROLLED_IN_SOFTWARE: u32 = 16;
/// The same for the portable family, whose products of words take several times the registers and the code.
const MOST_UNROLLED_PORTABLE: u32 = 12;
/// Words of a lane's arrays that loops go through, at least. Drivers turn an index into a shorter array into a tree of branches:
/// Mesa's for AMD GPUs up to 64 words.
const LEAST_ROOM: u32 = 65;
/// The same for software. Mesa's driver does so up to 32 words, and is slower with longer arrays.
const LEAST_ROOM_IN_SOFTWARE: u32 = 33;
/// How many words at a time beyond, in the innermost loops of products. A driver takes the longer over a shader the more
/// is written out, so as few as let the longest kernel stay within a dispatch's iterations.
const AT_A_TIME: [u32; 4] = [1, 2, 4, 8];
/// Words of the largest prime.
const LARGEST_PRIME: u32 = 128;
/// Multiply-adds of a product of two pairs of N words are this times N²: three products of numbers and two reductions.
const PRODUCT: u64 = 5;
/// Words of a number in each lane that the cooperative family aims at.
const WORDS_A_LANE: u32 = 6;

/// How the invocations of a GPU share the work of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// 32-bit words of the modulus.
    pub words: u32,
    /// Invocations a number: 1 for the portable family.
    pub lanes: u32,
    /// Whether products are taken in 64 bits.
    pub wide: bool,
    /// Whether a CPU emulates the GPU.
    pub software: bool,
}

impl Shape {
    /// How a device computes numbers of that many bits: on the portable family one invocation a number, else as many lanes
    /// as leave each a handful of words.
    pub(crate) fn new(engine: &Engine, bits: usize) -> Self {
        let words = u32::try_from(bits / 32).unwrap_or(u32::MAX);
        let adapter = engine.adapter();
        Self::on(adapter.cooperation(), adapter.has_software_kernels(), words)
    }

    /// How a device computes numbers of that many words, by what it has and whether a CPU emulates it.
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

    /// Words of a number in each lane.
    pub fn words_a_lane(self) -> u32 {
        self.words / self.lanes
    }

    /// Numbers that one workgroup computes.
    pub(crate) fn numbers_a_group(self) -> u32 {
        WORKGROUP_SIZE / self.lanes
    }

    /// Bytes of workgroup memory.
    pub(crate) fn workgroup_bytes(self) -> u32 {
        if self.lanes == 1 { 0 } else { self.numbers_a_group() * 3 * self.words * 4 }
    }

    /// Workgroups that compute so many numbers.
    pub(crate) fn workgroups(self, numbers: usize) -> u32 {
        u32::try_from(numbers).unwrap_or(u32::MAX).div_ceil(self.numbers_a_group())
    }

    /// Multiply-adds of that many products of pairs for each of `rows` rows.
    pub(crate) fn macs(self, rows: usize, products: usize) -> u64 {
        let words = u64::from(self.words);
        (rows as u64).saturating_mul(products as u64).saturating_mul(PRODUCT * words * words)
    }

    /// The most rows of a dispatch that does `products` products for each. Never less than fill a workgroup.
    pub(crate) fn affordable_rows(self, budget: &DispatchBudget, products: usize) -> usize {
        budget.pieces(self.macs(1, products)).max(self.numbers_a_group() as usize)
    }

    /// The most products that a dispatch does for each of `rows` rows, at least one.
    pub(crate) fn affordable_products(self, budget: &DispatchBudget, rows: usize) -> usize {
        budget.pieces(self.macs(rows, 1))
    }

    /// The most rows of one dispatch.
    pub(crate) fn most_rows(self, engine: &Engine) -> usize {
        (engine.most_workgroups().saturating_mul(self.numbers_a_group()) as usize).min(1 << 20)
    }

    fn most_unrolled(self) -> u32 {
        match (self.lanes, self.software) {
            (1, _) => MOST_UNROLLED_PORTABLE,
            (_, true) => MOST_UNROLLED_IN_SOFTWARE,
            (_, false) => MOST_UNROLLED,
        }
    }

    /// Words that a lane's arrays have room for.
    pub(crate) fn room(self) -> u32 {
        let least = if self.software { LEAST_ROOM_IN_SOFTWARE } else { LEAST_ROOM };
        if self.is_unrolled() { self.words_a_lane() } else { self.words_a_lane().max(least) }
    }

    /// Whether loops over a lane's words are written out, so that the words stay in registers.
    pub fn is_unrolled(self) -> bool {
        self.words_a_lane() <= self.most_unrolled()
    }

    /// Products of pairs that the longest kernel for numbers of this size does in one dispatch: `decode_to_mont` modulo
    /// primes, `pair_mul` modulo n.
    pub(crate) fn most_products(self) -> u32 {
        if self.words <= LARGEST_PRIME { 3 } else { 2 }
    }

    /// Words that a pass through the innermost loop of a product takes.
    pub(crate) fn words_at_a_time(self) -> u32 {
        let fits = |words: &u32| self.most_products() * self.iterations(*words) <= MOST_ITERATIONS;
        AT_A_TIME.into_iter().find(fits).unwrap_or(8)
    }

    /// Words of a number that a driver sees written out in the innermost loop of a product.
    #[cfg(all(feature = "hazmat", feature = "owner"))]
    pub fn words_written_out(self) -> u32 {
        if self.is_unrolled() { self.words_a_lane() } else { self.words_at_a_time() }
    }

    /// Loop iterations that one multiplication of pairs takes each invocation, at most.
    pub(crate) fn iterations_a_product(self) -> u32 {
        if self.is_unrolled() { 2 * self.words + 32 } else { self.iterations(self.words_at_a_time()) }
    }

    fn iterations(self, at_a_time: u32) -> u32 {
        // Two passes over the operands' words, and two dozen loops over a lane's: operands, carries, corrections.
        2 * self.words * (1 + self.words_a_lane() / at_a_time) + 24 * (1 + self.words_a_lane())
    }
}

/// What bounds the rows of a round.
pub(crate) struct RowLimits {
    /// What the largest buffer takes for a row.
    pub(crate) bytes_a_row: usize,
    /// Products for each row in one dispatch, at least.
    pub(crate) products: usize,
}

impl RowLimits {
    /// As many rows as buffers and dispatches have room for, and a dispatch does in time.
    pub(crate) fn rows(&self, engine: &Engine, shape: Shape) -> usize {
        let fit = engine.most_bytes() / (self.bytes_a_row as u64).max(1);
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
