//! Encrypted vectors: up to 4,096 in one block.

use super::bytes::{array, check_length, check_residues};
#[cfg(feature = "owner")]
use super::parameters::TILE;
use super::parameters::{DEGREE, Parameters, basis};
use crate::device::isa::Isa;
use crate::error::Error;
use crate::ring::modulus::low;
use crate::ring::pointwise;
use crate::rlwe::prg::{Prg, SEED_BYTES};

/// Up to 4,096 encrypted vectors.
///
/// Polynomial i of a block is b_i = X_i + t·e_i − a_i·s modulo Q, with the secret s of the block, errors e_i, and a_i
/// from the seed of the key. Coefficient v of X_i holds k dimensions of vector v.
#[derive(Clone)]
pub struct Block {
    pub(super) header: BlockHeader,
    /// The values of b_i: \[limb\]\[tile\]\[polynomial\]\[coefficient of the tile\].
    pub(super) words: Vec<u32>,
}

/// What the owner needs to know of a block to decode scores.
#[derive(Clone)]
pub struct BlockHeader {
    pub(super) parameters: Parameters,
    /// The number of vectors. The others are zero, and encrypted as well.
    pub(super) rows: usize,
    /// A number that no other block has: a pseudorandom function of new random bytes and of the content. The owner
    /// derives the secret and the errors of the block from it.
    pub(super) nonce: [u8; SEED_BYTES],
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block").field("header", &self.header).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BlockHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockHeader")
            .field("parameters", &self.parameters)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl BlockHeader {
    /// The number of vectors, at least 1.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The nonce, which no other block has.
    #[cfg(feature = "owner")]
    pub(crate) fn nonce(&self) -> &[u8; SEED_BYTES] {
        &self.nonce
    }

    /// The header of a block with `rows` vectors and a nonce.
    #[cfg(feature = "owner")]
    pub(crate) fn new(parameters: &Parameters, rows: usize, nonce: [u8; SEED_BYTES]) -> Self {
        Self { parameters: parameters.clone(), rows, nonce }
    }

    /// The length of a header in bytes.
    pub const BYTES: usize = 4 + SEED_BYTES;

    /// Returns the header as bytes: the number of vectors in four bytes, the lowest first, and the nonce.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&low(self.rows as u64).to_le_bytes()[..], &self.nonce].concat()
    }

    /// Reads what [`BlockHeader::to_bytes`] returned.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, no vectors, or more than fit into a block.
    pub fn from_bytes(parameters: &Parameters, bytes: &[u8]) -> Result<Self, Error> {
        check_length("the header of a block", bytes, Self::BYTES)?;
        let (rows, nonce) = bytes.split_at(4);
        let rows = rows.iter().rev().fold(0, |rows, byte| rows << 8 | usize::from(*byte));
        if !(1..=DEGREE).contains(&rows) {
            let reason = format!("a block has {rows} vectors, expected 1 to {DEGREE}");
            return Err(Error::Format { reason });
        }
        Ok(Self { parameters: parameters.clone(), rows, nonce: array(nonce) })
    }
}

impl Block {
    /// Returns the block as bytes: the header, then the words, each in four bytes, the lowest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.words.iter().flat_map(|word| word.to_le_bytes());
        self.header.to_bytes().into_iter().chain(words).collect()
    }

    /// Reads what [`Block::to_bytes`] returned.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, no or too many vectors, or a residue that is not reduced.
    pub fn from_bytes(parameters: &Parameters, bytes: &[u8]) -> Result<Self, Error> {
        check_length("a block", bytes, BlockHeader::BYTES + parameters.block_bytes())?;
        let (header, words) = bytes.split_at(BlockHeader::BYTES);
        let header = BlockHeader::from_bytes(parameters, header)?;
        let (words, _) = words.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Self::check_words(parameters, &words)?;
        Ok(Self { header, words })
    }

    /// The residues of the block.
    #[cfg(feature = "owner")]
    pub(crate) fn words(&self) -> &[u32] {
        &self.words
    }

    /// Fails unless all residues of a block, given by its words, are reduced.
    pub(crate) fn check_words(parameters: &Parameters, words: &[u32]) -> Result<(), Error> {
        let limbs = words.chunks_exact(parameters.block_words() / 2);
        for (ring, words) in basis().rings().iter().zip(limbs) {
            if !pointwise::are_reduced(Isa::best(), ring.modulus(), words) {
                check_residues("a block", words, ring.modulus().value())?;
            }
        }
        Ok(())
    }

    /// What the owner needs to know of the block to decode scores.
    pub fn header(&self) -> &BlockHeader {
        &self.header
    }

    /// Fails if the block has other parameters.
    pub(super) fn check(&self, parameters: &Parameters) -> Result<(), Error> {
        check_parameters("a block", parameters, &self.header.parameters)
    }
}

/// Returns the words of a tile of a block: 16 for each polynomial.
#[cfg(feature = "owner")]
#[inline(always)]
pub(super) fn tile_of(block: &[u32], polynomials: usize, limb: usize, tile: usize) -> &[u32] {
    let words = polynomials * TILE;
    let first = (limb * (DEGREE / TILE) + tile) * words;
    &block[first..first + words]
}

/// Fails if `what` has other parameters than expected.
pub(super) fn check_parameters(what: &str, expected: &Parameters, actual: &Parameters) -> Result<(), Error> {
    if expected == actual {
        return Ok(());
    }
    let reason = format!("{what} has the parameters {actual:?}, expected {expected:?}");
    Err(Error::Context { field: "parameters", reason })
}

/// Returns the values of all a_i: \[limb\]\[polynomial\]\[coefficient\].
pub(super) fn shared_polynomials(parameters: &Parameters, seed: &[u8; SEED_BYTES]) -> Vec<u32> {
    let polynomials = parameters.polynomials();
    let mut words = vec![0; parameters.block_words()];
    for (i, words) in words.chunks_exact_mut(DEGREE).enumerate() {
        let modulus = basis().rings()[i / polynomials].modulus();
        Prg::new(seed, i as u64).uniform_vartime(modulus, words);
    }
    words
}
