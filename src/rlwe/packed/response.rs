//! Answers of the evaluator: phases of scores as fractions of Q, rounded.

use super::bytes::{ID_BYTES, check_length, query_id};
use super::parameters::{DEGREE, Parameters, basis};
use crate::device::isa::Isa;
use crate::device::words::{Words, compiled_for_each_isa};
use crate::error::Error;
use crate::query_id::QueryId;
use crate::ring::modulus::{Broadcast, Modulus, Multiplier, low};

/// The scores of one query with some blocks, encrypted.
#[derive(Clone)]
pub struct Response {
    pub(super) parameters: Parameters,
    pub(super) id: QueryId,
    /// The part that all blocks share: A0 and A1 as fractions of 2^32.
    pub(super) shared: Vec<u32>,
    /// For each block: a word for each vector, then the bits of all vectors beyond 32.
    pub(super) words: Vec<u32>,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("parameters", &self.parameters)
            .field("blocks", &self.blocks())
            .finish_non_exhaustive()
    }
}

impl Response {
    /// The answers of some blocks to a query, given by their words, with the part that all blocks share.
    #[cfg(feature = "owner")]
    pub(crate) fn new(parameters: &Parameters, id: QueryId, shared: Vec<u32>, words: Vec<u32>) -> Self {
        Self { parameters: parameters.clone(), id, shared, words }
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.words.len() / block_words(&self.parameters)
    }

    /// The id of the query.
    pub fn query_id(&self) -> QueryId {
        self.id
    }

    /// Returns the response as bytes: the query's id in 16 bytes, 32 KiB that all blocks share, then the blocks, in
    /// words of four bytes, the lowest first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let words = self.shared.iter().chain(&self.words).flat_map(|word| word.to_le_bytes());
        self.id.as_bytes().iter().copied().chain(words).collect()
    }

    /// Reads a response for some blocks.
    ///
    /// # Errors
    /// [`Error::Format`] for another length, or an id of zeros.
    pub fn from_bytes(parameters: &Parameters, blocks: usize, bytes: &[u8]) -> Result<Self, Error> {
        let words = blocks.saturating_mul(block_words(parameters)).saturating_add(2 * DEGREE);
        check_length("a response", bytes, words.saturating_mul(4).saturating_add(ID_BYTES))?;
        let id = query_id(bytes)?;
        let (words, _) = bytes[ID_BYTES..].as_chunks::<4>();
        let mut shared: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let words = shared.split_off(2 * DEGREE);
        Ok(Self { parameters: parameters.clone(), id, shared, words })
    }
}

/// Words per block.
pub(super) fn block_words(parameters: &Parameters) -> usize {
    DEGREE + DEGREE / 32 * extra_bits(parameters) as usize
}

/// Bits per vector beyond 32.
pub(super) fn extra_bits(parameters: &Parameters) -> u32 {
    let [d0, d1] = parameters.response_bits();
    d0 + d1 - 32
}

/// Converts integers modulo Q, one limb for each of q0 and q1, to fractions of Q: out ← x·2^32 / Q, up to one unit.
///
/// x/Q is the sum over the primes q of (x·(Q/q)^−1 mod q)/q, modulo 1.
pub(super) fn fractions(isa: Isa, limbs: &[u32], out: &mut [u32]) {
    let moduli = [0, 1].map(|i| basis().rings()[i].modulus());
    let constant = |i: usize| {
        let inverse = moduli[i].inverse(moduli[i].reduce(u64::from(moduli[1 - i].value())));
        (moduli[i].multiplier(inverse), fraction_factor(moduli[i]))
    };
    let constants = [constant(0), constant(1)];
    write_fractions(isa, moduli, constants, limbs, out);
}

compiled_for_each_isa! {
    fn write_fractions<W>(
        isa; moduli: [Modulus; 2], constants: [(Multiplier, u32); 2], limbs: &[u32], out: &mut [u32],
    ) {
        let m: [Broadcast<W>; 2] = moduli.map(|modulus| modulus.broadcast(isa));
        let [first, second] = constants.map(|(inverse, factor)| (inverse.broadcast(isa), W::splat(isa, factor)));
        let one = W::splat(isa, 1);
        let (x, y) = limbs.split_at(DEGREE);
        let [x, y]: [&[W::Array]; 2] = [x, y].map(bytemuck::cast_slice);
        for ((out, x), y) in bytemuck::cast_slice_mut::<u32, W::Array>(out).iter_mut().zip(x).zip(y) {
            let x = fraction_part(&m[0], W::load(isa, x), first);
            // Rounding down twice is too little by 1 on average.
            x.add(fraction_part(&m[1], W::load(isa, y), second)).add(one).store(out);
        }
    }

    /// Rounds d0 and d1 to their bits. The upper bits of d1 that do not fit into a word are cut off.
    fn write_rounded<W>(isa; bits: [u32; 2], d0: &[u32], d1: &[u32], words: &mut [u32]) {
        let half = bits.map(|bits| W::splat(isa, 1 << (31 - bits)));
        let [d0, d1]: [&[W::Array]; 2] = [d0, d1].map(bytemuck::cast_slice);
        for ((out, x), y) in bytemuck::cast_slice_mut::<u32, W::Array>(words).iter_mut().zip(d0).zip(d1) {
            let x = W::load(isa, x).add(half[0]).shr(32 - bits[0]);
            let y = W::load(isa, y).add(half[1]).shr(32 - bits[1]);
            x.add(y.shl(bits[0])).store(out);
        }
    }
}

/// (x·inverse mod q)/q as a fraction.
#[inline(always)]
fn fraction_part<W: Words>(m: &Broadcast<W>, x: W, (inverse, factor): ([W; 2], W)) -> W {
    fraction(m.mul_constant(x, inverse), factor)
}

/// x/q as a fraction of 2^32, rounded down, for a residue x and the factor of q.
#[inline(always)]
pub(super) fn fraction<W: Words>(x: W, factor: W) -> W {
    // x·2^61/q = x·2^32 + x·factor.
    let x = x.shl(3);
    x.add(x.mul_high(factor))
}

/// ⌊2^61/q⌋ − 2^32, for primes from 2^28 to 2^29.
pub(super) fn fraction_factor(modulus: Modulus) -> u32 {
    debug_assert_eq!(modulus.bits(), 29);
    low((1 << 61) / u64::from(modulus.value()))
}

/// Writes the answer of a block: d0 and d1, as fractions of 2^32, rounded to their bits.
pub(super) fn round(isa: Isa, parameters: &Parameters, [d0, d1]: [&[u32]; 2], out: &mut [u32]) {
    let [bits0, bits1] = parameters.response_bits();
    let extra = extra_bits(parameters);
    let (words, upper) = out.split_at_mut(DEGREE);
    write_rounded(isa, [bits0, bits1], d0, d1, words);
    if extra > 0 {
        upper.fill(0);
        for (i, y) in d1.iter().enumerate() {
            let rounded = y.wrapping_add(1 << (31 - bits1)) >> (32 - bits1);
            let bit = i * extra as usize;
            upper[bit / 32] |= (rounded >> (bits1 - extra)) << (bit % 32);
        }
    }
}

/// Undoes [`round`]: returns d0, and d1 as a number of its bits.
#[cfg(feature = "owner")]
pub(super) fn unround(parameters: &Parameters, words: &[u32]) -> [zeroize::Zeroizing<Vec<u32>>; 2] {
    let [bits0, bits1] = parameters.response_bits();
    let extra = extra_bits(parameters);
    let (words, upper) = words.split_at(DEGREE);
    let d0 = words.iter().map(|word| word << (32 - bits0)).collect();
    let mut d1: Vec<u32> = words.iter().map(|word| word >> bits0).collect();
    if extra > 0 {
        for (i, d1) in d1.iter_mut().enumerate() {
            let bit = i * extra as usize;
            let part = upper[bit / 32] >> (bit % 32) & ((1 << extra) - 1);
            *d1 |= part << (bits1 - extra);
        }
    }
    [zeroize::Zeroizing::new(d0), zeroize::Zeroizing::new(d1)]
}
