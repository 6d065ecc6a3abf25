//! The levels of a transform whose butterflies join lanes of one vector. Pairs of vectors are shuffled so that these
//! lanes are in different vectors.

use super::butterfly::{butterfly, inverse_butterfly};
use crate::device::isa::Isa;
use crate::device::words::{Words, compiled_for_each_isa};
use crate::ring::modulus::{Broadcast, Multiplier};
use std::sync::OnceLock;

/// The factors of these levels in the order of lanes, for each instruction set. Made on first use.
///
/// For each pair of vectors and each level: a vector of factors, then one of quotients.
#[derive(Default, Clone)]
pub(super) struct LastLevels([OnceLock<Vec<u32>>; Isa::COUNT]);

impl LastLevels {
    /// Returns the factors of a transform whose powers are `powers`: the same in every call.
    pub(super) fn factors(&self, isa: Isa, powers: &[Multiplier]) -> &[u32] {
        self.0[isa.number()].get_or_init(|| arrange(isa, powers))
    }
}

/// Arranges the factors in the order in which [`Words::split`] puts lanes.
fn arrange(isa: Isa, powers: &[Multiplier]) -> Vec<u32> {
    let mut orders = Vec::new();
    let lanes = lane_orders(isa, &mut orders);
    let mut arranged = Vec::new();
    for first in (0..powers.len()).step_by(2 * lanes) {
        for (level, order) in orders.chunks_exact(lanes).enumerate() {
            let block = lanes >> level;
            let factors = || order.iter().map(|i| powers[powers.len() / block + (first + *i as usize) / block]);
            arranged.extend(factors().map(|factor| factor.value));
            arranged.extend(factors().map(|factor| factor.quotient));
        }
    }
    arranged
}

compiled_for_each_isa! {
    /// Appends for each level which lanes of a pair of vectors come into the first one. Returns the number of lanes.
    fn lane_orders<W>(isa; orders: &mut Vec<u32>) -> usize {
        let mut lanes = [<W::Array as bytemuck::Zeroable>::zeroed(); 2];
        let indices = lanes.iter_mut().flat_map(AsMut::as_mut);
        indices.zip(0..).for_each(|(lane, i)| *lane = i);
        let mut pair = [W::load(isa, &lanes[0]), W::load(isa, &lanes[1])];
        for block in [8, 4, 2, 1].into_iter().filter(|block| *block < W::LANES) {
            pair = match block {
                8 => W::split::<8>(pair),
                4 => W::split::<4>(pair),
                2 => W::split::<2>(pair),
                _ => W::split::<1>(pair),
            };
            pair[0].store(&mut lanes[0]);
            orders.extend_from_slice(lanes[0].as_ref());
        }
        W::LANES
    }
}

/// Computes the last levels of the forward transform. Results are canonical.
#[inline(always)]
pub(super) fn forward<W: Words>(isa: W::Isa, m: &Broadcast<W>, vectors: &mut [W::Array], factors: &[W::Array]) {
    let levels = W::LANES.ilog2() as usize;
    for (pair, factors) in vectors.chunks_exact_mut(2).zip(factors.chunks_exact(2 * levels)) {
        let [x, y] = pair else { continue };
        let factor = |level: usize| [W::load(isa, &factors[2 * level]), W::load(isa, &factors[2 * level + 1])];
        let mut pair = [W::load(isa, x), W::load(isa, y)];
        if W::LANES > 8 {
            pair = butterfly(m, W::split::<8>(pair), factor(levels - 4));
        }
        if W::LANES > 4 {
            pair = butterfly(m, W::split::<4>(pair), factor(levels - 3));
        }
        pair = butterfly(m, W::split::<2>(pair), factor(levels - 2));
        pair = butterfly(m, W::split::<1>(pair), factor(levels - 1));
        pair = pair.map(|x| m.reduce_once(m.reduce_double(x)));
        let [a, b] = W::join::<8>(W::join::<4>(W::join::<2>(W::join::<1>(pair))));
        a.store(x);
        b.store(y);
    }
}

/// Computes the first levels of the inverse transform. Results are below 2q.
#[inline(always)]
pub(super) fn inverse<W: Words>(isa: W::Isa, m: &Broadcast<W>, vectors: &mut [W::Array], factors: &[W::Array]) {
    let levels = W::LANES.ilog2() as usize;
    for (pair, factors) in vectors.chunks_exact_mut(2).zip(factors.chunks_exact(2 * levels)) {
        let [x, y] = pair else { continue };
        let factor = |level: usize| [W::load(isa, &factors[2 * level]), W::load(isa, &factors[2 * level + 1])];
        let pair = [W::load(isa, x), W::load(isa, y)];
        let mut pair = W::split::<1>(W::split::<2>(W::split::<4>(W::split::<8>(pair))));
        pair = W::join::<1>(inverse_butterfly(m, pair, factor(levels - 1)));
        pair = W::join::<2>(inverse_butterfly(m, pair, factor(levels - 2)));
        if W::LANES > 4 {
            pair = W::join::<4>(inverse_butterfly(m, pair, factor(levels - 3)));
        }
        if W::LANES > 8 {
            pair = W::join::<8>(inverse_butterfly(m, pair, factor(levels - 4)));
        }
        pair[0].store(x);
        pair[1].store(y);
    }
}
