//! The sizes of what the parties store and send.

use super::bytes::{ID_BYTES, packed_bytes};
use super::parameters::{DEGREE, Metric, Parameters, basis};
use super::query::{QUERY_LIMBS, used};
use super::response::block_words;
use crate::rlwe::prg::SEED_BYTES;

impl Parameters {
    /// Bytes of a block in memory and in files, without its header.
    pub fn block_bytes(&self) -> usize {
        self.block_words() * 4
    }

    /// Bytes of a query.
    pub fn query_bytes(&self) -> usize {
        let count = used(self).iter().filter(|used| **used).count();
        let limbs = basis().rings()[..QUERY_LIMBS].iter();
        ID_BYTES + SEED_BYTES + limbs.map(|ring| packed_bytes(count, ring.modulus().bits())).sum::<usize>()
    }

    /// Bytes of the answer of a block in a response.
    pub fn answer_bytes(&self) -> usize {
        block_words(self) * 4
    }

    /// Bytes of a response that all blocks share.
    pub fn shared_bytes(&self) -> usize {
        2 * DEGREE * 4
    }

    /// Bytes of an expanded query in memory.
    pub fn expanded_bytes(&self) -> usize {
        2 * self.block_bytes()
    }

    /// Bytes of a vector in the clear, as `PlainVectors` stores it: bits, or integers of one or
    /// two bytes.
    pub fn plain_bytes(&self) -> usize {
        match self.metric() {
            Metric::Hamming => self.dimensions().div_ceil(8),
            Metric::InnerProduct { .. } => self.dimensions() * self.component_bytes(),
        }
    }

    /// Bytes of an integer component.
    pub(super) fn component_bytes(&self) -> usize {
        match self.most_length() {
            Some(128..) => 2,
            _ => 1,
        }
    }
}
