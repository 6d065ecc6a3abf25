//! How products of many powers, Π c_i^w_ij for each output j, come about with few multiplications.
//!
//! Two ways; for each job the one that counts fewer products is taken.
//!
//! **Buckets** (Pippenger, "On the evaluation of powers and monomials", SIAM J. Comput. 1980; Bernstein, Doumen, Lange and
//! Oosterwijk, "Faster batch forgery identification", Indocrypt 2012, section 4). Inputs with the same weight are multiplied
//! first; what is left has different weights. They are cut in halves, bit by bit, and each half starts again with shorter
//! weights, of which more are the same. Weights of at most [`RUNNING_BITS`] bits end in running products: multiplying up the
//! product of all that have at least weight d, over all d, holds each as often as its weight says. At the very end
//! squarings join the windows. So no width has to be chosen.
//!
//! **Tables** (Straus, "Addition chains of vectors", 1964; sliding windows interleaved as in Möller, "Algorithms for
//! multi-exponentiation", SAC 2001). Each input gets its odd powers below 2^w, which all outputs share; an output takes a
//! factor a window, and squares once a bit for all of its inputs.
//!
//! Products for each weight of 8 bits with its sign, all weights equally likely, with the way into Montgomery form and out
//! of it, and with inversions:
//!
//! | inputs × outputs | buckets | tables | square and multiply for each |
//! |---|---|---|---|
//! | 784 × 10 | 1.42 | 2.4 | 8.7 |
//! | 784 × 1 | 2.3 | 4.5 | 9.6 |
//! | 16 × 1000 | 4.0 | 1.9 | 9.2 |
//!
//! Positive and negative weights make a side each, whose quotient is the output.

mod counts;

#[cfg(feature = "gpu")]
pub(in crate::paillier::kernels) use counts::{estimate, estimate_dense};

use crate::paillier::kernels::schedule::{Rounds, Schedule};
use crate::paillier::kernels::weights::{Weight, Weights};
use counts::{Counts, FIRST_BITS, RUNNING_BITS, WIDEST};
use std::ops::Range;

/// Part of a job: some of the inputs, some of the sides. Slots: [`Part::GIVEN`] constants, the inputs, the products.
pub(in crate::paillier::kernels) struct Part {
    pub(in crate::paillier::kernels) inputs: Range<usize>,
    pub(in crate::paillier::kernels) sides: Range<usize>,
    pub(in crate::paillier::kernels) rounds: Rounds,
    /// Where each side's product is; `None` is 1.
    pub(in crate::paillier::kernels) results: Vec<Option<u32>>,
}

impl Part {
    /// Slots before those of the inputs, for what a device needs.
    pub(in crate::paillier::kernels) const GIVEN: usize = 3;

    /// Slots in all.
    pub(in crate::paillier::kernels) fn slots(&self) -> usize {
        Self::GIVEN + self.inputs.len() + self.rounds.factors.len()
    }
}

/// A job in parts of about `most` slots, each made when it is asked for: for some of the inputs all of the sides, then for
/// the next.
pub(in crate::paillier::kernels) struct Parts<'a> {
    weights: &'a Weights,
    sides: Range<usize>,
    inputs: usize,
    most: usize,
    /// What the next part is taken from: inputs, how their powers are computed, and the first side.
    next: (Range<usize>, Way, usize),
}

impl<'a> Parts<'a> {
    pub(in crate::paillier::kernels) fn new(
        weights: &'a Weights,
        sides: Range<usize>,
        inputs: usize,
        most: usize,
    ) -> Self {
        let next = (0..0, Way::Buckets, sides.start);
        let mut parts = Self { weights, sides, inputs, most, next };
        parts.go_on(0);
        parts
    }

    /// Goes on with the inputs from that one.
    fn go_on(&mut self, first: usize) {
        let inputs = first..(first + inputs_at_once(self.weights, self.most)).min(self.inputs);
        let way = Way::choose(self.weights, self.sides.clone(), inputs.clone(), self.most);
        self.next = (inputs, way, self.sides.start);
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.next.2 >= self.sides.end {
            if self.sides.is_empty() || self.next.0.end >= self.inputs {
                return None;
            }
            self.go_on(self.next.0.end);
        }
        let (inputs, way, next) = &mut self.next;
        let start = *next;
        let mut builder = Builder::new(*way, inputs.clone());
        let mut results = Vec::new();
        while *next < self.sides.end && (*next == start || builder.slots() < self.most) {
            results.push(builder.side(self.weights, *next));
            *next += 1;
        }
        let rounds = builder.schedule.into_rounds(&mut results);
        Some(Part { inputs: inputs.clone(), sides: start..*next, rounds, results })
    }
}

/// Inputs of a part, so that a side of it stays below that many slots: buckets take at most a product a bit for each.
pub(in crate::paillier::kernels) fn inputs_at_once(weights: &Weights, most: usize) -> usize {
    (most / (weights.bits() + 2)).max(64)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Buckets,
    /// Tables of the odd powers below 2^width.
    Tables(u32),
}

impl Way {
    fn choose(weights: &Weights, sides: Range<usize>, inputs: Range<usize>, most: usize) -> Self {
        let counts = Counts::new(weights, sides, &inputs);
        let fits = |width: &u32| inputs.len() << (width - 1) <= most;
        let tables = (1..=WIDEST).filter(fits).map(|width| (Self::Tables(width), counts.with_tables(width)));
        let ways = tables.chain([(Self::Buckets, counts.with_buckets())]);
        ways.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(Self::Buckets, |(way, _)| way)
    }
}

struct Builder {
    way: Way,
    schedule: Schedule,
    inputs: Range<usize>,
    /// For each input its odd powers, as far as they are there.
    tables: Vec<Vec<u32>>,
    /// For each input its square.
    squares: Vec<Option<u32>>,
}

/// The product of a window's factors, to be raised to 2^bit.
struct Window {
    bit: usize,
    slot: u32,
}

impl Builder {
    fn new(way: Way, inputs: Range<usize>) -> Self {
        let tables = if way == Way::Buckets { 0 } else { inputs.len() };
        Self {
            way,
            schedule: Schedule::new(Part::GIVEN + inputs.len()),
            tables: vec![Vec::new(); tables],
            squares: vec![None; tables],
            inputs,
        }
    }

    fn slots(&self) -> usize {
        Part::GIVEN + self.inputs.len() + self.schedule.len()
    }

    /// The slot of an input of this part.
    fn input(&self, weight: &Weight<'_>) -> Option<u32> {
        let place = weight.input.checked_sub(self.inputs.start).filter(|place| *place < self.inputs.len())?;
        u32::try_from(Part::GIVEN + place).ok()
    }

    /// The slot of a side's product.
    fn side(&mut self, weights: &Weights, side: usize) -> Option<u32> {
        let mut windows = match self.way {
            Way::Buckets => self.windows_of_buckets(weights, side),
            Way::Tables(width) => self.windows_of_tables(weights, side, width),
        };
        windows.sort_by_key(|window| std::cmp::Reverse(window.bit));
        let mut windows = windows.into_iter();
        let Window { mut bit, slot: mut power } = windows.next()?;
        for window in windows.map(Some).chain([None]) {
            let to = window.as_ref().map_or(0, |window| window.bit);
            for _ in to..bit {
                power = self.schedule.product(power, power);
            }
            bit = to;
            if let Some(window) = window {
                power = self.schedule.product(power, window.slot);
            }
        }
        Some(power)
    }

    fn windows_of_buckets(&mut self, weights: &Weights, side: usize) -> Vec<Window> {
        let of_part: Vec<(u32, Weight<'_>)> =
            weights.side(side).filter_map(|weight| Some((self.input(&weight)?, weight))).collect();
        let bits = of_part.iter().map(|(_, weight)| weight.bits()).max().unwrap_or(0);
        let mut windows = Vec::new();
        for bit in (0..bits).step_by(FIRST_BITS as usize) {
            let factors =
                of_part.iter().map(|(slot, weight)| Factor { weight: weight.window(bit, FIRST_BITS), slot: *slot });
            self.split(factors.collect(), bit, &mut windows);
        }
        windows
    }

    /// Sorts factors into buckets, and goes on with the halves of the buckets' weights.
    fn split(&mut self, factors: Vec<Factor>, bit: usize, windows: &mut Vec<Window>) {
        let buckets = self.buckets(factors);
        let Some(largest) = buckets.last().map(|bucket| bucket.weight) else { return };
        let bits = u64::BITS - largest.leading_zeros();
        if bits == 1 || (bits <= RUNNING_BITS && is_running_shorter(buckets.len() as u64, largest)) {
            windows.extend(self.running(&buckets).map(|slot| Window { bit, slot }));
            return;
        }
        let half = bits / 2;
        let upper = buckets.iter().map(|bucket| Factor { weight: bucket.weight >> half, ..*bucket }).collect();
        let lower =
            buckets.iter().map(|bucket| Factor { weight: bucket.weight & ((1 << half) - 1), ..*bucket }).collect();
        self.split(upper, bit + half as usize, windows);
        self.split(lower, bit, windows);
    }

    /// One factor for each weight but 0, the lowest weight first.
    fn buckets(&mut self, mut factors: Vec<Factor>) -> Vec<Factor> {
        factors.retain(|factor| factor.weight != 0);
        factors.sort_by_key(|factor| factor.weight);
        let same = factors.chunk_by(|a, b| a.weight == b.weight);
        same.filter_map(|same| {
            let slot = self.schedule.product_of(same.iter().map(|factor| factor.slot).collect())?;
            Some(Factor { weight: same.first()?.weight, slot })
        })
        .collect()
    }

    /// Π bucket^weight: all that have at least a weight, multiplied up over the weights.
    fn running(&mut self, buckets: &[Factor]) -> Option<u32> {
        let mut buckets = buckets.iter().rev().peekable();
        let first = buckets.next()?;
        let (mut running, mut power) = (first.slot, first.slot);
        for weight in (1..first.weight).rev() {
            if let Some(bucket) = buckets.next_if(|bucket| bucket.weight == weight) {
                running = self.schedule.product(running, bucket.slot);
            }
            power = self.schedule.product(power, running);
        }
        Some(power)
    }

    fn windows_of_tables(&mut self, weights: &Weights, side: usize, width: u32) -> Vec<Window> {
        let mut factors: Vec<(usize, u32)> = Vec::new();
        for weight in weights.side(side) {
            let Some(slot) = self.input(&weight) else { continue };
            let (mut bit, bits) = (0, weight.bits());
            while bit < bits {
                let window = weight.window(bit, width);
                if window % 2 == 0 {
                    bit += 1;
                    continue;
                }
                factors.push((bit, self.odd_power(slot, window)));
                bit += width as usize;
            }
        }
        factors.sort_by_key(|(bit, _)| *bit);
        let of_bit = factors.chunk_by(|a, b| a.0 == b.0);
        of_bit
            .filter_map(|factors| {
                let slot = self.schedule.product_of(factors.iter().map(|(_, slot)| *slot).collect())?;
                Some(Window { bit: factors.first()?.0, slot })
            })
            .collect()
    }

    /// An input to an odd power.
    fn odd_power(&mut self, input: u32, power: u64) -> u32 {
        let place = input as usize - Part::GIVEN;
        let entry = (power / 2) as usize;
        if self.tables[place].is_empty() {
            self.tables[place].push(input);
        }
        while self.tables[place].len() <= entry {
            let square = *self.squares[place].get_or_insert_with(|| self.schedule.product(input, input));
            let last = self.tables[place].last().copied().unwrap_or(input);
            let next = self.schedule.product(last, square);
            self.tables[place].push(next);
        }
        self.tables[place][entry]
    }
}

/// A number in a slot, and what it is to be raised to.
#[derive(Clone, Copy)]
struct Factor {
    weight: u64,
    slot: u32,
}

/// Whether running products over so many buckets take fewer products than halves do.
fn is_running_shorter(buckets: u64, largest: u64) -> bool {
    let half = (u64::BITS - largest.leading_zeros()) / 2;
    let split = 2 * buckets - ((2 * buckets) >> half) + (2 << half);
    buckets > 1 && buckets + largest < 2 + split
}

#[cfg(test)]
mod tests;
