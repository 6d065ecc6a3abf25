//! Plans multi-exponentiations: computes Π c_i^w_ij for each output j with few multiplications.
//!
//! There are two methods. Each job uses the one that takes fewer products by its estimate.
//!
//! **Buckets** (Pippenger, "On the evaluation of powers and monomials", SIAM J. Comput. 1980; Bernstein, Doumen,
//! Lange and Oosterwijk, "Faster batch forgery identification", Indocrypt 2012, section 4). Inputs with the same
//! weight are multiplied first, so that all remaining weights are different. The bits of each weight are then split
//! into an upper and a lower half, and each half is treated the same way: it has shorter weights, of which more are
//! equal. Weights of at most [`RUNNING_BITS`] bits end in running products: for each d, take the product of all
//! factors with a weight of at least d; in the product over all d, each factor occurs as often as its weight says. At
//! the end, squarings join the windows. So there is no window width to choose.
//!
//! **Tables** (Straus, "Addition chains of vectors", 1964; sliding windows interleaved as in Möller, "Algorithms for
//! multi-exponentiation", SAC 2001). For each input there is a table of its odd powers below 2^w, which all outputs
//! share. An output takes one factor for each window, and one squaring for each bit for all of its inputs together.
//!
//! Products per weight, for signed weights of 8 bits that are all equally likely, including the conversions to and from
//! Montgomery form and the inversions:
//!
//! | inputs × outputs | buckets | tables | square and multiply each |
//! |---|---|---|---|
//! | 784 × 10 | 1.42 | 2.4 | 8.7 |
//! | 784 × 1 | 2.3 | 4.5 | 9.6 |
//! | 16 × 1000 | 4.0 | 1.9 | 9.2 |
//!
//! The positive and the negative weights of an output form one side each. The output is the quotient of its sides.

mod counts;

#[cfg(feature = "gpu")]
pub(in crate::paillier::kernels) use counts::{estimate, estimate_dense};

use crate::paillier::kernels::schedule::{Rounds, Schedule};
use crate::paillier::kernels::weights::{Weight, Weights};
use counts::{Counts, FIRST_BITS, RUNNING_BITS, WIDEST};
use std::ops::Range;

/// A part of a job: some of the inputs and some of the sides. Its slots are [`Part::GIVEN`] constants, the inputs and
/// the products, in this order.
pub(in crate::paillier::kernels) struct Part {
    pub(in crate::paillier::kernels) inputs: Range<usize>,
    pub(in crate::paillier::kernels) sides: Range<usize>,
    pub(in crate::paillier::kernels) rounds: Rounds,
    /// The slot of each side's product; `None` is 1.
    pub(in crate::paillier::kernels) results: Vec<Option<u32>>,
}

impl Part {
    /// The number of slots before those of the inputs, for constants of the device.
    pub(in crate::paillier::kernels) const GIVEN: usize = 3;

    /// Returns the number of slots.
    pub(in crate::paillier::kernels) fn slots(&self) -> usize {
        Self::GIVEN + self.inputs.len() + self.rounds.factors.len()
    }
}

/// Iterates over the parts of a job, of about `most` slots each. They cover all sides for some of the inputs, then
/// all sides for the next inputs, and so on.
pub(in crate::paillier::kernels) struct Parts<'a> {
    weights: &'a Weights,
    sides: Range<usize>,
    inputs: usize,
    most: usize,
    /// The next part: its inputs, its method and its first side.
    next: (Range<usize>, Method, usize),
}

impl<'a> Parts<'a> {
    pub(in crate::paillier::kernels) fn new(
        weights: &'a Weights,
        sides: Range<usize>,
        inputs: usize,
        most: usize,
    ) -> Self {
        let next = (0..0, Method::Buckets, sides.start);
        let mut parts = Self { weights, sides, inputs, most, next };
        parts.continue_from(0);
        parts
    }

    /// Continues with the inputs from `first` on.
    fn continue_from(&mut self, first: usize) {
        let inputs = first..(first + inputs_at_once(self.weights, self.most)).min(self.inputs);
        let method = Method::choose(self.weights, self.sides.clone(), inputs.clone(), self.most);
        self.next = (inputs, method, self.sides.start);
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        if self.next.2 >= self.sides.end {
            if self.sides.is_empty() || self.next.0.end >= self.inputs {
                return None;
            }
            self.continue_from(self.next.0.end);
        }
        let (inputs, method, next) = &mut self.next;
        let start = *next;
        let mut builder = Builder::new(*method, inputs.clone());
        let mut results = Vec::new();
        while *next < self.sides.end && (*next == start || builder.slots() < self.most) {
            results.push(builder.side(self.weights, *next));
            *next += 1;
        }
        let rounds = builder.schedule.into_rounds(&mut results);
        Some(Part { inputs: inputs.clone(), sides: start..*next, rounds, results })
    }
}

/// Returns how many inputs a part may have, so that each of its sides takes at most `most` slots. Buckets take at
/// most one product for each bit of each input's weight.
pub(in crate::paillier::kernels) fn inputs_at_once(weights: &Weights, most: usize) -> usize {
    (most / (weights.bits() + 2)).max(64)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Buckets,
    /// Tables of the odd powers below 2^width.
    Tables(u32),
}

impl Method {
    fn choose(weights: &Weights, sides: Range<usize>, inputs: Range<usize>, most: usize) -> Self {
        let counts = Counts::new(weights, sides, &inputs);
        let fits = |width: &u32| inputs.len() << (width - 1) <= most;
        let tables = (1..=WIDEST).filter(fits).map(|width| (Self::Tables(width), counts.with_tables(width)));
        let methods = tables.chain([(Self::Buckets, counts.with_buckets())]);
        methods.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(Self::Buckets, |(method, _)| method)
    }
}

struct Builder {
    method: Method,
    schedule: Schedule,
    inputs: Range<usize>,
    /// The odd powers of each input that were computed so far.
    tables: Vec<Vec<u32>>,
    /// The square of each input, if it was computed.
    squares: Vec<Option<u32>>,
}

/// The product of a window's factors, which is raised to the power 2^bit.
struct Window {
    bit: usize,
    slot: u32,
}

impl Builder {
    fn new(method: Method, inputs: Range<usize>) -> Self {
        let tables = if method == Method::Buckets { 0 } else { inputs.len() };
        Self {
            method,
            schedule: Schedule::new(Part::GIVEN + inputs.len()),
            tables: vec![Vec::new(); tables],
            squares: vec![None; tables],
            inputs,
        }
    }

    fn slots(&self) -> usize {
        Part::GIVEN + self.inputs.len() + self.schedule.len()
    }

    /// Returns the slot of a weight's input, if this part has that input.
    fn input(&self, weight: &Weight<'_>) -> Option<u32> {
        let place = weight.input.checked_sub(self.inputs.start).filter(|place| *place < self.inputs.len())?;
        u32::try_from(Part::GIVEN + place).ok()
    }

    /// Schedules the product of a side and returns its slot.
    fn side(&mut self, weights: &Weights, side: usize) -> Option<u32> {
        let mut windows = match self.method {
            Method::Buckets => self.windows_of_buckets(weights, side),
            Method::Tables(width) => self.windows_of_tables(weights, side, width),
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

    /// Sorts factors into buckets, then treats the upper and lower halves of the buckets' weights the same way.
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

    /// Multiplies the factors of each weight except 0. Returns one factor per weight, the lowest weight first.
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

    /// Schedules Π bucket^weight. For each weight d, `running` is the product of all buckets with a weight of at
    /// least d; the result is the product of `running` over all d.
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

    /// Returns the slot of an input raised to an odd power.
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

/// A slot, and the weight that its number is raised to.
#[derive(Clone, Copy)]
struct Factor {
    weight: u64,
    slot: u32,
}

/// Returns whether running products take fewer products than splitting the weights, for that many buckets.
fn is_running_shorter(buckets: u64, largest: u64) -> bool {
    let half = (u64::BITS - largest.leading_zeros()) / 2;
    let split = 2 * buckets - ((2 * buckets) >> half) + (2 << half);
    buckets > 1 && buckets + largest < 2 + split
}

#[cfg(test)]
mod tests;
