//! Selection of the k nearest vectors, in memory for k.

use crate::bignum::secrecy::declassify;
use crate::id::{Id, IdRef};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A vector and its distance.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Neighbour {
    /// The vector's id: its row number unless an id was given.
    pub id: Id,
    /// The Hamming distance.
    pub distance: u32,
}

/// Orders by distance, then by id.
impl Ord for Neighbour {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Neighbour {
    fn rank(&self) -> (u32, IdRef<'_>) {
        (self.distance, self.id.as_ref())
    }
}

impl PartialOrd for Neighbour {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Keeps the k nearest of the vectors pushed. Of two vectors with equal distances, the one with the lower id is nearer.
///
/// ```
/// let mut nearest = hushvec::TopK::new(2);
/// for (id, distance) in [(0u64, 30), (1, 10), (2, 20), (3, 10)] {
///     nearest.push(id, distance);
/// }
/// let ids: Vec<hushvec::Id> = nearest.into_sorted().into_iter().map(|n| n.id).collect();
/// assert_eq!(ids, [1, 3]);
/// ```
#[derive(Debug, Clone)]
pub struct TopK {
    k: usize,
    /// The farthest of the kept vectors is on top.
    heap: BinaryHeap<Neighbour>,
}

impl TopK {
    /// Creates a selection of the `k` nearest.
    pub fn new(k: usize) -> Self {
        Self { k, heap: BinaryHeap::new() }
    }

    /// Adds a vector if it is among the k nearest so far.
    pub fn push<'a>(&mut self, id: impl Into<IdRef<'a>>, distance: u32) {
        let id = id.into();
        let distance = declassify(distance, "the time of ranking depends on the order of the distances");
        if self.heap.len() < self.k {
            self.heap.push(Neighbour { id: id.to_owned(), distance });
        } else if let Some(mut farthest) = self.heap.peek_mut()
            && (distance, id) < farthest.rank()
        {
            *farthest = Neighbour { id: id.to_owned(), distance };
        }
    }

    /// Returns the k nearest, nearest first.
    pub fn into_sorted(self) -> Vec<Neighbour> {
        self.heap.into_sorted_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_sorting(distances in prop::collection::vec(0u32..20, 0..200), k in 0usize..30) {
            let mut nearest = TopK::new(k);
            let mut all: Vec<Neighbour> = Vec::new();
            for (id, distance) in (0u64..).zip(distances) {
                nearest.push(id, distance);
                all.push(Neighbour { distance, id: id.into() });
            }
            all.sort_by_key(|n| (n.distance, n.id.clone()));
            all.truncate(k);
            prop_assert_eq!(nearest.into_sorted(), all);
        }
    }
}
