//! Encrypted queries.

use super::bytes::{ID_BYTES, array, check_length, check_residues, pack, packed_bytes, query_id, unpack};
use super::parameters::{DEGREE, Parameters, basis};
use crate::error::Error;
use crate::query_id::QueryId;
use crate::rlwe::prg::{Prg, SEED_BYTES};

/// An encrypted query vector: a polynomial c0 modulo Q·R, and the seed of the other, c1.
#[derive(Clone)]
pub struct Query {
    pub(crate) parameters: Parameters,
    pub(crate) id: QueryId,
    pub(crate) seed: [u8; SEED_BYTES],
    /// c0, with one limb for each of q0, q1 and R. Coefficients that the expansion does not use are zero.
    pub(crate) words: Vec<u32>,
}

/// The primes of a query.
pub(crate) const QUERY_LIMBS: usize = 3;

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Query").field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

impl Query {
    /// The query's id, which responses repeat.
    pub fn id(&self) -> QueryId {
        self.id
    }

    /// Returns the query as bytes: the id in 16 bytes, the seed in 32, then the used coefficients of c0 modulo each prime, packed without gaps.
    pub fn to_bytes(&self) -> Vec<u8> {
        let used = used(&self.parameters);
        let mut bytes = [&self.id.as_bytes()[..], &self.seed].concat();
        for (ring, limb) in basis().rings().iter().zip(self.words.chunks_exact(DEGREE)) {
            let coefficients = limb.iter().zip(&used).filter(|(_, used)| **used).map(|(x, _)| *x);
            pack(coefficients, ring.modulus().bits(), &mut bytes);
        }
        bytes
    }

    /// Reads what [`Query::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, an id of zeros, or a coefficient that is not reduced.
    pub fn from_bytes(parameters: &Parameters, bytes: &[u8]) -> Result<Self, Error> {
        let used = used(parameters);
        let count = used.iter().filter(|used| **used).count();
        let rings = &basis().rings()[..QUERY_LIMBS];
        let lengths = rings.iter().map(|ring| packed_bytes(count, ring.modulus().bits()));
        check_length("a query", bytes, ID_BYTES + SEED_BYTES + lengths.clone().sum::<usize>())?;
        let id = query_id(bytes)?;
        let (seed, mut rest) = bytes[ID_BYTES..].split_at(SEED_BYTES);
        let mut words = vec![0; QUERY_LIMBS * DEGREE];
        for ((ring, limb), length) in rings.iter().zip(words.chunks_exact_mut(DEGREE)).zip(lengths) {
            let (packed, after) = rest.split_at(length);
            rest = after;
            let coefficients = unpack(packed, ring.modulus().bits());
            limb.iter_mut().zip(&used).filter(|(_, used)| **used).zip(coefficients).for_each(|((out, _), x)| *out = x);
            check_residues("a query", limb, ring.modulus().value())?;
        }
        Ok(Self { parameters: parameters.clone(), id, seed: array(seed), words })
    }
}

/// Writes a limb of c1, the public polynomial of a query's seed.
pub(super) fn query_polynomial(seed: &[u8; SEED_BYTES], limb: usize, out: &mut [u32]) {
    Prg::new(seed, limb as u64).uniform_vartime(basis().rings()[limb].modulus(), out);
}

/// Returns which coefficients of c0 the expansion uses: those of leaves, and the copies that automorphisms make.
pub(super) fn used(parameters: &Parameters) -> Vec<bool> {
    let mut used = vec![false; 1 << parameters.levels()];
    (0..parameters.polynomials()).for_each(|i| used[parameters.leaf(i)] = true);
    used.into_iter().cycle().take(DEGREE).collect()
}
